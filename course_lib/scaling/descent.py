"""Damped Newton steps on the true objective, for many problems at once.

The objective of each row is the sum over points of weight times loss of (log y of the law less log
y of the data). Its exact second derivatives are used, with eigenvalues made positive (Nocedal and
Wright, 2006, section 3.4) and damped in the scale of the data; parameters stay inside a box.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.scaling.forms import Form
from course_lib.scaling.losses import Loss

STEPS = 300
REWEIGHTED_STEPS = 8  # first steps of a robust loss, by iteratively reweighted least squares
AT_ONCE = 60_000  # points times rows that are worked on together: what a cache holds
TOLERANCE = 1e-9  # of the angle between the residuals and what a parameter can change
CONVERGED = 1e-6
ROUNDING = 1e-15  # of a residual of log y, relative to the largest log y


@dataclass(frozen=True)
class Solutions:
    """For each row: the parameters, the objective, its gradient there, and whether it vanishes.

    ``gradient`` has no part that points out of the box; ``at_bound`` (rows, size) says where a
    parameter lies on the box's side and would go further.
    """

    parameters: np.ndarray
    objective: np.ndarray
    gradient: np.ndarray
    converged: np.ndarray
    at_bound: np.ndarray

    def best(self) -> Solutions:
        """The row with the least objective, as one row."""
        k = int(np.argmin(self.objective))
        return Solutions(*(getattr(self, name)[k : k + 1] for name in self.__dataclass_fields__))


def minimise(
    form: Form,
    log_x: np.ndarray,
    log_y: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    bounds: np.ndarray,
    losses: list[Loss],
    steps: int = STEPS,
) -> Solutions:
    """Improve each row of starts until its gradient vanishes.

    Parameters
    ----------
    form : Form
    log_x : array of shape (terms, points)
    log_y, weights : arrays of shape (rows, points) or (1, points)
    starts : array of shape (rows, form.size)
    bounds : array of shape (2, form.size)
        The least and the largest value of each parameter.
    losses : list of Loss
        Minimised one after the other.
    steps : int
        At most, for each loss.
    """
    rows, points = len(starts), log_x.shape[1]
    at_once = max(1, AT_ONCE // points)
    pieces = []
    for first in range(0, rows, at_once):
        part = slice(first, first + at_once)
        problem = _Problem(
            form,
            log_x,
            log_y[part] if len(log_y) > 1 else log_y,
            weights[part] if len(weights) > 1 else weights,
            bounds,
        )
        theta = np.clip(starts[part], *bounds)
        for loss in losses:
            theta = problem.descend(theta, loss, steps)
        pieces.append(problem.judge(theta, losses[-1]))
    if len(pieces) == 1:
        return pieces[0]
    return Solutions(
        *(np.concatenate([getattr(p, name) for p in pieces])
          for name in Solutions.__dataclass_fields__)
    )  # fmt: skip


@dataclass(frozen=True)
class _Problem:
    form: Form
    log_x: np.ndarray
    log_y: np.ndarray
    weights: np.ndarray
    bounds: np.ndarray

    @property
    def rounding(self) -> float:
        """The length of residuals that are rounding only."""
        weight = float(self.weights.sum(1).max())
        return ROUNDING * np.sqrt(weight) * (1 + float(np.abs(self.log_y).max()))

    def only(self, chosen: np.ndarray) -> _Problem:
        def pick(values):
            return values[chosen] if len(values) > 1 else values

        return _Problem(self.form, self.log_x, pick(self.log_y), pick(self.weights), self.bounds)

    def objective(self, theta, loss):
        with np.errstate(all="ignore"):
            residual = self.form.log_y(theta, self.log_x) - self.log_y
            return (self.weights * loss.value(residual)).sum(1)

    def slopes(self, theta, loss, reweighted=False):
        """Gradient, matrix of the step, and the scale of each parameter."""
        parts = self.form.derivatives(theta, self.log_x)
        residual = parts.prediction - self.log_y
        pull = self.weights * loss.slope(residual)
        gradient = np.einsum("rm,rpm->rp", pull, parts.jacobian)
        soft = self.weights * loss.reweighting(residual)
        scale = np.sqrt(np.einsum("rm,rpm->rp", soft, parts.jacobian**2)) + 1e-14
        inner = soft if reweighted else self.weights * loss.bend(residual)
        matrix = (parts.jacobian * inner[:, None]) @ parts.jacobian.swapaxes(1, 2)
        if not reweighted:
            matrix = matrix + parts.curvature(pull)
        # Cauchy and Schwarz: no gradient exceeds the scale times this length.
        length = np.sqrt((pull**2 / np.maximum(soft, 1e-300)).sum(1))
        return gradient, matrix, scale, length

    def outward(self, theta, gradient):
        low, high = self.bounds
        return ((theta <= low) & (gradient > 0)) | ((theta >= high) & (gradient < 0))

    def descend(self, theta, loss, steps):
        theta = theta.copy()
        objective = self.objective(theta, loss)
        damping = np.full(len(theta), 1e-3)
        resting = np.zeros(len(theta), int)
        active = np.arange(len(theta))
        for step_number in range(steps):
            here = self.only(active)
            reweighted = np.isfinite(loss.delta) and step_number < REWEIGHTED_STEPS
            gradient, matrix, scale, length = here.slopes(theta[active], loss, reweighted)
            held = here.outward(theta[active], gradient)
            gradient = np.where(held, 0.0, gradient)
            angle = np.abs(gradient / scale).max(1)
            step = _step(gradient, matrix, scale, held, damping[active])
            trial = np.clip(theta[active] + step, *self.bounds)
            found = here.objective(trial, loss)
            gain = objective[active] - found
            slack = 4 * np.finfo(float).eps * objective[active]
            accepted = np.isfinite(found) & (gain >= -slack)
            moved = active[accepted]
            theta[moved], objective[moved] = trial[accepted], found[accepted]
            damping[moved] = np.maximum(damping[moved] / 10, 1e-14)
            damping[active[~accepted]] = np.maximum(damping[active[~accepted]], 1e-8) * 10
            still = np.abs(gain) <= 1e-13 * objective[active] + slack
            resting[active] = np.where(still, resting[active] + 1, 0)
            done = (
                (angle <= TOLERANCE * length)
                | (objective[active] <= here.rounding**2)
                | (resting[active] >= 4)
                | (damping[active] > 1e14)
            )
            if not reweighted:
                active = active[~done]
            if len(active) == 0:
                break
        return theta

    def judge(self, theta, loss):
        gradient, _, scale, length = self.slopes(theta, loss)
        held = self.outward(theta, gradient)
        gradient = np.where(held, 0.0, gradient)
        angle = np.abs(gradient / scale).max(1)
        near = CONVERGED * length + 1e3 * self.rounding
        return Solutions(theta, self.objective(theta, loss), gradient, angle <= near, held)


def _step(gradient, matrix, scale, held, damping):
    """The damped Newton step in scaled parameters, nought where a parameter is held."""
    scaled = matrix / (scale[:, :, None] * scale[:, None, :])
    scaled = np.where(held[:, :, None] | held[:, None, :], 0.0, scaled)
    values, vectors = np.linalg.eigh(scaled)
    values = np.maximum(np.abs(values), 1e-12) + damping[:, None]
    along = np.einsum("rij,ri->rj", vectors, gradient / scale) / values
    return -np.einsum("rij,rj->ri", vectors, along) / scale
