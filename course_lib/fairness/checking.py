"""What counts, rates and levels must be, and how an error says so."""

from __future__ import annotations

from typing import Any

import numpy as np


def counted(
    count: Any, total: Any, names: tuple[str, str] = ("count", "total")
) -> list[np.ndarray]:
    """Counts and totals as float arrays that broadcast, if each count lies in 0 to its total.

    >>> counted(5, 4)
    Traceback (most recent call last):
    ValueError: count holds 5; allowed are whole numbers from 0 to its total of 4
    """
    arrays = [whole(name, value) for name, value in zip(names, (count, total), strict=True)]
    count, total = np.broadcast_arrays(*arrays)
    if (total < 1).any():
        raise ValueError(f"{names[1]} holds {total[total < 1][0]:g}; allowed are 1 or more")
    outside = (count < 0) | (count > total)
    if outside.any():
        raise ValueError(
            f"{names[0]} holds {count[outside][0]:g}; allowed are whole numbers from 0 to its "
            f"{names[1]} of {total[outside][0]:g}"
        )
    return [count, total]


def whole(name: str, value: Any) -> np.ndarray:
    """A float array of whole numbers."""
    array = np.asarray(value)
    if not np.issubdtype(array.dtype, np.number):
        raise TypeError(f"{name} is {value!r}; allowed are whole numbers")
    bad = ~np.isfinite(array) | (array != np.round(array))
    if bad.any():
        raise ValueError(f"{name} holds {array[bad][0]}; allowed are whole numbers")
    return array.astype(float)


def between(name: str, value: Any, ends: str = "()") -> float:
    """A number between 0 and 1; a square bracket keeps that end.

    >>> between("level", 90)
    Traceback (most recent call last):
    ValueError: level is 90; allowed are numbers in (0, 1)
    """
    says = f"{name} is {value!r}; allowed are numbers in {ends[0]}0, 1{ends[1]}"
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(says)
    if not (0 <= value <= 1) or (value in (0, 1) and ends["01".index(str(int(value)))] in "()"):
        raise ValueError(says)
    return float(value)
