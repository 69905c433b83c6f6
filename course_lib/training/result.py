"""What a training gives back: the model, and a row for each step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Training:
    """A trained model and the record of its training, from `train` or `train_many`.

    Attributes
    ----------
    model : nn.Module
        The model itself, trained in place.
    history : pandas.DataFrame
        A row for each step: ``step`` (from 1), ``loss`` (of the step's batch, before its update),
        ``evaluated`` (after the update; only where a function to evaluate was given, and missing
        where it was not called), ``training_flop`` and ``seconds`` (spent by the end of the step).
    seed : int
        Of its batches and of the model's own random numbers.
    together : int
        Seeds that were trained at once; 1 is a training alone.
    alone_because : str
        Where `train_many` had to train one by one: why.
    """

    model: nn.Module = field(repr=False)
    history: Any = field(repr=False)
    seed: int
    together: int = 1
    alone_because: str = ""

    @property
    def steps(self) -> int:
        """Updates made."""
        return len(self.history)

    @property
    def training_flop(self) -> int:
        """Counted FLOP of all steps, forward and backward, without those of evaluations."""
        return int(self.history["training_flop"].iloc[-1])

    @property
    def seconds(self) -> float:
        """Wall seconds of all steps; of seeds trained together, this one's equal share."""
        return float(self.history["seconds"].iloc[-1])

    @property
    def final_loss(self) -> float:
        """Loss of the last step's batch, before its update."""
        return float(self.history["loss"].iloc[-1])

    @property
    def evaluated(self) -> float | None:
        """What ``evaluate`` said at the end; None where there was nothing to evaluate."""
        if "evaluated" not in self.history:
            return None
        return float(self.history["evaluated"].iloc[-1])

    def __str__(self) -> str:
        said = "" if self.evaluated is None else f", evaluated {self.evaluated:.4g}"
        return (
            f"{self.steps:,} steps, {self.training_flop:.3g} FLOP, {self.seconds:.3g} s: "
            f"loss {self.final_loss:.4g}{said}"
        )
