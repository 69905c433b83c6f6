"""The one formula behind every law of the course, in the logarithm, with exact derivatives.

    y = E + ((A_1 x_1^s_1)^(1/g) + (A_2 x_2^s_2)^(1/g))^g

One term is a power law; two terms of parameters and tokens with g = 1 the law of Hoffmann et al.
(2022, eq. 2), with g free that of Kaplan et al. (2020, eq. 1.5) with an irreducible loss; two terms
of one x a power law that breaks (Caballero et al., 2023, eq. 1, with one break): the slower term
wins in the end where g > 0, the faster where g < 0. E is free, given, or absent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy


@dataclass(frozen=True)
class Form:
    """Which of the formula's parameters are free.

    A row of parameters is (log A_1, s_1[, log A_2, s_2][, log |g|][, log E]), the last two only
    where they are free. ``log_floor`` is a given log E, and -inf where there is no E.
    """

    terms: int
    free_floor: bool = True
    log_floor: float = -np.inf
    free_softness: bool = False
    soft_sign: int = 1

    @property
    def size(self) -> int:
        """The number of free parameters."""
        return 2 * self.terms + self.free_softness + self.free_floor

    @property
    def softness_at(self) -> int:
        """The column of log |g|."""
        return 2 * self.terms

    def log_level(self, theta: np.ndarray) -> np.ndarray:
        """log E of each row, shape (rows, 1)."""
        if self.free_floor:
            return theta[:, -1:]
        return np.full((len(theta), 1), self.log_floor)

    def softness(self, theta: np.ndarray) -> np.ndarray:
        """G of each row, shape (rows, 1)."""
        if not self.free_softness:
            return np.ones((len(theta), 1))
        return self.soft_sign * np.exp(theta[:, self.softness_at, None])

    def log_y(self, theta: np.ndarray, log_x: np.ndarray) -> np.ndarray:
        """log y, shape (rows, points), of parameters (rows, size) at log_x (terms, points)."""
        return np.logaddexp(self._reducible(theta, log_x)[0], self.log_level(theta))

    def _reducible(self, theta, log_x):
        """log of the reducible part, and of its two terms over g (one term: the part itself)."""
        powers = [theta[:, 2 * k, None] + theta[:, 2 * k + 1, None] * log_x[k]
                  for k in range(self.terms)]  # fmt: skip
        if self.terms == 1:
            return powers[0], powers
        if not self.free_softness:
            return np.logaddexp(*powers), powers
        g = self.softness(theta)
        powers = [power / g for power in powers]
        return g * np.logaddexp(*powers), powers

    def derivatives(self, theta: np.ndarray, log_x: np.ndarray) -> Derivatives:
        """log y and what is needed for its first and second derivatives."""
        rows, points = len(theta), log_x.shape[1]
        reducible, powers = self._reducible(theta, log_x)
        prediction = np.logaddexp(reducible, self.log_level(theta))
        share = np.exp(reducible - prediction)  # of the reducible part in y

        slope = np.zeros((rows, self.size, points))  # of log(reducible)
        bends = []  # (factor, direction): second derivative as factor * direction direction^T
        extra = None
        if self.terms == 1:
            slope[:, 0], slope[:, 1] = 1.0, log_x[0]
        else:
            first = np.exp(powers[0] - np.logaddexp(*powers))
            second = 1 - first
            slope[:, 0], slope[:, 1] = first, first * log_x[0]
            slope[:, 2], slope[:, 3] = second, second * log_x[1]
            apart = np.zeros_like(slope)
            apart[:, 0], apart[:, 1] = 1.0, log_x[0]
            apart[:, 2], apart[:, 3] = -1.0, -log_x[1]
            factor = first * second
            if self.free_softness:
                g = self.softness(theta)
                entropy = -xlogy(first, first) - xlogy(second, second)
                slope[:, self.softness_at] = extra = g * entropy
                apart[:, self.softness_at] = -g * (powers[0] - powers[1])
                factor = factor / g
            bends.append((share * factor, apart))
        from_floor = slope
        if self.free_floor:
            from_floor = slope.copy()
            from_floor[:, -1] -= 1.0
        bends.append((share * (1 - share), from_floor))
        jacobian = share[:, None] * slope
        if self.free_floor:
            jacobian[:, -1] = 1 - share
        return Derivatives(self, prediction, jacobian, bends,
                           None if extra is None else share * extra)  # fmt: skip


@dataclass(frozen=True)
class Derivatives:
    """log y (rows, points), its Jacobian (rows, size, points), and its curvature."""

    form: Form
    prediction: np.ndarray
    jacobian: np.ndarray
    bends: list[tuple[np.ndarray, np.ndarray]]
    extra: np.ndarray | None

    def curvature(self, weights: np.ndarray) -> np.ndarray:
        """The sum over points of weight times second derivative, shape (rows, size, size)."""
        total = sum((direction * (weights * factor)[:, None]) @ direction.swapaxes(1, 2)
                    for factor, direction in self.bends)  # fmt: skip
        if self.extra is not None:
            at = self.form.softness_at
            total[:, at, at] += (weights * self.extra).sum(1)
        return total
