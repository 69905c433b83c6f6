"""From checked data to a fit: centring, start, descent, covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from course_lib.scaling.descent import STEPS, Solutions, minimise
from course_lib.scaling.forms import Form
from course_lib.scaling.losses import Loss, path
from course_lib.scaling.replicates import CONSTANT, NoiseTrend
from course_lib.scaling.starts import starts

NEGLIGIBLE = 1e-8  # share of the smallest y below which an irreducible part is none
STEEPEST, GENTLEST = 20.0, 1e-6  # exponents
SOFTEST, HARDEST = 10.0, 0.02  # the softness of a bend


@dataclass(frozen=True)
class Fit:
    """A form at its optimum, in centred logarithms, with the data it was fitted to.

    ``theta`` (size,), ``log_x`` (terms, points), ``log_y``, ``weights`` (points,); ``groups`` are
    codes of rows that share something (points,) or None; ``trend`` is of the noise along the first
    x. ``middle`` and ``centres`` (terms,) were subtracted from log y and log x.
    """

    form: Form
    sign: int
    losses: list[Loss]
    log_x: np.ndarray
    log_y: np.ndarray
    weights: np.ndarray
    groups: np.ndarray | None
    trend: NoiseTrend
    centres: np.ndarray
    middle: float
    theta: np.ndarray
    objective: float
    gradient_norm: float
    converged: bool
    at_bound: np.ndarray

    @property
    def points(self) -> int:
        """The number of rows."""
        return len(self.log_y)

    @property
    def degrees_of_freedom(self) -> int:
        """Rows less free parameters."""
        return self.points - self.form.size

    def irreducible(self, theta: np.ndarray) -> np.ndarray:
        """E of each row of parameters, in the unit of y."""
        return np.exp(self.form.log_level(theta)[:, 0] + self.middle)

    def factor(self, theta: np.ndarray, term: int) -> np.ndarray:
        """A of a term, for each row of parameters, in the unit of y."""
        log_a, slope = theta[:, 2 * term], theta[:, 2 * term + 1]
        return np.exp(log_a + self.middle - slope * self.centres[term])

    @cached_property
    def bounds(self) -> np.ndarray:
        """The box that the parameters stay in, shape (2, size)."""
        return box(self.form, self.sign, self.log_y)

    @cached_property
    def residuals(self) -> np.ndarray:
        """log y of the data less log y of the law."""
        return self.log_y - self.form.log_y(self.theta[None], self.log_x)[0]

    @cached_property
    def jacobian(self) -> np.ndarray:
        """Of log y by the parameters, shape (points, size)."""
        return self.form.derivatives(self.theta[None], self.log_x).jacobian[0].T

    @cached_property
    def variance(self) -> float:
        """Of log y about the law at weight 1, as the scatter of the residuals shows it."""
        residual = np.sqrt(self.weights) * self.residuals
        if np.isinf(self.losses[-1].delta):
            return float(residual @ residual / self.degrees_of_freedom)
        robust = 1.4826 * np.median(np.abs(residual))
        return float(robust**2 * self.points / self.degrees_of_freedom)

    @cached_property
    def condition(self) -> float:
        """Condition number of the weighted Jacobian with columns of length 1."""
        scaled, _ = self._scaled_jacobian
        return float(np.linalg.cond(scaled))

    @property
    def _scaled_jacobian(self):
        weighted = np.sqrt(self.weights)[:, None] * self.jacobian
        lengths = np.sqrt((weighted**2).sum(0))
        lengths = np.where(lengths > 0, lengths, 1.0)
        return weighted / lengths, lengths

    @cached_property
    def covariance(self) -> np.ndarray:
        """Of the parameters, shape (size, size).

        Squares of independent rows: variance times (J^T W J)^-1. Otherwise the sandwich: the scores
        of the rows, or their sums over rows that share something, times G/(G - 1) (Liang and Zeger,
        1986), between the inverses of the curvature. Under a robust loss that comes from the rows
        near the law (Powell, 1991), so that noise may differ from place to place.
        """
        scaled, lengths = self._scaled_jacobian
        loss = self.losses[-1]
        bread = np.linalg.pinv((scaled * self._curvature[:, None]).T @ scaled)
        if self.groups is None and np.isinf(loss.delta):
            return self.variance * bread / np.outer(lengths, lengths)
        scores = scaled * (np.sqrt(self.weights) * loss.slope(self.residuals))[:, None]
        if self.groups is None:
            meat = scores.T @ scores * self.points / self.degrees_of_freedom
        else:
            number = self.groups.max() + 1
            each = np.zeros((number, self.form.size))
            np.add.at(each, self.groups, scores)
            meat = each.T @ each * number / (number - 1)
        return bread @ meat @ bread / np.outer(lengths, lengths)

    @property
    def _curvature(self) -> np.ndarray:
        """The loss's second derivative, expected at each row, shape (points,).

        Of a robust loss it is the density of residuals at zero, seen through a window twice as wide
        as Silverman's (1986, eq. 3.28): with his own, intervals from few points came out narrow.
        """
        delta = self.losses[-1].delta
        if np.isinf(delta):
            return np.ones(self.points)
        window = 2.12 * np.sqrt(self.variance) * self.points**-0.2
        window = np.maximum(delta, window / np.sqrt(self.weights))
        near = np.abs(self.residuals) <= window
        return (near if near.sum() >= self.form.size else near.mean()) * delta / window

    @property
    def mean_freedom(self) -> int:
        """Degrees of freedom of the law's own uncertainty."""
        return self.degrees_of_freedom if self.groups is None else int(self.groups.max())

    def new_variance(self, log_x: np.ndarray) -> np.ndarray:
        """Variance of a new run's log y at centred log_x (terms, n)."""
        return self.variance * self.trend.relative_sd(log_x[0]) ** 2

    def refit(
        self,
        log_y: np.ndarray,
        weights: np.ndarray,
        log_x: np.ndarray | None = None,
        begin: np.ndarray | None = None,
        steps: int = STEPS,
    ) -> Solutions:
        """The optimum for each of several data sets, (rows or 1, points), from near this one."""
        rows = max(len(log_y), len(weights))
        log_x = self.log_x if log_x is None else log_x
        if begin is None:
            begin = np.repeat(self._interior[None], rows, 0)
        best = minimise(self.form, log_x, log_y, weights, begin, self.bounds, self.losses, steps)
        if not (self.form.terms == 1 and self.form.free_floor):
            return best
        # The other valley of this form: no irreducible part, a straight line on log axes.
        pure = replace(self.form, free_floor=False)
        line = minimise(pure, log_x, log_y, weights, begin[:, :2], self.bounds[:, :2], self.losses)
        none = np.full((rows, 1), self.bounds[0, 2])
        lower = line.objective < best.objective
        return Solutions(
            np.where(lower[:, None], np.hstack([line.parameters, none]), best.parameters),
            np.where(lower, line.objective, best.objective),
            np.where(lower[:, None], np.hstack([line.gradient, 0 * none]), best.gradient),
            np.where(lower, line.converged, best.converged),
            np.where(lower[:, None], np.hstack([line.at_bound, none < 0]), best.at_bound),
        )

    def towards(self, place: np.ndarray, away: np.ndarray) -> np.ndarray:
        """Starts for laws that pass so far (rows,) above this one at centred log_x (terms,).

        For a straight line these are the optima: the parameters move along their covariance.
        """
        begin = self._interior
        direction = self.form.derivatives(begin[None], place[:, None]).jacobian[0, :, 0]
        pull = self.covariance @ direction
        step = away[:, None] * pull / max(float(direction @ pull), 1e-300)
        return begin + np.clip(step, -1.0, 1.0)

    @property
    def _interior(self) -> np.ndarray:
        """The optimum; where that has no irreducible part, a start that has one."""
        if not self.form.free_floor or np.isfinite(self.theta[-1]):
            return self.theta
        floor = np.exp(self.log_y.min()) / 2
        begin = self.theta.copy()
        begin[-1] = np.log(floor)
        begin[1 : 2 * self.form.terms : 2] *= 1.5
        return begin


