"""Widrow and Hoff's ADALINE: a neuron that learns from how far it is off, mistaken or not."""

from __future__ import annotations

import math

import torch
from torch import nn

from course_lib.closed_form import Layer, linear
from course_lib.models.activations import step
from course_lib.models.checking import check_integers, check_shape


class Adaline(nn.Module):
    """1 where ``weights . x + bias`` reaches 0, else 0; learns to make that sum 1 or -1.

    Holds ``inputs + 1`` parameters. Forward: ``inputs`` MACs an example. Learning: as many again
    for every example, mistaken or not, because the sum is seldom exactly 1 or -1.

    Parameters
    ----------
    inputs : int
        How many numbers come in. All weights begin at 0.
    rate : float
        By what share of its error an example is put right at once, between 0 and 2: at 1 the sum
        is exact after the step, beyond 2 it runs away.

    Raises
    ------
    ValueError
        If ``inputs`` is below 1, ``rate`` does not lie between 0 and 2, a shape is another, or a
        label is neither 0 nor 1.
    TypeError
        If ``inputs`` is no integer.

    Notes
    -----
    Widrow and Hoff (1960): their inputs are switches, -1 or 1, so that all examples have one
    length, and a step is divided by it. On average such steps go down the gradient of the squared
    error and stay near the least-squares weights, the nearer the smaller the rate. Of examples of
    unequal length the short ones count more. See chapter 2 of the book.

    Examples
    --------
    >>> corners = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    >>> adaline = Adaline(2)
    >>> errors = adaline.fit(corners, torch.tensor([0, 0, 0, 1]))  # AND
    >>> adaline(corners).tolist(), errors[-1] < errors[0]
    ([0.0, 0.0, 0.0, 1.0], True)
    >>> xor = Adaline(2).fit(corners, torch.tensor([0, 1, 1, 0]))
    >>> xor[-1] > 0.9  # a sum of 0 for all has 1
    True
    >>> from course_lib import count
    >>> work = count(adaline, corners)
    >>> work.parameters == 2 + 1, work.forward_macs == 4 * 2 == adaline.closed_form(4).macs
    (True, True)
    """

    def __init__(self, inputs: int, rate: float = 0.05) -> None:
        super().__init__()
        check_integers(1, inputs=inputs)
        if not (math.isfinite(rate) and 0 < rate < 2):
            raise ValueError(f"rate is {rate!r}; allowed are numbers between 0 and 2")
        self.rate = rate
        self.weights = nn.Parameter(torch.zeros(inputs), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(()), requires_grad=False)

    def sums(self, x: torch.Tensor) -> torch.Tensor:
        """The sum before the step, shape (...); ``x`` has the shape (..., inputs)."""
        check_shape("x", x, "...", len(self.weights))
        return x @ self.weights + self.bias  # (...)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """0 or 1 for each example, shape (...); ``x`` has the shape (..., inputs)."""
        return step(self.sums(x))  # (...)

    def learn(self, x: torch.Tensor, y: torch.Tensor) -> float:
        """Go through the examples once, in order; the mean squared error met on the way.

        Each is put right by the share ``rate``, before the next is looked at. ``x`` has the shape
        (examples, inputs), ``y`` (examples,); its labels are 0 and 1.
        """
        check_shape("x", x, "examples", len(self.weights))
        check_shape("y", y, len(x))
        if not ((y == 0) | (y == 1)).all():
            raise ValueError(f"y holds {y.unique().tolist()}; allowed are the labels 0 and 1")
        squares = 0.0
        for example, aim in zip(x, 2 * y.to(x.dtype) - 1, strict=True):
            error = aim - self.sums(example)
            share = self.rate * error / (1 + example @ example)  # 1: the input of the bias
            self.weights += share * example  # (inputs,)
            self.bias += share
            squares += error.item() ** 2
        return squares / len(x)

    def fit(self, x: torch.Tensor, y: torch.Tensor, passes: int = 100) -> list[float]:
        """Learn for so many passes; the mean squared error of each."""
        check_integers(1, passes=passes)
        return [self.learn(x, y) for _ in range(passes)]

    def closed_form(self, batch: int = 1) -> Layer:
        """Parameters, and MACs of ``batch`` examples, by formula."""
        return linear(len(self.weights), 1, batch)
