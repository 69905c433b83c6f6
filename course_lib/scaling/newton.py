"""Least squares of log y against log(E + A x^s): a global start, then damped Newton steps.

For a given exponent the law is linear in E and A, so these two are eliminated exactly on a grid of
exponents (variable projection; Golub and Pereyra, 1973); the best starts are then polished with
the exact second derivatives until the gradient vanishes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRID = np.geomspace(0.005, 8.0, 160)  # exponents without sign
STARTS = 6
STEPS = 200
TOLERANCE = 1e-10  # of the gradient, relative to the length of the residuals
ROUNDING = 1e-12  # a gradient this small is zero in double precision


@dataclass(frozen=True)
class Solution:
    """Parameters (log A, s[, log E]) in centred x, and how well they satisfy the optimum."""

    parameters: np.ndarray
    objective: float
    gradient_norm: float
    jacobian: np.ndarray
    converged: bool


def solve(log_x: np.ndarray, log_y: np.ndarray, sign: int, floor: float | None) -> Solution:
    """The best law with the irreducible part free (``floor`` None) or given (``floor`` > 0).

    ``log_x`` and ``log_y`` are centred by the caller; ``floor`` is in the scale of exp(log_y).
    """
    best: Solution | None = None
    for start in _starts(log_x, log_y, sign, floor):
        found = _polish(start, log_x, log_y, sign, floor)
        if best is None or found.objective < best.objective:
            best = found
    if best is None:
        raise ValueError("no law of this direction comes near the data")
    return best


def _starts(log_x, log_y, sign, floor):
    """Starts from the grid: E and A by least squares of relative errors, neither negative."""
    x, y = np.exp(log_x), np.exp(log_y)
    exponents = sign * GRID
    shape = x[None, :] ** exponents[:, None] / y  # (grid, points)
    ones = 1 / y
    if floor is not None:
        rest = 1 - floor * ones
        scale = (shape * rest).sum(1) / (shape**2).sum(1)
        level = np.full_like(scale, floor)
    else:
        cross, own, flat = (shape * ones).sum(1), (shape**2).sum(1), (ones**2).sum()
        determinant = np.maximum(own * flat - cross**2, 1e-300)
        sums, flats = shape.sum(1), ones.sum()
        scale = (sums * flat - flats * cross) / determinant
        level = (flats * own - sums * cross) / determinant
    possible = (scale > 0) & (level > 0)
    error = ((level[:, None] * ones + scale[:, None] * shape - 1) ** 2).sum(1)
    order = [i for i in np.argsort(error) if possible[i]][:STARTS]
    for i in order:
        start = [np.log(scale[i]), exponents[i]]
        yield np.array(start if floor is not None else [*start, np.log(level[i])])


def _pieces(parameters, log_x, floor):
    """Prediction of log y, its Jacobian, and the factor of its second derivative."""
    log_a, slope = parameters[:2]
    log_level = np.log(floor) if floor is not None else parameters[2]
    power = log_a + slope * log_x
    prediction = np.logaddexp(power, log_level)
    share = np.exp(power - prediction)  # of the power law in the sum
    columns = [share, share * log_x] + ([] if floor is not None else [1 - share])
    return prediction, np.stack(columns, 1), share * (1 - share)


def _polish(parameters, log_x, log_y, sign, floor):
    curve = np.stack([np.ones_like(log_x), log_x, -np.ones_like(log_x)], 1)[:, : len(parameters)]
    prediction, jacobian, bend = _pieces(parameters, log_x, floor)
    residual = prediction - log_y
    objective = residual @ residual / 2
    damping = 1e-3
    for _ in range(STEPS):
        gradient = jacobian.T @ residual
        gauss = jacobian.T @ jacobian
        if np.linalg.norm(gradient) <= TOLERANCE * np.sqrt(2 * objective):
            break
        hessian = gauss + (curve * (residual * bend)[:, None]).T @ curve
        scale = np.sqrt(np.diag(gauss)) + 1e-12
        values, vectors = np.linalg.eigh(hessian / np.outer(scale, scale))
        values = np.maximum(np.abs(values), 1e-12) + damping
        step = -(vectors @ ((vectors.T @ (gradient / scale)) / values)) / scale
        trial = _pieces(parameters + step, log_x, floor)
        new = trial[0] - log_y
        same_way = sign * (parameters + step)[1] > 0
        if same_way and np.isfinite(new).all() and new @ new / 2 < objective:
            parameters, (prediction, jacobian, bend) = parameters + step, trial
            residual, objective, damping = new, new @ new / 2, damping / 10
        else:
            damping = max(damping, 1e-8) * 10
            if damping > 1e12:
                break
    gradient = float(np.linalg.norm(jacobian.T @ residual))
    done = gradient <= 1e-6 * np.sqrt(2 * objective) + ROUNDING
    return Solution(parameters, float(objective), gradient, jacobian, bool(done))
