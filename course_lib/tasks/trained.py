"""What tasks with trained networks share: a training set for each seed, and a row of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from course_lib.training import Training

TEST_SEED = 10**6  # of all test sets; seeds of trainings are small


def batches_of_own_set(
    make: Callable[[int], tuple[torch.Tensor, torch.Tensor]], rows: int
) -> Callable[[int, torch.Generator], tuple[torch.Tensor, torch.Tensor]]:
    """Batches of so many rows, drawn with replacement from a training set.

    ``make(seed)`` makes the set, once for each seed that trains: different seeds differ in their
    data too.

    >>> batches = batches_of_own_set(lambda seed: (torch.arange(3.0), torch.arange(3)), rows=5)
    >>> inputs, targets = batches(0, torch.Generator().manual_seed(0))
    >>> inputs.shape, bool((inputs == targets).all())
    (torch.Size([5]), True)
    """
    sets: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def batches(step: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        seed = generator.initial_seed() + 1  # not the numbers that draw from the set
        if seed not in sets:
            sets[seed] = make(seed)
        inputs, targets = sets[seed]
        index = torch.randint(
            len(targets), (rows,), generator=generator, device=generator.device
        ).to(targets.device)
        return inputs[index], targets[index]

    return batches


def error_rate(inputs: torch.Tensor, classes: torch.Tensor) -> Callable[[torch.nn.Module], float]:
    """A function that gives the share of examples that a model puts into another class.

    >>> error_rate(torch.eye(2), torch.tensor([0, 0]))(torch.nn.Identity())
    0.5
    """
    return lambda model: (model(inputs).argmax(1) != classes).float().mean().item()


def rows_of(trainings: list[Training], y: str, **more: Any) -> list[dict[str, Any]]:
    """One row for each training: what was evaluated at its end, under the name ``y``, and costs."""
    return [
        {
            y: training.evaluated,
            **more,
            "parameters": sum(p.numel() for p in training.model.parameters()),
            "training_flop": training.training_flop,
            "seconds": training.seconds,
        }
        for training in trainings
    ]
