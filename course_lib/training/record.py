"""What a training has spent so far, step by step, and the clock that says so."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pandas as pd
import torch

from course_lib.devices import synchronise
from course_lib.training.plan import Budget


class Clock:
    """Seconds of work on a device, which can be paused."""

    def __init__(self, device: torch.device) -> None:
        synchronise(device)
        self.device, self.began = device, time.perf_counter()

    def read(self) -> float:
        """Seconds so far, once all work that is queued is done."""
        synchronise(self.device)
        return time.perf_counter() - self.began

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside takes no time."""
        before = self.read()
        yield
        synchronise(self.device)
        self.began = time.perf_counter() - before


@dataclass
class Record:
    """Steps so far: FLOP of all that were begun, losses and seconds of all that are finished."""

    seeds: list[int]
    flop: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    losses: list[list[float]] = field(default_factory=list)
    evaluated: dict[int, list[float]] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Steps begun."""
        return len(self.flop)

    def spent(self, budget: Budget) -> float:
        """What is spent of a budget, in its unit."""
        if budget.kind == "steps":
            return self.steps
        amounts = self.flop if budget.kind == "flop" else self.seconds
        return amounts[-1] if amounts else 0

    def begin(self, flop: int) -> None:
        """Enter a step's work."""
        self.flop.append(flop + (self.flop[-1] if self.flop else 0))

    def finish(self, losses: list[list[float]], now: float) -> None:
        """Enter the losses of a block of steps, which took equal parts of the time since the last.

        >>> record = Record(seeds=[0])
        >>> record.finish([[3.0]], now=1.0)
        >>> record.finish([[2.0], [1.0]], now=4.0)
        >>> record.seconds
        [1.0, 2.5, 4.0]
        """
        before = self.seconds[-1] if self.seconds else 0.0
        for position, row in enumerate(losses, start=1):
            self.losses.append(row)
            self.seconds.append(before + (now - before) * position / len(losses))
            for seed, loss in zip(self.seeds, row, strict=True):
                if not math.isfinite(loss):
                    raise FloatingPointError(
                        f"the loss is {loss} at step {len(self.losses)} with seed {seed}; "
                        "try a lower learning rate, or look at that step's batch"
                    )

    def history(self, index: int) -> pd.DataFrame:
        """The table of one seed, with its equal share of the seconds."""
        steps = range(1, len(self.losses) + 1)
        table = {"step": steps, "loss": [row[index] for row in self.losses]}
        if self.evaluated:
            values = {step: row[index] for step, row in self.evaluated.items()}
            table["evaluated"] = [values.get(step, math.nan) for step in steps]
        table["training_flop"] = self.flop
        table["seconds"] = [seconds / len(self.seeds) for seconds in self.seconds]
        return pd.DataFrame(table)
