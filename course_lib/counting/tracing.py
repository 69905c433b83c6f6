"""`trace`: what a call does op by op, and the most memory it holds, from shapes alone."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from course_lib.counting.attention import attention_on_shapes
from course_lib.counting.counter import counting
from course_lib.counting.following import Counter, Operation
from course_lib.counting.kept import LiveBytes
from course_lib.counting.shapes import inputs_on_meta, model_on_meta


@dataclass(frozen=True)
class Trace:
    """Operations in order, and the most bytes held at a time beyond weights and inputs."""

    operations: tuple[Operation, ...]
    peak_bytes: int


def trace(
    model: nn.Module, example_inputs: tuple, keywords: dict[str, Any], training: bool
) -> Trace:
    """Follow a forward pass without gradients, or (``training``) one forward and backward.

    Raises
    ------
    TypeError, ValueError
        As `count`.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; give a torch.nn.Module")
    with torch.inference_mode(False):
        shapes = model_on_meta(model).train(training)
        inputs, keywords = inputs_on_meta((example_inputs, keywords))
        held = [*shapes.parameters(), *shapes.buffers(), inputs, keywords]
        live, counter = LiveBytes(held), Counter()
        with (
            attention_on_shapes(fused=True, causal=nullcontext),
            counting(shapes, counter),
            torch.set_grad_enabled(training),
            live,
        ):
            outputs = shapes(*inputs, **keywords)
            if training:
                tensors = pytree.tree_leaves(outputs)
                loss = sum(t.sum() for t in tensors if _needs_gradient(t))
                del outputs, tensors  # as after a loss, nothing else holds them
                if isinstance(loss, torch.Tensor):
                    loss.backward()
        return Trace(tuple(counter.operations), live.peak)


def _needs_gradient(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad
