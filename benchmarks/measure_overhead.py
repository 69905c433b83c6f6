"""What timing a call adds to it: `measure`, timeit and torch's Timer beside a bare loop.

Each way times the same number of calls in turn, over and over, so that what disturbs one disturbs
all. The first ratio is what a way *reports* for a call over what the bare loop reports: above 1, it
counts its own work as the call's. The second is what a sample *takes*, from beginning to end, over
what its calls take in the bare loop: what you pay for synchronising, reading the clocks and asking
the system who waited.

    python benchmarks/measure_overhead.py              # under a minute; prints, and writes nothing
"""

from __future__ import annotations

import argparse
import timeit
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch.utils.benchmark import Timer

from course_lib.devices import describe, fingerprint
from course_lib.metering.clocks import calls_per_sample, time_calls
from course_lib.metering.intervals import block_bootstrap
from course_lib.metering.sampling import SHORTEST_SAMPLE

ROUNDS = 60

Way = Callable[[Callable[[], Any], int], float]


def bare_loop(function: Callable[[], Any], calls: int) -> float:
    """Seconds a call, with nothing but a loop and two readings of the clock."""
    began = perf_counter()
    for _ in range(calls):
        function()
    return (perf_counter() - began) / calls


def by_measure(function: Callable[[], Any], calls: int) -> float:
    """Seconds a call, as `measure` takes one sample."""
    return time_calls(function, calls, "cpu").seconds


def by_timeit(function: Callable[[], Any], calls: int) -> float:
    """Seconds a call, by the standard library's timeit (which stops garbage collection)."""
    return timeit.Timer(function).timeit(calls) / calls


def by_torch(function: Callable[[], Any], calls: int) -> float:
    """Seconds a call, by torch.utils.benchmark (which warms up with a hundredth of the calls)."""
    threads = torch.get_num_threads()
    timer = Timer("function()", globals={"function": function}, num_threads=threads)
    return timer.timeit(calls).median


WAYS: dict[str, Way] = {
    "bare loop": bare_loop,
    "measure": by_measure,
    "timeit": by_timeit,
    "torch Timer": by_torch,
}


def calls_to_time() -> dict[str, Callable[[], Any]]:
    """From a call that does nothing to one that takes milliseconds."""
    one = torch.ones(1)
    small, large = torch.randn(64, 64), torch.randn(512, 512)
    return {
        "nothing": lambda: None,
        "add of one number": partial(one.add, one),
        "matrix product, side 64": partial(torch.mm, small, small),
        "matrix product, side 512": partial(torch.mm, large, large),
    }


def ratios(function: Callable[[], Any], calls: int, rounds: int) -> dict[str, np.ndarray]:
    """For each way, rounds of (reported, taken) over the bare loop's report in the same round."""
    seen: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, timed in WAYS.items():
            began = perf_counter()
            reported = timed(function, calls)
            seen[way].append((reported, (perf_counter() - began) / calls))
    bare = np.array(seen["bare loop"])[:, :1]
    return {way: np.array(rows) / bare for way, rows in seen.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    print(f"{describe(fingerprint())}; medians of {rounds} rounds [90 % interval], bare loop = 1\n")
    print(f"{'call':26} {'calls':>6} {'way':12} {'reported':>22} {'taken':>22}")
    for name, function in calls_to_time().items():
        warm = min(bare_loop(function, 1) for _ in range(20))
        calls = calls_per_sample(function, "cpu", warm, SHORTEST_SAMPLE)
        for way, rows in ratios(function, calls, rounds).items():
            cells = [
                "{:.2f} [{:.2f}, {:.2f}]".format(*block_bootstrap(column)) for column in rows.T
            ]
            print(f"{name:26} {calls:6} {way:12} {cells[0]:>22} {cells[1]:>22}")


if __name__ == "__main__":
    main()
