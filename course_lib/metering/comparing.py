"""`compare` two calls, in turn: what disturbs one disturbs the other, and the ratio stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from course_lib.devices import device_of, pick
from course_lib.metering.clocks import Sample, calls_per_sample, time_calls
from course_lib.metering.intervals import block_bootstrap
from course_lib.metering.limits import time_limit
from course_lib.metering.sampling import Plan
from course_lib.quantities import Estimate

CLOCKS = {"wall": "seconds", "cpu": "cpu_seconds"}


@dataclass(frozen=True, eq=False)
class Comparison(Estimate):
    """A ratio of two times, from `compare`: an `Estimate` that says whether a difference was seen.

    Examples
    --------
    >>> print(Comparison(1.02, 0.97, 1.06))
    1.02 [0.97, 1.06] (measured): no difference seen
    >>> print(Comparison(2.1, 2.0, 2.2) * 3)
    6.3 [6, 6.6] (measured)
    """

    @property
    def difference_seen(self) -> bool:
        """Whether the interval of the ratio leaves out 1."""
        return not self.low <= 1 <= self.high

    def __str__(self) -> str:
        return super().__str__() + ("" if self.difference_seen else ": no difference seen")


def compare(
    function_a: Callable[[], Any],
    function_b: Callable[[], Any],
    *,
    clock: str = "wall",
    warmup: int | None = None,
    repeats: int | None = None,
    device: Any = None,
    budget_seconds: float = 1.0,
    precision: float = 0.01,
    limit_seconds: float | None = None,
) -> Comparison:
    """How many times as long ``function_a`` takes as ``function_b``, measured in turn (ABAB).

    What disturbs one disturbs its neighbour too, so the ratio is far steadier than either time.

    Parameters
    ----------
    function_a, function_b
        Called without arguments.
    clock : {"wall", "cpu"}
        Which time to compare.
    warmup, repeats, device, budget_seconds, precision, limit_seconds
        As for `measure`; precision is the ratio's, the budget and the limit are for both together.

    Returns
    -------
    Comparison
        Median of the pairs' ratios a/b with a 90 % block bootstrap interval; no unit. It is not
        widened as a `Measurement` is: both calls share their session. So 1 in 10 comparisons of
        two calls that are alike will see a difference.

    Raises
    ------
    ValueError
        If ``clock`` is neither, or another argument is out of range.
    MeasurementTimeout
        If the limit is reached; ``.samples`` holds both calls' samples in turn.

    Examples
    --------
    >>> ratio = compare(lambda: sum(range(30000)), lambda: sum(range(10000)), repeats=30)
    >>> ratio.difference_seen, ratio.low > 1, ratio.unit
    (True, True, '')
    """
    if clock not in CLOCKS:
        raise ValueError(f"clock is {clock!r}; allowed are 'wall' and 'cpu'")
    plan = Plan(warmup, repeats, precision, budget_seconds, limit_seconds)
    target = pick(device) if device is not None else device_of()
    pair = (function_a, function_b)
    samples: list[Sample] = []
    with time_limit(plan.first_limit(), samples, "compare") as limit:

        def take(calls: tuple[int, ...]) -> list[Sample]:
            both = zip(pair, calls, strict=True)
            return [limit.run(time_calls, function, number, target) for function, number in both]

        warm = [take((1, 1))]
        limit.extend(plan.limit_after(sum(s.seconds for s in warm[0])))
        while not all(plan.is_warm([s.seconds for s in side]) for side in zip(*warm, strict=True)):
            warm.append(take((1, 1)))
        calls = tuple(
            limit.run(calls_per_sample, function, target, last.seconds, plan.sample_seconds() / 2)
            for function, last in zip(pair, warm[-1], strict=True)
        )
        ratios: list[float] = []
        began = time.perf_counter()
        while plan.wants_more(ratios, time.perf_counter() - began):
            a, b = take(calls)
            samples += [a, b]
            ratios.append(getattr(a, CLOCKS[clock]) / max(getattr(b, CLOCKS[clock]), 1e-12))
    median, low, high = block_bootstrap(ratios)
    return Comparison(median, low, high, "", "measured")
