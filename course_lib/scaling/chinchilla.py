"""`fit_chinchilla` and `fit_kaplan`: loss by parameters and tokens, and how best to spend FLOP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from course_lib.quantities import LEVEL, Forecast
from course_lib.scaling import checks
from course_lib.scaling.allocation import (
    FLOP_PER_PARAMETER_AND_TOKEN,
    Allocation,
    optimal_allocation,
)
from course_lib.scaling.fitting import Fit, fit
from course_lib.scaling.forms import Form
from course_lib.scaling.identification import warn_of
from course_lib.scaling.intervals import Method, Of
from course_lib.scaling.law import Law
from course_lib.scaling.losses import LOSSES


@dataclass(frozen=True)
class ChinchillaLaw(Law):
    """The law E + (A^(1/g) N^(-alpha/g) + B^(1/g) D^(-beta/g))^g of N parameters and D tokens.

    Attributes
    ----------
    E, A, B : float
        Irreducible loss and factors, in the unit of the loss.
    alpha, beta : float
        Exponents of parameters and of tokens, counted positive.
    softness : float
        g: 1 in the law of Hoffmann et al. (2022, eq. 2), free in `fit_kaplan`.
    reach : tuple of float
        The smallest and the largest training compute in the data, 6 N D FLOP.
    """

    E: float
    A: float
    alpha: float
    B: float
    beta: float
    softness: float
    reach: tuple[float, float]

    def __call__(
        self, parameters: float | np.ndarray, tokens: float | np.ndarray
    ) -> float | np.ndarray:
        """The loss of a model of so many parameters after so many tokens."""
        return self._value(parameters, tokens)

    def _public(self, theta):
        return _public(self._fit, theta)

    @property
    def _slopes(self):
        axes, centres = np.eye(self._fit.form.size), self._fit.centres
        known = {
            "A": axes[0] - centres[0] * axes[1],
            "alpha": axes[1],
            "B": axes[2] - centres[1] * axes[3],
            "beta": axes[3],
        }
        if self._fit.form.free_floor and self.E > 0:
            known["E"] = axes[-1]
        if self._fit.form.free_softness:
            known["softness"] = axes[self._fit.form.softness_at]
        return known

    def band(
        self,
        parameters: np.ndarray,
        tokens: np.ndarray,
        level: float = LEVEL,
        of: Of = "new run",
        method: Method | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Median and interval of the loss at each pair, three arrays of shape (n,), for plots."""
        return self._band([parameters, tokens], level, of, method)

    def predict(
        self,
        parameters: float,
        tokens: float,
        level: float = LEVEL,
        of: Of = "new run",
        unit: str = "",
        method: Method | None = None,
        seed: int = 0,
        resamples: int = 1000,
    ) -> Forecast:
        """Forecast the loss of one new run, or of the law there.

        Parameters
        ----------
        parameters, tokens : float
        level : float
        of : {"new run", "mean"}
            The interval covers a new run, noise included; or only the law.
        unit : str
            Of the loss.
        method : {"delta", "profile", "bootstrap"}, optional
            Without one: the delta method for a robust loss, the profile for least squares. For a
            robust loss the delta method's covariance lets noise differ from place to place
            (Powell, 1991), as it does in the published runs of Hoffmann et al.
        seed, resamples : int
            Of the bootstrap.
        """
        return self._predict([parameters, tokens], level, of, unit, method, seed, resamples)

    def compute_optimal(self, flop: float) -> Allocation:
        """Parameters and tokens that reach the lowest loss with 6 N D = flop.

        As `optimal_allocation`: both grow as powers of compute.

        Examples
        --------
        >>> import numpy as np
        >>> n, d = np.meshgrid(np.geomspace(1e7, 1e10, 5), np.geomspace(1e9, 1e12, 5))
        >>> n, d = n.ravel(), d.ravel()
        >>> law = fit_chinchilla(n, d, 1.8 + 400 / n**0.34 + 400 / d**0.34)
        >>> best = law.compute_optimal(6e20)
        >>> f"{best.parameters:.3g} {best.tokens:.3g}"
        '1e+10 1e+10'
        """
        flop = checks.positive("flop", flop)
        best = optimal_allocation(
            flop, self.A, self.alpha, self.B, self.beta, softness=self.softness
        )
        return Allocation(*(float(amount) for amount in best))

    def _solved(self, target, theta):
        table = self._public(theta)
        g = table.get("softness", self.softness)
        alpha, beta = table["alpha"], table["beta"]
        unit = FLOP_PER_PARAMETER_AND_TOKEN
        n, d = optimal_allocation(unit, table["A"], alpha, table["B"], beta, softness=g)
        parts = [np.log(table["A"]) - alpha * np.log(n), np.log(table["B"]) - beta * np.log(d)]
        reducible = g * np.logaddexp(parts[0] / g, parts[1] / g)
        # Along the best allocation the reducible loss is one power of compute.
        wanted = np.log(target - table["E"])
        return np.log(unit) + (reducible - wanted) * (alpha + beta) / (alpha * beta)

    def __str__(self) -> str:
        floor = f"{self.E:.4g} + " if self.E else ""
        if not self._fit.form.free_softness:
            return f"{floor}{self.A:.4g} N^-{self.alpha:.4f} + {self.B:.4g} D^-{self.beta:.4f}"
        return (
            f"{floor}(({self.A:.4g} N^-{self.alpha:.4f})^(1/g) + "
            f"({self.B:.4g} D^-{self.beta:.4f})^(1/g))^g, g = {self.softness:.3f}"
        )


