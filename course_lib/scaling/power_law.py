"""`fit_power_law`: y = E + A x^s, with or without the irreducible part E, and how sure it is."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy import stats

from course_lib.quantities import LEVEL, Estimate, Forecast
from course_lib.scaling.newton import Solution, solve

NEGLIGIBLE = 1e-8  # share of the smallest y below which an irreducible part is none


@dataclass(frozen=True)
class PowerLaw:
    """The law y = E + A x^exponent, fitted by least squares in log y.

    Attributes
    ----------
    E, A : float
        Irreducible part and factor, in the unit of y.
    exponent : float
        The signed slope on log axes, where E does not matter: losses fall, costs grow.
    residual_sd : float
        Standard deviation of log y about the law: 0.02 is 2 %.
    objective, gradient_norm, condition : float
        Half the sum of squares at the optimum; the length of its gradient there; the condition
        number of the (scaled) Jacobian. Above 10^4 the data hardly tell the parameters apart.
    converged : bool
        Whether the gradient vanishes.
    reach : tuple of float
        The smallest and the largest x in the data.
    """

    E: float
    A: float
    exponent: float
    residual_sd: float
    objective: float
    gradient_norm: float
    condition: float
    converged: bool
    points: int
    reach: tuple[float, float]
    _free_floor: bool = field(repr=False)
    _covariance: np.ndarray = field(repr=False)
    _centre: float = field(repr=False)

    @property
    def alpha(self) -> float:
        """The exponent of a loss, counted positive: ``-exponent``."""
        return -self.exponent

    @property
    def degrees_of_freedom(self) -> int:
        """Points less fitted parameters."""
        return self.points - len(self._covariance)

    def __call__(self, x: float | np.ndarray) -> float | np.ndarray:
        """The law at x."""
        return self.E + self.A * np.asarray(x, dtype=float) ** self.exponent

    def _half_width(self, level: float) -> float:
        return float(stats.t.ppf((1 + level) / 2, self.degrees_of_freedom))

    def estimate(self, parameter: Literal["exponent", "alpha", "A", "E"]) -> Estimate:
        """A parameter with its 90 % interval (delta method, t quantiles).

        Raises
        ------
        ValueError
            If the parameter was not fitted.
        """
        half = self._half_width(LEVEL)
        slope_error = half * np.sqrt(self._covariance[1, 1])
        if parameter == "exponent":
            s = self.exponent
            return Estimate(s, s - slope_error, s + slope_error, "", "measured")
        if parameter == "alpha":
            s = self.alpha
            return Estimate(s, s - slope_error, s + slope_error, "", "measured")
        if parameter == "A":
            direction = np.zeros(len(self._covariance))
            direction[:2] = 1.0, -self._centre
            error = half * np.sqrt(direction @ self._covariance @ direction)
            return Estimate(self.A, *_spread(self.A, error))
        if parameter == "E" and self._free_floor:
            error = half * np.sqrt(self._covariance[2, 2])
            return Estimate(self.E, *_spread(self.E, error))
        raise ValueError(f"{parameter!r} was not fitted; this law has exponent, alpha, A" + (
            " and E" if self._free_floor else ""))  # fmt: skip

    def band(
        self, x: np.ndarray, level: float = LEVEL, of: Literal["new run", "mean"] = "new run"
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Median and interval of the law at each x, for plots.

        Parameters
        ----------
        x : array of shape (n,)
        level : float
        of : {"new run", "mean"}
            Where a single new measurement will fall, noise included; or where the law itself runs.

        Returns
        -------
        median, low, high : arrays of shape (n,)
        """
        if of not in ("new run", "mean"):
            raise ValueError(f"of is {of!r}; allowed are 'new run' and 'mean'")
        if not 0 < level < 1:
            raise ValueError(f"level is {level}; give a probability between 0 and 1")
        x = np.asarray(x, dtype=float)
        median = self(x)
        share = 1 - self.E / median
        columns = [share, share * (np.log(x) - self._centre)]
        jacobian = np.stack(columns + ([1 - share] if self._free_floor else []), -1)
        variance = np.einsum("...i,ij,...j", jacobian, self._covariance, jacobian)
        if of == "new run":
            variance = variance + self.residual_sd**2
        return median, *_spread(median, self._half_width(level) * np.sqrt(variance))

    def predict(
        self,
        x: float,
        level: float = LEVEL,
        of: Literal["new run", "mean"] = "new run",
        unit: str = "",
    ) -> Forecast:
        """Forecast one new measurement at x (or the law there), by the delta method with t.

        The interval assumes this form of law and noise that is independent and of one relative
        size; it knows nothing of a bend beyond the data.
        """
        median, low, high = self.band(np.array([float(x)]), level, of)
        return Forecast(float(median[0]), float(low[0]), float(high[0]), level, unit)

    def solve(self, y: float) -> float:
        """The x at which the law reaches y.

        Raises
        ------
        ValueError
            If y is not above the irreducible part.
        """
        if not y > self.E:
            raise ValueError(f"y = {y:g} is never reached: the irreducible part is {self.E:g}")
        return float(((y - self.E) / self.A) ** (1 / self.exponent))

    def __str__(self) -> str:
        head = f"{self.E:.4g} + " if self.E else ""
        return f"{head}{self.A:.4g} x^{self.exponent:.4f}"


def _spread(value, error):
    """Ends of an interval of this half-width in the logarithm; the largest of numbers at most."""
    with np.errstate(over="ignore", under="ignore"):
        return value * np.exp(-error), np.minimum(value * np.exp(error), np.finfo(float).max)


