"""The distribution that a median and an interval stand for, as `course_lib.quantities` draws it.

Each half holds probability 1/2 and is half of a normal distribution, on its own scale: the interval
need not be symmetric. A positive interval is taken on a log scale, where a factor of two up is as
far as a factor of two down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from scipy.special import ndtr, ndtri

from course_lib.quantities import Forecast


@dataclass(frozen=True)
class Split:
    """A split normal: median and the standard deviation of either half; of log y if ``log``."""

    middle: float
    below: float
    above: float
    log: bool

    def place(self, y: float) -> float:
        """How far y lies above the median, on the scale of the distribution."""
        if not self.log:
            return y - self.middle
        return math.log(y) - self.middle if y > 0 else -math.inf

    def standardised(self, y: float) -> float:
        """The same in standard deviations of that half."""
        away = self.place(y)
        spread = self.above if away > 0 else self.below
        if spread > 0:
            return away / spread
        return math.copysign(math.inf, away) if away else 0.0

    def cdf(self, y: float) -> float:
        """Probability of at most y; 1/2 at the median, also without a width."""
        return float(ndtr(self.standardised(y)))

    def at(self, z: float) -> float:
        """The y so many standard deviations above the median."""
        y = self.middle + z * (self.above if z > 0 else self.below)
        return math.exp(y) if self.log else y

    def quantile(self, probability: float) -> float:
        """The y with this probability below it."""
        return self.at(float(ndtri(probability)))


def distribution(forecast: Forecast) -> Split:
    """The split normal with this median and interval; split log-normal if the interval is positive.

    >>> said = distribution(Forecast(2.0, 1.0, 8.0, level=0.9))
    >>> [round(said.quantile(p), 6) for p in (0.05, 0.5, 0.95)]
    [1.0, 2.0, 8.0]
    """
    tail = NormalDist().inv_cdf((1 + forecast.level) / 2)
    log = forecast.low > 0
    low, middle, high = (
        math.log(y) if log else y for y in (forecast.low, forecast.median, forecast.high)
    )
    return Split(middle, (middle - low) / tail, (high - middle) / tail, log)
