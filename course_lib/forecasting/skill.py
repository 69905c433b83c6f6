"""How well a forecasting function does on problems with a known answer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.forecasting.scores import interval_score
from course_lib.quantities import LEVEL, Forecast
from course_lib.scaling import fit_power_law

Forecaster = Callable[[np.ndarray, np.ndarray, float, float], Sequence[float]]
WIDEST = 2.0  # widths of the reference: a wider interval is scored as one of this width
DEAREST = 8.0  # widths of the reference: the most that a problem costs
LARGEST = 1e150  # of an end of an interval; its square is still a number


@dataclass(frozen=True)
class Problem:
    """A series whose continuation is known: forecast y at ``x_new``, where it is ``truth``.

    ``more`` holds what else could have been measured there: a forecast is scored on the average, so
    that the luck of one measurement decides nothing. ``kind`` says what the series is of.
    """

    x: np.ndarray
    y: np.ndarray
    x_new: float
    truth: float
    more: tuple[float, ...] = ()
    kind: str = "cost"

    @property
    def truths(self) -> tuple[float, ...]:
        """All that could have been measured at the new size, as far as it was drawn."""
        return (self.truth, *self.more)


def reference_forecast(
    x: np.ndarray, y: np.ndarray, x_new: float, level: float
) -> tuple[float, float, float]:
    """The course's own method: a power law with overhead, delta-method interval with t.

    >>> x = np.array([1.0, 2, 4, 8, 16, 32, 64])
    >>> noise = np.array([1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99])
    >>> median, low, high = reference_forecast(x, (1 + 2 * x**1.5) * noise, 128.0, 0.9)
    >>> bool(low < 1 + 2 * 128**1.5 < high)
    True
    """
    away = np.log(x) - np.log(x).mean()
    direction = "grows" if away @ np.log(y) > 0 else "falls"
    law = fit_power_law(x, y, irreducible="free", direction=direction)
    forecast = law.predict(x_new, level, method="delta")
    return forecast.median, forecast.low, forecast.high


@dataclass(frozen=True)
class Skill:
    """How well a forecasting function does on problems with a known answer.

    Attributes
    ----------
    relative_score : float
        Mean interval score over the reference method's: 1 is as good, 2 twice as bad.
    coverage : float
        Share of the intervals that held.
    relative_width : float
        Median over the problems of the width, in units of the reference's.
    problems : int
    """

    relative_score: float
    coverage: float
    relative_width: float
    problems: int


def forecasting_skill(
    forecast: Forecaster, problems: Sequence[Problem] | Iterator[Problem], level: float = LEVEL
) -> Skill:
    """Score ``forecast(x, y, x_new, level) -> (median, low, high)`` beside the reference method.

    It calls the function and hands its answers to `skill_of`, which says how they are scored.

    Raises
    ------
    ValueError
        If a forecast is not three finite numbers in order.

    Examples
    --------
    >>> from course_lib.forecasting import power_law_problems
    >>> skill = forecasting_skill(reference_forecast, power_law_problems(20, seed=1))
    >>> skill.relative_score, skill.relative_width, skill.problems
    (1.0, 1.0, 20)
    """
    problems = list(problems)
    return skill_of(problems, [_call(forecast, problem, level) for problem in problems], level)


def skill_of(problems: Sequence[Problem], answers: Sequence[Any], level: float = LEVEL) -> Skill:
    """Score answers that were given to problems, beside the reference method's.

    Parameters
    ----------
    problems : sequence of Problem
    answers : sequence
        For each problem (median, low, high), or a `Forecast`.
    level : float
        For which the answers were given.

    Returns
    -------
    Skill

    Raises
    ------
    ValueError
        If there are no problems, not as many answers, or an answer is not three finite numbers in
        order; the message says which.

    Notes
    -----
    Interval scores (`interval_score`) are averaged over the measurements of each problem, taken in
    units of the reference's width, so that microseconds and minutes, quiet data and noisy ones
    count alike, and then averaged over the problems. So that chance decides little:

    - an interval wider than twice the reference's is scored as if it were twice as wide (whether
      it was is told by ``relative_width``);
    - a problem costs at most eight widths, a method that fails once in a while is not lost;
    - the one problem that speaks most against the answers is left out, if there are others: one
      honest interval that missed costs nothing.

    Examples
    --------
    >>> from course_lib.forecasting import power_law_problems
    >>> problems = list(power_law_problems(20, seed=1))
    >>> said = [reference_forecast(p.x, p.y, p.x_new, 0.9) for p in problems]
    >>> skill_of(problems, said).relative_score
    1.0
    """
    if len(problems) == 0:
        raise ValueError("there are no problems to score")
    if len(answers) != len(problems):
        raise ValueError(f"there are {len(answers)} forecasts for {len(problems)} problems")
    rows = []
    for number, (problem, answer) in enumerate(zip(problems, answers, strict=True), start=1):
        said = _three(answer, f" to problem {number} of {len(problems)}")
        reference = _three(_call(reference_forecast, problem, level))
        unit = reference[2] - reference[1]
        width = (said[2] - said[1]) / unit
        held = np.mean([said[1] <= truth <= said[2] for truth in problem.truths])
        scores = (_score(_narrowed(one, unit), problem, level) for one in (said, reference))
        rows.append((*(_at_most(score / unit) for score in scores), held, width))
    own, reference, held, width = np.array(rows).T
    kept = np.ones(len(rows), dtype=bool)
    if len(rows) > 1:
        kept[np.argmax(own - reference)] = False
    return Skill(
        relative_score=float(own[kept].mean() / reference[kept].mean()),
        coverage=float(held.mean()),
        relative_width=float(np.median(width)),
        problems=len(rows),
    )


def _call(forecast: Forecaster, problem: Problem, level: float) -> Any:
    with warnings.catch_warnings():
        # Of a parameter that is not identified: not once for each of a hundred problems, and
        # nbgrader takes the points of a cell that warns.
        warnings.simplefilter("ignore", UserWarning)
        return forecast(problem.x.copy(), problem.y.copy(), problem.x_new, level)


def _score(said: Sequence[float], problem: Problem, level: float) -> float:
    _, low, high = said
    return float(np.mean([interval_score(low, high, truth, level) for truth in problem.truths]))


def _narrowed(said: tuple[float, float, float], unit: float) -> tuple[float, float, float]:
    """The interval, drawn together around its median if it is wider than it may be."""
    median, low, high = said
    widest = WIDEST * unit
    if not high - low > widest:
        return said
    share = widest / (high - low)
    return median, median - share * (median - low), median + share * (high - median)


def _at_most(score: float) -> float:
    return score if score < DEAREST else DEAREST


def _three(given: Any, where: str = "") -> tuple[float, float, float]:
    if isinstance(given, Forecast):
        return given.median, given.low, given.high
    try:
        if isinstance(given, str | bytes | dict | set):
            raise TypeError("not a sequence of numbers")
        median, low, high = (float(value) for value in given)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"forecast must return (median, low, high), three numbers; it returned "
            f"{_short(given)}{where}"
        ) from error
    if not all(map(math.isfinite, (median, low, high))) or not low <= median <= high:
        raise ValueError(
            f"forecast must return finite low <= median <= high; it returned "
            f"median {median:g}, low {low:g}, high {high:g}{where}"
        )
    if max(abs(low), abs(high)) > LARGEST:
        raise ValueError(
            f"forecast must return numbers below {LARGEST:g}; it returned "
            f"median {median:g}, low {low:g}, high {high:g}{where}"
        )
    return median, low, high


def _short(given: Any) -> str:
    words = repr(given)
    return words if len(words) <= 60 else words[:57] + "..."