def fit_power_law(
    x: np.ndarray,
    y: np.ndarray,
    irreducible: Literal["free", "none"] | float = "free",
    direction: Literal["falls", "grows"] = "falls",
) -> PowerLaw:
    """Fit y = E + A x^s by least squares in log y.

    Parameters
    ----------
    x, y : arrays of shape (n,)
        Positive numbers, in any unit: size or compute, and loss or cost.
    irreducible : {"free", "none"} or float
        E is fitted, absent (a straight line on log axes), or given, in the unit of y.
    direction : {"falls", "grows"}
        Losses fall with size (s < 0); costs grow (s > 0).

    Returns
    -------
    PowerLaw

    Raises
    ------
    ValueError
        For shapes that differ, values that are not positive and finite (with their rows), fewer
        distinct x than parameters plus one, or data that go the other way.

    Warns
    -----
    UserWarning
        If the fit has not converged, or the data do not determine an irreducible part.

    Notes
    -----
    The global optimum is found by variable projection over a grid of exponents followed by damped
    Newton steps with exact second derivatives (Golub and Pereyra, 1973; chapters 6 and 8).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.geomspace(1, 1000, 12)
    >>> law = fit_power_law(x, 1.5 + 2.0 * x**-0.5)
    >>> round(law.E, 6), round(law.A, 6), round(law.alpha, 6), law.converged
    (1.5, 2.0, 0.5, True)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if direction not in ("falls", "grows"):
        raise ValueError(f"direction is {direction!r}; allowed are 'falls' and 'grows'")
    if not (irreducible in ("free", "none") or isinstance(irreducible, int | float)):
        raise ValueError(f"irreducible is {irreducible!r}; allowed: 'free', 'none' or a number")
    _check(x, y, parameters=3 if irreducible == "free" else 2)
    sign = 1 if direction == "grows" else -1
    centre, middle = float(np.log(x).mean()), float(np.log(y).mean())
    log_x, log_y = np.log(x) - centre, np.log(y) - middle

    if irreducible == "none" or irreducible == 0:
        return _line(x, log_x, log_y, centre, middle, sign)
    if irreducible == "free":
        try:
            solution = solve(log_x, log_y, sign, None)
        except ValueError:
            solution = None
        slope = _slope(log_x, log_y)
        line = ((slope * log_x - log_y) ** 2).sum() / 2  # what E = 0 reaches
        if (
            solution is None
            or line <= solution.objective
            or np.exp(solution.parameters[2]) < NEGLIGIBLE * np.exp(log_y.min())
        ):
            pure = _line(x, log_x, log_y, centre, middle, sign)
            warnings.warn(
                "no irreducible part is seen in these data: fitted without one", stacklevel=2
            )
            return pure
        floor = float(np.exp(solution.parameters[2] + middle))
    else:
        floor = float(irreducible)
        if not 0 < floor < y.min():
            raise ValueError(f"irreducible is {floor:g}; it must lie between 0 and {y.min():g}")
        _check_way(_slope(log_x, log_y), sign)
        solution = solve(log_x, log_y, sign, floor / np.exp(middle))
    if not solution.converged:
        warnings.warn(
            f"the fit has not converged: its gradient is {solution.gradient_norm:.2g}", stacklevel=2
        )
    slope = float(solution.parameters[1])
    scale = float(np.exp(solution.parameters[0] + middle - slope * centre))
    return _law(x, floor, scale, slope, solution, centre, irreducible == "free")


def _line(x, log_x, log_y, centre, middle, sign) -> PowerLaw:
    """The pure law: a straight line on log axes, in closed form."""
    slope = _slope(log_x, log_y)
    _check_way(slope, sign)
    residual = slope * log_x - log_y
    jacobian = np.stack([np.ones_like(log_x), log_x], 1)
    gradient = float(np.linalg.norm(jacobian.T @ residual))
    solution = Solution(
        np.array([0.0, slope]), float(residual @ residual / 2), gradient, jacobian, True
    )
    return _law(x, 0.0, float(np.exp(middle - slope * centre)), slope, solution, centre, False)


def _slope(log_x, log_y) -> float:
    return float(log_x @ log_y / (log_x @ log_x))


def _check_way(slope: float, sign: int) -> None:
    if slope * sign <= 0:
        wanted = "grows" if sign > 0 else "falls"
        raise ValueError(f"y goes the other way (slope {slope:.3g}); direction is {wanted!r}")


def _law(x, floor, scale, slope, solution, centre, free) -> PowerLaw:
    jacobian = solution.jacobian
    points, parameters = jacobian.shape
    variance = 2 * solution.objective / (points - parameters)
    lengths = np.sqrt((jacobian**2).sum(0))
    lengths = np.where(lengths > 0, lengths, 1.0)
    condition = float(np.linalg.cond(jacobian / lengths))
    inverse = np.linalg.pinv((jacobian / lengths).T @ (jacobian / lengths))
    covariance = variance * inverse / np.outer(lengths, lengths)
    return PowerLaw(
        E=floor,
        A=scale,
        exponent=slope,
        residual_sd=float(np.sqrt(variance)),
        objective=solution.objective,
        gradient_norm=solution.gradient_norm,
        condition=condition,
        converged=solution.converged,
        points=points,
        reach=(float(x.min()), float(x.max())),
        _free_floor=free,
        _covariance=covariance,
        _centre=centre,
    )


def _check(x: np.ndarray, y: np.ndarray, parameters: int) -> None:
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be two series of one length; got {x.shape} and {y.shape}")
    for name, values in (("x", x), ("y", y)):
        bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
        if len(bad):
            raise ValueError(
                f"{name} must be positive and finite on log axes; "
                f"row {bad[0]} has {values[bad[0]]} ({len(bad)} such rows)"
            )
    if len(np.unique(x)) <= parameters:
        raise ValueError(
            f"{parameters} parameters need at least {parameters + 1} distinct x; "
            f"got {len(np.unique(x))}"
        )
