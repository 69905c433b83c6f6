"""`train`: one network, one seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from course_lib.devices import device_of, pick
from course_lib.training.drawing import Batches, derived_seed, draw, generator_of
from course_lib.training.loop import Work, repeat
from course_lib.training.plan import Budget, Optimiser, Plan, Schedule, own_random_numbers, value_of
from course_lib.training.result import Training

Loss = Callable[[Any, Any], torch.Tensor]


def train(
    model: nn.Module,
    batches: Batches,
    loss: Loss,
    *,
    optimiser: Optimiser | None = None,
    learning_rate: float | None = None,
    schedule: str | Schedule | None = None,
    steps: int | None = None,
    flop: float | None = None,
    seconds: float | None = None,
    evaluate: Callable[[nn.Module], float] | None = None,
    every: int | None = None,
    device: Any = None,
    seed: int = 0,
    progress: bool = True,
) -> Training:
    """Train a model in place until a budget is spent; write down loss, FLOP and seconds.

    Parameters
    ----------
    model : nn.Module
        Called with a batch's inputs.
    batches : function or pair
        ``batches(step, generator)`` gives the (inputs, targets) of a step, counted from 0; draw
        with the generator, which is seeded and on the device. Or one pair (inputs, targets): the
        full batch, each step. Inputs are a tensor, targets what the loss takes.
    loss : function
        ``loss(outputs, targets)``, a tensor of one number.
    optimiser : function, optional
        From parameters to an optimiser of PyTorch, for example
        ``lambda parameters: torch.optim.SGD(parameters, lr=0.1)``. Default: Adam without weight
        decay, because decay adds a term to what is minimised, and a scaling law would see it.
    learning_rate : float, optional
        Of the default optimiser, 0.001 if you do not say (Kingma and Ba, 2015).
    schedule : "cosine" or function, optional
        What the learning rate is multiplied with, from the share of the budget that is done
        (0 to 1). "cosine" falls from 1 to 0. Default: the rate stays.
    steps, flop, seconds : number
        The budget: exactly one of them. FLOP are never overspent: a step that does not fit is not
        taken. With seconds, the step during which they run out is the last.
    evaluate : function, optional
        From the model to a number, called in evaluation mode without gradients, after each
        ``every`` steps and at the end. Its time and FLOP are *not* in the record or the budget.
    every : int, optional
        Steps between evaluations. Default: only at the end.
    device : str or torch.device, optional
        Where to train. Default: where the model is.
    seed : int
        Of the generator, and of what the model draws itself (dropout). Global random numbers of
        PyTorch are left as they were.
    progress : bool
        A progress bar on standard output; nothing goes to standard error, for which nbgrader
        would take the points of a cell.

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        If not exactly one budget is given, a number is out of its range, the model has nothing to
        train, the loss is no scalar, or the FLOP do not suffice for one step.
    TypeError
        If a batch is no pair, or its inputs are no tensor.
    FloatingPointError
        If a loss is not finite; the message names the step.

    Notes
    -----
    FLOP of a step are counted (`count`), not taken as three times forward; once for each shape of
    the inputs, off the clock. They are entered in the page's compute label. On a GPU the clock is
    read after blocks of about 0.1 s, because waiting after each step would slow it down; within a
    block, steps get equal times. A device's first step, with its preparations, is on the clock.
    The same seed gives the same numbers on the same machine; how many steps fit into seconds, it
    cannot say.
    See chapter 8 of the book.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(3, 1)
    >>> x = torch.eye(3)
    >>> done = train(model, (x, x.sum(1, keepdim=True)), torch.nn.functional.mse_loss,
    ...              learning_rate=0.1, steps=200, progress=False)
    >>> done.model is model, done.steps, done.final_loss < 1e-3
    (True, 200, True)
    >>> done.history.columns.tolist()
    ['step', 'loss', 'training_flop', 'seconds']
    """
    budget = Budget.of(steps=steps, flop=flop, seconds=seconds)
    plan = Plan(budget, optimiser, learning_rate, schedule, evaluate, every, progress)
    target = pick(device) if device is not None else device_of(model)
    return train_alone(model.to(target), batches, loss, plan, target, seed)


def train_alone(
    model: nn.Module,
    batches: Batches,
    loss: Loss,
    plan: Plan,
    device: torch.device,
    seed: int,
    alone_because: str = "",
) -> Training:
    """Train a model that is on the device already."""
    generator = generator_of(seed, device)
    evaluate = plan.evaluate
    training = model.training
    work = Work(
        seeds=[seed],
        device=device,
        model=model,
        optimiser=plan.make_optimiser(model),
        draw=lambda step: draw(batches, step, generator),
        inputs=lambda batch: batch[0],
        losses=lambda batch: scalar(loss(model(batch[0]), batch[1])).reshape(1),
        evaluate=evaluate and (lambda: [value_of(evaluate, model, device)]),
    )
    with own_random_numbers(device):
        torch.manual_seed(derived_seed(seed, "model"))
        model.train()
        try:
            record = repeat(work, plan)
        finally:
            model.train(training)
    return Training(model, record.history(0), seed, alone_because=alone_because)


def scalar(loss: Any) -> torch.Tensor:
    """A loss, if it is a tensor of one number."""
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        shape = tuple(loss.shape) if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise ValueError(f"the loss is {shape}; give a tensor of one number, a mean or a sum")
    return loss
