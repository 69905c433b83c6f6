"""`next_run`: which run, of those that can be paid for, narrows a forecast most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.forecasting.distribution import distribution
from course_lib.forecasting.forms import Direction, Fitted, Form, Runs, fit_form, runs
from course_lib.quantities import LEVEL
from course_lib.scaling.checks import positive, probability

if TYPE_CHECKING:
    import pandas

QUARTILES = 0.5  # the long tails of few degrees of freedom hardly change them
# Gauss-Hermite nodes in standard deviations, and weights: exact for polynomials of degree five
OUTCOMES = ((-math.sqrt(3), 1 / 6), (0.0, 2 / 3), (math.sqrt(3), 1 / 6))


def next_run(
    x: np.ndarray,
    y: np.ndarray,
    target: float,
    candidates: Iterable[float],
    cost: float | Callable[[float], float] = 1.0,
    budget: float | None = None,
    form: Form = "power law with irreducible part",
    level: float = LEVEL,
    direction: Direction | None = None,
    replicates: Any = None,
) -> pandas.DataFrame:
    """Which further run makes the forecast at a target narrowest, in expectation.

    Parameters
    ----------
    x, y : arrays of shape (n,)
        Sizes that were run and what was measured, both positive.
    target : float
        The size to forecast.
    candidates : iterable of float
        Sizes that could be run next; one that was run already means once more.
    cost : float or callable
        Of a run, in any unit: a function of the size, or the power of the size to which it is
        proportional. Training FLOP of a fixed number of steps grow as the first power.
    budget : float, optional
        The most a run may cost, in the same unit. Without one all are affordable.
    form, level, direction, replicates
        As in `report_card`.

    Returns
    -------
    pandas.DataFrame
        One row a candidate: ``x``, ``cost``, ``expected_width`` of the interval at the target (in
        the unit of y), ``narrowing`` (the share of today's width that is expected to go),
        ``narrowing_per_cost`` and ``affordable``. Affordable ones first, the narrowest first.

    Notes
    -----
    For each candidate the law is refitted with the run added, at three outcomes that stand for
    what the law itself forecasts there (Gauss-Hermite), and the width is averaged. For small noise
    this is the c-optimal design of a nonlinear law: the run with the largest effect on the
    variance of one prediction (Box and Lucas, 1959; Atkinson, Donev and Tobias, 2007, chapter 10).
    It trusts the form: to find out whether the form holds, run the largest size. Chapter 10.

    Examples
    --------
    >>> x = np.geomspace(1, 100, 8)
    >>> y = 3 * x**-0.5 * (1 + 0.01 * np.sin(5 * np.arange(8)))
    >>> plan = next_run(x, y, 1e4, [1, 30, 100, 300, 1000], budget=500, form="power law")
    >>> plan["x"].tolist(), plan["affordable"].tolist()
    ([300.0, 100.0, 1.0, 30.0, 1000.0], [True, True, True, True, False])
    """
    import pandas as pd

    probability(level)
    target = positive("target", target)
    sizes = [positive("candidates", candidate) for candidate in candidates]
    if not sizes:
        raise ValueError("candidates is empty; give the sizes that could be run")
    if budget is not None:
        budget = positive("budget", budget)
    price = cost if callable(cost) else lambda size: size ** float(cost)
    prices = [positive("cost", price(size)) for size in sizes]
    data = runs(x, y, direction, replicates)
    law = fit_form(form, data)
    now = law.ask(target, level).width
    rows = []
    for size, paid in zip(sizes, prices, strict=True):
        width = _expected_width(form, data, law, size, target, level)
        narrowing = 1 - width / now
        rows.append({
            "x": size,
            "cost": paid,
            "expected_width": width,
            "narrowing": narrowing,
            "narrowing_per_cost": narrowing / paid,
            "affordable": budget is None or paid <= budget,
        })  # fmt: skip
    table = pd.DataFrame(rows).sort_values(
        ["affordable", "expected_width"], ascending=[False, True], kind="stable"
    )
    return table.reset_index(drop=True)


def _expected_width(
    form: Form, data: Runs, law: Fitted, size: float, target: float, level: float
) -> float:
    said = distribution(law.ask(size, QUARTILES))
    total = 0.0
    for away, weight in OUTCOMES:
        more = data.add(size, said.at(away))
        total += weight * fit_form(form, more).ask(target, level).width
    return total
