"""`count`: run a model on shapes, add up what it did, and check the sum by formula."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from course_lib.closed_form import FLOP_PER_MAC
from course_lib.counting.attention import attention_on_shapes
from course_lib.counting.following import HALVED, ROOT, TOTAL, Counter
from course_lib.counting.formulas import ClosedForms
from course_lib.counting.kept import SavedBytes
from course_lib.counting.shapes import as_shapes, explain, running_on_shapes, tensors_in

# Tensors of a parameter's size that an optimiser keeps beside it.
OPTIMISER_TENSORS = {"sgd": 0, "momentum": 1, "adam": 2}
ADAM_STEP_BYTES = 4  # Adam also keeps the number of its steps for each parameter tensor


@dataclass(frozen=True)
class ComputeCount:
    """What a model holds and what it does, from `count`.

    Attributes
    ----------
    parameters, trainable_parameters, buffers : int
        Elements; a parameter that is used in several places counts once.
    forward_macs, forward_flop : int
        Of one forward pass on the inputs given. FLOP are twice the MACs (with ``all_arithmetic``
        the rest of the arithmetic is added).
    training_flop : int
        Of one forward and one backward pass, both counted.
    parameter_bytes, buffer_bytes, gradient_bytes : int
        Gradients: of the trainable parameters.
    activation_bytes : int
        What the forward pass saves for the backward pass, each storage once, inputs included and
        parameters not, with attention as PyTorch's fused routine keeps it.
    by_module : pandas.DataFrame
        One row a module, including what is inside it: ``module``, ``type``, the counts above,
        ``momentum_bytes`` and ``adam_bytes`` of optimiser state, and the second count:
        ``closed_form_macs`` and ``agrees``. The verdict is True where formulas account for every
        MAC (and a layer's parameters), False where they contradict the count, and missing where
        part of a module's work has no formula.
    by_operator : dict of str to int
        MACs of the forward pass by operator of PyTorch.
    uncounted : list of str
        Ops that take tensors and have no rule. Empty means that nothing was passed over.
    agrees : bool
        No closed form contradicts the count, and nothing is uncounted.
    """

    parameters: int
    trainable_parameters: int
    buffers: int
    forward_macs: int
    forward_flop: int
    training_flop: int
    parameter_bytes: int
    buffer_bytes: int
    gradient_bytes: int
    activation_bytes: int
    by_module: Any = field(repr=False)
    by_operator: dict[str, int] = field(repr=False)
    uncounted: list[str]
    agrees: bool

    def optimiser_bytes(self, optimiser: str = "adam") -> int:
        """State that an optimiser keeps: nothing ("sgd"), one velocity ("momentum"), two ("adam").

        >>> import torch
        >>> work = count(torch.nn.Linear(10, 10), torch.zeros(1, 10))
        >>> work.gradient_bytes, work.optimiser_bytes("momentum"), work.optimiser_bytes("adam")
        (440, 440, 888)
        """
        if optimiser not in OPTIMISER_TENSORS:
            allowed = ", ".join(OPTIMISER_TENSORS)
            raise ValueError(f"optimiser is {optimiser!r}; allowed are {allowed}")
        if optimiser == "sgd":
            return 0
        return int(self.by_module[f"{optimiser}_bytes"].iloc[0])

    def training_bytes(self, optimiser: str = "adam") -> int:
        """Everything that a training step keeps: weights, gradients, state, activations, buffers.

        >>> import torch
        >>> count(torch.nn.Linear(10, 10), torch.zeros(1, 10)).training_bytes("sgd")
        920
        """
        held = self.parameter_bytes + self.buffer_bytes + self.gradient_bytes
        return held + self.activation_bytes + self.optimiser_bytes(optimiser)


def count(
    model: nn.Module,
    *example_inputs: Any,
    all_arithmetic: bool = False,
    halve_causal: bool = False,
    **kwargs: Any,
) -> ComputeCount:
    """Count the parameters, MACs, FLOP and bytes of a model, without running it.

    Parameters
    ----------
    model : nn.Module
        Any module, on any device; it is not changed.
    *example_inputs, **kwargs
        What you would call it with. Only shapes and types matter, the batch size among them.
    all_arithmetic : bool
        Also count what is no MAC: biases, activations, normalisation, softmax, pooling, losses.
        Each elementary function of a number is 1 FLOP, be it a sum or an exponential.
    halve_causal : bool
        Count half of the products of causal attention (``is_causal=True``), as a routine that
        skips what is masked may do. Masks that are given as tensors do not tell.

    Returns
    -------
    ComputeCount

    Raises
    ------
    TypeError
        If ``model`` is no module.
    ValueError
        If the model cannot run on these inputs or on shapes alone (it branches on values, or
        leaves PyTorch); the message names the module.

    Warns
    -----
    UserWarning
        If an op has no rule (see `register_rule`), or no tensor in the output leads back to a
        trainable parameter.

    Notes
    -----
    Convention: 2 FLOP a MAC, products and convolutions only, attention in full. Training FLOP are
    counted on the backward pass itself, so the familiar "three times forward" (Kaplan et al.,
    2020, section 2.1) can be checked instead of assumed: the first layer needs no gradient for
    its input, and work that is done again on the way back is not counted in attention.
    See chapter 6 of the book.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.Linear(512, 10))
    >>> work = count(model, torch.zeros(32, 784))
    >>> work.parameters, work.forward_macs, work.forward_flop
    (407050, 13008896, 26017792)
    >>> work.training_flop / work.forward_flop < 3, work.agrees
    (True, True)
    """
    with as_shapes(model, example_inputs, kwargs) as (shapes, inputs, keywords):
        forward, closed = _count_forward(shapes, inputs, keywords, halve_causal)
        training, saved, way_back = _count_training(shapes, inputs, keywords, halve_causal)
    if not way_back:
        _warn("no tensor in the output needs a gradient: training_flop has no backward pass")
    uncounted = sorted(forward.uncounted | training.uncounted)
    if uncounted:
        _warn(f"no rule for {', '.join(uncounted)}: their work is missing from this count")
    table = _table(shapes, forward, training, saved, closed, all_arithmetic)
    whole = table.iloc[0]
    numbers = {
        name: int(whole[name])
        for name in ComputeCount.__dataclass_fields__
        if name in table.columns and name != "agrees"
    }
    return ComputeCount(
        **numbers,
        by_module=table,
        by_operator={name: int(macs) for name, macs in forward.by_operator.items()},
        uncounted=uncounted,
        agrees=not uncounted and not (table["agrees"] == False).any(),  # noqa: E712  (may be NA)
    )


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)


@contextmanager
def counting(model: nn.Module, counter: Counter, finished: Any = lambda *_: None) -> Iterator[None]:
    """Count what a model does inside; its errors are told with the module's name."""
    try:
        with running_on_shapes(), counter.places.following(model, finished), counter:
            yield
    except Exception as error:
        inside = tuple(name for name in counter.places.failed if name not in (ROOT, HALVED))
        raise explain(error, type(model).__name__, inside) from error


