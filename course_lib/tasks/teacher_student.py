"""A small network learns a random one: the error falls faster in fewer dimensions.

The teacher is an MLP with random weights and ReLU, a function of d inputs that is linear in pieces;
students are MLPs of growing width that see each input once. If a student with N parameters cuts
the d-dimensional inputs into pieces of side ``N^(-1/d)`` and is linear in each, its error there is
of second order in the side, and its square (Sharma and Kaplan, 2022, "Scaling laws from the data
manifold dimension", section 2)

    L(N) ~ N^(-4/d).

This is an estimate for smooth functions and an observation for networks, no theorem about training.
Teachers that depend on some inputs more than on others are learned faster, and on a small budget
wide students are not trained to the end: recorded are -.80 for d = 4 and -.66 for d = 8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from course_lib.devices import pick
from course_lib.models import MLP
from course_lib.models.checking import check_integers
from course_lib.tasks.checking import check_seeds, generator_of
from course_lib.tasks.trained import TEST_SEED, rows_of
from course_lib.training import train_many

TEACHER_WIDTH = 64
SIDE = 12**0.5  # of the cube of inputs, so that each has the variance 1
STANDARD = 2**14  # inputs by which the teacher's answers are standardised
STEPS, BATCH, LEARNING_RATE, TEST = 3000, 256, 0.01, 2**14


def teacher(
    dimensions: int, seed: int = 0, device: Any = None
) -> Callable[[torch.Tensor], torch.Tensor]:
    """A random function of so many inputs, with mean 0 and variance 1.

    Parameters
    ----------
    dimensions : int
        d, the inputs.
    seed : int
        The same seed gives the same teacher, on every device.
    device : str or torch.device, optional
        Where it answers; see `course_lib.devices.pick`.

    Returns
    -------
    function
        From inputs, shape (..., dimensions), to answers, shape (..., 1).

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of another type.

    Notes
    -----
    Two hidden layers of 64, weights as He et al. (2015) draw them, biases with a deviation of .5.
    See chapter 8 of the book.

    Examples
    --------
    >>> answers = teacher(dimensions=4, device="cpu")(inputs(10_000, 4, torch.Generator()))
    >>> answers.shape, bool(abs(answers.mean()) < 0.1), bool(abs(answers.std() - 1) < 0.1)
    (torch.Size([10000, 1]), True, True)
    """
    check_integers(1, dimensions=dimensions)
    generator = generator_of(seed)
    with torch.device("meta"):  # the weights come from the seed's own numbers, below
        network = MLP([dimensions, TEACHER_WIDTH, TEACHER_WIDTH, 1])
    network = network.to_empty(device="cpu").requires_grad_(False)
    for layer in network.layers:
        fan_in = layer.in_features
        layer.weight.copy_(
            torch.randn(layer.weight.shape, generator=generator) * (2 / fan_in) ** 0.5
        )
        layer.bias.copy_(torch.randn(layer.bias.shape, generator=generator) * 0.5)
    answers = network(inputs(STANDARD, dimensions, generator))
    mean, deviation = answers.mean().item(), answers.std().item()
    network = network.to(pick(device))
    return lambda x: (network(x) - mean) / deviation


def inputs(samples: int, dimensions: int, generator: torch.Generator) -> torch.Tensor:
    """Inputs from a cube around 0, shape (samples, dimensions), each of variance 1."""
    drawn = torch.rand(samples, dimensions, generator=generator, device=generator.device)
    return SIDE * (drawn - 0.5)


def run(
    dimensions: int,
    width: int,
    seeds: Sequence[int] = (0,),
    steps: int = STEPS,
    device: Any = None,
) -> list[dict[str, Any]]:
    """One row for each seed: a student with two hidden layers of that width.

    The seed draws the student's weights and its inputs; the teacher is the same for all.

    >>> row = run(dimensions=2, width=4, steps=20, device="cpu")[0]
    >>> row["parameters"], row["samples"], row["loss"] < 2
    (37, 5120, True)
    """
    check_integers(1, dimensions=dimensions, width=width, steps=steps)
    check_seeds(seeds)
    device = pick(device)
    ask = teacher(dimensions, device=device)

    def batches(step: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        x = inputs(BATCH, dimensions, generator)
        return x, ask(x)

    test = inputs(TEST, dimensions, generator_of(TEST_SEED)).to(device)
    answers = ask(test)
    trainings = train_many(
        lambda: MLP([dimensions, width, width, 1]), batches, F.mse_loss, seeds,
        learning_rate=LEARNING_RATE, schedule="cosine", steps=steps, device=device, progress=False,
        evaluate=lambda model: F.mse_loss(model(test), answers).item(),
    )  # fmt: skip
    return rows_of(trainings, "loss", samples=steps * BATCH)


def truth(dimensions: int, **_: Any) -> dict[str, Any]:
    """What theory says of a setting: the exponent, for students that are trained to the end.

    >>> truth(dimensions=8)["exponent"]
    -0.5
    """
    return {
        "form": "y ~ A parameters^exponent, by theory, for students that are trained to the end",
        "irreducible": 0.0,
        "exponent": -4 / dimensions,
    }
