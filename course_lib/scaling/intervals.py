"""Three intervals for log y at a new place: delta method, profile likelihood, bootstrap."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import stats

from course_lib.scaling.checks import one_of
from course_lib.scaling.descent import Solutions
from course_lib.scaling.fitting import Fit

Of = Literal["new run", "mean"]
Method = Literal["delta", "profile", "bootstrap"]
METHODS = ("delta", "profile", "bootstrap")
KINDS = ("pairs", "residual", "wild")

_NEAR = np.array([0.6, 0.9, 1.2, 1.8])  # in half-widths of the delta method
_FAR = np.array([3.0, 5.0, 9.0, 20.0])
_PROFILE_STEPS = 80  # a crossing is wanted to a thousandth, not to the last digit
_PINNED = 1e4  # weight of a point through which the law must go
_WORST = 25.0  # of a half-width in log y: e^25


def delta(fitted: Fit, log_x: np.ndarray, level: float, of: Of) -> tuple[np.ndarray, np.ndarray]:
    """Ends of log y at centred log_x (terms, n), by the delta method with t quantiles.

    Where law and noise have different degrees of freedom, they count as Welch (1947) has them.
    """
    parts = fitted.form.derivatives(fitted.theta[None], log_x)
    jacobian = parts.jacobian[0].T
    law = np.maximum(np.einsum("ni,ij,nj->n", jacobian, fitted.covariance, jacobian), 0.0)
    noise = fitted.new_variance(log_x) if of == "new run" else np.zeros_like(law)
    total = law + noise
    freedom = fitted.degrees_of_freedom
    if fitted.groups is not None:
        split = law**2 / fitted.mean_freedom + noise**2 / freedom
        freedom = np.maximum(total**2 / np.where(split > 0, split, 1.0), 1.0)
    half = stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(total)
    middle = parts.prediction[0]
    return middle - half, middle + half


def profile(fitted: Fit, log_x: np.ndarray, level: float, of: Of) -> tuple[np.ndarray, np.ndarray]:
    """Ends of log y at centred log_x (terms, n), by refitting with the answer given.

    A value is inside if the law that goes through it (of a new run: the law fitted with it as one
    more run) costs no more than t^2 variances of extra squares (Bates and Watts, 1988, section
    6.1). Exact for a straight line, and it keeps bends and bounds that the delta method loses.
    """
    ends = np.array([_profile_one(fitted, log_x[:, i], level, of) for i in range(log_x.shape[1])])
    return ends[:, 0], ends[:, 1]


def _profile_one(fitted, place, level, of):
    """Ends at one place: a ladder of values on both sides, then once more at the crossing."""
    middle = float(fitted.form.log_y(fitted.theta[None], place[:, None])[0, 0])
    relative = float(fitted.trend.relative_sd(place[:1])[0])
    weight = relative**-2 if of == "new run" else _PINNED
    limit = float(stats.t.ppf((1 + level) / 2, fitted.degrees_of_freedom))
    low, high = delta(fitted, place[:, None], level, of)
    unit = float(np.clip((high - low)[0] / 2, np.sqrt(fitted.variance) + 1e-9, 3.0))

    def climb(steps):  # (2, n) half-widths down and up -> the root of the extra squares there
        return _extra(fitted, place, middle, steps, weight)

    steps = np.array([unit * _NEAR, unit * _NEAR])
    roots = climb(steps)
    if (roots.max(1) <= limit).any():
        more = np.array([unit * _FAR, unit * _FAR])
        steps, roots = np.hstack([steps, more]), np.hstack([roots, climb(more)])
    guess = np.array([_crossing(*side, limit) for side in zip(steps, roots, strict=True)])
    steps, roots = np.hstack([steps, guess[:, None]]), np.hstack([roots, climb(guess[:, None])])
    below, above = (_crossing(*side, limit) for side in zip(steps, roots, strict=True))
    return middle - below, middle + above


def _crossing(steps, roots, limit):
    """Where a rising series of roots reaches the limit, by linear interpolation from nought."""
    order = np.argsort(steps)
    steps = np.append(0.0, steps[order])
    roots = np.append(0.0, np.maximum.accumulate(roots[order]))
    k = int(np.searchsorted(roots, limit))
    if k == len(roots):
        return _WORST
    share = (limit - roots[k - 1]) / max(roots[k] - roots[k - 1], 1e-300)
    return float(steps[k - 1] + share * (steps[k] - steps[k - 1]))


def _extra(fitted, place, middle, steps, weight):
    """The root of the extra squares, in variances, of an answer so far below and above the law."""
    away = np.concatenate([-steps[0], steps[1]])
    rows = len(away)
    log_x = np.concatenate([fitted.log_x, place[:, None]], 1)
    data = np.broadcast_to(fitted.log_y, (rows, fitted.points))
    log_y = np.concatenate([data, middle + away[:, None]], 1)
    found = fitted.refit(log_y, np.append(fitted.weights, weight)[None], log_x,
                         fitted.towards(place, away), _PROFILE_STEPS)  # fmt: skip
    extra = 2 * (found.objective - fitted.objective) / max(fitted.variance, 1e-300)
    return np.sqrt(np.maximum(extra, 0.0)).reshape(2, -1)


def resample(fitted: Fit, number: int, seed: int, kind: str) -> Solutions:
    """Fits to resamples of the data: the parameters of each, shape (number, size).

    Pairs: rows are drawn with replacement (Efron, 1979). Residual: centred residuals, widened by
    sqrt(n / (n - p)), are drawn and added to the law. Wild: each residual keeps its row and takes
    one of Mammen's (1993) two factors, so that noise may differ from row to row. Rows of one label
    are drawn together.
    """
    one_of("kind", kind, KINDS)
    if not number >= 1:
        raise ValueError(f"n is {number}; give the number of resamples, at least 1")
    rng = np.random.default_rng(seed)
    groups = np.arange(fitted.points) if fitted.groups is None else fitted.groups
    count = int(groups.max()) + 1
    if kind == "pairs":
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=number)
        return fitted.refit(fitted.log_y[None], drawn[:, groups] * fitted.weights)
    law = fitted.log_y - fitted.residuals
    widened = fitted.residuals * np.sqrt(fitted.points / fitted.degrees_of_freedom)
    if kind == "residual":
        scaled = widened * np.sqrt(fitted.weights)
        scaled = scaled - scaled.mean()
        if fitted.groups is None:
            at = rng.integers(0, fitted.points, (number, fitted.points))
            noise = scaled[at] / np.sqrt(fitted.weights)
        else:
            noise = _whole_groups(rng, scaled, groups, number) / np.sqrt(fitted.weights)
        return fitted.refit(law + noise, fitted.weights[None])
    golden = (1 + np.sqrt(5)) / 2
    often = golden / np.sqrt(5)
    factors = np.where(rng.random((number, count)) < often, 1 - golden, golden)
    return fitted.refit(law + factors[:, groups] * widened, fitted.weights[None])


def _whole_groups(rng, values, groups, number):
    """Residuals of whole groups in the place of others; groups must have one size."""
    sizes = np.bincount(groups)
    if len(set(sizes)) > 1:
        raise ValueError(
            f"labels have {sizes.min()} to {sizes.max()} rows; a residual bootstrap of whole "
            "labels needs as many in each: use kind='wild' or 'pairs'"
        )
    order = np.argsort(groups, kind="stable").reshape(len(sizes), -1)
    noise = np.empty((number, len(values)))
    drawn = rng.integers(0, len(sizes), (number, len(sizes)))
    noise[:, order.ravel()] = values[order[drawn]].reshape(number, -1)
    return noise


def bootstrap(
    fitted: Fit, log_x: np.ndarray, level: float, of: Of, number: int, seed: int, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of log y at centred log_x (terms, n): quantiles over resamples, with noise added."""
    draws = resample(fitted, number, seed, kind)
    values = fitted.form.log_y(draws.parameters, log_x)  # (number, n)
    if of == "new run":
        rng = np.random.default_rng([seed, 1])
        scaled = np.sqrt(fitted.weights) * fitted.residuals
        scaled = scaled * np.sqrt(fitted.points / fitted.degrees_of_freedom)
        relative = np.sqrt(fitted.new_variance(log_x) / max(fitted.variance, 1e-300))
        values = values + rng.choice(scaled, values.shape) * relative
    return tuple(np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0))


def interval(
    fitted: Fit, log_x: np.ndarray, level: float, of: Of, method: Method, seed: int, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of log y at centred log_x (terms, n)."""
    one_of("of", of, ("new run", "mean"))
    one_of("method", method, METHODS)
    if method == "bootstrap":
        return bootstrap(fitted, log_x, level, of, number, seed, "pairs")
    if method == "profile":
        if np.isfinite(fitted.losses[-1].delta) or fitted.groups is not None:
            raise ValueError(
                "a profile needs least squares of independent rows; "
                "use method='delta' or 'bootstrap'"
            )
        return profile(fitted, log_x, level, of)
    return delta(fitted, log_x, level, of)
