"""MNIST-1D, generated: ten classes of signals of 40 numbers, as many as you like.

The recipe is Greydanus and Kobak's (2024, "Scaling down deep learning with MNIST-1D", and
github.com/greydanus/mnist1d): a class is a curve of 12 points. It is padded with 36 to 60 zeros and
stretched to 72 points, scaled by .8 to 1.2, and moved around the circle by up to 47 points; smooth
noise fills what is not curve, white noise lies on all, a slope is added, and 40 points are kept.
Their published set is 5,000 such signals; here all are made at once, of any number, standardised by
the mean and deviation of the recipe instead of those of the set.

How errors fall with the number of training signals is not known, only measured: recorded is nearly
a power law for a multi-layer perceptron, with the exponent -.29, and for a convolutional network an
S on log axes, no power law at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from course_lib.devices import pick
from course_lib.models import CNN, MLP
from course_lib.models.checking import check_integers
from course_lib.tasks.checking import check_number, check_seeds, generator_of
from course_lib.tasks.trained import TEST_SEED, batches_of_own_set, error_rate, rows_of
from course_lib.training import train_many

CLASSES, LENGTH = 10, 40
# The curves of the digits 0 to 9: `get_templates` in the authors' mnist1d/data.py, their published
# constants below in `get_dataset_args`.
TEMPLATES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
POINTS = len(TEMPLATES[0])
PADDING = (36, 60)  # zeros after the curve, both ends included
STRETCHED = POINTS + PADDING[1]
SCALES = (0.8, 1.2)
SHIFTS = 48
SMOOTH_NOISE, SMOOTHING = 0.25, 2.0  # deviation before smoothing; width of the Gaussian, in points
WHITE_NOISE = 0.02
SLOPES = (-0.375, 0.375)  # over the whole length
MEAN, DEVIATION = -0.00607, 0.15466  # of what the recipe makes, from 10^6 signals

NETWORKS = {
    "mlp": lambda: MLP([LENGTH, 128, 128, CLASSES]),
    "cnn": lambda: CNN((1, LENGTH), CLASSES, channels=(8, 16), hidden=(16,)),
}
STEPS, BATCH, LEARNING_RATE, TEST = 2000, 128, 0.005, 20_000


def templates() -> torch.Tensor:
    """The ten curves, shape (10, 12), each starting at 0 and with a deviation of 1/6.

    >>> templates()[3, [0, 3]].round(decimals=3) + 0
    tensor([0.0000, 0.4010])
    """
    curves = torch.tensor(TEMPLATES, dtype=torch.float64)
    curves = curves / curves.std(1, correction=0, keepdim=True)
    return ((curves - curves[:, :1]) / 6).float()


def data(
    samples: int, seed: int = 0, device: Any = None, noise: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Signals and their classes.

    Parameters
    ----------
    samples : int
        How many. Classes are equally frequent, up to one.
    seed : int
        The same seed gives the same signals, on every device. Use another one to test.
    device : str or torch.device, optional
        Where the tensors go; see `course_lib.devices.pick`.
    noise : float
        Factor before both kinds of noise: 1 as published, 0 for none.

    Returns
    -------
    signals : torch.Tensor
        Shape (samples, 40), float32, mean 0 and deviation 1 over all signals of the recipe.
    classes : torch.Tensor
        Shape (samples,), int64, 0 to 9.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of another type.

    Notes
    -----
    See chapters 8, 12 and 14 of the book.

    Examples
    --------
    >>> signals, classes = data(1000, seed=1, device="cpu")
    >>> signals.shape, classes.bincount().tolist()
    (torch.Size([1000, 40]), [100, 100, 100, 100, 100, 100, 100, 100, 100, 100])
    """
    check_integers(1, samples=samples)
    check_number("noise", noise, 0, 100)
    device, generator = pick(device), generator_of(seed)

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(samples, 1, generator=generator)

    def normal(deviation: float) -> torch.Tensor:
        return deviation * noise * torch.randn(samples, STRETCHED, generator=generator)

    classes = torch.arange(samples)[torch.randperm(samples, generator=generator)] % CLASSES
    zeros = torch.randint(PADDING[0], PADDING[1] + 1, (samples, 1), generator=generator)
    shift = torch.randint(SHIFTS, (samples, 1), generator=generator)
    # Where on the curve of 12 points each of the 72 points lies, after moving around the circle.
    place = (torch.arange(STRETCHED) - shift) % STRETCHED * (POINTS - 1 + zeros) / (STRETCHED - 1)
    curves = torch.nn.functional.pad(templates(), (0, 2))[classes]  # (samples, 14)
    left = place.long().clamp(max=POINTS)  # beyond the curve there are zeros
    before, after = curves.gather(1, left), curves.gather(1, left + 1)
    signals = (before + (place - left) * (after - before)) * uniform(*SCALES)
    signals[place >= POINTS] = 0.0
    smooth = normal(SMOOTH_NOISE) @ _smoothing().T
    signals = torch.where(place < POINTS, signals, smooth) + normal(WHITE_NOISE)
    signals -= uniform(*SLOPES) * torch.linspace(-0.5, 0.5, STRETCHED)
    kept = signals @ _interpolation(STRETCHED, LENGTH).T  # (samples, 40)
    return ((kept - MEAN) / DEVIATION).to(device), classes.to(device)