def fit_chinchilla(
    parameters: np.ndarray,
    tokens: np.ndarray,
    loss: np.ndarray,
    delta: float = 1e-3,
    *,
    objective: Literal["huber", "squares", "absolute"] = "huber",
    irreducible: Literal["free", "none"] | float = "free",
    weights: np.ndarray | None = None,
    replicates: bool | np.ndarray | None = None,
) -> ChinchillaLaw:
    """Fit loss = E + A N^-alpha + B D^-beta in log loss.

    Parameters
    ----------
    parameters, tokens : arrays of shape (n,)
        Of each run. Say in your text whether embeddings are counted: it moves A and alpha.
    loss : array of shape (n,)
        Final loss of each run, for example in nats per token.
    delta : float
        Edge of Huber's loss, in units of log loss: beyond it a residual counts linearly.
    objective : {"huber", "squares", "absolute"}
        What is summed over the runs. The absolute value is the limit of a small ``delta``.
    irreducible : {"free", "none"} or float
    weights : array of shape (n,), optional
        Inverse variances of log loss, up to a factor.
    replicates : True or array of shape (n,), optional
        Several runs of one (N, D), or labels of runs that share something; see `fit_power_law`.

    Returns
    -------
    ChinchillaLaw

    Raises
    ------
    ValueError
        For shapes that differ, values that are not positive and finite, a pair (N, D) that repeats
        (with its rows), or fewer distinct pairs than parameters of the law plus one.

    Warns
    -----
    UserWarning
        If the fit has not converged, or the data do not determine a parameter (`NotIdentified`).

    Notes
    -----
    The objective is the *sum* over runs, as in Besiroglu et al. (2024); the mean makes optimisers
    stop early. Variable projection over both exponents, then damped Newton: the optimum of
    Hoffmann et al. (2022, approach 3) without its 4,500 starts. See chapter 8.

    Examples
    --------
    >>> import numpy as np
    >>> n, d = np.meshgrid(np.geomspace(1e7, 1e10, 5), np.geomspace(1e9, 1e12, 5))
    >>> n, d = n.ravel(), d.ravel()
    >>> law = fit_chinchilla(n, d, 1.8 + 480 / n**0.35 + 2000 / d**0.37)
    >>> print(law)
    1.8 + 480 N^-0.3500 + 2000 D^-0.3700
    >>> print(law.predict(7e10, 1.4e12, unit="nat"))
    1.94 nat [1.94, 1.94] at 0.9
    """
    return _fit(False, parameters, tokens, loss, delta, objective, irreducible, weights, replicates)