def box(form: Form, sign: int, log_y: np.ndarray) -> np.ndarray:
    """What is physical: exponents of one sign, an irreducible part below all that was seen."""
    exponent = sorted((sign * GENTLEST, sign * STEEPEST))
    sides = [(-700.0, 700.0), exponent] * form.terms
    if form.free_softness:
        sides.append((np.log(HARDEST), np.log(SOFTEST)))
    if form.free_floor:
        sides.append((log_y.min() + np.log(NEGLIGIBLE), log_y.max()))
    return np.array(sides, dtype=float).T


def fit(
    form: Form,
    sign: int,
    xs: list[np.ndarray],
    y: np.ndarray,
    *,
    loss: str,
    delta: float,
    weights: np.ndarray,
    groups: np.ndarray | None = None,
    trend: NoiseTrend = CONSTANT,
    floor: float | None = None,
) -> Fit:
    """The global optimum of the form on checked data; ``floor`` is a given irreducible part."""
    log_x, log_y = np.log(np.stack(xs)), np.log(y)
    centres, middle = log_x.mean(1), float(log_y.mean())
    log_x, log_y = log_x - centres[:, None], log_y - middle
    trend = replace(trend, centre=trend.centre - centres[0])
    weights = weights * trend.weights(log_x[0])
    if floor is not None:
        form = replace(form, log_floor=float(np.log(floor)) - middle)
    losses = path(loss, delta)
    bounds = box(form, sign, log_y)
    begin = begin_at(form, log_x, log_y, weights, sign, bounds)
    found = minimise(form, log_x, log_y[None], weights[None], begin, bounds, losses).best()
    if not found.converged[0]:  # a long flat valley: only the best start is worth more steps
        found = minimise(
            form,
            log_x,
            log_y[None],
            weights[None],
            found.parameters,
            bounds,
            losses[-1:],
            10 * STEPS,
        )
    theta, at_bound = found.parameters[0].copy(), found.at_bound[0]
    if form.free_floor and theta[-1] <= bounds[0, -1] + np.log(10):
        theta[-1], at_bound = -np.inf, at_bound | (np.arange(form.size) == form.size - 1)
    return Fit(
        form, sign, losses, log_x, log_y, weights, groups, trend, centres, middle, theta,
        float(found.objective[0]), float(np.linalg.norm(found.gradient[0])),
        bool(found.converged[0]), at_bound,
    )  # fmt: skip


def begin_at(form, log_x, log_y, weights, sign, bounds):
    """Starts from the grid; of a power law also the straight line on log axes."""
    if form.terms == 1 and form.log_floor == -np.inf:
        centre, middle = (np.average(values, weights=weights) for values in (log_x[0], log_y))
        away = log_x[0] - centre
        slope = float(weights * away @ (log_y - middle) / (weights @ away**2))
        slope = sign * max(sign * slope, GENTLEST)
        line = np.array([[middle - slope * centre, slope]])
        if not form.free_floor:
            return line
        line = np.hstack([line, bounds[:1, -1:]])
        return np.concatenate([starts(form, log_x, log_y, weights, sign)[:4], line])
    begin = starts(form, log_x, log_y, weights, sign)
    if len(begin) == 0:
        raise ValueError("no law of this form and direction comes near the data")
    return begin
