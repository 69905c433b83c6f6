"""What a passport is measured with: matrix products by precision, a copy, the smallest operation.

Plain float32 is measured in full precision and tf32 on request, whatever the program had set.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import torch

from course_lib.devices import fingerprint, load_per_core, memory_bytes, pick, synchronise
from course_lib.metering import Measurement, measure
from course_lib.passport.document import Passport
from course_lib.quantities import Estimate

PRECISIONS = ("float32", "tf32", "bfloat16", "float16", "float64", "int8")
SIZES = {"cpu": (256, 512, 1024, 2048), "cuda": (1024, 2048, 4096, 8192), "mps": (1024, 2048, 4096)}
COPY_BYTES = {"cpu": 2**28, "cuda": 2**31, "mps": 2**29}
COPY_SHARE = 8  # of the device's memory, at most one part in so many for each of the two blocks
BUDGET_SECONDS = 0.25  # for each size and precision
LONGEST_CALL_SECONDS = 0.2  # a size that takes longer is left out, but for the first
# A size that would take so many times longer, at the rate just seen, is not even tried. Not 1: the
# rate may have been that of calls which other work held up.
NOT_TRIED = 3
_TF32_TEST_SIDE = 256


def measure_passport(
    device: Any = None,
    sizes: tuple[int, ...] | None = None,
    precisions: tuple[str, ...] = PRECISIONS,
    copy_bytes: int | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Passport:
    """Measure a passport now; it is not kept.

    Parameters
    ----------
    device : str or torch.device, optional
        Default: the fastest there is.
    sizes : tuple of int, optional
        Sides of the square matrices, ascending. Default: by kind of device, the largest of them
        long enough to hide the launch.
    precisions : tuple of str
        Which to try, of `PRECISIONS`; one that the device lacks is left out.
    copy_bytes : int, optional
        Size of the block that is copied. Default: much more than the caches hold.
    progress : callable, optional
        Called with a line about each step.

    Returns
    -------
    Passport

    Raises
    ------
    ValueError
        If a precision is unknown, or the device is.

    Notes
    -----
    Float32 is multiplied in full precision here, whatever the program has allowed; its setting is
    put back. See chapter 6 of the book.

    Examples
    --------
    >>> machine = measure_passport("cpu", sizes=(64,), precisions=("float32",), copy_bytes=2**20)
    >>> machine.peak("float32").unit, machine.ridge("float32").unit, machine.launch_seconds.unit
    ('FLOP/s', 'FLOP/B', 's')
    """
    unknown = [name for name in precisions if name not in PRECISIONS]
    if unknown:
        raise ValueError(f"precisions has {unknown[0]!r}; allowed are {', '.join(PRECISIONS)}")
    target = pick(device)
    load = load_per_core()
    flop_per_s: dict[str, dict[int, Estimate]] = {}
    op_per_s: dict[str, dict[int, Estimate]] = {}
    contaminated = False
    for precision in precisions:
        rates, held_up = matmul_rates(precision, sizes or SIZES[target.type], target, progress)
        contaminated |= held_up
        if rates:
            (op_per_s if precision == "int8" else flop_per_s)[precision] = rates
    bandwidth, copy_held_up = copy_bandwidth(target, copy_bytes)
    progress(f"copy: {bandwidth}")
    one = torch.ones(1, device=target)
    launch = measure(one.add, one, device=target, budget_seconds=BUDGET_SECONDS)
    progress(f"launch: {launch.seconds}")
    return Passport(
        device=target.type,
        flop_per_s=flop_per_s,
        bytes_per_s=bandwidth,
        launch_seconds=launch.seconds,
        machine=fingerprint(),
        load_per_core=load,
        contaminated=bool(contaminated or copy_held_up or launch.contaminated),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        op_per_s=op_per_s,
        device_name=device_name(target),
        device_memory_bytes=device_memory_bytes(target),
    )


def matmul_rates(
    precision: str,
    sizes: tuple[int, ...],
    device: Any,
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[dict[int, Estimate], bool]:
    """Achieved rate of a square matrix product by side; and whether any of them was held up.

    In FLOP/s, of ``int8`` in OP/s: two a multiply-accumulate. Sizes that would take too long, or
    more memory than there is, are left out, and so is a precision that the device lacks.
    """
    rates: dict[int, Estimate] = {}
    contaminated = False
    unit = "OP" if precision == "int8" else "FLOP"
    if precision == "tf32" and not multiplies_in_tf32(device):
        progress("tf32: not on this device")
        return rates, contaminated
    for size in sizes:
        work = Estimate.exact(2 * size**3, unit)
        limit = LONGEST_CALL_SECONDS if rates else math.inf
        if rates and work.value / list(rates.values())[-1].value > NOT_TRIED * limit:
            progress(f"{precision} {size} and above: too slow here")
            break
        try:
            cost = _matmul(precision, size, device, limit)
        except torch.OutOfMemoryError:
            progress(f"{precision} {size} and above: too large for this device's memory")
            break
        except TimeoutError:
            progress(f"{precision} {size} and above: too slow here")
            break
        if cost is None:
            progress(f"{precision}: not on this device")
            break
        contaminated |= cost.contaminated
        rates[size] = work / cost.best_seconds
        progress(f"{precision} {size}: {rates[size]}")
    return rates, contaminated


def _matmul(precision: str, size: int, device: Any, longest_seconds: float) -> Measurement | None:
    """The cost of one product; None where this device does not know this precision.

    Raises TimeoutError if a product takes longer than that, also the second, for which all is set.
    """
    with float32_products("high" if precision == "tf32" else "highest"):
        try:
            multiply, a, b = _operands(precision, size, device)
            if all(_seconds_of(multiply, a, b, device) > longest_seconds for _ in range(2)):
                raise TimeoutError
        except torch.OutOfMemoryError:
            raise
        except (AttributeError, RuntimeError, TypeError):
            return None
        flop = None if precision == "int8" else 2 * size**3
        return measure(
            multiply, a, b, device=device, flop=flop, warmup=2, budget_seconds=BUDGET_SECONDS
        )


def _seconds_of(multiply: Callable, a: Any, b: Any, device: Any) -> float:
    began = time.perf_counter()
    multiply(a, b)
    synchronise(device)
    return time.perf_counter() - began


def _operands(precision: str, size: int, device: Any) -> tuple[Callable, Any, Any]:
    if precision == "int8":
        a, b = (
            torch.randint(-128, 128, (size, size), dtype=torch.int8, device=device)
            for _ in range(2)
        )
        # The second matrix by columns: the order that tensor cores take integers in.
        return torch._int_mm, a, b.t()
    dtype = torch.float32 if precision == "tf32" else getattr(torch, precision)
    a, b = (torch.rand(size, size, device=device).to(dtype) for _ in range(2))
    return torch.mm, a, b


@contextmanager
def float32_products(precision: str) -> Iterator[None]:
    """Products of float32 in ``"highest"`` precision or with tf32 (``"high"``); then as before.

    Also on the CPU: a program that has asked for ``"medium"`` gets bfloat16 products there.
    """
    # From PyTorch 2.9 each back end has a setting of its own; the older one for all sets these
    # too. Whoever has used the newer ones alone cannot read the older one any more.
    backends = [torch.backends.cuda.matmul, torch.backends.mkldnn.matmul]
    backends = [backend for backend in backends if hasattr(backend, "fp32_precision")]
    before = [backend.fp32_precision for backend in backends]
    try:
        before_for_all = torch.get_float32_matmul_precision()
    except RuntimeError:
        before_for_all = "highest"
    _ask_for(precision)
    try:
        yield
    finally:
        _ask_for(before_for_all)
        for backend, kept in zip(backends, before, strict=True):
            backend.fp32_precision = kept


def _ask_for(precision: str) -> None:
    with warnings.catch_warnings():  # some versions recommend the newer settings
        warnings.simplefilter("ignore", UserWarning)
        torch.set_float32_matmul_precision(precision)


def multiplies_in_tf32(device: Any) -> bool:
    """Whether a device multiplies float32 in tf32 when asked: some chips and settings do not."""
    return device.type == "cuda" and _rounds_when_asked(device)


def _rounds_when_asked(device: Any) -> bool:
    a, b = (torch.rand(_TF32_TEST_SIDE, _TF32_TEST_SIDE, device=device) for _ in range(2))
    truth = a.double() @ b.double()
    errors = {}
    for precision in ("highest", "high"):
        with float32_products(precision):
            errors[precision] = float((torch.mm(a, b).double() - truth).abs().max())
    return errors["high"] > 4 * errors["highest"]  # 13 bits fewer: hundreds of times as large


def copy_bandwidth(device: Any, size_bytes: int | None = None) -> tuple[Estimate, bool]:
    """B/s of copying a block of memory, read and write both counted; and whether it was held up.

    The block has ``size_bytes``, or less where that is too much for the device's memory.

    >>> copy_bandwidth("cpu", 2**20)[0].unit
    'B/s'
    """
    target = pick(device)
    size_bytes = size_bytes or COPY_BYTES[target.type]
    memory = device_memory_bytes(target)
    if memory is not None:
        size_bytes = min(size_bytes, memory // COPY_SHARE)
    source = torch.ones(size_bytes // 4, device=target)
    goal = torch.empty_like(source)
    cost = measure(goal.copy_, source, device=target, budget_seconds=BUDGET_SECONDS)
    return Estimate.exact(2 * source.numel() * 4, "B") / cost.best_seconds, cost.contaminated


def device_name(device: Any) -> str:
    """The chip's name: of the GPU, or of the processor (which on a Mac holds the GPU)."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else fingerprint()["cpu"]


def device_memory_bytes(device: Any) -> int | None:
    """The device's own memory in bytes, None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return memory_bytes()  # of MPS too, which shares the main memory
