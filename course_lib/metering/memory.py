"""Peak memory of one call: how far it rose above where it began."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from course_lib.devices import memory_bytes, synchronise
from course_lib.quantities import Estimate

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_PAGE_NOISE = 2**20  # bytes; the kernel sums its counts of resident pages now and then only
_LARGE = 64 * 1024  # bytes; a block that is mapped on its own while memory is measured
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of the GNU C library's mallopt


def peak_bytes(function: Callable[[], Any], device: Any) -> Estimate:
    """Run a function once; return the most memory it held at a time, beyond what was held before.

    On CUDA the caching allocator tells exactly. On Linux the high-water mark of resident memory
    is reset first (write 5 to ``/proc/self/clear_refs``, read ``VmHWM``), and freed blocks are not
    kept for later. Elsewhere the system keeps one mark for the life of the process, and only a
    range can be given.
    """
    synchronise(device)
    if getattr(device, "type", "cpu") == "cuda":
        return _on_cuda(function, device)
    with _blocks_of_their_own():
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
        return Estimate(0, 0, float(memory_bytes() or 2**40), "B", "assumed")
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    function()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Estimate(after - before, after - before, after, "B", "measured")


def _status_bytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS} has no {field}")


@contextmanager
def _blocks_of_their_own() -> Iterator[None]:
    """Let each large block go back to the system as it is freed, while the context is open.

    Otherwise the GNU C library keeps freed blocks for later, in pieces that may not fit what comes
    next: the resident mark of a training step was seen at 1.8 times what its tensors need. Large
    blocks are mapped one by one, and what is free in the heap is taken, untouched, so that none of
    it is used. Afterwards the library keeps blocks again, as it does in a warm process.
    """
    gc.collect(1)  # all of the heap would take longer than most measurements
    try:
        library = ctypes.CDLL(None)
        library.mallinfo2.restype = _MallocState
    except (AttributeError, OSError, TypeError):  # not the GNU C library, or before its 2.33
        yield
        return
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes, library.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
    taken: list[int] = []
    try:
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.malloc_trim(0)
        _take_free_blocks(library, taken)
        yield
    finally:
        for block in taken:
            library.free(block)
        library.mallopt(_MMAP_THRESHOLD, 32 * 2**20)
        library.mallopt(_TRIM_THRESHOLD, 64 * 2**20)


def _take_free_blocks(library: ctypes.CDLL, taken: list[int]) -> None:
    size = 2**30
    while size >= _LARGE:
        mapped = library.mallinfo2().hblks
        block = library.malloc(size)
        if block and library.mallinfo2().hblks == mapped:  # it came from the heap
            taken.append(block)
            continue
        library.free(block)
        size //= 2


class _MallocState(ctypes.Structure):
    """What ``mallinfo2`` returns; ``hblks`` is the number of blocks mapped on their own."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    ]  # fmt: skip
