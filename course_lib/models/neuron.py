"""One neuron: a weighted sum and an activation."""

from __future__ import annotations

import torch
from torch import nn

from course_lib.closed_form import Layer, linear
from course_lib.models.activations import Activation, find_activation
from course_lib.models.checking import check_integers, check_shape


class Neuron(nn.Module):
    """Many inputs, one output: ``activation(weights . x + bias)`` (McCulloch and Pitts, 1943).

    Holds ``inputs + 1`` parameters. Forward: ``inputs`` MACs an example. Training: twice the
    forward FLOP, for a lone neuron owes nobody the gradient of its input.

    Parameters
    ----------
    inputs : int
        How many numbers come in.
    activation : str or function
        A name in ``ACTIVATIONS``, or any function of a tensor. A ``"step"`` has no gradient: a
        neuron with a step learns by the rule of `Perceptron`.
    bias : bool
        Whether the sum has a bias.

    Raises
    ------
    ValueError
        If ``inputs`` is below 1, the activation is unknown, or an input has another shape.
    TypeError
        If ``inputs`` is no integer.

    Notes
    -----
    See chapter 3 of the book.

    Examples
    --------
    >>> from course_lib import count
    >>> neuron = Neuron(100)
    >>> work = count(neuron, torch.zeros(32, 100))
    >>> work.parameters == 100 + 1 == neuron.closed_form().parameters
    True
    >>> work.forward_macs == 32 * 100 == neuron.closed_form(batch=32).macs
    True
    >>> work.training_flop == 2 * work.forward_flop
    True
    """

    def __init__(
        self, inputs: int, activation: str | Activation = "sigmoid", bias: bool = True
    ) -> None:
        super().__init__()
        check_integers(1, inputs=inputs)
        self.activation = find_activation(activation)
        self.weights = nn.Parameter(torch.randn(inputs) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(())) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One output an example, shape (...); ``x`` has the shape (..., inputs)."""
        check_shape("x", x, "...", len(self.weights))
        total = x @ self.weights  # (...)
        if self.bias is not None:
            total = total + self.bias
        return self.activation(total)  # (...)

    def closed_form(self, batch: int = 1) -> Layer:
        """Parameters, and MACs of ``batch`` examples, by formula."""
        return linear(len(self.weights), 1, batch, bias=self.bias is not None)