def _smoothing() -> torch.Tensor:
    """Matrix of a Gaussian filter over the stretched signal, which is mirrored at its ends."""
    reach = int(4 * SMOOTHING)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / SMOOTHING) ** 2)
    source = np.arange(STRETCHED)[:, None] + offsets
    source = np.where(source < 0, -1 - source, source)
    source = np.where(source >= STRETCHED, 2 * STRETCHED - 1 - source, source)
    matrix = np.zeros((STRETCHED, STRETCHED))
    np.add.at(matrix, (np.arange(STRETCHED)[:, None], source), weights / weights.sum())
    return torch.from_numpy(matrix).float()


def _interpolation(points: int, wanted: int) -> torch.Tensor:
    """Matrix that reads so many evenly spaced values off the line through the points."""
    rows = np.linspace(0, points - 1, wanted)
    columns = [np.interp(rows, np.arange(points), unit) for unit in np.eye(points)]
    return torch.from_numpy(np.stack(columns, 1)).float()


def run(
    model: str,
    samples: int,
    seeds: Sequence[int] = (0,),
    steps: int = STEPS,
    device: Any = None,
) -> list[dict[str, Any]]:
    """One row for each seed: a network that is trained on so many signals, a set for each seed.

    >>> row = run(model="mlp", samples=100, steps=20, device="cpu")[0]
    >>> row["parameters"], 0 < row["error"] < 1
    (23050, True)
    """
    if model not in NETWORKS:
        raise ValueError(f"model is {model!r}; allowed are {', '.join(NETWORKS)}")
    check_integers(1, samples=samples, steps=steps)
    check_seeds(seeds)
    device = pick(device)

    def shaped(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        signals, classes = data(count, seed, device)
        return (signals[:, None] if model == "cnn" else signals), classes  # CNNs take channels

    trainings = train_many(
        NETWORKS[model], batches_of_own_set(partial(shaped, samples), BATCH), F.cross_entropy,
        seeds, learning_rate=LEARNING_RATE, schedule="cosine", steps=steps, device=device,
        evaluate=error_rate(*shaped(TEST, TEST_SEED)), progress=False,
    )  # fmt: skip
    return rows_of(trainings, "error")


def truth(model: str, **_: Any) -> dict[str, Any]:
    """What is known of a setting: nothing exactly.

    >>> truth(model="cnn")["form"]
    'no power law: a curve that bends on log axes'
    """
    near = "near a power law of samples, as measured; nothing is known exactly"
    return {"form": near if model == "mlp" else "no power law: a curve that bends on log axes"}
