"""An interval for a quantile of timings, which follow one another and so are not independent."""

from __future__ import annotations

import numpy as np

LEVEL = 0.9


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
        If there are no values, or one is not finite.

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
    size = len(values)
    length = max(1, round(size ** (1 / 3)))
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, size, (resamples, -(-size // length)))
    index = (starts[:, :, None] + np.arange(length)).reshape(resamples, -1)[:, :size] % size
    drawn = np.quantile(values[index], quantile, axis=1)
    value = float(np.quantile(values, quantile))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return value, min(float(low), value), max(float(high), value)