def fit_kaplan(
    parameters: np.ndarray,
    tokens: np.ndarray,
    loss: np.ndarray,
    delta: float = 1e-3,
    *,
    objective: Literal["huber", "squares", "absolute"] = "huber",
    irreducible: Literal["free", "none"] | float = "free",
    weights: np.ndarray | None = None,
    replicates: bool | np.ndarray | None = None,
) -> ChinchillaLaw:
    """Fit loss = E + ((A N^-alpha)^(1/g) + (B D^-beta)^(1/g))^g in log loss.

    The form of Kaplan et al. (2020, eq. 1.5, where g is the exponent of tokens) with an irreducible
    loss and its own softness g: below 1 the larger of the two terms rules, so that the loss is
    limited by parameters *or* by tokens; 1 is the sum of `fit_chinchilla`.

    Parameters, errors and warnings are those of `fit_chinchilla`.

    Examples
    --------
    >>> import numpy as np
    >>> n, d = np.meshgrid(np.geomspace(1e2, 1e5, 7), np.geomspace(1e3, 1e6, 7))
    >>> n, d = n.ravel(), d.ravel()
    >>> loss = 0.5 + ((2 * n**-0.4) ** (1 / 0.6) + (9 * d**-0.5) ** (1 / 0.6)) ** 0.6
    >>> law = fit_kaplan(n, d, loss)
    >>> round(law.E, 5), round(law.alpha, 5), round(law.beta, 5), round(law.softness, 5)
    (0.5, 0.4, 0.5, 0.6)
    """
    return _fit(True, parameters, tokens, loss, delta, objective, irreducible, weights, replicates)


def _fit(
    free_softness, parameters, tokens, loss, delta, objective, irreducible, weights, replicates
):
    n, d, y = checks.series(parameters=parameters, tokens=tokens, loss=loss)
    checks.one_of("objective", objective, LOSSES)
    free, floor = checks.irreducible(irreducible, y)
    _check_pairs(n, d, replicates, 4 + free + free_softness)
    fitted = fit(
        Form(2, free_floor=free, free_softness=free_softness), -1, [n, d], y,
        loss=objective, delta=delta, weights=checks.weights(weights, len(n)),
        groups=checks.labels(replicates, len(n)), floor=floor,
    )  # fmt: skip
    names = ("A", "alpha", "B", "beta", *["softness"] * free_softness, *["E"] * free)
    unknown = warn_of(fitted, names, 3)
    public = {"softness": 1.0} | {
        name: float(rows[0]) for name, rows in _public(fitted, fitted.theta[None]).items()
    }
    if floor is not None:
        public["E"] = floor
    flop = FLOP_PER_PARAMETER_AND_TOKEN * n * d
    return ChinchillaLaw(unknown, fitted, **public, reach=(float(flop.min()), float(flop.max())))


def _public(fitted: Fit, theta: np.ndarray) -> dict[str, np.ndarray]:
    known = {
        "E": fitted.irreducible(theta),
        "A": fitted.factor(theta, 0),
        "alpha": -theta[:, 1],
        "B": fitted.factor(theta, 1),
        "beta": -theta[:, 3],
    }
    if fitted.form.free_softness:
        known["softness"] = fitted.form.softness(theta)[:, 0]
    return known


def _check_pairs(n, d, replicates, parameters: int) -> None:
    pairs = np.stack([n, d], 1)
    distinct, first, count = np.unique(pairs, axis=0, return_index=True, return_counts=True)
    if not checks.several(replicates) and (count > 1).any():
        twice = distinct[np.argmax(count > 1)]
        at = np.flatnonzero((pairs == twice).all(1))
        raise ValueError(
            f"rows {at[0]} and {at[1]} both have {twice[0]:g} parameters and {twice[1]:g} tokens; "
            "if these are several runs of one size, say so: replicates=True, or a label (a seed) "
            "for each row"
        )
    checks.enough(len(first), parameters, "pairs of parameters and tokens")
    for name, values in (("parameters", n), ("tokens", d)):
        if len(np.unique(values)) < 3:
            raise ValueError(
                f"{name} takes {len(np.unique(values))} value(s); its exponent needs 3 at least"
            )
