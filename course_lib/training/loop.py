"""The one training loop: draw a batch, update, write down, until the budget is spent."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from course_lib.counting import count
from course_lib.metering import ledger
from course_lib.training.plan import Plan
from course_lib.training.record import Clock, Record

BLOCK_SECONDS = 0.1  # a GPU is waited for about this often, not after each step
UNITS = {"steps": "step", "flop": "FLOP", "seconds": "s"}


@dataclass(frozen=True)
class Work:
    """What the loop repeats, for one seed or for several at once.

    ``draw(step)`` makes a batch; ``inputs(batch)`` is what one seed's model is called with, and
    ``losses(batch)`` the loss of each seed, shape (seeds,). ``model`` is the first seed's, from
    which FLOP are counted. ``evaluate()`` gives a number for each seed.
    """

    seeds: list[int]
    device: torch.device
    model: nn.Module
    optimiser: torch.optim.Optimizer
    draw: Callable[[int], Any]
    inputs: Callable[[Any], torch.Tensor]
    losses: Callable[[Any], torch.Tensor]
    evaluate: Callable[[], list[float]] | None


def repeat(work: Work, plan: Plan) -> Record:
    """Train until the budget is spent, and charge the page for what was done."""
    record = Record(work.seeds)
    try:
        _repeat(work, plan, record)
    finally:
        ledger.add_flop(len(work.seeds) * (record.flop[-1] if record.flop else 0))
    return record


def _repeat(work: Work, plan: Plan, record: Record) -> None:
    budget, optimiser = plan.budget, work.optimiser
    rates = [group["lr"] for group in optimiser.param_groups]
    pending: list[torch.Tensor] = []
    block = 1
    clock = Clock(work.device)
    step_flop = _StepFlop(work.model, clock)
    optimiser.zero_grad()
    with tqdm(
        total=budget.amount,
        unit=UNITS[budget.kind],
        unit_scale=budget.kind != "steps",
        file=sys.stdout,
        disable=not plan.progress,
    ) as bar:
        while record.spent(budget) < budget.amount:
            share = record.spent(budget) / budget.amount
            batch = work.draw(record.steps)
            flop = step_flop(work.inputs(batch))
            if budget.kind == "flop" and record.spent(budget) + flop > budget.amount:
                break
            record.begin(flop)
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * plan.factor(share)
            losses = work.losses(batch)
            losses.sum().backward()
            optimiser.step()
            optimiser.zero_grad()
            pending.append(losses.detach())
            due = work.evaluate is not None and plan.every and record.steps % plan.every == 0
            if due or len(pending) >= block:
                block = _finish(record, pending, clock, plan)
                bar.update(min(record.spent(budget), budget.amount) - bar.n)
            if due:
                _evaluate(work, record, clock)
        if not record.steps:
            raise ValueError(f"flop is {budget.amount:g}, but one step takes {flop:g} FLOP")
        if pending:
            _finish(record, pending, clock, plan)
            bar.update(min(record.spent(budget), budget.amount) - bar.n)
        if work.evaluate is not None and record.steps not in record.evaluated:
            _evaluate(work, record, clock)


def _finish(record: Record, pending: list[torch.Tensor], clock: Clock, plan: Plan) -> int:
    """Wait for the steps that are under way and enter them; the number of the next block's."""
    losses = torch.stack(pending).tolist()
    now = clock.read()
    each = (now - (record.seconds[-1] if record.seconds else 0.0)) / len(pending)
    record.finish(losses, now)
    pending.clear()
    if clock.device.type == "cpu":  # nothing is ever under way there
        return 1
    left = plan.budget.amount - now if plan.budget.kind == "seconds" else BLOCK_SECONDS
    wanted = int(min(BLOCK_SECONDS, left) / each)
    return max(1, min(wanted, 2 * len(losses)))


def _evaluate(work: Work, record: Record, clock: Clock) -> None:
    with clock.paused():
        record.evaluated[record.steps] = work.evaluate()


class _StepFlop:
    """FLOP of a training step, counted once for each shape of the inputs, off the clock."""

    def __init__(self, model: nn.Module, clock: Clock) -> None:
        self.model, self.clock = model, clock
        self.known: dict[tuple, int] = {}

    def __call__(self, inputs: torch.Tensor) -> int:
        key = (inputs.shape, inputs.dtype)
        if key not in self.known:
            with self.clock.paused():
                self.known[key] = count(self.model, inputs).training_flop
        return self.known[key]
