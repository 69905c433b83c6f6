"""Parameters and FLOP of a network, by the formulas of `course_lib.closed_form`."""

from __future__ import annotations

from typing import Any

from course_lib.closed_form import (
    Layer,
    convolution,
    mlp,
    recurrent,
    training_rule,
    transformer,
)
from course_lib.quantities import si

from .calculator import Calculator, Result, Row
from .fields import Field, InputError

MOST_LAYERS = 10_000
GATES = {"plain": 1, "gru": 3, "lstm": 4}
YES_NO = (("yes", "yes"), ("no", "no"))


def calculator() -> Calculator:
    """The second calculator."""
    return Calculator(
        "network",
        "Parameters and FLOP of a network",
        "How many numbers does a network hold, and how much does it compute?",
        FIELDS,
        compute,
        columns=("Parameters", "MAC, forward", "FLOP, forward", "FLOP, one training step"),
        examples=lambda: EXAMPLES,
    )


def compute(kind: str, batch: int, **sizes: Any) -> Result:
    """The rows for one kind of network."""
    one = KINDS[kind](**sizes)
    work = Layer(one.parameters, one.macs * batch)
    rows = [
        Row("Parameters", f"{one.parameters:,}", si(one.parameters * 4, "B") + " in float32"),
        Row("MAC, forward", si(work.macs, "MAC"), f"{work.macs:,}"),
        Row("FLOP, forward", si(work.flop, "FLOP"), "two for each MAC"),
        Row("FLOP, one training step", si(3 * work.flop, "FLOP"), "backward is twice forward"),
    ]
    sentence = (
        f"{one.parameters:,} parameters, {si(work.flop, 'FLOP')} forward "
        f"for {'one example' if batch == 1 else f'{batch:,} examples'}."
    )
    if sizes.get("tokens") is not None:
        rows += _training(one, **sizes)
    return Result(sentence, rows)


def _training(one: Layer, layers: int, width: int, context: int, tokens: int, **rest: Any):
    rule = training_rule(one.parameters, tokens)
    counted = 3 * one.flop * tokens // context
    yield Row("FLOP of training, 6ND", si(rule, "FLOP"), f"{tokens:,} tokens")
    yield Row(
        "FLOP of training, counted", si(counted, "FLOP"), f"{counted / rule:.3g} times the rule"
    )


def _transformer(layers: int, width: int, vocabulary: int, context: int, tied: str, **rest: Any):
    if layers > MOST_LAYERS:
        raise InputError("layers", f"Layers is {layers:,}; at most {MOST_LAYERS:,} here.")
    return transformer(layers, width, vocabulary, context, tied=tied == "yes")


def _perceptron(widths: list[int]) -> Layer:
    if len(widths) < 2:
        raise InputError("widths", "Widths: at least two, for inputs and outputs: 784, 10.")
    return mlp(widths)


def _convolution(inputs: int, outputs: int, kernel: int, height: int, wide: int) -> Layer:
    return convolution(inputs, outputs, (kernel, kernel), (height, wide))


def _recurrent(cell: str, inputs: int, hidden: int, stacked: int, steps: int) -> Layer:
    if stacked > MOST_LAYERS:
        raise InputError("stacked", f"Layers is {stacked:,}; at most {MOST_LAYERS:,} here.")
    return recurrent(inputs, hidden, stacked, steps, gates=GATES[cell])


KINDS = {
    "transformer": _transformer,
    "perceptron": _perceptron,
    "convolution": _convolution,
    "recurrent": _recurrent,
}


def _count(
    name: str, label: str, default: str, only_for: str, hint: str = "", **more: Any
) -> Field:
    return Field(name, label, default, "count", "", hint, only_for=tuple(only_for.split()), **more)


FIELDS = (
    Field(
        "kind", "Network", "transformer", "choice",
        choices=(
            ("transformer", "Transformer language model"),
            ("perceptron", "Chain of dense layers"),
            ("convolution", "One convolution"),
            ("recurrent", "Recurrent layers"),
        ),
    ),
    _count("layers", "Layers", "12", "transformer"),
    _count("width", "Width", "768", "transformer", "channels of each position"),
    _count("vocabulary", "Vocabulary", "50257", "transformer", "entries of the table of tokens"),
    _count("context", "Context", "1024", "transformer", "positions read at once"),
    Field(
        "tied", "Head shares the table of tokens", "yes", "choice",
        choices=YES_NO, only_for=("transformer",),
    ),
    _count(
        "tokens", "Training tokens", "", "transformer", "for the whole training; may stay empty",
        optional=True,
    ),
    Field(
        "widths", "Widths", "784, 512, 10", "counts",
        hint="inputs, hidden layers, outputs, with commas", only_for=("perceptron",),
    ),
    _count("inputs", "Inputs", "3", "convolution recurrent", "channels, or features of one step"),
    _count("outputs", "Output channels", "64", "convolution"),
    _count("kernel", "Kernel side", "7", "convolution"),
    _count("height", "Output height", "112", "convolution"),
    _count("wide", "Output width", "112", "convolution"),
    Field(
        "cell", "Cell", "lstm", "choice",
        choices=(("plain", "plain"), ("gru", "GRU"), ("lstm", "LSTM")), only_for=("recurrent",),
    ),
    _count("hidden", "Hidden width", "64", "recurrent"),
    _count("stacked", "Layers", "1", "recurrent"),
    _count("steps", "Steps", "100", "recurrent", "length of the sequence"),
    Field("batch", "Examples at once", "1", "count", hint="batch size"),
)  # fmt: skip

EXAMPLES = (
    ("GPT-2 small (Radford et al., 2019)", {"kind": "transformer"}),
    (
        "GPT-3 (Brown et al., 2020)",
        {
            "kind": "transformer", "layers": "96", "width": "12288", "vocabulary": "50257",
            "context": "2048", "tokens": "300e9",
        },
    ),
    ("Dense 784, 512, 10", {"kind": "perceptron"}),
    ("Convolution 7 × 7, 3 to 64", {"kind": "convolution"}),
    ("LSTM of width 64", {"kind": "recurrent", "inputs": "32"}),
)  # fmt: skip
