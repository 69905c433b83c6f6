"""Rosenblatt's perceptron: a neuron with a step, and the rule by which it learns."""

from __future__ import annotations

import torch
from torch import nn

from course_lib.closed_form import Layer, linear
from course_lib.models.activations import step
from course_lib.models.checking import check_integers, check_shape


class Perceptron(nn.Module):
    """1 where ``weights . x + bias`` reaches 0, else 0; learns from its mistakes alone.

    Holds ``inputs + 1`` parameters, changed by a rule, because a step has no gradient. Forward:
    ``inputs`` MACs an example. Learning: as many again for each mistake.

    Parameters
    ----------
    inputs : int
        How many numbers come in. All weights begin at 0; the size of a learning step then does
        not matter, and it is 1.

    Raises
    ------
    ValueError
        If ``inputs`` is below 1, a shape is another, or a label is neither 0 nor 1.
    TypeError
        If ``inputs`` is no integer.

    Notes
    -----
    Rosenblatt (1958). Where a line separates the labels the mistakes come to an end (Novikoff,
    1962); on XOR they never do (Minsky and Papert, 1969). See chapter 2 of the book.

    Examples
    --------
    >>> corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> perceptron = Perceptron(2)
    >>> perceptron.fit(corners, torch.tensor([0, 0, 0, 1]))  # AND: mistakes in each pass
    [2, 3, 3, 2, 1, 0]
    >>> min(Perceptron(2).fit(corners, torch.tensor([0, 1, 1, 0]), passes=100)) > 0  # XOR
    True
    >>> from course_lib import count
    >>> work = count(perceptron, corners)
    >>> work.parameters == 2 + 1, work.forward_macs == 4 * 2 == perceptron.closed_form(4).macs
    (True, True)
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        check_integers(1, inputs=inputs)
        self.weights = nn.Parameter(torch.zeros(inputs), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """0 or 1 for each example, shape (...); ``x`` has the shape (..., inputs)."""
        check_shape("x", x, "...", len(self.weights))
        return step(x @ self.weights + self.bias)  # (...)

    def learn(self, x: torch.Tensor, y: torch.Tensor) -> int:
        """Go through the examples once, in order; the number of mistakes.

        A mistake adds the example to the weights where 1 was right, and subtracts it where 0 was.
        ``x`` has the shape (examples, inputs), ``y`` (examples,); its labels are 0 and 1.
        """
        check_shape("x", x, "examples", len(self.weights))
        check_shape("y", y, len(x))
        if not ((y == 0) | (y == 1)).all():
            raise ValueError(f"y holds {y.unique().tolist()}; allowed are the labels 0 and 1")
        mistakes = 0
        for example, label in zip(x, y.to(x.dtype), strict=True):
            error = label - self(example)  # -1, 0 or 1
            if error:
                self.weights += error * example  # (inputs,)
                self.bias += error
                mistakes += 1
        return mistakes

    def fit(self, x: torch.Tensor, y: torch.Tensor, passes: int = 100) -> list[int]:
        """Learn until a pass is without mistakes, at most ``passes``; the mistakes of each."""
        check_integers(1, passes=passes)
        mistakes: list[int] = []
        while len(mistakes) < passes and 0 not in mistakes:
            mistakes.append(self.learn(x, y))
        return mistakes

    def closed_form(self, batch: int = 1) -> Layer:
        """Parameters, and MACs of ``batch`` examples, by formula."""
        return linear(len(self.weights), 1, batch)
