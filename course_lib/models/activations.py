"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

Activation = Callable[[torch.Tensor], torch.Tensor]


def step(x: torch.Tensor) -> torch.Tensor:
    """1 where the sum reaches the threshold 0, else 0 (McCulloch and Pitts, 1943).

    >>> step(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 1., 1.])
    """
    return (x >= 0).to(x.dtype)


def identity(x: torch.Tensor) -> torch.Tensor:
    """The sum as it is: a linear neuron.

    >>> identity(torch.tensor([-1.0, 2.0]))
    tensor([-1., 2.])
    """
    return x


ACTIVATIONS: dict[str, Activation] = {
    "step": step,
    "identity": identity,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "gelu": F.gelu,
}


def find_activation(activation: str | Activation) -> Activation:
    """The activation of that name; a function stands for itself.

    >>> find_activation("relu")(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if callable(activation):
        return activation
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        names = ", ".join(ACTIVATIONS)
        raise ValueError(f"activation is {activation!r}; allowed are {names}, or a function")
    return ACTIVATIONS[activation]
