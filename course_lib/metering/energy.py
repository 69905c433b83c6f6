"""Energy of a stretch of work: a hardware counter where there is one, else an honest range.

Counters are found through zeus (You et al., 2023): NVML for NVIDIA GPUs, RAPL for CPUs. A virtual
machine has neither; then all that can be said is time multiplied by what such machines draw. Work
on a GPU keeps the CPU busy too, so its energy is the sum of both chips, each with its own basis. A
counter counts a whole chip: what others do on it at the same time is in the number.
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
# An idling GPU of a laptop, up to the largest data-centre GPU at work: our assumption.
ASSUMED_GPU_POWER = Estimate(122.0, 15.0, 1000.0, "W", "assumed", name="power of an unknown GPU")
# Of a counter for its own chip, as 90 % bounds: our allowance. Against wall meters the energy that
# a program adds was off by more (Fahad et al., 2019), and some large GPUs look at their power for a
# quarter of the time only (Yang et al., 2024).
COUNTER_ERROR = 0.10
# Seconds between two steps of a counter; a rise may have begun or ended so much earlier.
STEP_SECONDS = {"cpu": 0.001, "cuda": 0.1}

Counter = Callable[[], float]


def counter_for(device: Any) -> Counter | None:
    """A function that returns joules of the device's own chip since some start, or None.

    None for Apple's chips and all others that zeus does not read without an extra package.
    """
    kind = _kind(device)
    if kind == "cuda":
        return _gpu_counter(getattr(device, "index", None) or 0)
    return _cpu_counter() if kind == "cpu" else None


def _kind(device: Any) -> str:
    return str(device or "cpu").partition(":")[0]


def counters_for(device: Any) -> dict[str, Counter | None]:
    """The counter, or None, of each chip that takes part in work on a device.

    >>> list(counters_for("cpu")), list(counters_for("cuda")), list(counters_for("mps"))
    (['cpu'], ['cuda', 'cpu'], ['mps'])
    """
    counters = {str(device or "cpu"): counter_for(device)}
    if _kind(device) == "cuda":  # Apple's GPU is on one chip with its CPU
        counters["cpu"] = counter_for("cpu")
    return counters


@cache
def _cpu_counter() -> Counter | None:
    with _quietly():
        try:
            from zeus.device.cpu import get_cpus

            zones = [zone for package in get_cpus().cpus for zone in _zones(package)]
            for zone in zones:
                zone()
        except Exception:  # zeus is not installed, finds no RAPL, or may not read it: no counter
            return None
    return (lambda: sum(zone() for zone in zones)) if zones else None


def _zones(package: Any) -> list[Counter]:
    """Counters of a package and of its memory; of a zone that only repeats packages, none.

    Through zeus's own reading a process is started that watches for counters that begin again at
    zero. A measurement is shorter than that takes, so one wrap at most has to be undone here.
    """
    if not hasattr(package, "rapl_file"):  # a daemon reads it for us, and starts nothing here
        return [lambda: _millijoules(package.get_total_energy_consumption()) / 1e3]
    if not package.rapl_file.name.startswith("package"):  # psys is the whole board, packages too
        return []
    return [_unwrapped(file) for file in (package.rapl_file, package.dram) if file is not None]


def _millijoules(reading: Any) -> float:
    return reading.cpu_mj + (reading.dram_mj or 0.0)


def _unwrapped(file: Any) -> Counter:
    """Joules of a RAPL file since the first call, although its counter begins again at zero."""
    total = 0.0
    last: float | None = None

    def joules() -> float:
        nonlocal total, last
        with open(file.energy_uj_path) as text:
            now = float(text.read())
        if last is not None:
            total += (now - last) % file.max_energy_range_uj
        last = now
        return total / 1e6

    return joules


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


def energy_by_part(
    joules: dict[str, float | None], calls: int, seconds: Estimate
) -> dict[str, Estimate]:
    """Energy of a call for each part, as `energy_per_call` has it."""
    return {part: energy_per_call(risen, calls, seconds, part) for part, risen in joules.items()}


def energy_per_call(
    joules: float | None, calls: int, seconds: Estimate, part: str = "cpu"
) -> Estimate:
    """Joules a call: from a counter's rise over all calls, or from time and an assumed power.

    Parameters
    ----------
    joules : float or None
        The counter's rise over all calls; None, or no rise, tells nothing.
    calls : int
    seconds : Estimate
        Of one call.
    part : str
        ``"cpu"``, ``"cuda:0"``, ``"mps"``: says how fine its counter is, and which power to assume.

    Examples
    --------
    >>> print(energy_per_call(20.0, 10, Estimate.exact(0.5, "s")))
    2 J [1.8, 2.2] (measured)
    >>> print(energy_per_call(20.0, 10, Estimate.exact(0.5, "s"), "cuda:0"))
    2 J [1.76, 2.24] (measured)
    >>> print(energy_per_call(None, 10, Estimate.exact(0.5, "s")))
    6.7 J [1.5, 30] (assumed)
    """
    kind = _kind(part)
    if joules is None or joules <= 0:
        power = ASSUMED_GPU_POWER if kind == "cuda" else ASSUMED_POWER
        return (power * seconds).to("J")
    each = joules / calls
    error = each * (COUNTER_ERROR + STEP_SECONDS.get(kind, 0.1) / max(calls * seconds.value, 1e-9))
    ends = (each, max(0.0, each - error), each + error)
    return Estimate(*ends, "J", "measured", name=f"counted energy of {part} {ends}")
