"""`fit_power_law`: y = E + A x^s, with or without the irreducible part E, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from course_lib.scaling import checks
from course_lib.scaling.curve import CurveLaw
from course_lib.scaling.fitting import fit
from course_lib.scaling.forms import Form
from course_lib.scaling.identification import warn_of
from course_lib.scaling.replicates import CONSTANT, noise_trend


@dataclass(frozen=True)
class PowerLaw(CurveLaw):
    """The law y = E + A x^exponent, fitted in log y.

    Attributes
    ----------
    E, A : float
        Irreducible part and factor, in the unit of y.
    exponent : float
        The signed slope on log axes, where E does not matter: losses fall, costs grow.
    reach : tuple of float
        The smallest and the largest x in the data.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.geomspace(1, 1000, 10)
    >>> noise = np.exp(0.01 * np.random.default_rng(0).standard_normal(10))
    >>> law = fit_power_law(x, (1.5 + 4 / x**0.5) * noise)
    >>> print(law.predict(1e5, unit="nat"))
    1.5 nat [1.46, 1.53] at 0.9
    >>> print(law.estimate("alpha"))
    0.491 [0.475, 0.507] (measured)
    >>> low, high = law.solve_interval(1.6, n=200)
    >>> low < law.solve(1.6) < high
    True
    >>> law.bootstrap(200).columns.tolist(), law.unidentified
    (['E', 'A', 'exponent', 'alpha'], ())
    """

    E: float
    A: float
    exponent: float
    reach: tuple[float, float]

    @property
    def alpha(self) -> float:
        """The exponent of a loss, counted positive: ``-exponent``."""
        return -self.exponent

    def _public(self, theta):
        return {
            "E": self._fit.irreducible(theta),
            "A": self._fit.factor(theta, 0),
            "exponent": theta[:, 1],
            "alpha": -theta[:, 1],
        }

    @property
    def _slopes(self):
        axes = np.eye(self._fit.form.size)
        known = {
            "exponent": axes[1],
            "alpha": axes[1],
            "A": axes[0] - self._fit.centres[0] * axes[1],
        }
        return known | ({"E": axes[-1]} if self._fit.form.free_floor and self.E > 0 else {})

    def _solved(self, target, theta):
        table = self._public(theta)
        return (np.log(target - table["E"]) - np.log(table["A"])) / table["exponent"]

    def __str__(self) -> str:
        head = f"{self.E:.4g} + " if self.E else ""
        return f"{head}{self.A:.4g} x^{self.exponent:.4f}"


def fit_power_law(
    x: np.ndarray,
    y: np.ndarray,
    irreducible: Literal["free", "none"] | float = "free",
    direction: Literal["falls", "grows"] = "falls",
    *,
    loss: Literal["squares", "huber", "absolute"] = "squares",
    delta: float = 1e-3,
    weights: np.ndarray | None = None,
    replicates: bool | np.ndarray | None = None,
) -> PowerLaw:
    """Fit y = E + A x^s in log y.

    Parameters
    ----------
    x, y : arrays of shape (n,)
        Positive numbers, in any unit: size or compute in increasing order, and loss or cost.
    irreducible : {"free", "none"} or float
        E is fitted, absent (a straight line on log axes), or given, in the unit of y.
    direction : {"falls", "grows"}
        Losses fall with size (s < 0); costs grow (s > 0).
    loss : {"squares", "huber", "absolute"}
        Of the residuals of log y; Huber's is quadratic up to ``delta``.
    weights : array of shape (n,), optional
        Inverse variances of log y, up to a factor.
    replicates : True or array of shape (n,), optional
        Several runs of a size. ``True``: they are independent. Labels: rows of one label share
        something, such as a seed, and are resampled together. Where the scatter within sizes
        changes with size, the fit is weighted by it and a forecast carries it on.

    Returns
    -------
    PowerLaw

    Raises
    ------
    ValueError
        For shapes that differ, values that are not positive and finite, sizes that repeat or
        decrease (with their rows), fewer distinct x than parameters plus one, or data that go the
        other way.

    Warns
    -----
    UserWarning
        If the fit has not converged.
    NotIdentified
        If the data do not determine a parameter, say the irreducible part (a UserWarning too).

    Notes
    -----
    The global optimum is found by variable projection over a grid of exponents followed by damped
    Newton steps with exact second derivatives (Golub and Pereyra, 1973). See chapters 6 and 8.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.geomspace(1, 1000, 12)
    >>> law = fit_power_law(x, 1.5 + 2.0 * x**-0.5)
    >>> round(law.E, 6), round(law.A, 6), round(law.alpha, 6), law.converged
    (1.5, 2.0, 0.5, True)
    """
    checks.one_of("direction", direction, ("falls", "grows"))
    x, y = checks.series(x=x, y=y)
    free, floor = checks.irreducible(irreducible, y)
    checks.enough(len(np.unique(x)), 2 + free)
    several = checks.several(replicates)
    if not several:
        checks.increasing(x)
    groups = checks.labels(replicates, len(x))
    sign = 1 if direction == "grows" else -1
    _check_way(np.log(x), np.log(y), sign)
    trend = noise_trend(np.log(x), np.log(y)) if several else CONSTANT
    fitted = fit(
        Form(1, free_floor=free), sign, [x], y,
        loss=loss, delta=delta, weights=checks.weights(weights, len(x)),
        groups=groups, trend=trend, floor=floor,
    )  # fmt: skip
    unknown = warn_of(fitted, ("A", "exponent", "E"), 2)
    theta = fitted.theta[None]
    return PowerLaw(
        unknown,
        fitted,
        E=float(fitted.irreducible(theta)[0]) if floor is None else floor,
        A=float(fitted.factor(theta, 0)[0]),
        exponent=float(fitted.theta[1]),
        reach=(float(x.min()), float(x.max())),
    )


def _check_way(log_x: np.ndarray, log_y: np.ndarray, sign: int) -> None:
    away = log_x - log_x.mean()
    slope = float(away @ log_y / (away @ away))
    if slope * sign <= 0:
        wanted = "grows" if sign > 0 else "falls"
        raise ValueError(f"y goes the other way (slope {slope:.3g}); direction is {wanted!r}")
