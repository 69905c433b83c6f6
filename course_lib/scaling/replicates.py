"""What several runs of one size tell: whether noise changes with size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

SURE = 0.9  # of a trend in the noise, before the fit is weighted by it


@dataclass(frozen=True)
class NoiseTrend:
    """log variance of log y as a line in log x; the slope is 0 where no trend is seen."""

    intercept: float
    slope: float
    slope_variance: float
    centre: float

    def weights(self, log_x: np.ndarray) -> np.ndarray:
        """Inverse variances at each row, relative to the centre of the sizes."""
        return np.exp(-self.slope * (log_x - self.centre))

    def relative_sd(self, log_x: np.ndarray) -> np.ndarray:
        """Standard deviation at new sizes, relative to that at the centre.

        The uncertainty of the trend counts: the mean of a log-normal variance.
        """
        away = log_x - self.centre
        return np.exp(self.slope * away / 2 + self.slope_variance * away**2 / 4)


CONSTANT = NoiseTrend(0.0, 0.0, 0.0, 0.0)


def noise_trend(log_x: np.ndarray, log_y: np.ndarray) -> NoiseTrend:
    """A line through the log variances of the sizes that were run several times.

    The logarithm of a variance with n degrees of freedom is off by digamma(n/2) - log(n/2) and has
    the variance trigamma(n/2) (Bartlett and Kendall, 1946), so the line is a weighted regression
    with known weights. A trend that is not seen with 90 % confidence is left out.
    """
    sizes, at = np.unique(log_x, return_inverse=True)
    number = np.bincount(at)
    mean = np.bincount(at, log_y) / number
    squares = np.bincount(at, (log_y - mean[at]) ** 2)
    rounding = 8 * np.finfo(float).eps * (1 + np.abs(log_y).max())
    several = (number > 1) & (squares > number * rounding**2)
    if several.sum() < 3:
        return CONSTANT
    half = (number[several] - 1) / 2
    level = np.log(squares[several] / (2 * half)) - special.digamma(half) + np.log(half)
    known = 1 / special.polygamma(1, half)
    centre = float(known @ sizes[several] / known.sum())
    away = sizes[several] - centre
    variance = 1 / float(known @ away**2)
    slope = float(known * away @ level) * variance
    if abs(slope) < stats.norm.ppf((1 + SURE) / 2) * np.sqrt(variance):
        return CONSTANT
    return NoiseTrend(float(known @ level / known.sum()), slope, variance, centre)
