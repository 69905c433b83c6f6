"""When warm-up ends and when there are samples enough.

Warm-up ends when the calls stop getting quicker: three calls or more, 10 ms or more, without a new
least time that is over 2 % below the one before. The least is what is followed because all that
disturbs a call makes it longer; 10 ms, because a processor takes about that long to change its
clock speed. Calls that go on getting quicker are cut off after 50, or after half a second.

Sampling ends when the interval of the median is narrow enough, or when the budget is spent. A
sample of a short call holds so many calls that 200 samples fill the budget: what disturbs a machine
often lasts for a tenth of a second, and samples that lie closer all see the same. The interval is
looked at only now and then, after 20, 30, 45, 68, 101 and 152 samples: who looks after every sample
stops at the first narrow one, which may be narrow by chance (optional stopping).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from course_lib.metering.intervals import block_bootstrap

STEADY_CALLS, STEADY_SECONDS, QUICKER = 3, 0.010, 0.02
WARMUP_CALLS, WARMUP_SECONDS = 50, 0.5  # at most
SHORTEST_SAMPLE = 2e-4  # seconds; quicker calls are timed many at a time
FEWEST, MOST = 5, 200  # samples, where their number is not given
LOOKS = (20, 30, 45, 68, 101, 152)
LIMIT_SECONDS = 60.0  # for all of a measurement, unless its budget or its first call wants more
PATIENCE = 4  # times as long as the first call says it takes


@dataclass(frozen=True)
class Plan:
    """When to stop warming up, taking samples, and waiting; the arguments are `measure`'s."""

    warmup: int | None
    repeats: int | None
    precision: float
    budget_seconds: float
    limit_seconds: float | None

    def __post_init__(self) -> None:
        counts = (self.warmup, self.repeats)
        if any(count is not None and count < 1 for count in counts):
            raise ValueError(
                f"warmup={self.warmup}, repeats={self.repeats}: both must be at least 1, or None"
            )
        if not 0 <= self.precision < math.inf:
            raise ValueError(
                f"precision is {self.precision}; give a half-width relative to the median, such "
                "as 0.01, or 0 to spend the whole budget"
            )
        for name in ("budget_seconds", "limit_seconds"):
            given = getattr(self, name)
            if given is not None and not 0 < given < math.inf:
                raise ValueError(f"{name} is {given}; give a number of seconds above 0")

    def is_warm(self, seconds: list[float]) -> bool:
        """Whether warm-up is over, after calls that took so long each."""
        if self.warmup is not None:
            return len(seconds) >= self.warmup
        if len(seconds) >= WARMUP_CALLS or sum(seconds) >= WARMUP_SECONDS:
            return True
        least, since = math.inf, 0
        for position, each in enumerate(seconds):
            if each < least * (1 - QUICKER):
                least, since = each, position
        after = seconds[since + 1 :]
        return len(after) >= STEADY_CALLS and sum(after) >= STEADY_SECONDS

    def wants_more(self, series: list[float], spent_seconds: float) -> bool:
        """Whether to take another sample, after this series in so much time."""
        taken = len(series)
        if self.repeats is not None:
            return taken < self.repeats
        if taken < FEWEST:
            return True
        if taken >= MOST or spent_seconds >= self.budget_seconds:
            return False
        if taken not in LOOKS or not self.precision:
            return True
        median, low, high = block_bootstrap(series, resamples=400)
        return (high - low) / 2 > self.precision * median

    def sample_seconds(self) -> float:
        """How long a sample takes at least."""
        share = 0.0 if self.repeats is not None else self.budget_seconds / MOST
        return max(SHORTEST_SAMPLE, share)

    def first_limit(self) -> float:
        """Seconds that the first call may take."""
        return self.limit_seconds or max(LIMIT_SECONDS, 10 * self.budget_seconds)

    def limit_after(self, first_seconds: float) -> float:
        """Seconds that all of it may take, once the first call has come back."""
        calls = (self.warmup or 1) + 1 + (self.repeats or FEWEST)
        longer = 0.0 if self.limit_seconds else PATIENCE * calls * first_seconds
        return self.first_limit() + longer
