"""Three clocks for one call: wall time, CPU time of this process, time spent waiting for a core.

The wall clock sees everything that goes on on a machine; the process's CPU time sees only its own
work; on Linux the scheduler also tells how long its threads were ready and had to wait, which is
what contention *is*.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.devices import synchronise

SHORTEST_SAMPLE = 2e-4  # seconds; quicker calls are timed many at a time


@dataclass(frozen=True)
class Sample:
    """One timing: seconds a call, averaged over ``calls`` calls made in a row.

    ``waiting_seconds`` is the time a call's threads were ready to run and had no core; None where
    the system does not tell (anything but Linux).
    """

    seconds: float
    cpu_seconds: float
    waiting_seconds: float | None
    calls: int


def waiting_seconds() -> float | None:
    """Seconds that this process's threads have waited for a core so far (Linux), else None."""
    try:
        tasks = list(Path("/proc/self/task").iterdir())
    except OSError:
        return None
    total = 0
    for task in tasks:
        try:
            total += int((task / "schedstat").read_text().split()[1])
        except (OSError, IndexError, ValueError):  # the thread has ended, or no scheduler figures
            continue
    return total / 1e9 if tasks else None


def time_calls(function: Callable[[], Any], calls: int, device: Any) -> Sample:
    """Time ``calls`` calls in a row, with the device waited for before and after."""
    synchronise(device)
    waited = waiting_seconds()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        function()
    synchronise(device)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = waiting_seconds()
    waiting = None if waited is None or after is None else max(0.0, after - waited) / calls
    return Sample(wall / calls, cpu / calls, waiting, calls)


def calls_per_sample(function: Callable[[], Any], device: Any, seconds: float) -> int:
    """How many calls in a row fill the shortest sample worth timing, found by trying.

    ``seconds`` is what one call has just taken; a call that is long enough alone is not tried.

    >>> calls_per_sample(lambda: None, "cpu", seconds=0.01)
    1
    """
    calls = 1
    while (wanted := max(1, round(SHORTEST_SAMPLE / max(seconds, 1e-8)))) > 2 * calls:
        calls = wanted
        seconds = time_calls(function, calls, device).seconds
    return max(calls, wanted)
