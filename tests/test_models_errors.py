"""An error of a model says what came and what is allowed."""

import pytest
import torch

from course_lib.models import (
    CNN,
    MLP,
    CharacterLSTM,
    Neuron,
    Perceptron,
    SelfAttention,
    Transformer,
)


def tokens(time):
    return torch.zeros(1, time, dtype=torch.long)


BAD = {
    "no inputs": (lambda: Neuron(0), ValueError, "inputs is 0; .* at least 1"),
    "half an input": (lambda: Perceptron(2.5), TypeError, "inputs is 2.5; .*integers.* not float"),
    "unknown activation": (
        lambda: Neuron(2, "rleu"), ValueError, "'rleu'; allowed are step, .* gelu, or a function",
    ),
    "a number for activation": (lambda: MLP([2, 2], 3), ValueError, "activation is 3; allowed"),
    "neuron's input": (
        lambda: Neuron(2)(torch.zeros(5, 3)), ValueError, r"x .* \(5, 3\); allowed is \(..., 2\)",
    ),
    "a number for input": (lambda: Neuron(2)(torch.zeros(())), ValueError, r"x has the shape \(\)"),
    "no widths": (lambda: MLP([]), ValueError, r"widths is \[\]; allowed are inputs, hidden"),
    "one width": (lambda: MLP([3]), ValueError, r"widths is \[3\]; allowed are inputs, hidden"),
    "an empty layer": (lambda: MLP([3, 0, 2]), ValueError, r"widths\[1\] is 0; .* at least 1"),
    "widths as a number": (lambda: MLP(3), TypeError, "widths is 3; allowed is a list .*not int"),
    "true as a width": (lambda: MLP([3, True]), TypeError, "not bool"),
    "MLP's input": (
        lambda: MLP([3, 2])(torch.zeros(4)), ValueError, r"\(4,\); allowed is \(..., 3\)",
    ),
    "an image without channels": (
        lambda: CNN((28,)), ValueError, r"image is \(28,\); allowed are \(channels, height, width",
    ),
    "a small image": (
        lambda: CNN((1, 8, 3)), ValueError, r"image is \(1, 8, 3\); .*2 stages .*kernel 5 and padd",
    ),
    "negative padding": (lambda: CNN((1, 8, 8), padding=-1), ValueError, "padding is -1; .* 0"),
    "CNN's input": (
        lambda: CNN((1, 8, 8))(torch.zeros(4, 8, 8)), ValueError, r"\(batch, 1, 8, 8\)",
    ),
    "heads that do not divide": (
        lambda: SelfAttention(10, 4), ValueError, "heads is 4 and width is 10; .* divide",
    ),
    "attention's input": (
        lambda: SelfAttention(4, 2)(torch.zeros(3, 4)), ValueError, r"\(batch, time, 4\)",
    ),
    "transformer's heads": (
        lambda: Transformer(5, 6, 1, 4, 8), ValueError, "heads is 4 and width is 6",
    ),
    "no depth": (lambda: Transformer.of_depth(0), ValueError, "depth is 0; .* at least 1"),
    "a text that is too long": (
        lambda: Transformer(5, 4, 1, 2, 8)(tokens(9)), ValueError, "time is 9; allowed is 1 to 8",
    ),
    "a formula that is too long": (
        lambda: Transformer(5, 4, 1, 2, 8).closed_form(9),
        ValueError, "time is 9; allowed is 1 to 8",
    ),
    "tokens as floats": (
        lambda: Transformer(5, 4, 1, 2, 8)(torch.zeros(1, 3)), TypeError, "float32; allowed are",
    ),
    "one text": (
        lambda: CharacterLSTM(5, 4)(tokens(3)[0]), ValueError, r"\(3,\); .*\(batch, time\)",
    ),
    "labels": (
        lambda: Perceptron(2).learn(torch.zeros(2, 2), torch.tensor([-1, 1])),
        ValueError, r"y holds \[-1, 1\]; allowed are the labels 0 and 1",
    ),
    "too few labels": (
        lambda: Perceptron(2).learn(torch.zeros(2, 2), torch.ones(3)),
        ValueError, r"y has the shape \(3,\); allowed is \(2,\)",
    ),
    "no passes": (
        lambda: Perceptron(2).fit(torch.zeros(2, 2), torch.ones(2), passes=0),
        ValueError, "passes is 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_an_error_says_what_came_and_what_is_allowed(what):
    build, kind, message = BAD[what]
    with pytest.raises(kind, match=message):
        build()
