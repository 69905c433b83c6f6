"""`fit_broken_power_law`: a power law whose exponent changes, smoothly, at some size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from course_lib.scaling import checks
from course_lib.scaling.curve import CurveLaw
from course_lib.scaling.fitting import Fit, fit
from course_lib.scaling.forms import Form
from course_lib.scaling.identification import clearly_worse, warn_of

BREAK = ("first_exponent", "second_exponent", "break_at", "softness")


@dataclass(frozen=True)
class BrokenPowerLaw(CurveLaw):
    """The law E + ((A_1 x^s_1)^(1/g) + (A_2 x^s_2)^(1/g))^g.

    Attributes
    ----------
    E : float
        Irreducible part, in the unit of y.
    first_exponent, second_exponent : float
        Signed slopes on log axes well before and well after the break.
    break_at : float
        The x where both power laws are equal.
    softness : float
        g: the larger its size, the wider the bend. Positive where the flatter law wins in the end,
        negative where the steeper does.
    reach : tuple of float
        The smallest and the largest x in the data.
    """

    E: float
    first_exponent: float
    second_exponent: float
    break_at: float
    softness: float
    reach: tuple[float, float]

    def _public(self, theta):
        return _public(self._fit, theta)

    @property
    def _slopes(self):
        fitted = self._fit
        axes, theta = np.eye(fitted.form.size), fitted.theta
        first, second = (int(at[0]) for at in _order(fitted.form, theta[None]))
        apart = theta[1] - theta[3]
        log_break = (theta[2] - theta[0]) / apart
        known = {
            "first_exponent": axes[first],
            "second_exponent": axes[second],
            "break_at": (axes[2] - axes[0] - log_break * (axes[1] - axes[3])) / apart,
            "softness": axes[fitted.form.softness_at],
        }
        return known | ({"E": axes[-1]} if fitted.form.free_floor and self.E > 0 else {})

    def _solved(self, target, theta):
        form, middle = self._fit.form, self._fit.middle
        wanted = np.log(target - self._public(theta)["E"]) - middle
        low, high = np.full(len(theta), -1500.0), np.full(len(theta), 1500.0)
        g = form.softness(theta)[:, 0]
        for _ in range(80):  # bisection: the law is monotone in log x
            log_x = (low + high) / 2
            first, second = (theta[:, k] + theta[:, k + 1] * log_x for k in (0, 2))
            short = (g * np.logaddexp(first / g, second / g) - wanted) * self._fit.sign < 0
            low, high = np.where(short, log_x, low), np.where(short, high, log_x)
        return log_x + self._fit.centres[0]

    def __str__(self) -> str:
        head = f"{self.E:.4g} + " if self.E else ""
        return (
            f"{head}x^{self.first_exponent:.4f} before {self.break_at:.4g}, "
            f"x^{self.second_exponent:.4f} after"
        )


def fit_broken_power_law(
    x: np.ndarray,
    y: np.ndarray,
    irreducible: Literal["free", "none"] = "none",
    direction: Literal["falls", "grows"] = "falls",
    *,
    loss: Literal["squares", "huber", "absolute"] = "squares",
    delta: float = 1e-3,
    weights: np.ndarray | None = None,
    replicates: bool | np.ndarray | None = None,
) -> BrokenPowerLaw:
    """Fit a power law with one smooth break in log y.

    Parameters
    ----------
    x, y : arrays of shape (n,)
        As in `fit_power_law`.
    irreducible : {"none", "free"}
        The break often takes the irreducible part's place; both together need many points.
    direction : {"falls", "grows"}
        The sign of both exponents.
    loss, delta, weights, replicates
        As in `fit_power_law`.

    Returns
    -------
    BrokenPowerLaw

    Raises
    ------
    ValueError
        As `fit_power_law`; the law has 5 parameters, with an irreducible part 6.

    Notes
    -----
    With one break this is the broken neural scaling law of Caballero et al. (2023, eq. 1). Bends
    to a flatter and to a steeper law are both tried and the better is kept. See chapter 10.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.geomspace(1, 1e4, 25)
    >>> law = fit_broken_power_law(x, x**-0.2 * (1 + x / 100) ** -0.3)
    >>> print(law)
    x^-0.2000 before 100, x^-0.5000 after
    """
    checks.one_of("direction", direction, ("falls", "grows"))
    checks.one_of("irreducible", irreducible, ("none", "free"))
    x, y = checks.series(x=x, y=y)
    free = irreducible == "free"
    checks.enough(len(np.unique(x)), 5 + free)
    if not checks.several(replicates):
        checks.increasing(x)
    sign = 1 if direction == "grows" else -1
    how = {
        "loss": loss, "delta": delta, "weights": checks.weights(weights, len(x)),
        "groups": checks.labels(replicates, len(x)),
    }  # fmt: skip
    tried = [
        fit(Form(2, free_floor=free, free_softness=True, soft_sign=bend), sign, [x, x], y, **how)
        for bend in (1, -1)
    ]
    fitted = min(tried, key=lambda found: found.objective)
    names = ("A", "first_exponent", "A", "second_exponent", "softness", *["E"] * free)
    straight = fit(Form(1, free_floor=free), sign, [x], y, **how)
    bends = clearly_worse(straight.objective, fitted.objective, 3, fitted.degrees_of_freedom)
    unknown = warn_of(fitted, names, 2, () if bends else BREAK)
    public = {name: float(rows[0]) for name, rows in _public(fitted, fitted.theta[None]).items()}
    return BrokenPowerLaw(unknown, fitted, **public, reach=(float(x.min()), float(x.max())))


def _public(fitted: Fit, theta: np.ndarray) -> dict[str, np.ndarray]:
    rows = np.arange(len(theta))
    first, second = _order(fitted.form, theta)
    apart = theta[:, 1] - theta[:, 3]
    log_break = (theta[:, 2] - theta[:, 0]) / np.where(apart == 0, np.nan, apart)
    return {
        "E": fitted.irreducible(theta),
        "first_exponent": theta[rows, first],
        "second_exponent": theta[rows, second],
        "break_at": np.exp(np.clip(log_break + fitted.centres[0], -700, 700)),
        "softness": fitted.form.softness(theta)[:, 0],
    }


def _order(form: Form, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the exponents before and after the break.

    The larger term rules where g > 0: at small x that is the one with the smaller exponent.
    """
    small = np.where(theta[:, 1] <= theta[:, 3], 1, 3)
    large = 4 - small
    return (small, large) if form.soft_sign > 0 else (large, small)
