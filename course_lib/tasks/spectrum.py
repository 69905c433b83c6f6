"""One pass of SGD through a linear model with a power-law spectrum: two exponents, known.

The data have endlessly many features ``x_i ~ N(0, i^-a)`` and a label ``y = sum_i w_i x_i + noise``
in which the features' shares of the variance are ``i^-a w_i^2 = i^-b``. A model of width N sees the
first N features, and D samples once each. With ``1 < b <= a`` its expected loss is, up to factors
between constants (Lin et al., 2024, "Scaling laws in linear regression"; they sketch the features
at random where we take the first N),

    L(N, D) = E + Theta(N^-alpha + D^-beta),   alpha = b - 1,   beta = (b - 1) / a,

and E is the variance of the noise. The limits of width and data are *not* two separate terms: what
is not learned are the features beyond N or beyond ``D^(1/a)``, whichever is less, so that near the
corner the loss lies below the sum of the two. An additive form (Chinchilla) is the wrong one here.

SGD on Gaussian features can be followed on paper: `expected_loss` is the loss that `simulate` has
on average, without noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
import torch
from scipy import special

from course_lib.devices import pick
from course_lib.models.checking import check_integers
from course_lib.tasks.checking import check_number, check_seeds, generator_of

SPECTRUM, SOURCE, NOISE_VARIANCE, BATCH = 2.0, 1.7, 0.25, 8
STEPS_AT_ONCE = 64  # whose samples are drawn together


def unseen(width: int, source: float = SOURCE) -> float:
    """The loss of all features beyond the width: a sum over ``i^-b``, near ``N^(1-b) / (b-1)``.

    >>> round(unseen(100), 4), round(100**-0.7 / 0.7, 4)
    (0.0567, 0.0569)
    """
    return float(special.zeta(source, width + 1))


def simulate(
    width: int,
    samples: int,
    seeds: Sequence[int] = (0,),
    spectrum: float = SPECTRUM,
    source: float = SOURCE,
    noise_variance: float = NOISE_VARIANCE,
    batch: int = BATCH,
    device: Any = None,
) -> torch.Tensor:
    """Loss of models trained by one pass of SGD, all seeds side by side.

    Parameters
    ----------
    width : int
        N, the features that the model sees: its parameters.
    samples : int
        D, each used once: a multiple of ``batch``.
    seeds : sequence of int
        Of the data. A seed's loss does not depend on the others (but for rounding).
    spectrum, source : float
        Degrees a and b of the power laws, ``1 < b <= a``.
    noise_variance : float
        E, the loss of the best of all models, 0 or more.
    batch : int
        Samples in a step.
    device : str or torch.device, optional
        Where it runs and draws its samples; see `course_lib.devices.pick`.

    Returns
    -------
    torch.Tensor
        Shape (seeds,), float32: mean squared error on new data, exactly, without a test set.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of another type.

    Notes
    -----
    Weights start at 0. The step size is half of one that is safe, the same at all widths;
    the weights are averaged over the second half of the steps (Lin et al., 2024, let the step size
    fall instead). See chapter 8 of the book.

    Examples
    --------
    >>> losses = simulate(width=16, samples=2048, seeds=range(100), device="cpu")
    >>> truth = expected_loss(width=16, samples=2048)
    >>> bool(abs(losses.mean() - truth) < 4 * losses.std() / 100**0.5)
    True
    """
    _check(width, samples, spectrum, source, noise_variance, batch)
    check_seeds(seeds)
    device = pick(device)
    scale = _index(width, -spectrum / 2).to(device)  # (N,)
    target = _index(width, (spectrum - source) / 2).to(device)  # (N,)
    noise_sd = (noise_variance + unseen(width, source)) ** 0.5
    rate = step_size(spectrum, batch) / batch
    generators = [generator_of(seed, device) for seed in seeds]
    steps = samples // batch
    weights = torch.zeros(len(seeds), width, device=device)  # (S, N)
    summed = torch.zeros_like(weights)
    for first in range(0, steps, STEPS_AT_ONCE):
        size = (min(STEPS_AT_ONCE, steps - first), batch, width + 1)
        drawn = torch.stack([torch.randn(size, generator=g, device=device) for g in generators], 1)
        features = drawn[..., :-1] * scale  # (steps, S, B, N)
        labels = features @ target + noise_sd * drawn[..., -1]  # (steps, S, B)
        for step, (x, y) in enumerate(zip(features, labels, strict=True), first):
            residual = y - (x @ weights[..., None])[..., 0]  # (S, B)
            weights = weights + rate * (residual[:, None] @ x)[:, 0]  # (S, N)
            if step >= steps // 2:
                summed += weights
    error = (summed / (steps - steps // 2) - target) * scale  # (S, N)
    return error.square().sum(-1) + noise_sd**2


def expected_loss(
    width: int,
    samples: int,
    spectrum: float = SPECTRUM,
    source: float = SOURCE,
    noise_variance: float = NOISE_VARIANCE,
    batch: int = BATCH,
) -> float:
    """The loss of `simulate`, expected over all seeds, by recursion.

    Parameters
    ----------
    width, samples, spectrum, source, noise_variance, batch
        As in `simulate`.

    Returns
    -------
    float
        In float64: a surface without noise.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of another type.

    Notes
    -----
    For Gaussian features the mean squares of the errors ``w_i - w*_i`` close among themselves
    (fourth moments by Isserlis' theorem), and the mean product of an error with itself k steps
    later is its mean square times ``(1 - step size * variance)^k``. See chapter 8 of the book.

    Examples
    --------
    >>> [round(expected_loss(width, samples=2**15), 3) for width in (8, 32, 128, 512)]
    [0.569, 0.376, 0.321, 0.318]
    """
    _check(width, samples, spectrum, source, noise_variance, batch)
    variance = np.arange(1.0, width + 1) ** -spectrum
    square = np.arange(1.0, width + 1) ** (spectrum - source)  # of w - w*, which starts at -w*
    floor = noise_variance + unseen(width, source)
    rate, steps = step_size(spectrum, batch), samples // batch
    kept = 1 - rate * variance
    factor = 1 - 2 * rate * variance + (1 + 1 / batch) * (rate * variance) ** 2
    inflow = rate**2 / batch * variance
    averaged, total = steps - steps // 2, np.zeros(width)
    for step in range(steps):
        square = factor * square + inflow * (variance @ square + floor)
        if step >= steps // 2:
            later = (kept - kept ** (steps - step)) / (1 - kept)  # sum of kept^k over what follows
            total += square * (1 + 2 * later)
    return float(variance @ total / averaged**2 + floor)


def step_size(spectrum: float = SPECTRUM, batch: int = BATCH) -> float:
    """Half of a step size at which the mean squares of the weights are sure to stay bounded.

    Bounded they are below ``2 / ((1 + 1 / batch) v + t / batch)``, where v is the largest variance
    of a feature, 1, and t the sum of all.

    >>> round(step_size(spectrum=2.0, batch=8), 4)
    0.7515
    """
    return float(batch / (batch + 1 + special.zeta(spectrum)))


def run(
    width: int,
    samples: int,
    seeds: Sequence[int] = (0,),
    spectrum: float = SPECTRUM,
    source: float = SOURCE,
    device: Any = None,
) -> list[dict[str, Any]]:
    """One row for each seed.

    A sample costs ``4 N`` FLOP: N MACs of the prediction and N of the gradient. The features need
    no gradient, so that it is not ``6 N``.

    >>> row = run(width=8, samples=256, device="cpu")[0]
    >>> row["parameters"], row["training_flop"]
    (8, 8192)
    """
    began = perf_counter()
    losses = simulate(width, samples, seeds, spectrum, source, device=device).tolist()
    seconds = (perf_counter() - began) / len(losses)
    cost = {"parameters": width, "training_flop": 4 * width * samples, "seconds": seconds}
    return [{"loss": loss, **cost} for loss in losses]


def truth(spectrum: float = SPECTRUM, source: float = SOURCE, **_: Any) -> dict[str, Any]:
    """What is known of a setting: the irreducible loss and both exponents.

    >>> truth()["irreducible"], round(truth()["alpha"], 3), round(truth()["beta"], 3)
    (0.25, 0.7, 0.35)
    """
    return {
        "form": "y - irreducible falls as width^-alpha and as samples^-beta, not as their sum",
        "irreducible": NOISE_VARIANCE,
        "alpha": source - 1,
        "beta": (source - 1) / spectrum,
    }


def _index(width: int, power: float) -> torch.Tensor:
    """The numbers 1 to width, to a power."""
    return torch.arange(1.0, width + 1) ** power


def _check(width, samples, spectrum, source, noise_variance, batch) -> None:
    check_integers(1, width=width, samples=samples, batch=batch)
    if samples % batch:
        raise ValueError(f"samples is {samples}; allowed are multiples of the batch, {batch}")
    check_number("spectrum", spectrum, 1, 10, "(]")
    check_number("source", source, 1, spectrum, "(]")
    check_number("noise_variance", noise_variance, 0, 1e6)
