"""What the tasks ask of their arguments, and how they say so."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import torch

from course_lib.devices import pick
from course_lib.models.checking import check_integers, check_lists


def check_number(name: str, value: float, low: float, high: float, ends: str = "[]") -> None:
    """Raise unless a number lies in an interval; a round bracket leaves that end out.

    >>> check_number("share", 1.5, 0, 1, ends="()")
    Traceback (most recent call last):
    ValueError: share is 1.5; allowed are numbers in (0, 1)
    """
    says = f"{name} is {value!r}; allowed are numbers in {ends[0]}{low}, {high}{ends[1]}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{says}, not {type(value).__name__}")
    inside = (low < value if ends[0] == "(" else low <= value) and (
        value < high if ends[1] == ")" else value <= high
    )
    if not (isfinite(value) and inside):
        raise ValueError(says)


def check_seeds(seeds: Sequence[int]) -> None:
    """Raise unless there are seeds, all of them whole numbers of at least 0, none of them twice.

    >>> check_seeds([0, 1, 1])
    Traceback (most recent call last):
    ValueError: seeds is [0, 1, 1]; allowed are seeds that differ
    """
    if isinstance(seeds, range):
        seeds = list(seeds)
    check_lists(0, seeds=seeds)
    if not seeds:
        raise ValueError(f"seeds is {seeds!r}; allowed is one seed or more")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds is {seeds!r}; allowed are seeds that differ")


def generator_of(seed: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator of random numbers on a device, seeded.

    >>> torch.rand(1, generator=generator_of(3)) == torch.rand(1, generator=generator_of(3))
    tensor([True])
    """
    check_integers(0, seed=seed)
    return torch.Generator(pick(device)).manual_seed(seed)
