"""How to train: the budget, the optimiser, the learning rate's schedule, the evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

LEARNING_RATE = 1e-3  # of the default optimiser: what Kingma and Ba (2015) recommend for Adam

Optimiser = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
Schedule = Callable[[float], float]


@dataclass(frozen=True)
class Budget:
    """An amount of steps, FLOP or seconds; exactly one of them."""

    kind: str
    amount: float

    @classmethod
    def of(cls, **amounts: float | None) -> Budget:
        """The one budget that is given; an error if it is none or several.

        >>> Budget.of(steps=100, flop=None)
        Budget(kind='steps', amount=100)
        """
        given = {kind: amount for kind, amount in amounts.items() if amount is not None}
        if len(given) != 1:
            came = ", ".join(f"{kind}={amount!r}" for kind, amount in given.items()) or "none"
            raise ValueError(f"the budget is {came}; give exactly one of {', '.join(amounts)}")
        [(kind, amount)] = given.items()
        if isinstance(amount, bool) or not isinstance(amount, int | float):
            raise TypeError(f"{kind} is {amount!r}; give a number")
        if kind == "steps" and not isinstance(amount, int):
            raise TypeError(f"steps is {amount!r}; give a whole number")
        if not (math.isfinite(amount) and amount > 0):
            raise ValueError(f"{kind} is {amount!r}; must be finite and above 0")
        return cls(kind, amount)


@dataclass(frozen=True)
class Plan:
    """Everything about a training but the model, the data and the loss; checked when it is made."""

    budget: Budget
    optimiser: Optimiser | None
    learning_rate: float | None
    schedule: str | Schedule | None
    evaluate: Callable[[nn.Module], float] | None
    every: int | None
    progress: bool

    def __post_init__(self) -> None:
        rate = self.learning_rate
        if rate is not None and self.optimiser is not None:
            raise ValueError(
                f"learning_rate is {rate!r} beside an optimiser of your own; set its rate there"
            )
        if rate is not None and not (math.isfinite(rate) and rate > 0):
            raise ValueError(f"learning_rate is {rate!r}; must be finite and above 0")
        if isinstance(self.schedule, str) and self.schedule != "cosine":
            raise ValueError(
                f"schedule is {self.schedule!r}; allowed are None, 'cosine' or a function"
            )
        if self.every is not None:
            if self.evaluate is None:
                raise ValueError(f"every is {self.every!r} without a function to evaluate")
            if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
                raise ValueError(
                    f"every is {self.every!r}; give a whole number of steps, 1 or more"
                )

    def make_optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimiser of a model's trainable parameters."""
        parameters = [p for p in model.parameters() if p.requires_grad]
        if not parameters:
            raise ValueError(f"{type(model).__name__} has no trainable parameter")
        if self.optimiser is None:
            return torch.optim.Adam(parameters, lr=self.learning_rate or LEARNING_RATE)
        return self.optimiser(parameters)

    def factor(self, share: float) -> float:
        """What the learning rate is multiplied with when a share of the budget is done.

        >>> plan = Plan(Budget("steps", 10), None, None, "cosine", None, None, False)
        >>> [round(plan.factor(share), 3) for share in (0, 0.5, 1)]
        [1.0, 0.5, 0.0]
        """
        if self.schedule is None:
            return 1.0
        if self.schedule == "cosine":
            return (1 + math.cos(math.pi * min(share, 1.0))) / 2
        factor = float(self.schedule(share))
        if not (math.isfinite(factor) and factor >= 0):
            raise ValueError(f"schedule({share!r}) is {factor!r}; must be finite, 0 or more")
        return factor


def value_of(evaluate: Callable[[nn.Module], Any], model: nn.Module, device: torch.device) -> float:
    """What ``evaluate`` says of a model, in evaluation mode; its random numbers are its own."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), own_random_numbers(device):
            return float(evaluate(model))
    finally:
        model.train(training)


def own_random_numbers(device: torch.device) -> Any:
    """Inside, PyTorch's global random numbers may be drawn and seeded; afterwards they go on."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
