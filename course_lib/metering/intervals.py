"""Intervals for timings, which follow one another, and shift from one session to the next."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

LEVEL = 0.9

# How far the median of one session lies from those of others, as a relative standard deviation: the
# least with which 95 % intervals hold the long-run median in 85 % of the measurements of each call
# in facts/recorded/interval_coverage.json. benchmarks/interval_coverage.py says how it was found.
SESSION_SPREAD = 0.125
# Where samples hardly scatter, sessions hardly differ: so many times their scatter is the most that
# is added. In trials 4 to 8 times did alike: coverage within 0.05 of what it is with no such bound.
SCATTER_TIMES = 5.0
FEWEST_FOR_SCATTER = 10  # samples


def session_interval(
    values: np.ndarray, quantile: float = 0.5, level: float = LEVEL
) -> tuple[float, float, float]:
    """A quantile of timings with an interval that holds for other sessions too.

    A session has its own memory layout, clock speed and neighbours, and a bootstrap of its samples
    cannot see them: its interval (`block_bootstrap`) is widened by `session_spread`. Chapter 6.

    Parameters
    ----------
    values : array of shape (n,)
        In the order in which they were measured.
    quantile : float
        Which one; 0.5 is the median.
    level : float
        Of the interval.

    Returns
    -------
    value, low, high : float
        In the values' unit.

    Examples
    --------
    >>> import numpy as np
    >>> series = np.random.default_rng(0).gamma(5, size=200)
    >>> _, low, high = block_bootstrap(series)
    >>> _, lower, higher = session_interval(series)
    >>> lower < low < high < higher
    True
    """
    return widen(*block_bootstrap(values, quantile, level), level, session_spread(values))


def session_spread(values: np.ndarray, most: float = SESSION_SPREAD) -> float:
    """By how much, as a relative standard deviation, other sessions may differ from these values.

    The least of ``most`` and `SCATTER_TIMES` the values' own scatter, which is what their middle
    90 % would be a normal distribution's; ``most`` where they are too few to tell.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < FEWEST_FOR_SCATTER or values.min() <= 0:
        return most
    low, high = np.quantile(np.log(values), [0.05, 0.95])
    return min(most, SCATTER_TIMES * float(high - low) / (2 * NormalDist().inv_cdf(0.95)))


def block_bootstrap(
    values: np.ndarray,
    quantile: float = 0.5,
    level: float = LEVEL,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """A quantile of a series with an interval that respects its order (Künsch, 1989).

    Timings drift and come in bursts. Blocks of neighbours are drawn instead of single values, of
    length n^(1/3) (Hall, Horowitz and Jing, 1995), in circles so that every value counts alike.

    Parameters
    ----------
    values : array of shape (n,)
        In the order in which they were measured.
    quantile : float
        Which one; 0.5 is the median.
    level : float
        Of the interval.

    Returns
    -------
    value, low, high : float
        In the values' unit. Of one value: that value three times.

    Raises
    ------
    ValueError
        If there are no values, one is not finite, or the level is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> series = np.random.default_rng(0).gamma(5, size=200)
    >>> median, low, high = block_bootstrap(series)
    >>> bool(low < median < high)
    True
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(f"values must be a non-empty series of finite numbers; got {values!r}")
    _check_level(level)
    size = len(values)
    length = max(1, round(size ** (1 / 3)))
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, size, (resamples, -(-size // length)))
    index = (starts[:, :, None] + np.arange(length)).reshape(resamples, -1)[:, :size] % size
    drawn = np.quantile(values[index], quantile, axis=1)
    value = float(np.quantile(values, quantile))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return value, min(float(low), value), max(float(high), value)


def widen(
    value: float, low: float, high: float, level: float, spread: float
) -> tuple[float, float, float]:
    """An interval with a relative spread added in quadrature.

    On the log scale each half-width w becomes ``hypot(w, z * spread)``, with z the normal quantile
    of the level: a random effect, as in DerSimonian and Laird (1986).

    Parameters
    ----------
    value, low, high : float
        Above 0, or left as they are.
    level : float
        Of the interval.
    spread : float
        Standard deviation of the logarithm, no unit.

    Examples
    --------
    >>> print("%.3f %.3f %.3f" % widen(1.0, 0.97, 1.03, level=0.95, spread=0.02))
    1.000 0.952 1.050
    """
    _check_level(level)
    if low <= 0:  # a clock that did not move, such as CPU time of a call that sleeps
        return value, low, high
    reach = NormalDist().inv_cdf((1 + level) / 2) * spread
    below, above = (math.hypot(math.log(a / b), reach) for a, b in ((value, low), (high, value)))
    return value, value * math.exp(-below), value * math.exp(above)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a probability between 0 and 1")
