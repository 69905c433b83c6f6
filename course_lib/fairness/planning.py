"""How probable it is that a gap is seen, and how many people that takes."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from course_lib.fairness.checking import between
from course_lib.quantities import LEVEL


def detection_power(
    rate_a: float, rate_b: float, people_a: float, people_b: float, level: float = LEVEL
) -> float:
    """Probability that two samples show their groups' rates to differ.

    They do if the difference leaves the range that it has with probability ``level`` while the
    rates are equal (the pooled two-sided test of two rates; Fleiss, Levin and Paik, 2003, section
    4.2, without correction for continuity).

    Parameters
    ----------
    rate_a, rate_b : float
        True rates, above 0 and below 1.
    people_a, people_b : float
        Sizes of the samples, 1 or more.
    level : float
        One less the probability of a false alarm where the rates are equal.

    Returns
    -------
    float
        For equal rates it is ``1 - level``.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range.

    Notes
    -----
    A normal approximation: trust it where each group expects five errors or more. See chapter 11
    of the book.

    Examples
    --------
    >>> [round(detection_power(0.1, 0.15, a, b), 2) for a, b in ((500, 500), (900, 100))]
    [0.77, 0.47]
    """
    for name, people in (("people_a", people_a), ("people_b", people_b)):
        if isinstance(people, bool) or not isinstance(people, int | float | np.number):
            raise TypeError(f"{name} is {people!r}; allowed are numbers of 1 or more")
        if not (math.isfinite(people) and people >= 1):
            raise ValueError(f"{name} is {people!r}; allowed are numbers of 1 or more")
    a, b = between("rate_a", rate_a), between("rate_b", rate_b)
    z = stats.norm.ppf((1 + between("level", level)) / 2)
    pooled = (a * people_a + b * people_b) / (people_a + people_b)
    if_equal = math.sqrt(pooled * (1 - pooled) * (1 / people_a + 1 / people_b))
    as_is = math.sqrt(a * (1 - a) / people_a + b * (1 - b) / people_b)
    return float(sum(stats.norm.cdf((side * (b - a) - z * if_equal) / as_is) for side in (-1, 1)))


def people_needed(
    rate_a: float,
    rate_b: float,
    share_b: float = 0.5,
    power: float = 0.8,
    level: float = LEVEL,
) -> int:
    """The fewest people among whom two groups' rates are shown to differ with some probability.

    Parameters
    ----------
    rate_a, rate_b : float
        True rates, above 0 and below 1, and different.
    share_b : float
        Of group B among the people, above 0 and below 1.
    power : float
        Probability that the difference is seen, above ``1 - level`` and below 1.
    level : float
        As in `detection_power`.

    Returns
    -------
    int
        People of both groups together.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or the rates are equal.

    Notes
    -----
    The inverse of `detection_power`. Near equal rates it grows as the gap to the power of minus
    two, and, where group B is rare, as one over its share. See chapter 11 of the book.

    Examples
    --------
    >>> people_needed(0.10, 0.15), people_needed(0.10, 0.15, share_b=0.05)
    (1080, 5350)
    """
    share, power = between("share_b", share_b), between("power", power)
    a, b = between("rate_a", rate_a), between("rate_b", rate_b)
    if power <= 1 - between("level", level):
        raise ValueError(f"power is {power}; allowed are numbers above 1 - level, {1 - level:.3g}")
    if a == b:
        raise ValueError(f"rate_a and rate_b are both {a}; no number of people shows a difference")

    def seen(people: int) -> float:
        return detection_power(a, b, (1 - share) * people, share * people, level)

    least = math.ceil(1 / min(share, 1 - share))  # one person of each group
    while min(share, 1 - share) * least < 1:  # by rounding
        least += 1
    if seen(least) >= power:
        return least
    few, enough = least, 2 * least
    while seen(enough) < power:
        few, enough = enough, 2 * enough
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if seen(middle) >= power else (middle, enough)
    return enough
