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


@dataclass(frozen=True)
class Problem:
    """A series whose continuation is known: forecast y at ``x_new``, where it is ``truth``."""

    x: np.ndarray
    y: np.ndarray
    x_new: float
    truth: float


def power_law_problems(number: int, seed: int, reach: float = 8.0) -> Iterator[Problem]:
    """Costs that grow as E + A x^s, with noise of one relative size and a known continuation.

    Sizes, law, noise (0.5 % to 3 %) and the distance to the new size (up to ``reach`` times the
    largest) are drawn anew for each problem; a fixed overhead E makes the small sizes flatter than
    the law, as launch overhead does on a real machine. Two problems of three have many points:
    there the law is well known, and the new measurement's own noise remains.

    Examples
    --------
    >>> problem = next(power_law_problems(1, seed=7))
    >>> bool(problem.x.max() < problem.x_new <= 8 * problem.x.max())
    True
    """
    rng = np.random.default_rng(seed)
    for index in range(number):
        points = int(rng.integers(60, 121) if index % 3 else rng.integers(9, 17))
        further = np.exp(rng.uniform(np.log(1.1), np.log(reach)))
        x = np.geomspace(1.0, 2.0 ** rng.uniform(3.5, 5.5), points) * rng.integers(16, 65)
        exponent = rng.uniform(1.2, 3.0)
        scale = 10.0 ** rng.uniform(-9, -7) / x[0] ** (exponent - 1)
        overhead = scale * x[0] ** exponent * 10.0 ** rng.uniform(-0.5, 1.0)
        noise = 10.0 ** rng.uniform(np.log10(0.005), np.log10(0.03))
        clean = overhead + scale * np.append(x, further * x[-1]) ** exponent
        noisy = clean * np.exp(noise * rng.standard_normal(points + 1))
        yield Problem(x, noisy[:-1], float(further * x[-1]), float(noisy[-1]))


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
    law = fit_power_law(x, y, irreducible="free", direction="grows")
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

    Scores are taken in units of the reference's width, so that each problem counts alike, be it of
    microseconds or of minutes, of quiet data or of noisy; then they are averaged.

    Raises
    ------
    ValueError
        If a forecast is not three finite numbers in order.

    Examples
    --------
    >>> skill = forecasting_skill(reference_forecast, power_law_problems(20, seed=1))
    >>> skill.relative_score, skill.relative_width, skill.problems
    (1.0, 1.0, 20)
    """
    rows = []
    for problem in problems:
        answers = []
        for function in (forecast, reference_forecast):
            with warnings.catch_warnings():
                # Of a parameter that is not identified: not once for each of a hundred problems,
                # and nbgrader takes the points of a cell that warns.
                warnings.simplefilter("ignore", UserWarning)
                given = function(problem.x.copy(), problem.y.copy(), problem.x_new, level)
            answers.append(_three(given))
        unit = answers[1][2] - answers[1][1]
        for _, low, high in answers:
            score = interval_score(low, high, problem.truth, level)
            rows.append((score / unit, low <= problem.truth <= high, (high - low) / unit))
    table = np.array(rows, dtype=float).reshape(-1, 2, 3)  # (problem, whose, what)
    if len(table) == 0:
        raise ValueError("there are no problems to score")
    return Skill(
        relative_score=float(table[:, 0, 0].mean() / table[:, 1, 0].mean()),
        coverage=float(table[:, 0, 1].mean()),
        relative_width=float(np.median(table[:, 0, 2])),
        problems=len(table),
    )


def _three(given: Any) -> tuple[float, float, float]:
    if isinstance(given, Forecast):
        return given.median, given.low, given.high
    try:
        median, low, high = (float(value) for value in given)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"forecast must return (median, low, high), three numbers; it returned {given!r}"
        ) from error
    if not all(map(math.isfinite, (median, low, high))) or not low <= median <= high:
        raise ValueError(
            f"forecast must return finite low <= median <= high; it returned "
            f"median {median:g}, low {low:g}, high {high:g}"
        )
    return median, low, high
