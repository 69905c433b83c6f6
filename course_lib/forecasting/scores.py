"""Proper scores of a forecast against the truth: lower is better, and honesty is the best policy.

Interval score: Gneiting and Raftery (2007), eq. 43. Continuous ranked probability score (CRPS):
ibid., eqs. 20 and 21. Logarithmic score: Good (1952), with the sign changed.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import log_ndtr, ndtr

from course_lib.forecasting.distribution import Split, distribution
from course_lib.quantities import LEVEL, Forecast

_HALF = (math.sqrt(2) - 1) / (2 * math.sqrt(math.pi))  # integral of Phi^2 over the lower half


def interval_score(low: float, high: float, truth: float, level: float = LEVEL) -> float:
    """Score of an interval against the truth; lower is better (Gneiting and Raftery, 2007, eq. 43).

    The width of the interval, plus 2/(1 - level) for each unit by which it misses. It cannot be
    gamed: no interval has a lower expected score than the central one you believe in.

    Parameters
    ----------
    low, high, truth : float
        In one unit, which is the unit of the score.
    level : float
        The probability with which the interval claims to hold the truth.

    Examples
    --------
    >>> interval_score(1.0, 2.0, truth=1.5)
    1.0
    >>> round(interval_score(1.0, 2.0, truth=2.1), 6)
    3.0
    """
    if not low <= high:
        raise ValueError(f"interval [{low}, {high}] has its ends the wrong way round")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a probability between 0 and 1")
    _finite(truth)
    return (high - low) + 2 / (1 - level) * (max(0.0, low - truth) + max(0.0, truth - high))


def crps(forecast: Forecast | np.ndarray, truth: float, weights: np.ndarray | None = None) -> float:
    """Continuous ranked probability score, in the forecast's unit; lower is better.

    It is the area between the forecast's distribution function and the truth's step, squared. A
    forecast of one number scores its absolute error, so it compares forecasts with and without an
    interval.

    Parameters
    ----------
    forecast : Forecast or array of shape (n,)
        A forecast stands for the split normal distribution with its median and interval, split
        log-normal if the interval is positive. Or samples: what a bootstrap or ensemble gives.
    truth : float
    weights : array of shape (n,), optional
        Of the samples; they need not add up to 1. Equal if not given.

    Returns
    -------
    float
        Infinite where it exceeds the largest of numbers.

    Raises
    ------
    ValueError
        If the truth is not finite, or samples and weights are not finite series of one length.

    Notes
    -----
    Samples: the mean distance to the truth, less half the mean distance of all pairs (Gneiting and
    Raftery, 2007, eq. 21), in n log n. A forecast: in closed form; with equal halves it is the
    formula of Gneiting et al. (2005) for the normal and of Baran and Lerch (2015) for the
    log-normal distribution.
    Chapter 10.

    Examples
    --------
    >>> round(crps(Forecast(0.0, -1.6449, 1.6449), truth=0.0), 4)  # a standard normal
    0.2337
    >>> crps([3.0], truth=5.0), crps([3.0, 5.0], truth=5.0)
    (2.0, 0.5)
    """
    _finite(truth)
    if not isinstance(forecast, Forecast):
        return _of_samples(forecast, truth, weights)
    if weights is not None:
        raise ValueError("weights belong to samples; a Forecast has none")
    said = distribution(forecast)
    return _of_log_normal(said, truth) if said.log else _of_normal(said, truth)


def log_score(forecast: Forecast, truth: float) -> float:
    """Minus the log of the density that was forecast at the truth, in nats; lower is better.

    The density is that of `crps`. In another unit it differs by a constant, the same for all
    forecasts of one quantity; a miss far outside the interval costs the square of its distance.

    Raises
    ------
    ValueError
        If the truth is not finite, or a half of the forecast has no width and so no density.
    TypeError
        For samples, which have no density.

    Notes
    -----
    Good (1952); Gneiting and Raftery (2007), section 4.1. Chapter 10.

    Examples
    --------
    >>> round(log_score(Forecast(0.0, -1.6449, 1.6449), truth=0.0), 3)  # log(sqrt(2 pi))
    0.919
    """
    _finite(truth)
    if not isinstance(forecast, Forecast):
        raise TypeError(f"forecast is a {type(forecast).__name__}; samples have no density: crps")
    said = distribution(forecast)
    if not min(said.below, said.above) > 0:
        raise ValueError(f"forecast {forecast} has no width on one side, so it has no density")
    if said.log and truth <= 0:
        return math.inf
    spread = said.above if said.place(truth) > 0 else said.below
    score = math.log(spread) + math.log(2 * math.pi) / 2 + said.standardised(truth) ** 2 / 2
    return score + math.log(truth) if said.log else score


def _finite(truth: float) -> None:
    if not math.isfinite(truth):
        raise ValueError(f"truth is {truth}: must be finite")


def _of_samples(samples, truth, weights) -> float:
    values = np.asarray(samples, dtype=float)
    shares = np.ones_like(values) if weights is None else np.asarray(weights, dtype=float)
    if values.ndim != 1 or values.shape != shares.shape or not len(values):
        raise ValueError(
            f"samples and weights must be series of one length; got {values.shape}, {shares.shape}"
        )
    if not (np.isfinite(values).all() and np.isfinite(shares).all()):
        raise ValueError("samples and weights must be finite")
    if (shares < 0).any() or not shares.sum() > 0:
        raise ValueError("weights must not be negative, and not all zero")
    order = np.argsort(values)
    away, shares = values[order] - truth, shares[order] / shares.sum()
    below = np.cumsum(shares) - shares  # weight of the samples before each
    pairs = shares * away @ (2 * below + shares - 1)  # half the mean |X - X'|
    return max(0.0, float(shares @ np.abs(away) - pairs))


def _of_normal(said: Split, truth: float) -> float:
    """The other half's constant, and the normal distribution's score less that constant."""
    away = said.place(truth)
    here, there = (said.above, said.below) if away > 0 else (said.below, said.above)
    z = said.standardised(truth)
    bell = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    own = abs(away) * (2 * ndtr(abs(z)) - 1) + here * (2 * bell - 1 / math.sqrt(math.pi))
    return float(own + _HALF * (there - here))


def _of_log_normal(said: Split, truth: float) -> float:
    """Twice the integral over u of (1{y < q} - u) (q - y), q the quantile at u, cut at the median.

    All pieces are normal integrals after completing the square (Owen, 1980).
    """
    below, above = said.below, said.above
    z = said.standardised(truth)
    root = math.sqrt(2)
    upper = _grown(above, log_ndtr(-above / root)) * (1 + ndtr(above / root))
    upper = (upper - _grown(above, log_ndtr(-above))) / 2  # of (1 - u) q above the median
    lower = _grown(below, log_ndtr(-below)) - _grown(below, 2 * log_ndtr(-below / root))
    lower = lower / 2  # of u q below the median
    spread = above if z > 0 else below
    between = _grown(spread, log_ndtr(-spread)) - _grown(spread, log_ndtr(z - spread))
    if math.isinf(upper):
        return math.inf
    areas = upper - lower + between
    return float(2 * math.exp(said.middle) * areas + truth * (2 * ndtr(z) - 1))


def _grown(spread: float, log_share: float) -> float:
    """exp(spread^2 / 2) times a share given by its logarithm."""
    power = spread**2 / 2 + log_share
    return math.exp(power) if power < 709 else math.inf
