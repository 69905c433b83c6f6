"""Energy of a stretch of work: a hardware counter where there is one, else an honest range.

Counters are read through zeus (You et al., 2023): NVML for NVIDIA GPUs, RAPL for CPUs. A virtual
machine has neither; then all that can be said is time multiplied by what such machines draw.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import cache
from typing import Any

from course_lib.quantities import Estimate

# A laptop core that is busy, up to a share of a busy server with its memory: our assumption.
ASSUMED_POWER = Estimate(13.4, 3.0, 60.0, "W", "assumed", name="power of an unknown machine")
COUNTER_ERROR = 0.10  # of a counter for its own chip, as 90 % bounds: our allowance, uncited

Counter = Callable[[], float]


def counter_for(device: Any) -> Counter | None:
    """A function that returns joules since some start, or None where nothing counts."""
    return _gpu_counter(device.index or 0) if device.type == "cuda" else _cpu_counter()


@cache
def _cpu_counter() -> Counter | None:
    with _quietly():
        try:
            from zeus.device.cpu import get_cpus

            packages = get_cpus().cpus
            count = len(packages)
        except Exception:  # zeus is not installed, or finds no RAPL: both mean no counter
            return None

    def joules() -> float:
        readings = [get_cpus().get_total_energy_consumption(i) for i in range(count)]
        return sum(r.cpu_mj + (r.dram_mj or 0.0) for r in readings) / 1e3

    return joules if count else None


@cache
def _gpu_counter(index: int) -> Counter | None:
    with _quietly():
        try:
            from zeus.device import get_gpus

            gpus = get_gpus()
            if not gpus.supports_get_total_energy_consumption(index):
                return None
        except Exception:  # zeus is not installed, or finds no NVML: both mean no counter
            return None
    return lambda: gpus.get_total_energy_consumption(index) / 1e3


@contextlib.contextmanager
def _quietly():
    import logging

    logger = logging.getLogger("zeus")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def energy_per_call(joules: float | None, calls: int, seconds: Estimate) -> Estimate:
    """Joules a call: from a counter's rise over all calls, or from time and an assumed power.

    >>> print(energy_per_call(20.0, 10, Estimate.exact(0.5, "s")))
    2 J [1.8, 2.2] (measured)
    >>> print(energy_per_call(None, 10, Estimate.exact(0.5, "s")))
    6.7 J [1.5, 30] (assumed)
    """
    if joules is None or joules <= 0:
        return (ASSUMED_POWER * seconds).to("J")
    each = joules / calls
    return Estimate(each, each * (1 - COUNTER_ERROR), each * (1 + COUNTER_ERROR), "J", "measured")
