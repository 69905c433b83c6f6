"""Whether other work held a measurement up, from what its samples tell; each reason in words.

The thresholds were set on a virtual machine with two cores. Alone there, calls waited for less than
1 % of their time and were put off their core 10 to 35 times in a second of CPU time; beside one
busy process it was over 30 % and over 130 times, and beside four over 65 % and over 260. Their
level changed by more than a quarter on the way in 3 of 100 measurements, and by 5 % in 10: such a
machine has neighbours outside of it, which it cannot see.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.metering.clocks import Sample
from course_lib.metering.intervals import block_bootstrap

WAITING_SHARE = 0.05  # of a call's time, spent waiting for a core
SWITCHES_PER_CPU_S, FEWEST_SWITCHES = 100, 5
IDLE_SHARE = 0.10  # of a call's time, without a core in half of the samples and not in the best
WALL_TO_CPU = 1.2  # where the system does not tell who waited
DRIFT, DRIFT_ERRORS, FEWEST_FOR_DRIFT = 0.25, 4.0, 12  # of the level; standard errors; samples


def reasons(samples: list[Sample], machine: dict[str, Any]) -> tuple[str, ...]:
    """Why a measurement should not be trusted, one short text each; none where nothing is wrong.

    Parameters
    ----------
    samples : list of Sample
        In the order measured.
    machine : dict
        Fingerprint; with a GPU the wall clock may run on while no core is wanted.
    """
    found = (_waited(samples), _switched(samples), _idle(samples, machine), _drifted(samples))
    return tuple(reason for reason in found if reason)


def _waited(samples: list[Sample]) -> str | None:
    """Threads were ready for more than a small share of the time that they could use."""
    waits = [s.waiting_seconds for s in samples]
    if any(wait is None for wait in waits):
        return None
    waited = sum(wait * s.calls for wait, s in zip(waits, samples, strict=True))
    wall = sum(s.seconds * s.calls for s in samples)  # longer than both, if the call sleeps
    share = waited / max(_cpu_seconds(samples) + waited, wall, 1e-12)
    return f"waited for a core {share:.0%} of the time" if share > WAITING_SHARE else None


def _switched(samples: list[Sample]) -> str | None:
    counts = [s.involuntary_switches for s in samples]
    if any(count is None for count in counts):
        return None
    total, busy = sum(counts), _cpu_seconds(samples)
    if total < FEWEST_SWITCHES or total <= SWITCHES_PER_CPU_S * busy:
        return None
    return f"put off its core {total} times in {busy:.2g} s of CPU time"


def _idle(samples: list[Sample], machine: dict[str, Any]) -> str | None:
    """Wall time beyond CPU time, which a call that sleeps has always, and a quiet one never."""
    if machine["gpus"]:
        return None
    wall, cpu = (np.array([getattr(s, c) for s in samples]) for c in ("seconds", "cpu_seconds"))
    if any(s.waiting_seconds is None for s in samples):
        ratio = float(np.median(wall / np.maximum(cpu, 1e-9)))
        return f"wall time is {ratio:.1f} times CPU time" if ratio > WALL_TO_CPU else None
    idle = np.maximum(0.0, wall - cpu)
    excess = (np.median(idle) - np.quantile(idle, 0.1)) / max(np.median(wall), 1e-12)
    if excess <= IDLE_SHARE:
        return None
    return f"without a core {excess:.0%} longer in half of the samples than in the best"


def _drifted(samples: list[Sample]) -> str | None:
    """The second half lies off the first, by more than a little and by more than noise."""
    series = [s.seconds for s in samples]
    if len(series) < FEWEST_FOR_DRIFT or min(series) <= 0:
        return None
    middle = len(series) // 2
    halves = [block_bootstrap(np.log(half)) for half in (series[:middle], series[middle:])]
    errors = [(high - low) / (2 * 1.645) for _, low, high in halves]  # a 90 % interval is 2 * 1.645
    change = halves[1][0] - halves[0][0]
    if abs(change) <= max(math.log(1 + DRIFT), DRIFT_ERRORS * math.hypot(*errors)):
        return None
    return f"level {'rose' if change > 0 else 'fell'} by {abs(math.expm1(change)):.0%} on the way"


def _cpu_seconds(samples: list[Sample]) -> float:
    return sum(s.cpu_seconds * s.calls for s in samples)
