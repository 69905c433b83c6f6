"""What a fit refuses, with the rows and the reason."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

SHOWN = 3  # rows named in a message


def series(**columns: Any) -> list[np.ndarray]:
    """Columns of one length as float arrays, positive and finite.

    Raises
    ------
    ValueError
        With the rows that are not.
    """
    arrays = {}
    for name, values in columns.items():
        try:
            arrays[name] = np.asarray(values, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} must hold numbers; {error}") from error
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
        said = " and ".join(f"{name} has the shape {shape}" for name, shape in shapes.items())
        raise ValueError(f"give series of one length; {said}")
    for name, values in arrays.items():
        bad = ~(np.isfinite(values) & (values > 0))
        if bad.any():
            raise ValueError(f"{name} must be positive and finite on log axes; {rows(bad, values)}")
    return list(arrays.values())


def rows(bad: np.ndarray, values: np.ndarray) -> str:
    """The first few rows that are bad, with what they hold."""
    at = np.flatnonzero(bad)
    some = ", ".join(f"row {i} has {values[i]:g}" for i in at[:SHOWN])
    return some + (f" ({len(at)} such rows)" if len(at) > SHOWN else "")


def enough(distinct: int, parameters: int, what: str = "x") -> None:
    """Refuse fewer distinct points than parameters plus one."""
    if distinct <= parameters:
        raise ValueError(
            f"{parameters} parameters need at least {parameters + 1} distinct {what}; "
            f"got {distinct}"
        )


def increasing(x: np.ndarray) -> None:
    """Refuse sizes that repeat or come out of order."""
    for i in np.flatnonzero(np.diff(x) <= 0)[:1]:
        if x[i + 1] in x[: i + 1]:
            first = int(np.flatnonzero(x == x[i + 1])[0])
            raise ValueError(
                f"x has {x[i + 1]:g} in row {first} and again in row {i + 1}; if these are several "
                "runs of one size, say so: replicates=True, or a label (a seed) for each row"
            )
        raise ValueError(
            f"x decreases: row {i + 1} has {x[i + 1]:g} after {x[i]:g}; give the sizes in order, "
            "so that a mix-up of two series shows"
        )


def several(replicates: Any) -> bool:
    """Whether several runs of one size are meant."""
    return replicates is not None and replicates is not False


def irreducible(given: Any, y: np.ndarray) -> tuple[bool, float | None]:
    """Whether an irreducible part is fitted, and the one that is given, if any (0 is none)."""
    if not (given in ("free", "none") or is_number(given)):
        raise ValueError(f"irreducible is {given!r}; allowed: 'free', 'none' or a number")
    if given in ("free", "none", 0):
        return given == "free", None
    floor = float(given)
    smallest = y.min(initial=np.inf)
    if not 0 < floor < smallest:
        raise ValueError(f"irreducible is {floor:g}; it must lie between 0 and {smallest:g}")
    return False, floor


def labels(replicates: Any, points: int) -> np.ndarray | None:
    """What each row shares with others: None where rows are independent.

    Raises
    ------
    ValueError
        If there are not as many labels as rows, or only one label.
    """
    if replicates is None or isinstance(replicates, bool | np.bool_):
        return None
    named = np.asarray(replicates)
    if named.shape != (points,):
        raise ValueError(
            f"replicates has the shape {named.shape}; give True, or a label for each of the "
            f"{points} rows"
        )
    unique, codes = np.unique(named, return_inverse=True)
    if len(unique) < 2:
        raise ValueError(f"replicates has one label, {unique[0]!r}; two are needed at least")
    return codes


def weights(given: Any, points: int) -> np.ndarray:
    """Weights as an array with mean 1; ones if none are given."""
    if given is None:
        return np.ones(points)
    (values,) = series(weights=given)
    if values.shape != (points,):
        raise ValueError(f"weights has the shape {values.shape}; give one for each of {points}")
    return values / values.mean()


def probability(level: float) -> None:
    """Refuse a level that is no probability."""
    if not (isinstance(level, int | float | np.floating) and 0 < level < 1):
        raise ValueError(f"level is {level}; give a probability between 0 and 1")


def is_number(value: Any) -> bool:
    """Whether it is a real number, of Python or NumPy, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def positive(name: str, value: Any) -> float:
    """A positive, finite number."""
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} is {value}; it must be positive and finite")
    return number


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Refuse a word that is not allowed."""
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; allowed are {', '.join(map(repr, allowed))}")
