"""`extrapolate`: a forecast where the form of the law is in doubt, and whether it is beyond reach.

Each form is held to its own record: what its intervals missed when the largest sizes were held out
is added to what it claims now, in proportion to the distance; and forms count by how well they
forecast those sizes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from course_lib.forecasting.forms import FORMS, Direction, Form, name_of, runs
from course_lib.forecasting.holding_out import honest_reach
from course_lib.forecasting.record import ROUNDING, member, weights
from course_lib.quantities import LEVEL, Forecast
from course_lib.scaling.checks import positive, probability

LARGEST = math.log(sys.float_info.max)


@dataclass(frozen=True)
class Extrapolation:
    """A forecast that does not rest on one form, from `extrapolate`.

    Attributes
    ----------
    forecast : Forecast
        Of one new run; this is what to commit.
    weights : dict of str to float
        How much each form counts; they add up to 1.
    drift : dict of str to float
        What was added to each form's standard deviation of log y for each decade beyond the data
        (in quadrature); 0 where its hold-outs stayed within what it claimed.
    decades : float
        How far the forecast lies beyond the largest size.
    honest_reach : float
        In decades, of the form that counts most (see `report_card`).
    problems : dict of str to str
        Why a form could not be fitted or held out, and so does not count.
    """

    forecast: Forecast
    weights: dict[str, float]
    drift: dict[str, float]
    decades: float
    honest_reach: float
    problems: dict[str, str]

    @property
    def beyond_reach(self) -> bool:
        """Whether no hold-out of this distance has succeeded, so that nothing speaks for it."""
        return self.decades > self.honest_reach + ROUNDING

    def __str__(self) -> str:
        if not self.beyond_reach:
            return str(self.forecast)
        return (
            f"{self.forecast}, beyond reach: {self.decades:.2g} decades past the data, where "
            f"hold-outs succeeded to {self.honest_reach:.2g}"
        )


def extrapolate(
    x: np.ndarray,
    y: np.ndarray,
    x_new: float,
    level: float = LEVEL,
    forms: Sequence[Form] = tuple(FORMS),
    direction: Direction | None = None,
    replicates: Any = None,
    unit: str = "",
) -> Extrapolation:
    """Forecast one new run from several forms of law, each as wide as its own record demands.

    Parameters
    ----------
    x, y : arrays of shape (n,)
        Sizes and what was measured, both positive.
    x_new : float
        Size of the new run.
    level : float
    forms, direction, replicates
        As in `report_card`.
    unit : str
        Of y.

    Returns
    -------
    Extrapolation
        Its ``forecast``, and whether that is ``beyond_reach``.

    Raises
    ------
    ValueError
        If no form can be fitted and held out, or x_new lies below the sizes.

    Notes
    -----
    As in `report_card`, every number of largest sizes that leaves half of them is held out. If a
    form's errors e of log y at d decades exceed its standard deviations s, its drift is
    t^2 = sum(e^2 - s^2) / sum(d^2), what a change of slope that the form does not know adds; its
    variance at x_new grows by t^2 d^2. Forms count by the likelihood of the held-out sizes under
    the form so widened (Dawid, 1984), by their Akaike weights (Burnham and Anderson, 2002, section
    2.4), and a fifth goes evenly to those that the data determine and do not refute: parsimony is
    no reason to believe that a curve which levels off and one which bends end alike. The forecast
    has the quantiles of the mixture, each form a split log-normal distribution. A bend beyond the
    largest size is in nobody's record: a forecast within reach can still meet one. Chapter 10.

    Examples
    --------
    >>> x = np.geomspace(1, 100, 12)
    >>> y = (1.5 + 2 * x**-0.5) * np.exp(0.01 * np.random.default_rng(0).standard_normal(12))
    >>> said = extrapolate(x, y, 1e4, forms=("power law", "power law with irreducible part"))
    >>> max(said.weights, key=said.weights.get), said.decades, said.beyond_reach
    ('power law with irreducible part', 2.0, True)
    >>> said.forecast.holds(1.5 + 2 * 1e4**-0.5)
    True
    """
    probability(level)
    x_new = positive("x_new", x_new)
    data = runs(x, y, direction, replicates)
    smallest, largest = data.sizes[[0, -1]]
    if x_new < smallest:
        raise ValueError(f"x_new is {x_new:g}, below all sizes; the smallest is {smallest:g}")
    decades = max(0.0, math.log10(x_new / largest))
    names = [name_of(form) for form in forms]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"forms are {names}; give one or several, of different names")
    members, problems = [], {}
    for name, form in zip(names, forms, strict=True):
        try:
            members.append(member(form, data, level))
        except ValueError as error:
            problems[name] = str(error)
    if not members:
        said = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise ValueError(f"no form can be fitted and held out; {said}")
    shares = weights(members, data, level)
    parts = np.array([one.widened(x_new, decades, level) for one in members])
    ends = [_quantile(shares, parts, p) for p in (0.5, (1 - level) / 2, (1 + level) / 2)]
    middle, low, high = np.exp(np.minimum(ends, LARGEST))
    best = members[int(np.argmax(shares))]
    return Extrapolation(
        Forecast(middle, low, high, level, unit),
        {one.name: float(share) for one, share in zip(members, shares, strict=True)},
        {one.name: one.drift for one in members},
        decades,
        honest_reach(best.tests.values(), level),
        problems,
    )


def _quantile(shares: np.ndarray, parts: np.ndarray, probability: float) -> float:
    """Of a mixture of split normals, given by rows of middle and spread below and above."""
    middle, below, above = parts[shares > 0].T
    shares = shares[shares > 0]
    z = ndtri(probability)
    each = middle + z * (above if z > 0 else below)
    if np.ptp(each) == 0:
        return float(each[0])

    def excess(y: float) -> float:
        away = y - middle
        return float(shares @ ndtr(away / np.where(away > 0, above, below))) - probability

    return float(brentq(excess, each.min(), each.max()))
