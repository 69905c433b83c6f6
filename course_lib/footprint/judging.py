"""What a bill is worth: break-even of two ways, cost of a point of accuracy, when to start."""

from __future__ import annotations

import math

from course_lib.quantities import Estimate


def break_even(once: Estimate, each: Estimate) -> Estimate:
    """Number of uses after which a cost per use has added up to a cost that is paid once.

    Parameters
    ----------
    once : Estimate
        Paid once: energy, emissions or price of training, or what one way costs more than another.
    each : Estimate
        Paid with every use, in a unit of the same dimension: one query, or what one way saves.

    Returns
    -------
    Estimate
        A plain number of uses.

    Raises
    ------
    ValueError
        If the units do not fit, or if a use may cost nothing: then there is no break-even.

    Notes
    -----
    For a whole life, ``once + n * each``; inference passes training at ``n = break_even(...)``
    (Luccioni et al., 2024). Of two ways, ``break_even(b.usd - a.usd, a_query - b_query)``. See
    chapter 13 of the book.

    Examples
    --------
    A training of 433 MWh is passed by queries of 4 Wh after about a hundred million:

    >>> print(break_even(Estimate.exact(433, "MWh"), Estimate.exact(4, "Wh")))
    1.08e+08 (counted)
    """
    try:
        each = each if each.unit == once.unit else each.to(once.unit)
    except ValueError as error:
        raise ValueError(f"once is in {once.unit}, each in {each.unit}: {error}") from None
    if each.low <= 0:
        raise ValueError(f"each is {each}; where a use may cost nothing there is no break-even")
    return once / each


def lifetime(once: Estimate, each: Estimate, uses: float | Estimate) -> tuple[Estimate, Estimate]:
    """Cost over a lifetime, and the share of it that the uses have.

    Parameters
    ----------
    once, each : Estimate
        Cost of training and of one query, in units of one dimension.
    uses : number or Estimate
        Queries over the lifetime.

    Returns
    -------
    tuple of Estimate
        The whole in the unit of ``once``, and the share of inference, a fraction.

    Notes
    -----
    See chapter 13 of the book.

    Examples
    --------
    >>> whole, share = lifetime(Estimate.exact(433, "MWh"), Estimate.exact(4, "Wh"), 1e9)
    >>> print(whole, share, sep=", ")
    4430 MWh (counted), 0.902 (counted)
    """
    inference = each.to(once.unit) * uses
    whole = once + inference
    return whole, inference / whole


def cost_per_point(cost: Estimate, gain: float | Estimate) -> Estimate:
    """What one more percentage point costs.

    Parameters
    ----------
    cost : Estimate
        What the better result costs more: energy, emissions or price.
    gain : number or Estimate
        Percentage points that it is better, above zero.

    Returns
    -------
    Estimate
        In the unit of ``cost`` per ``point``.

    Raises
    ------
    ValueError
        If there is, or may be, no gain.

    Notes
    -----
    Schwartz et al. (2020) and Thompson et al. (2021) put accuracy beside cost. See chapters 9 and
    13 of the book.

    Examples
    --------
    >>> print(cost_per_point(Estimate.exact(5000, "USD"), 0.5))
    10000 USD/point (counted)
    """
    points = gain if isinstance(gain, Estimate) else Estimate.exact(gain, "point")
    if points.low <= 0:
        raise ValueError(f"gain is {points}; without a sure gain a point has no price")
    unit = {"": 100.0, "%": 1.0, "point": 1.0}
    if points.unit not in unit:
        raise ValueError(f"gain is in {points.unit}; give percentage points")
    scale = Estimate.exact(unit[points.unit], f"point/{points.unit}" if points.unit else "point")
    return cost / (points if points.unit == "point" else points * scale)


def best_start(
    cost: float | Estimate, delay_cost: float | Estimate, halving_time: float | Estimate
) -> Estimate:
    """How long to wait while prices fall, so that cost and delay together are least.

    Parameters
    ----------
    cost : number or Estimate
        What the computation costs if it starts now.
    delay_cost : number or Estimate
        What waiting costs for each unit of time. A bare number is in the unit that fits the others.
    halving_time : number or Estimate
        Time in which the price of the computation halves, in the unit of time wanted back.

    Returns
    -------
    Estimate
        Time to wait, in the unit of ``halving_time``; zero where waiting does not pay.

    Raises
    ------
    ValueError
        If one of the three is, or may be, zero or below.

    Notes
    -----
    Assumption: the price falls steadily, ``cost * 2**(-t / h)``, and nothing else changes. With a
    delay cost of ``v`` the sum ``cost * 2**(-t / h) + v * t`` has the derivative zero at
    ``t = h * log2(cost * ln 2 / (h * v))``; where that is negative, start now. A fixed budget is
    the case that cost is the run time on what the money buys today and ``v`` is 1: it pays to wait
    if the run would take longer than ``h / ln 2``. Gottbrath et al. (1999) treat that case; with
    their halving time of 18 months the limit is 26 months. See chapter 13 of the book.

    Examples
    --------
    A run of 36 months, when speed for the money doubles in 18, is done earliest by waiting:

    >>> print(best_start(36, 1, halving_time=18))
    8.48 (counted)
    >>> best_start(26 - 0.1, 1, halving_time=18).value
    0.0
    """
    halving = _estimate(halving_time)
    if isinstance(cost, Estimate) and not isinstance(delay_cost, Estimate):
        now = cost
        delay = _estimate(delay_cost, (now / halving).unit)
    else:
        delay = _estimate(delay_cost)
        now = _estimate(cost, (delay * halving).unit)
    for name, x in (("cost", now), ("delay_cost", delay), ("halving_time", halving)):
        if x.low <= 0:
            raise ValueError(f"{name} is {x}; it must be above zero")
    worth = now / (halving * delay)
    if worth.unit:
        worth = worth.to("")
    gain = worth._map(lambda x: max(0.0, math.log2(x * math.log(2))), "")
    return halving * gain


def _estimate(number: float | Estimate, unit: str = "") -> Estimate:
    return number if isinstance(number, Estimate) else Estimate.exact(number, unit)
