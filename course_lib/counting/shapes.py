"""Models and inputs as shapes: a copy on the meta device, and how it runs there."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules import transformer
from torch.nn.utils.rnn import PackedSequence
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

META = torch.device("meta")


def tensors_in(values: Any) -> list[torch.Tensor]:
    """All tensors in a structure of lists, tuples and dictionaries."""
    return [leaf for leaf in pytree.tree_leaves(values) if isinstance(leaf, torch.Tensor)]


@contextmanager
def as_shapes(
    model: nn.Module, inputs: tuple, keywords: dict[str, Any]
) -> Iterator[tuple[nn.Module, tuple, dict[str, Any]]]:
    """A model and its inputs as shapes, also where the caller has forbidden gradients."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; give a torch.nn.Module")
    with torch.inference_mode(False):
        yield _model_on_meta(model), *_inputs_on_meta((inputs, keywords))


def _model_on_meta(model: nn.Module) -> nn.Module:
    """A copy on the meta device. Memory is never taken: tensors enter the copy as shapes."""
    model = getattr(model, "_orig_mod", model)  # what torch.compile has wrapped
    memo: dict[int, Any] = {}
    kind = type(model).__name__
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if isinstance(tensor, nn.parameter.UninitializedTensorMixin):
            raise ValueError(f"{kind}.{name} has no shape yet: call the model once, then count it")
    for module in model.modules():
        for tensor in tensors_in(list(vars(module).values())):
            memo[id(tensor)] = _as_shape(tensor)
    try:
        return copy.deepcopy(model, memo).to(META)
    except Exception as error:
        hint = "; give the module before it was scripted" if "Script" in kind else ""
        raise ValueError(f"{kind} cannot be copied: {error}{hint}") from error


def _as_shape(tensor: torch.Tensor) -> torch.Tensor:
    shape = tensor.detach().to(META)
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(shape, requires_grad=tensor.requires_grad)
    return shape.requires_grad_(tensor.requires_grad)


def _inputs_on_meta(inputs: Any) -> Any:
    """Example inputs as shapes; of a packed sequence the lengths keep their values."""

    def shape(value: Any) -> Any:
        if isinstance(value, PackedSequence):
            indices = {
                name: None if index is None else _as_shape(index)
                for name in ("sorted_indices", "unsorted_indices")
                for index in [getattr(value, name)]
            }
            return value._replace(data=_as_shape(value.data), **indices)
        return _as_shape(value) if isinstance(value, torch.Tensor) else value

    return pytree.tree_map(shape, inputs, is_leaf=lambda value: isinstance(value, PackedSequence))


class _StayOnMeta(TorchFunctionMode):
    """Tensors that a model makes or moves in its own code are shapes too."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in (torch.Tensor.cuda, torch.Tensor.cpu):
            return args[0]
        given = kwargs.get("device")
        holds_values = func in (torch.tensor, torch.as_tensor) and str(given) == "cpu"
        if given is not None and not holds_values:
            kwargs["device"] = META
        if func is torch.Tensor.to and args[1:] and isinstance(args[1], str | torch.device | int):
            args = (args[0], META, *args[2:])
        return func(*args, **kwargs)


@contextmanager
def running_on_shapes() -> Iterator[None]:
    """Run a model on shapes inside: no fast path around its modules, no look at a mask's values."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    looks_at_mask = transformer._detect_is_causal_mask
    torch.backends.mha.set_fastpath_enabled(False)
    transformer._detect_is_causal_mask = lambda mask, is_causal=None, size=None: is_causal is True
    try:
        with META, _StayOnMeta(), torch.enable_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        transformer._detect_is_causal_mask = looks_at_mask


def explain(error: Exception, kind: str, running: tuple[str, ...]) -> ValueError:
    """What went wrong on shapes, with the module in which it did."""
    place = ".".join([kind, *running[-1:]])
    text = str(error)
    causes = {
        "it looks at the values of a tensor (if, .item(), int(), .tolist()), and shapes have none; "
        "pass what it decides on as a plain number": (
            ".item() cannot be called on meta", "_local_scalar_dense", "out of meta tensor",
            "data-dependent", "nonzero()", "bool() on meta", "masked_select",
        ),
        "it leaves PyTorch for NumPy, where nothing can be counted": ("to numpy", "numpy()"),
        "it uses an operator without a rule for shapes; if it is yours, give it one with "
        "register_fake, and its MACs with course_lib.counting.register_rule": (
            "fake impl", "'Meta' backend", "meta implementation",
        ),
    }  # fmt: skip
    for cause, signs in causes.items():
        if any(sign in text for sign in signs):
            return ValueError(f"cannot count {place} on shapes alone: {cause} ({text})")
    return ValueError(f"cannot count {place} on shapes alone: {text}")
