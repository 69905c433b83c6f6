"""Where to begin: variable projection over a grid of exponents (Golub and Pereyra, 1973).

For given exponents and softness the law is linear in the irreducible part and in powers of its
factors, so these are found by linear least squares of relative errors, and only exponents,
softness and (where the softness is not 1) the irreducible part are searched.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from course_lib.scaling.forms import Form

KEPT = 8
_ONE_TERM = np.geomspace(0.005, 8.0, 160)
_TWO_TERMS = np.geomspace(0.03, 4.0, 16)
_COARSE = np.geomspace(0.04, 3.0, 12)
_SOFTNESS = (0.15, 0.3, 0.5, 0.75, 1.0, 1.5)
_FLOORS = (0.3, 0.6, 0.8, 0.9, 0.97)  # shares of the smallest y


def starts(
    form: Form, log_x: np.ndarray, log_y: np.ndarray, weights: np.ndarray, sign: int
) -> np.ndarray:
    """The best starts, shape (at most `KEPT`, form.size), by squares of relative errors.

    ``log_x`` (terms, points), ``log_y`` and ``weights`` (points,) are of one problem, centred;
    ``sign`` is that of the exponents.
    """
    found = []
    if form.terms == 1:
        exponents = sign * _ONE_TERM[:, None]
    else:
        grid = _COARSE if form.free_softness else _TWO_TERMS
        same = log_x[0] is log_x[1] or np.array_equal(log_x[0], log_x[1])
        exponents = sign * np.array([p for p in product(grid, grid) if not same or p[0] < p[1]])
    softnesses = [form.soft_sign * g for g in _SOFTNESS] if form.free_softness else [1.0]
    for g in softnesses:
        for floor in _floors(form, g, log_y):
            found.append(_projected(form, exponents, g, floor, log_x, log_y, weights))
    errors = np.concatenate([error for error, _ in found])
    rows = np.concatenate([row for _, row in found])
    order = np.argsort(errors)[:KEPT]
    return rows[order[np.isfinite(errors[order])]]


def _floors(form: Form, g: float, log_y: np.ndarray) -> list[float | None]:
    """Irreducible parts to try, in the scale of exp(log_y); None: by linear least squares."""
    if not form.free_floor:
        return [float(np.exp(form.log_floor))]
    if g == 1.0:
        return [None]
    return [share * float(np.exp(log_y.min())) for share in _FLOORS]


def _projected(form, exponents, g, floor, log_x, log_y, weights):
    """Errors (inf where a coefficient is not positive) and parameters, for each exponent pair."""
    y = np.exp(log_y)
    rest = y - (floor or 0.0)
    if (rest <= 0).any():
        return np.full(len(exponents), np.inf), np.zeros((len(exponents), form.size))
    # rest^(1/g) is linear in A^(1/g); an error of it counts as the relative error of y it makes.
    target = rest ** (1 / g)
    row_weight = np.sqrt(weights) * np.abs(g) * rest / (target * y)
    columns = [np.exp(exponents[:, k, None] * log_x[k] / g) * row_weight for k in range(form.terms)]
    if floor is None:
        columns.append(np.broadcast_to(row_weight, columns[0].shape))
    design = np.stack(columns, -1)  # (grid, points, coefficients)
    lengths = np.sqrt((design**2).sum(1, keepdims=True))
    design = design / lengths
    wanted = target * row_weight
    normal = design.swapaxes(1, 2) @ design
    normal = normal + 1e-13 * np.eye(normal.shape[-1])
    right = (design * wanted[:, None]).sum(1)
    solved = np.linalg.solve(normal, right[..., None])[..., 0]
    error = ((np.einsum("gmc,gc->gm", design, solved) - wanted) ** 2).sum(1)
    coefficients = solved / lengths[:, 0]
    error = np.where((coefficients > 0).all(1), error, np.inf)
    logs = np.log(np.where(coefficients > 0, coefficients, 1.0))
    parameters = np.zeros((len(exponents), form.size))
    for k in range(form.terms):
        parameters[:, 2 * k] = logs[:, k] * g
        parameters[:, 2 * k + 1] = exponents[:, k]
    if form.free_softness:
        parameters[:, form.softness_at] = np.log(abs(g))
    if form.free_floor:
        parameters[:, -1] = logs[:, -1] if floor is None else np.log(floor)
    return error, parameters
