"""`count`: run a model on shapes, add up what it did, and check the sum by formula."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from course_lib.closed_form import FLOP_PER_MAC
from course_lib.counting.following import ROOT, TOTAL, Counter, SavedBytes
from course_lib.counting.formulas import closed_forms


@dataclass(frozen=True)
class ComputeCount:
    """What a model holds and what it does, from `count`.

    Attributes
    ----------
    parameters, trainable_parameters, buffers : int
        Elements; a parameter that is used in several places counts once.
    forward_macs, forward_flop : int
        Of one forward pass on the inputs given. FLOP are twice the MACs.
    training_flop : int
        Of one forward and one backward pass, both counted.
    parameter_bytes, activation_bytes : int
        Activations: what the forward pass saves for the backward pass, each storage once, inputs
        included and parameters not.
    by_module : pandas.DataFrame
        One row a module, including what is inside it: ``module``, ``type``, ``parameters``,
        ``forward_macs``, ``forward_flop``, ``training_flop``, ``closed_form_macs``, ``agrees``
        (missing where a module type has no closed form).
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
    activation_bytes: int
    by_module: Any = field(repr=False)
    uncounted: list[str]
    agrees: bool


def count(model: nn.Module, *example_inputs: Any, **kwargs: Any) -> ComputeCount:
    """Count the parameters, MACs, FLOP and bytes of a model, without running it.

    Parameters
    ----------
    model : nn.Module
        Any module, on any device; it is not changed.
    *example_inputs, **kwargs
        What you would call it with. Only shapes and types matter, the batch size among them.

    Returns
    -------
    ComputeCount

    Raises
    ------
    ValueError
        If the model cannot run on these inputs or on shapes alone (it branches on values, or
        leaves PyTorch); the message names the module.

    Warns
    -----
    UserWarning
        If an op has no rule, or no tensor in the output leads back to a trainable parameter.

    Notes
    -----
    Attention counts in full; training FLOP are counted on the backward pass itself, so the
    familiar "three times forward" (Kaplan et al., 2020, section 2.1) can be checked instead of
    assumed: the first layer needs no gradient for its input. See chapter 6 of the book.

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
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; give a torch.nn.Module")
    with torch.inference_mode(False):
        return _count(model, example_inputs, kwargs)


def _count(model: nn.Module, example_inputs: tuple, kwargs: dict[str, Any]) -> ComputeCount:
    shapes = _on_meta(model)
    inputs, keywords = pytree.tree_map_only(
        torch.Tensor,
        lambda t: t.detach().to("meta").requires_grad_(t.requires_grad),
        (example_inputs, kwargs),
    )
    forward = Counter()
    closed: dict[str, int | None] = {}
    shapes.eval()
    with forward.running(shapes), closed_forms(shapes, closed), torch.enable_grad():
        shapes(*inputs, **keywords)

    training = Counter()
    saved = SavedBytes(shapes)
    shapes.train()
    for module in shapes.modules():  # batch statistics of one example do not exist
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    with training.running(shapes), torch.enable_grad():
        with saved:
            outputs = shapes(*inputs, **keywords)
        floats = [
            t
            for t in pytree.tree_leaves(outputs)
            if isinstance(t, torch.Tensor) and t.requires_grad
        ]
        if floats:
            sum(t.sum() for t in floats).backward()
        elif any(p.requires_grad for p in shapes.parameters()):
            warnings.warn(
                "no tensor in the output needs a gradient: training_flop has no backward pass",
                stacklevel=3,
            )

    table = _table(shapes, forward, training, closed)
    uncounted = sorted(forward.uncounted | training.uncounted)
    if uncounted:
        warnings.warn(
            f"no rule for {', '.join(uncounted)}: their work is missing from this count",
            stacklevel=3,
        )
    parameters = list(model.parameters())
    macs = forward.macs[TOTAL]
    return ComputeCount(
        parameters=sum(p.numel() for p in parameters),
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        buffers=sum(b.numel() for b in model.buffers()),
        forward_macs=macs,
        forward_flop=FLOP_PER_MAC * macs,
        training_flop=FLOP_PER_MAC * training.macs[TOTAL],
        parameter_bytes=sum(p.numel() * p.element_size() for p in parameters),
        activation_bytes=saved.total,
        by_module=table,
        uncounted=uncounted,
        agrees=not uncounted and not (table["agrees"] == False).any(),  # noqa: E712  (may be None)
    )


def _on_meta(model: nn.Module) -> nn.Module:
    """A copy on the meta device. Memory is never taken: tensors enter the copy as shapes."""
    memo: dict[int, Any] = {}
    for tensor in [*model.parameters(), *model.buffers()]:
        shape = tensor.detach().to("meta")
        if isinstance(tensor, nn.Parameter):
            shape = nn.Parameter(shape, requires_grad=tensor.requires_grad)
        memo[id(tensor)] = shape
    try:
        return copy.deepcopy(model, memo).to("meta")
    except Exception as error:
        raise ValueError(f"{type(model).__name__} cannot be copied: {error}") from error


def _table(model: nn.Module, forward: Counter, training: Counter, closed: dict) -> Any:
    import pandas as pd

    def macs_of(counter: Counter, name: str, module: nn.Module) -> int:
        """What ran in a module; of a container that is never called, what ran in its children."""
        if name == "":
            return counter.macs[TOTAL]
        if name in counter.macs:
            return counter.macs[name]
        children = module.named_children()
        return sum(macs_of(counter, f"{name}.{child}", inner) for child, inner in children)

    rows = []
    for name, module in model.named_modules():
        counted, formula = macs_of(forward, name, module), closed.get(name)
        rows.append(
            {
                "module": name or ROOT,
                "type": type(module).__name__,
                "parameters": sum(p.numel() for p in module.parameters()),
                "forward_macs": counted,
                "forward_flop": FLOP_PER_MAC * counted,
                "training_flop": FLOP_PER_MAC * macs_of(training, name, module),
                "closed_form_macs": formula,
                "agrees": None if formula is None else formula == counted,
            }
        )
    table = pd.DataFrame(rows)
    return table.astype({"closed_form_macs": "Int64", "agrees": "boolean"})