def _count_forward(
    shapes: nn.Module, inputs: tuple, keywords: dict[str, Any], halve_causal: bool
) -> tuple[Counter, ClosedForms]:
    """One forward pass in evaluation mode, attention taken apart; and the formulas of its calls."""
    counter, closed = Counter(), ClosedForms(shapes)
    places = counter.places
    shapes.eval()
    with (
        attention_on_shapes(
            fused=False,
            causal=_halving(counter, halve_causal),
            note=lambda layer: closed.called(places.running, layer),
        ),
        counting(shapes, counter, lambda *call: closed.finished(places.running, *call)),
    ):
        shapes(*inputs, **keywords)
    return counter, closed


def _count_training(
    shapes: nn.Module, inputs: tuple, keywords: dict[str, Any], halve_causal: bool
) -> tuple[Counter, SavedBytes, bool]:
    """A forward and a backward pass; whether there was a way back, if there is what to train."""
    counter = Counter()
    saved = SavedBytes(shapes, lambda: {TOTAL, *counter.places.running})
    shapes.train()
    for module in shapes.modules():  # batch statistics of one example do not exist
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    with (
        attention_on_shapes(fused=True, causal=_halving(counter, halve_causal)),
        counting(shapes, counter),
    ):
        with saved:
            outputs = shapes(*inputs, **keywords)
        floats = [tensor for tensor in tensors_in(outputs) if tensor.requires_grad]
        if floats:
            torch.autograd.backward(floats, [torch.ones_like(t) for t in floats])
    return counter, saved, bool(floats) or not any(p.requires_grad for p in shapes.parameters())


def _halving(counter: Counter, halve_causal: bool) -> Callable[[], AbstractContextManager]:
    return (lambda: counter.places.within(HALVED)) if halve_causal else nullcontext


def _table(
    model: nn.Module,
    forward: Counter,
    training: Counter,
    saved: SavedBytes,
    closed: ClosedForms,
    all_arithmetic: bool,
) -> Any:
    import pandas as pd

    def inside(amounts: dict[str, int], name: str, module: nn.Module) -> int:
        """What ran in a module; of a container that is never called, what ran in its children."""
        if name == TOTAL:
            return amounts[TOTAL]
        if name in forward.macs or name in training.macs or name in amounts:
            return amounts.get(name, 0)
        children = module.named_children()
        return sum(inside(amounts, f"{name}.{child}", inner) for child, inner in children)

    rows = []
    for name, module in model.named_modules():
        parameters = list(module.parameters())
        trained = [p for p in parameters if p.requires_grad]
        buffers = list(module.buffers())
        macs, again = (inside(counter.macs, name, module) for counter in (forward, training))
        other, other_again = (
            all_arithmetic * inside(counter.other_flop, name, module)
            for counter in (forward, training)
        )
        gradient_bytes = sum(p.nbytes for p in trained)
        rows.append(
            {
                "module": name or ROOT,
                "type": type(module).__name__,
                "parameters": sum(p.numel() for p in parameters),
                "trainable_parameters": sum(p.numel() for p in trained),
                "buffers": sum(b.numel() for b in buffers),
                "forward_macs": int(macs),
                "forward_flop": int(FLOP_PER_MAC * macs + other),
                "training_flop": int(FLOP_PER_MAC * again + other_again),
                "parameter_bytes": sum(p.nbytes for p in parameters),
                "buffer_bytes": sum(b.nbytes for b in buffers),
                "gradient_bytes": gradient_bytes,
                "momentum_bytes": gradient_bytes,
                "adam_bytes": 2 * gradient_bytes + ADAM_STEP_BYTES * len(trained),
                "activation_bytes": inside(saved.by_place, name, module),
                **closed.verdict(name or ROOT, module, macs),
            }
        )
    return pd.DataFrame(rows).astype({"closed_form_macs": "Int64", "agrees": "boolean"})
