"""`train_many`: the same network from several seeds, all of them in one step.

The parameters of all seeds are stacked, and `torch.func.vmap` turns their small products into one
batched product. An optimiser that treats each number by itself does to the stack what it would do
to each network.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from course_lib.devices import device_of, pick
from course_lib.training.drawing import Batch, Batches, draw, generator_of, on_each
from course_lib.training.loop import Work, repeat
from course_lib.training.plan import Budget, Optimiser, Plan, Schedule, own_random_numbers, value_of
from course_lib.training.result import Training
from course_lib.training.single import Loss, scalar, train_alone

NUMBER_BY_NUMBER = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop)
SLOW_WAY = "There is a performance drop"  # PyTorch's warning where it loops instead of batching


class _CannotBatch(Exception):
    """Why seeds cannot be trained together."""


def train_many(
    make_model: Callable[[], nn.Module],
    batches: Batches,
    loss: Loss,
    seeds: Sequence[int],
    *,
    optimiser: Optimiser | None = None,
    learning_rate: float | None = None,
    schedule: str | Schedule | None = None,
    steps: int | None = None,
    flop: float | None = None,
    evaluate: Callable[[nn.Module], float] | None = None,
    every: int | None = None,
    device: Any = None,
    progress: bool = True,
) -> list[Training]:
    """Train the same network from several seeds, in one go where that is possible.

    The result is that of ``torch.manual_seed(seed); train(make_model(), ..., seed=seed)`` for each
    seed, up to rounding, and for small networks it comes several times sooner.

    Parameters
    ----------
    make_model : function
        Makes the network, called once for each seed after ``torch.manual_seed(seed)``.
    batches, loss, optimiser, learning_rate, schedule, evaluate, every, device, progress
        As in `train`. Batches are drawn for each seed with its own generator.
    seeds : sequence of int
        Each of them once.
    steps, flop : number
        The budget of each seed: exactly one of them. Not seconds: how far a training comes in a
        second would depend on how many others go beside it.

    Returns
    -------
    list of Training
        One for each seed, in their order. ``.together`` says how many were trained at once.

    Raises
    ------
    ValueError, TypeError, FloatingPointError
        As `train` does. A loss that is not finite ends the training of all seeds.

    Notes
    -----
    Some networks cannot be batched this way: those that draw random numbers themselves (dropout),
    recurrent layers of PyTorch, those that branch on values. Nor can optimisers that look at a
    whole matrix at once; known to be fine are SGD, Adam, AdamW and RMSprop. Then the seeds are
    trained one by one from the start, and ``.alone_because`` says why. One seed is trained as
    `train` does it. The first step of a batched training is checked against each network by itself.
    See chapter 8 of the book.

    Examples
    --------
    >>> import torch
    >>> x = torch.linspace(-1, 1, 16).reshape(-1, 1)
    >>> done = train_many(lambda: torch.nn.Linear(1, 1), (x, 2 * x), torch.nn.functional.mse_loss,
    ...                   seeds=[3, 5], learning_rate=0.1, steps=100, progress=False)
    >>> [training.seed for training in done], [training.together for training in done]
    ([3, 5], [2, 2])
    >>> [round(training.model.weight.item(), 1) for training in done]
    [2.0, 2.0]
    """
    budget = Budget.of(steps=steps, flop=flop)
    plan = Plan(budget, optimiser, learning_rate, schedule, evaluate, every, progress)
    seeds = list(seeds)
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds is {seeds!r}; give one at least, and each once")

    def make(seed: int) -> nn.Module:
        with own_random_numbers(device_of()):
            torch.manual_seed(seed)
            return make_model()

    models = [make(seed) for seed in seeds]
    target = pick(device) if device is not None else device_of(models[0])
    if len(seeds) == 1:  # a stack of one is slower than the network itself
        return [train_alone(models[0].to(target), batches, loss, plan, target, seeds[0])]
    try:
        return _train_together([m.to(target) for m in models], batches, loss, seeds, plan, target)
    except FloatingPointError:
        raise
    except Exception as error:  # what is no fault of batching is raised again below
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return [
        train_alone(make(seed).to(target), batches, loss, plan, target, seed, reason)
        for seed in seeds
    ]


def _train_together(
    models: list[nn.Module],
    batches: Batches,
    loss: Loss,
    seeds: list[int],
    plan: Plan,
    device: torch.device,
) -> list[Training]:
    training = [model.training for model in models]
    for model in models:
        model.train()
    optimiser = plan.make_optimiser(models[0])
    if type(optimiser) not in NUMBER_BY_NUMBER:
        raise _CannotBatch(f"{type(optimiser).__name__} is not known to work number by number")
    parameters, buffers = _share(models, optimiser)
    generators = [generator_of(seed, device) for seed in seeds]
    evaluate = plan.evaluate
    work = Work(
        seeds=seeds,
        device=device,
        model=models[0],
        optimiser=optimiser,
        draw=lambda step: _draw_for_each(batches, step, generators),
        inputs=lambda batch: batch[0][0] if callable(batches) else batch[0],
        losses=_losses_of(models, loss, parameters, buffers, shared=not callable(batches)),
        evaluate=evaluate and (lambda: [value_of(evaluate, model, device) for model in models]),
    )
    with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
        warnings.filterwarnings("error", message=SLOW_WAY)
        record = repeat(work, plan)
    for model, mode in zip(models, training, strict=True):
        for tensor in [*model.parameters(), *model.buffers()]:
            tensor.data = tensor.data.clone()  # its own memory, no longer a part of the stack
        model.train(mode)
    return [
        Training(model, record.history(index), seed, together=len(seeds))
        for index, (seed, model) in enumerate(zip(seeds, models, strict=True))
    ]


def _share(models: list[nn.Module], optimiser: torch.optim.Optimizer) -> tuple[dict, dict]:
    """Stacked parameters and buffers, of which each model's own become parts.

    The optimiser, made for the first model, takes the stacks instead, in the same groups.
    """
    parameters, buffers = stack_module_state(models)
    stack_of = {id(p): parameters[name] for name, p in models[0].named_parameters()}
    for group in optimiser.param_groups:
        group["params"] = [stack_of[id(p)] for p in group["params"]]
    for index, model in enumerate(models):
        for name, parameter in model.named_parameters():
            parameter.data = parameters[name].data[index]
        for name, buffer in model.named_buffers():
            buffer.data = buffers[name].data[index]
    return parameters, buffers


def _draw_for_each(batches: Batches, step: int, generators: list[torch.Generator]) -> Batch:
    """The batch of each seed, stacked; or the one pair that all share."""
    if not callable(batches):
        return draw(batches, step, generators[0])
    before = torch.get_rng_state()
    drawn = [draw(batches, step, generator) for generator in generators]
    if step == 0 and not torch.equal(before, torch.get_rng_state()):
        raise _CannotBatch("batches does not draw with the generator it is given")
    inputs, targets = zip(*drawn, strict=True)
    return torch.stack(inputs), on_each(lambda *tensors: torch.stack(tensors), *targets)


def _losses_of(
    models: list[nn.Module], loss: Loss, parameters: dict, buffers: dict, shared: bool
) -> Callable[[Any], torch.Tensor]:
    """From a batch to the losses of all seeds, shape (seeds,); the first ones are checked."""
    shapes = _as_shapes(models[0])
    unchecked = [copy.deepcopy(model) for model in models]

    def one(parameters: dict, buffers: dict, inputs: torch.Tensor, targets: Any) -> torch.Tensor:
        outputs = functional_call(shapes, (parameters, buffers), (inputs,))
        return scalar(loss(outputs, targets)).reshape(())

    axis = None if shared else 0
    batched = vmap(one, in_dims=(0, 0, axis, axis), randomness="error")

    def losses(batch: Any) -> torch.Tensor:
        values = batched(parameters, buffers, *batch)
        while unchecked:
            index = len(unchecked) - 1
            own = batch if shared else _part(batch, index)
            _check_alone(unchecked.pop(), models[index], loss, own, values[index])
        return values

    return losses


def _part(batch: Batch, index: int) -> Batch:
    return batch[0][index], on_each(lambda tensor: tensor[index], batch[1])


def _as_shapes(model: nn.Module) -> nn.Module:
    """A copy without contents: a parameter that is not replaced by its stack cannot go unseen."""
    memo: dict[int, Any] = {id(p): nn.Parameter(p.to("meta")) for p in model.parameters()}
    memo |= {id(buffer): buffer.to("meta") for buffer in model.buffers()}
    return copy.deepcopy(model, memo)  # through the memo, so that what is tied stays tied


def _check_alone(
    alone: nn.Module, together: nn.Module, loss: Loss, batch: Any, value: torch.Tensor
) -> None:
    """A network's own first loss, and what it does to its buffers, must be the same alone."""
    with torch.no_grad():
        pairs = [(scalar(loss(alone(batch[0]), batch[1])).reshape(()), value)]
    pairs += zip(alone.buffers(), together.buffers(), strict=True)
    if not all(torch.allclose(a, b, rtol=1e-3, atol=1e-5, equal_nan=True) for a, b in pairs):
        raise _CannotBatch("the first step together is not that of each network alone")
