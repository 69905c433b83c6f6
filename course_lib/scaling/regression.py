"""`regress`: a straight line on log axes, with the direction of regression as an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy import stats

from course_lib.quantities import LEVEL
from course_lib.scaling import checks

Direction = Literal["y_on_x", "x_on_y", "reduced_major_axis"]
DIRECTIONS = ("y_on_x", "x_on_y", "reduced_major_axis")
RESAMPLES = 4000


@dataclass(frozen=True)
class LogLogLine:
    """The line y = factor * x^exponent.

    Attributes
    ----------
    exponent : float
        The slope d log y / d log x, whichever way the regression went.
    factor : float
        y at x = 1, in the unit of y.
    interval : tuple of float
        The 90 % interval of the exponent, for independent points and normal scatter. Where the
        regression of x on y cannot tell the slope's sign, one end is infinite.
    r_squared : float
        Of the logarithms; the same in every direction.
    direction : {"y_on_x", "x_on_y", "reduced_major_axis"}
    points : int
    reach : tuple of float
        The smallest and the largest x in the data.

    Examples
    --------
    >>> line = regress([1, 10, 100, 1000], [1, 3.9, 17, 62])
    >>> print(line)
    1.002 x^0.6017 [0.5724, 0.6309] (y_on_x, R2 0.999)
    >>> round(line.solve(1000)), round(line.x_exponent, 2)
    (96514, 1.66)
    >>> low, high = line.solve_interval(1000)
    >>> low < line.solve(1000) < high
    True
    """

    exponent: float
    factor: float
    interval: tuple[float, float]
    r_squared: float
    direction: Direction
    points: int
    reach: tuple[float, float]
    _log: np.ndarray = field(repr=False)

    @property
    def x_exponent(self) -> float:
        """The power of y that x grows as, ``1 / exponent``: x is the price of y."""
        return 1 / self.exponent

    def __call__(self, x: float | np.ndarray) -> float | np.ndarray:
        """The line at x."""
        y = self.factor * np.asarray(x, dtype=float) ** self.exponent
        return float(y) if y.ndim == 0 else y

    def solve(self, y: float) -> float:
        """The x at which the line reaches y."""
        log_x = (np.log(checks.positive("y", y)) - np.log(self.factor)) / self.exponent
        return float(np.exp(log_x))

    def solve_interval(self, y: float, level: float = LEVEL, seed: int = 0) -> tuple[float, float]:
        """Where the x at which the line reaches y lies, by a bootstrap of the points.

        The interval is of the line, and of this direction of regression: the other directions are
        further away than it says.
        """
        checks.probability(level)
        slopes, intercepts = self._resampled(seed)
        log_x = (np.log(checks.positive("y", y)) - intercepts) / slopes
        ends = np.quantile(log_x, [(1 - level) / 2, (1 + level) / 2])
        return tuple(float(end) for end in np.exp(np.clip(ends, -700, 700)))

    def band(
        self, x: np.ndarray, level: float = LEVEL, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The line and its interval at each x, by a bootstrap of the points, for plots.

        Parameters
        ----------
        x : array of shape (n,)
        level : float
        seed : int

        Returns
        -------
        line, low, high : arrays of shape (n,)
        """
        checks.probability(level)
        (x,) = checks.series(x=x)
        slopes, intercepts = self._resampled(seed)
        lines = intercepts[:, None] + slopes[:, None] * np.log(x)
        low, high = np.quantile(lines, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return self(x), np.exp(low), np.exp(high)

    def _resampled(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(self.points, np.full(self.points, 1 / self.points), RESAMPLES)
        return _lines(self._log, drawn.astype(float), self.direction)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.factor:.4g} x^{self.exponent:.4g} [{low:.4g}, {high:.4g}] "
            f"({self.direction}, R2 {self.r_squared:.3f})"
        )


