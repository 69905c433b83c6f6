"""Peak memory of one call: how far it rose above where it began."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.devices import synchronise
from course_lib.quantities import Estimate

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_PAGE_NOISE = 256 * 1024  # bytes; what an empty call moves the resident set by


def peak_bytes(function: Callable[[], Any], device: Any) -> Estimate:
    """Run a function once; return the most memory it held at a time, beyond what was held before.

    On CUDA the caching allocator tells exactly. On Linux the high-water mark of resident memory
    is reset first (write 5 to ``/proc/self/clear_refs``, read ``VmHWM``). Elsewhere the system
    keeps one mark for the life of the process, and only a range can be given.
    """
    synchronise(device)
    if getattr(device, "type", "cpu") == "cuda":
        return _on_cuda(function, device)
    _give_back_free_memory()
    try:
        _CLEAR.write_text("5")
        before = _status_bytes("VmRSS")
    except OSError:
        return _by_lifetime_mark(function)
    function()
    rise = max(0, _status_bytes("VmHWM") - before)
    return Estimate(rise, max(0, rise - _PAGE_NOISE), rise + _PAGE_NOISE, "B", "measured")


def _on_cuda(function: Callable[[], Any], device: Any) -> Estimate:
    import torch

    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    function()
    torch.cuda.synchronize(device)
    rise = torch.cuda.max_memory_allocated(device) - before
    return Estimate(rise, rise, rise, "B", "measured")


def _by_lifetime_mark(function: Callable[[], Any]) -> Estimate:
    try:
        import resource
    except ImportError:  # Windows
        function()
        return Estimate(0, 0, _total_memory(), "B", "assumed")
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    function()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Estimate(after - before, after - before, after, "B", "measured")


def _total_memory() -> float:
    from course_lib.devices import memory_bytes

    return float(memory_bytes() or 2**40)


def _status_bytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS} has no {field}")


def _give_back_free_memory() -> None:
    """Return freed memory to the system, so that the next call has to ask for it again."""
    gc.collect()
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (AttributeError, OSError):  # not the GNU C library
            pass
