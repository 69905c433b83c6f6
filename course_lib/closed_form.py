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
    width: int,
    heads: int,
    queries: int,
    keys: int,
    batch: int = 1,
    bias: bool = True,
    key_width: int = 0,
    value_width: int = 0,
    extra_keys: int = 0,
) -> Layer:
    """Projections in and out, and attention between them (Vaswani et al., 2017, section 3.2.2).

    ``key_width`` and ``value_width`` are those of what keys and values are made of (default:
    ``width``); ``extra_keys`` are attended to and not projected (a learned or a zero key).

    >>> multihead_attention(512, 8, queries=128, keys=128).parameters
    1050624
    """
    if width % heads:
        raise ValueError(f"heads is {heads} and width is {width}; heads must divide the width")
    project = linear(width, width, rows=batch * queries, bias=bias)
    project_keys = linear(key_width or width, width, rows=batch * keys, bias=bias)
    project_values = linear(value_width or width, width, rows=batch * keys, bias=bias)
    inner = scaled_dot_product_attention(queries, keys + extra_keys, width // heads, heads, batch)
    return project + project_keys + project_values + inner + project


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


def bilinear(first: int, second: int, outputs: int, rows: int = 1, bias: bool = True) -> Layer:
    """Each output is one vector times a matrix times another: two products, one after the other.

    >>> bilinear(3, 4, 5, rows=2)
    Layer(parameters=65, macs=160)
    """
    weights = first * second * outputs
    return Layer(weights + outputs * bias, rows * (weights + second * outputs))


def recurrent(
    inputs: int,
    hidden: int,
    layers: int = 1,
    steps: int = 1,
    batch: int = 1,
    gates: int = 1,
    bidirectional: bool = False,
    bias: bool = True,
    projection: int = 0,
) -> Layer:
    """A stack of recurrent layers: a plain one has 1 gate, a GRU 3 (Cho et al., 2014), an LSTM 4.

    At each step every gate takes a product with the input and one with the state before
    (Hochreiter and Schmidhuber, 1997). There are two biases a gate, as in PyTorch. An LSTM's
    ``projection`` is the width to which its state is reduced (0: not at all).

    >>> recurrent(32, 64, steps=100, gates=4)
    Layer(parameters=25088, macs=2457600)
    """
    state, ways = projection or hidden, 1 + bidirectional
    total = Layer(0, 0)
    for layer in range(layers):
        entering = inputs if layer == 0 else ways * state
        weights = gates * hidden * (entering + state) + projection * hidden
        biases = 2 * gates * hidden * bias
        total += Layer(ways * (weights + biases), ways * weights * steps * batch)
    return total


def transformer_encoder_layer(
    width: int, heads: int, feedforward: int, length: int, batch: int = 1, bias: bool = True
) -> Layer:
    """Attention of a sequence to itself, two dense layers, two norms (Vaswani et al., 2017).

    >>> transformer_encoder_layer(512, 8, 2048, length=128).parameters
    3152384
    """
    attention = multihead_attention(width, heads, length, length, batch, bias)
    dense = mlp([width, feedforward, width], batch * length, bias)
    norm = normalisation(width, bias)
    return attention + dense + norm + norm


def transformer_decoder_layer(
    width: int,
    heads: int,
    feedforward: int,
    length: int,
    memory: int,
    batch: int = 1,
    bias: bool = True,
) -> Layer:
    """An encoder layer that also attends to ``memory`` positions of another sequence.

    >>> transformer_decoder_layer(512, 8, 2048, length=128, memory=64).parameters
    4204032
    """
    own = transformer_encoder_layer(width, heads, feedforward, length, batch, bias)
    across = multihead_attention(width, heads, length, memory, batch, bias)
    return own + across + normalisation(width, bias)


def transformer(
    layers: int,
    width: int,
    vocabulary: int,
    context: int,
    heads: int | None = None,
    length: int | None = None,
    batch: int = 1,
    feedforward: int | None = None,
    bias: bool = True,
    tied: bool = True,
) -> Layer:
    """A language model that predicts each next token (Radford et al., 2019; Brown et al., 2020).

    Learned positions, a final normalisation, and a head without bias, which shares its weights
    with the table of tokens if ``tied``. ``length`` is what is read at once (default: all of
    ``context``), ``feedforward`` defaults to four times ``width``. ``heads`` does not matter.

    >>> transformer(layers=12, width=768, vocabulary=50257, context=1024).parameters  # GPT-2
    124439808
    """
    length = context if length is None else length
    feedforward = 4 * width if feedforward is None else feedforward
    block = transformer_encoder_layer(width, heads or 1, feedforward, length, batch, bias)
    head = linear(width, vocabulary, rows=batch * length, bias=False)
    total = embedding(vocabulary, width) + embedding(context, width)
    for _ in range(layers):
        total += block
    total += normalisation(width, bias) + head
    return Layer(total.parameters - head.parameters * tied, total.macs)


def training_rule(
    parameters: int, tokens: int, layers: int = 0, context: int = 0, width: int = 0
) -> int:
    """Training FLOP by rule of thumb: 6 a parameter and token, 12 a layer, position and channel.

    Without the last three arguments it is the familiar 6ND (Kaplan et al., 2020, section 2.1).
    With them attention is counted too (Chowdhery et al., 2023, appendix B); ``parameters`` are
    then those that multiply: without tables that are looked up, with the head.

    >>> training_rule(parameters=1000, tokens=10)
    60000
    """
    return tokens * (6 * parameters + 12 * layers * context * width)