def regress(x: np.ndarray, y: np.ndarray, direction: Direction = "y_on_x") -> LogLogLine:
    """Fit a straight line to log y and log x.

    Parameters
    ----------
    x, y : arrays of shape (n,)
        Positive numbers, in any order and unit; an x may repeat.
    direction : {"y_on_x", "x_on_y", "reduced_major_axis"}
        Whose scatter is minimised: of y about the line (x is known, y varies), of x, or of both,
        as the geometric mean of the two slopes. With much scatter the three differ widely, and a
        line that is extrapolated far shows it in orders of magnitude.

    Returns
    -------
    LogLogLine
        ``.exponent`` is d log y / d log x in each direction.

    Raises
    ------
    ValueError
        For shapes that differ, values that are not positive and finite (with their rows), fewer
        than 3 distinct x or y, or an unknown direction.

    Notes
    -----
    Intervals: of the two regressions by Student's t; of the reduced major axis by Jolicoeur and
    Mosimann (1968). Regressing 1/error on compute and compute on 1/error give Thompson et al.'s
    (2020) ImageNet extrapolation a power of 13.6 and of 6.2. See chapter 9.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = np.geomspace(1, 1e4, 30)
    >>> y = x**0.2 * np.exp(0.5 * rng.standard_normal(30))
    >>> [round(regress(x, y, way).exponent, 3) for way in DIRECTIONS]
    [0.195, 0.306, 0.244]
    """
    checks.one_of("direction", direction, DIRECTIONS)
    x, y = checks.series(x=x, y=y)
    for name, values in (("x", x), ("y", y)):
        checks.enough(len(np.unique(values)), 2, name)
    log = np.log(np.stack([x, y]))
    points = len(x)
    slope, intercept = (float(v[0]) for v in _lines(log, np.ones((1, points)), direction))
    correlation = float(np.corrcoef(log)[0, 1])
    return LogLogLine(
        exponent=slope,
        factor=float(np.exp(intercept)),
        interval=_interval(log, direction, correlation),
        r_squared=correlation**2,
        direction=direction,
        points=points,
        reach=(float(x.min()), float(x.max())),
        _log=log,
    )


def _lines(log, counts, direction):
    """Slopes and intercepts, shape (rows,), for points that count so often, (rows, points)."""
    total = counts.sum(1)
    mean_x, mean_y = (counts @ values / total for values in log)
    away_x, away_y = log[0] - mean_x[:, None], log[1] - mean_y[:, None]
    xx, yy, xy = ((counts * product).sum(1) for product in (away_x**2, away_y**2, away_x * away_y))
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = {
            "y_on_x": xy / xx,
            "x_on_y": yy / xy,
            "reduced_major_axis": np.sign(xy) * np.sqrt(yy / xx),
        }[direction]
    fine = np.isfinite(slopes) & (slopes != 0)
    if not fine.all():
        if len(slopes) == 1:
            raise ValueError("log x and log y are not correlated: there is no line to extrapolate")
        slopes, mean_x, mean_y = slopes[fine], mean_x[fine], mean_y[fine]
    return slopes, mean_y - slopes * mean_x


def _interval(log, direction, correlation):
    points = log.shape[1]
    ratio = float(log[1].std() / log[0].std())
    t = stats.t.ppf((1 + LEVEL) / 2, points - 2)
    left = max(1 - correlation**2, 0.0) / (points - 2)
    if direction == "reduced_major_axis":
        b = t**2 * left
        sign = 1.0 if correlation >= 0 else -1.0
        ends = [sign * ratio * (np.sqrt(b + 1) + way * np.sqrt(b)) for way in (-1, 1)]
        return tuple(sorted(float(end) for end in ends))
    half = t * np.sqrt(left)  # of the standardised slope, whose value is the correlation
    low, high = correlation - half, correlation + half
    if direction == "y_on_x":
        return float(ratio * low), float(ratio * high)
    if low <= 0 <= high:
        return (ratio / high, np.inf) if correlation > 0 else (-np.inf, ratio / low)
    return float(ratio / high), float(ratio / low)
