"""The multi-layer perceptron: dense layers with an activation between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from course_lib.closed_form import Layer, mlp
from course_lib.models.activations import Activation, find_activation
from course_lib.models.checking import check_lists, check_shape


class MLP(nn.Module):
    """A chain of dense layers (Rumelhart, Hinton and Williams, 1986).

    A layer holds ``inputs * outputs + outputs`` parameters. Forward: the sum over layers of
    ``inputs * outputs`` MACs an example. Training: three times the forward FLOP, less one time
    those of the first layer, whose input needs no gradient.

    Parameters
    ----------
    widths : sequence of int
        Inputs, then each hidden width, then outputs: two numbers at least.
    activation : str or function
        Between layers, not after the last: a name in ``ACTIVATIONS``, or a function of a tensor.
    bias : bool
        Whether the layers have biases.

    Raises
    ------
    ValueError
        If a width is below 1, there are fewer than two, the activation is unknown, or an input
        has another shape.
    TypeError
        If a width is no integer.

    Notes
    -----
    See chapter 4 of the book.

    Examples
    --------
    >>> from course_lib import count
    >>> model = MLP([784, 512, 10])
    >>> work = count(model, torch.zeros(32, 784))
    >>> work.parameters == 784 * 512 + 512 + 512 * 10 + 10 == model.closed_form().parameters
    True
    >>> work.forward_macs == 32 * (784 * 512 + 512 * 10) == model.closed_form(batch=32).macs
    True
    >>> work.training_flop == 3 * work.forward_flop - 2 * 32 * 784 * 512
    True
    """

    def __init__(
        self, widths: Sequence[int], activation: str | Activation = "relu", bias: bool = True
    ) -> None:
        super().__init__()
        check_lists(1, widths=widths)
        if len(widths) < 2:
            raise ValueError(f"widths is {widths!r}; allowed are inputs, hidden widths and outputs")
        self.widths, self.bias = tuple(widths), bias
        self.activation = find_activation(activation)
        self.layers = nn.ModuleList(nn.Linear(i, o, bias) for i, o in pairwise(widths))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of each example, shape (..., outputs); ``x`` has the shape (..., inputs)."""
        check_shape("x", x, "...", self.widths[0])
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))  # (..., width)
        return self.layers[-1](x)  # (..., outputs)

    def closed_form(self, batch: int = 1) -> Layer:
        """Parameters, and MACs of ``batch`` examples, by formula."""
        return mlp(self.widths, batch, self.bias)
