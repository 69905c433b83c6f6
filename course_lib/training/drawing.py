"""The batches of a training: a function of the step and of seeded random numbers, or one pair."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch.utils import _pytree as pytree

Batch = tuple[torch.Tensor, Any]
Batches = Callable[[int, torch.Generator], Batch] | Batch


def draw(batches: Batches, step: int, generator: torch.Generator) -> Batch:
    """The batch of a step, on the generator's device."""
    batch = batches(step, generator) if callable(batches) else batches
    if not (isinstance(batch, tuple | list) and len(batch) == 2):
        raise TypeError(f"a batch is a {type(batch).__name__}; give a pair (inputs, targets)")
    inputs, targets = batch
    if not isinstance(inputs, torch.Tensor):
        raise TypeError(f"inputs of a batch are a {type(inputs).__name__}; give a tensor")

    def move(value: Any) -> Any:
        return value.to(generator.device) if isinstance(value, torch.Tensor) else value

    return move(inputs), on_each(move, targets)


def on_each(change: Callable[..., Any], *targets: Any) -> Any:
    """Targets of one structure, leaf by leaf; quick for the usual single tensor."""
    if isinstance(targets[0], torch.Tensor):
        return change(*targets)
    return pytree.tree_map(change, *targets)


def generator_of(seed: int, device: torch.device) -> torch.Generator:
    """Random numbers for batches.

    They have nothing to do with the weights that are drawn after ``torch.manual_seed(seed)``,
    which with one and the same seed would be made from the same numbers as the data.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed is {seed!r}; give a whole number")
    return torch.Generator(device).manual_seed(derived_seed(seed, "batches"))


def derived_seed(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose.

    >>> derived_seed(0, "batches") != derived_seed(0, "dropout") != derived_seed(1, "dropout")
    True
    """
    digest = hashlib.sha256(f"{purpose} {seed}".encode()).digest()
    return int.from_bytes(digest[:4], "big")  # the CPU's generator takes no more than 32 bits
