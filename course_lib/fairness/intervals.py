"""Intervals for one rate, for the difference and the ratio of two, and for means of people."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from course_lib.fairness.checking import between, counted
from course_lib.quantities import LEVEL

DRAWS = 4000  # resamples: the ends of a 90 % interval then move by about a fiftieth of its width


def wilson(count: Any, total: Any, level: float = LEVEL) -> tuple[Any, Any]:
    """Interval of a rate, also where the count is 0 or all: Wilson (1927).

    It holds each rate p that the count would not refute, ``|count/total - p| <= z sqrt(p (1-p) /
    total)``, whereas the textbook's ``p +- z sqrt(p (1-p) / total)`` puts the observed rate under
    the root, and has no width at a count of 0.

    Parameters
    ----------
    count, total : int or array of int
        Cases, and people among whom they were counted; they broadcast.
    level : float
        Nominal coverage, above 0 and below 1.

    Returns
    -------
    low, high : float or array
        Ends of the interval, in 0 to 1.

    Raises
    ------
    ValueError, TypeError
        If a count is not a whole number from 0 to its total, or the level is out of range.

    Notes
    -----
    Its coverage varies with the rate around the nominal level, and comes down to it on average
    (Brown, Cai and DasGupta, 2001). See chapter 11 of the book.

    Examples
    --------
    >>> low, high = wilson(0, 385)
    >>> low, round(100 * high, 2)  # nobody of 385: up to two thirds of a per cent
    (0.0, 0.7)
    """
    count, total = counted(count, total)
    z = stats.norm.ppf((1 + between("level", level)) / 2)
    rate = count / total
    middle = (rate + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * np.sqrt(rate * (1 - rate) / total + (z / (2 * total)) ** 2) / (1 + z**2 / total)
    low = np.where(count == 0, 0.0, np.minimum(middle - half, rate))  # exact, not up to rounding
    high = np.where(count == total, 1.0, np.maximum(middle + half, rate))
    return _plain(low), _plain(high)


def newcombe(
    count: Any, total: Any, reference_count: Any, reference_total: Any, level: float = LEVEL
) -> tuple[Any, Any]:
    """Interval of a rate less a reference's rate, two groups of different people.

    Newcombe (1998), method 10: from the Wilson intervals of both rates, end by end.

    Parameters
    ----------
    count, total, reference_count, reference_total : int or array of int
        Cases and people of the group, and of the one that it is compared with.
    level : float
        Nominal coverage, above 0 and below 1.

    Returns
    -------
    low, high : float or array
        Ends of the interval of the difference, in -1 to 1.

    Raises
    ------
    ValueError, TypeError
        As `wilson`.

    Notes
    -----
    See chapter 11 of the book.

    Examples
    --------
    >>> [round(end, 3) for end in newcombe(56, 70, 48, 80, level=0.95)]  # his example (a)
    [0.052, 0.334]
    """
    low, high = wilson(count, total, level)
    reference_low, reference_high = wilson(reference_count, reference_total, level)
    rate, reference = _rate(count, total), _rate(reference_count, reference_total)
    below = np.hypot(rate - low, reference_high - reference)
    above = np.hypot(high - rate, reference - reference_low)
    return _plain(rate - reference - below), _plain(rate - reference + above)


def log_ratio(
    count: Any, total: Any, reference_count: Any, reference_total: Any, level: float = LEVEL
) -> tuple[Any, Any]:
    """Interval of a rate divided by a reference's rate, two groups of different people.

    Katz and others (1978): normal on the logarithm, whose variance is about
    ``1/count - 1/total + 1/reference_count - 1/reference_total``.

    Parameters
    ----------
    count, total, reference_count, reference_total : int or array of int
        Cases and people of the group, and of the one that it is compared with.
    level : float
        Nominal coverage, above 0 and below 1.

    Returns
    -------
    low, high : float or array
        Ends of the interval of the ratio, above 0.

    Raises
    ------
    ValueError, TypeError
        As `wilson`, and if a count is 0: then the logarithm says nothing, and `newcombe` does.

    Notes
    -----
    See chapter 11 of the book.

    Examples
    --------
    >>> [round(end, 2) for end in log_ratio(94, 271, 27, 385)]
    [3.54, 6.91]
    """
    pairs = [counted(count, total), counted(reference_count, reference_total)]
    for name, (cases, _) in zip(("count", "reference_count"), pairs, strict=True):
        if (cases == 0).any():
            raise ValueError(f"{name} holds 0; allowed are counts above 0. Ask for the difference")
    (count, total), (cases, people) = pairs
    z = stats.norm.ppf((1 + between("level", level)) / 2)
    spread = z * np.sqrt(1 / count - 1 / total + 1 / cases - 1 / people)
    middle = np.log(count / total) - np.log(cases / people)
    return _plain(np.exp(middle - spread)), _plain(np.exp(middle + spread))


def bootstrap_gap(
    values: Any,
    reference: Any,
    of: str = "difference",
    level: float = LEVEL,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of the gap between two groups' means, one number for each person.

    People are drawn again with replacement, each group from its own; the interval lies between the
    quantiles of the gaps that come out (Efron and Tibshirani, 1993).

    Parameters
    ----------
    values, reference : sequence of float
        One finite number for each person of the group, and of the one that it is compared with, two
        at least: who gave many recordings is still one person.
    of : "difference" or "ratio"
        What the gap is.
    level : float
        Nominal coverage, above 0 and below 1.
    draws : int
        Resamples, 100 or more.
    seed : int
        Of the resamples.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above, or a ratio's reference has a mean of 0 or below in a draw.

    Notes
    -----
    With some tens of people a group it covers a few per cent less than it says. See chapter 11 of
    the book.

    Examples
    --------
    >>> low, high = bootstrap_gap([0.3, 0.4, 0.5, 0.4], [0.2, 0.1, 0.2, 0.3])
    >>> 0.1 < low < 0.2 < high < 0.3
    True
    """
    groups = [_numbers(name, x) for name, x in (("values", values), ("reference", reference))]
    if of not in ("difference", "ratio"):
        raise ValueError(f"of is {of!r}; allowed are 'difference' and 'ratio'")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 100:
        raise ValueError(f"draws is {draws!r}; allowed are whole numbers of 100 or more")
    tail = (1 - between("level", level)) / 2
    rng = np.random.default_rng(seed)
    means, reference_means = (
        x[rng.integers(len(x), size=(draws, len(x)))].mean(1)  # (draws,)
        for x in groups
    )
    if of == "ratio" and (reference_means <= 0).any():
        raise ValueError("reference has a mean of 0 or below in a draw; ask for the difference")
    gaps = means - reference_means if of == "difference" else means / reference_means
    low, high = np.quantile(gaps, [tail, 1 - tail])
    return float(low), float(high)


def _rate(count: Any, total: Any) -> np.ndarray:
    return np.asarray(count, float) / np.asarray(total, float)


def _numbers(name: str, values: Any) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or len(array) < 2 or not np.isfinite(array).all():
        raise ValueError(
            f"{name} has the shape {array.shape}; allowed is one finite number for each of two "
            "people or more"
        )
    return array


def _plain(array: np.ndarray) -> Any:
    """A float where there is one number."""
    return float(array) if np.ndim(array) == 0 else array
