"""What is read around a call: wall time, CPU time, time spent waiting for a core, switches.

The wall clock sees everything that goes on on a machine; the process's CPU time sees only its own
work; on Linux the scheduler also tells how long its threads were ready and had to wait, which is
what contention *is*, and Unix counts how often they were put off their core against their will.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from course_lib.devices import synchronise

try:
    import resource
except ImportError:  # Windows
    resource = None

_TASKS = "/proc/self/task"
_CLOCK_OF_A_THREAD = 6  # low bits of a Linux clock: per thread (4), as the scheduler counts (2)


@dataclass(frozen=True)
class Sample:
    """One timing: seconds a call, averaged over ``calls`` calls made in a row.

    ``waiting_seconds`` is the time a call's threads were ready to run and had no core; None where
    the system does not tell (anything but Linux). ``involuntary_switches`` is how often the
    process's threads were put off a core during all the sample's calls together; None on Windows,
    and in records older than it.
    """

    seconds: float
    cpu_seconds: float
    waiting_seconds: float | None
    calls: int
    involuntary_switches: int | None = None


def _threads() -> list[str]:
    """Numbers of this process's threads (Linux), else none."""
    try:
        return os.listdir(_TASKS)
    except OSError:
        return []


def waiting_seconds() -> float | None:
    """Seconds that this process's threads have waited for a core so far (Linux), else None."""
    total, threads = 0, _threads()
    for thread in threads:
        try:
            with open(f"{_TASKS}/{thread}/schedstat", "rb") as file:
                total += int(file.read().split()[1])
        except (OSError, IndexError, ValueError):  # the thread has ended, or no scheduler figures
            continue
    return total / 1e9 if threads else None


def cpu_seconds() -> tuple[float, float]:
    """CPU time of this process over all its threads so far, and how much of it this call took.

    Linux adds up a thread that is running on another core only every few milliseconds, unless its
    own clock is asked for: without that, a call of 1.5 ms on two threads reads as one thread's.
    """
    began = time.thread_time()
    for thread in _threads():
        with suppress(OSError):  # the thread has ended
            time.clock_gettime((~int(thread) << 3) | _CLOCK_OF_A_THREAD)
    return time.process_time(), time.thread_time() - began


def involuntary_switches() -> int | None:
    """How often this process's threads were put off a core so far (Unix), else None."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if resource else None


def time_calls(function: Callable[[], Any], calls: int, device: Any) -> Sample:
    """Time ``calls`` calls in a row, with the device waited for before and after."""
    synchronise(device)
    waited, switched = waiting_seconds(), involuntary_switches()
    cpu_before, _ = cpu_seconds()
    wall = time.perf_counter()
    for _ in range(calls):
        function()
    synchronise(device)
    wall = time.perf_counter() - wall
    cpu, asking = cpu_seconds()
    cpu = max(0.0, cpu - asking - cpu_before)
    switches, after = involuntary_switches(), waiting_seconds()
    waiting = None if waited is None or after is None else max(0.0, after - waited) / calls
    if switches is not None and switched is not None:
        switches -= switched
    return Sample(wall / calls, cpu / calls, waiting, calls, switches)


def calls_per_sample(
    function: Callable[[], Any], device: Any, seconds: float, sample_seconds: float
) -> int:
    """How many calls in a row fill a sample of at least ``sample_seconds``, found by trying.

    ``seconds`` is what one call has just taken; a call that is long enough alone is not tried.

    >>> calls_per_sample(lambda: None, "cpu", seconds=0.01, sample_seconds=2e-4)
    1
    """
    calls = 1
    while (wanted := max(1, round(sample_seconds / max(seconds, 1e-8)))) > 2 * calls:
        calls = wanted
        seconds = time_calls(function, calls, device).seconds
    return max(calls, wanted)
