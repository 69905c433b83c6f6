"""Parameters and multiply-accumulates of layer types by formula. Standard library only.

A MAC is one multiplication and one addition, so a layer's FLOP are twice its MACs. By convention
only matrix products and convolutions count: biases, activations, normalisation and pooling add
parameters at most. `course_lib.counting` checks what it counts against these formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

FLOP_PER_MAC = 2


@dataclass(frozen=True)
class Layer:
    """What a layer holds and does in one forward pass: trainable parameters, and MACs."""

    parameters: int
    macs: int

    @property
    def flop(self) -> int:
        """FLOP of one forward pass, two per MAC."""
        return FLOP_PER_MAC * self.macs

    def __add__(self, other: Layer) -> Layer:
        return Layer(self.parameters + other.parameters, self.macs + other.macs)


def linear(inputs: int, outputs: int, rows: int = 1, bias: bool = True) -> Layer:
    """A dense layer on ``rows`` vectors (batch size times positions).

    >>> linear(784, 512, rows=32).flop
    25690112
    """
    return Layer(inputs * outputs + outputs * bias, rows * inputs * outputs)


def convolution(
    inputs: int,
    outputs: int,
    kernel: Sequence[int],
    positions: Sequence[int],
    batch: int = 1,
    groups: int = 1,
    bias: bool = True,
) -> Layer:
    """A convolution in any number of dimensions.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel : sequence of int
        Kernel size per dimension.
    positions : sequence of int
        Where the kernel is placed: the *output* size per dimension; of a transposed convolution
        the *input* size. Padding counts as work, as it does in the libraries.

    >>> convolution(3, 64, (7, 7), (112, 112), bias=False)
    Layer(parameters=9408, macs=118013952)
    """
    weights = inputs * outputs // groups * prod(kernel)
    return Layer(weights + outputs * bias, batch * weights * prod(positions))


def scaled_dot_product_attention(
    queries: int, keys: int, width: int, heads: int = 1, batch: int = 1, value_width: int = 0
) -> Layer:
    """Scores and weighted sum of attention, in full (a causal mask saves nothing here).

    ``width`` is the width of one head; ``value_width`` that of its values (default: the same).

    >>> scaled_dot_product_attention(queries=128, keys=128, width=64, heads=8).macs
    16777216
    """
    return Layer(0, batch * heads * queries * keys * (width + (value_width or width)))


def multihead_attention(
    width: int, heads: int, queries: int, keys: int, batch: int = 1, bias: bool = True
) -> Layer:
    """Projections in and out, and attention between them (Vaswani et al., 2017, section 3.2.2).

    >>> multihead_attention(512, 8, queries=128, keys=128).parameters
    1050624
    """
    project = linear(width, width, rows=batch * queries, bias=bias)
    project_keys = linear(width, width, rows=batch * keys, bias=bias)
    inner = scaled_dot_product_attention(queries, keys, width // heads, heads, batch)
    return project + project_keys + project_keys + inner + project


def embedding(entries: int, width: int) -> Layer:
    """A table that is looked up: parameters, no arithmetic.

    >>> embedding(50257, 768)
    Layer(parameters=38597376, macs=0)
    """
    return Layer(entries * width, 0)


def normalisation(width: int, bias: bool = True) -> Layer:
    """Scale and shift of a batch, layer or group normalisation; running statistics are buffers.

    >>> normalisation(64).parameters
    128
    """
    return Layer(width * (1 + bias), 0)


def mlp(widths: Sequence[int], batch: int = 1, bias: bool = True) -> Layer:
    """A chain of dense layers.

    >>> mlp([784, 512, 10], batch=32)
    Layer(parameters=407050, macs=13008896)
    """
    layers = [linear(i, o, batch, bias) for i, o in zip(widths[:-1], widths[1:], strict=True)]
    return sum(layers, Layer(0, 0))
