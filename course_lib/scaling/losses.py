"""How far a residual of log y counts: squares, Huber's loss, the absolute value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LOSSES = ("squares", "huber", "absolute")
GENTLER = tuple(10.0**-power for power in range(2, 10))  # edges on the way to a sharper loss
EDGE = 1e-10  # the absolute value is Huber's loss with this edge, divided by it


@dataclass(frozen=True)
class Loss:
    """Half the square up to ``delta``, linear beyond (Huber, 1964, eq. 2.3); inf: squares."""

    delta: float = np.inf

    def value(self, residual: np.ndarray) -> np.ndarray:
        """The loss of each residual."""
        inner = np.minimum(np.abs(residual), self.delta)
        if np.isinf(self.delta):
            return inner**2 / 2
        return inner * (np.abs(residual) - inner / 2)

    def slope(self, residual: np.ndarray) -> np.ndarray:
        """Its first derivative."""
        return np.clip(residual, -self.delta, self.delta)

    def bend(self, residual: np.ndarray) -> np.ndarray:
        """Its second derivative."""
        return (np.abs(residual) <= self.delta).astype(float)

    def reweighting(self, residual: np.ndarray) -> np.ndarray:
        """Slope over residual: the weights of iteratively reweighted least squares."""
        return np.minimum(1.0, self.delta / np.maximum(np.abs(residual), 1e-300))


def path(loss: str, delta: float) -> list[Loss]:
    """The losses to minimise one after the other: the last is the one that was asked for."""
    if loss not in LOSSES:
        raise ValueError(f"loss is {loss!r}; allowed are {', '.join(LOSSES)}")
    if loss == "squares":
        return [Loss()]
    if loss == "huber":
        if not 0 < delta < np.inf:
            raise ValueError(f"delta is {delta}; it must be positive, in units of log y")
        return [Loss(edge) for edge in GENTLER[1:] if edge > delta] + [Loss(delta)]
    return [Loss(edge) for edge in (*GENTLER, EDGE)]
