"""`report_card`: what each form of law would have said of the largest sizes, had it been asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.forecasting.forms import FORMS, Direction, Form, runs
from course_lib.forecasting.holding_out import HeldOut, held_out, honest_reach, rolling
from course_lib.quantities import LEVEL
from course_lib.scaling.checks import probability

if TYPE_CHECKING:
    import pandas


def report_card(
    x: np.ndarray,
    y: np.ndarray,
    forms: Sequence[Form] = tuple(FORMS),
    hold_out: Iterable[int] = (1, 2, 3),
    level: float = LEVEL,
    direction: Direction | None = None,
    replicates: Any = None,
) -> pandas.DataFrame:
    """Hold out the largest sizes, refit, and compare what each form forecasts with what was run.

    Parameters
    ----------
    x, y : arrays of shape (n,)
        Sizes and what was measured, both positive. A size may have several runs: it is held out
        with all of them.
    forms : sequence of str or callable
        Names ("power law", "power law with irreducible part", "broken power law"), or functions
        ``f(x, y)`` that return an object with ``predict(x, level) -> Forecast``.
    hold_out : iterable of int
        Numbers of largest sizes.
    level : float
        Of the intervals.
    direction : {"falls", "grows"}, optional
        As in `course_lib.fit_power_law`; if not given, the way the data go.
    replicates : array of shape (n,), optional
        As in `course_lib.fit_power_law`; sizes that repeat are independent runs if not given.

    Returns
    -------
    pandas.DataFrame
        One row for each form and number of held-out sizes: ``form``, ``hold_out``, ``decades`` from
        the largest size kept to the largest held out, ``error`` (the largest relative error of the
        median over the held-out sizes, of several runs their geometric mean), ``rms_error``,
        ``coverage`` (share of the held-out runs inside), ``width`` (median over the sizes, relative
        to the forecast), ``honest_reach`` (of the form, in decades), ``note`` (what the fit warned
        of) and ``problem`` (why there was no fit; numbers are missing then).

    Notes
    -----
    The honest reach is the distance beyond the data to which intervals held about as often as they
    claimed, over every number of held-out sizes that leaves at least half of them. Hits and misses
    are put in order of distance, and coverage is taken to fall with it; the reach ends where the
    odds of a miss exceed twice those claimed. It describes these data: tests are few and share
    runs, so that one unlucky run shortens it; intervals from few sizes are wide and hold easily;
    and no hold-out can see a bend beyond the largest size. Rolling origins: Tashman (2000).
    Chapter 10.

    Examples
    --------
    >>> x = np.geomspace(1, 1000, 10)
    >>> noise = np.exp(0.01 * np.random.default_rng(1).standard_normal(10))
    >>> forms = ("power law", "power law with irreducible part")
    >>> card = report_card(x, (1.5 + 2 * x**-0.5) * noise, forms, hold_out=[3])
    >>> card[["form", "coverage"]].round(2).values.tolist()
    [['power law', 0.33], ['power law with irreducible part', 1.0]]
    """
    import pandas as pd

    probability(level)
    data = runs(x, y, direction, replicates)
    rows = []
    for form in forms:
        reach = honest_reach(rolling(form, data, level), level)
        rows += [_row(form, data, number, level, reach) for number in _numbers(hold_out)]
    return pd.DataFrame(rows)


def _numbers(given: Iterable[int]) -> list[int]:
    numbers = list(given)
    for number in numbers:
        if not isinstance(number, int | np.integer) or number < 1:
            raise ValueError(f"hold_out has {number!r}; give whole numbers of sizes, 1 or more")
    return numbers


def _row(form: Form, data, number: int, level: float, reach: float) -> dict[str, Any]:
    test = held_out(form, data, number, level)
    return {
        "form": test.form,
        "hold_out": number,
        **_grades(test),
        "honest_reach": reach,
        "note": test.note,
        "problem": test.problem,
    }


def _grades(test: HeldOut) -> dict[str, float]:
    if test.problem:
        return dict.fromkeys(("decades", "error", "rms_error", "coverage", "width"), np.nan)
    _, first, at = np.unique(test.x, return_index=True, return_inverse=True)
    run = np.exp(np.bincount(at, np.log(test.y)) / np.bincount(at))
    errors = np.abs(test.median[first] / run - 1)
    with np.errstate(over="ignore"):  # an interval of a law that is hardly known may have no end
        widths = (test.high - test.low)[first] / test.median[first]
    return {
        "decades": float(test.decades.max()),
        "error": float(errors.max()),
        "rms_error": float(np.sqrt(np.mean(errors**2))),
        "coverage": float(test.held.mean()),
        "width": float(np.median(widths)),
    }
