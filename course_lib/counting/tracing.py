"""`trace`: what a call does op by op, and the most memory it holds, from shapes alone."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from course_lib.closed_form import FLOP_PER_MAC
from course_lib.counting.attention import attention_on_shapes
from course_lib.counting.counter import counting
from course_lib.counting.following import Counter
from course_lib.counting.kept import LiveBytes
from course_lib.counting.shapes import as_shapes, tensors_in


@dataclass(frozen=True)
class Operation:
    """One operator that ran: its FLOP (all arithmetic), the bytes it reads and writes, its type."""

    flop: int
    products: bool
    bytes_moved: int
    dtype: torch.dtype


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
    operations: list[Operation] = []

    def watch(args: tuple, result: Any, macs: int, other_flop: int) -> None:
        tensors = tensors_in((args, result))
        if tensors:
            moved = sum(tensor.nbytes for tensor in tensors)
            flop = FLOP_PER_MAC * macs + other_flop
            operations.append(Operation(flop, macs > 0, moved, tensors[0].dtype))

    with as_shapes(model, example_inputs, keywords) as (shapes, inputs, keywords):
        shapes.train(training)
        live = LiveBytes([*shapes.parameters(), *shapes.buffers(), inputs, keywords])
        with (
            attention_on_shapes(fused=True, causal=nullcontext),
            counting(shapes, Counter(watch)),
            torch.set_grad_enabled(training),
            live,
        ):
            outputs = shapes(*inputs, **keywords)
            if training:
                loss = sum(t.sum() for t in tensors_in(outputs) if t.requires_grad)
                del outputs  # as after a loss, nothing else holds them
                if isinstance(loss, torch.Tensor):
                    loss.backward()
    return Trace(tuple(operations), live.peak)
