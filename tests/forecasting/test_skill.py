"""The skill of a forecasting function: too sure and too unsure are both worse than honest."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_lib import Forecast
from course_lib.forecasting import (
    Problem,
    forecasting_skill,
    power_law_problems,
    reference_forecast,
)

law = settings(max_examples=20)

PROBLEMS = list(power_law_problems(24, seed=11))


def stretched(factor):
    def forecast(x, y, x_new, level):
        median, low, high = reference_forecast(x, y, x_new, level)
        return median, median - factor * (median - low), median + factor * (high - median)

    return forecast


def straight_line(x, y, x_new, level):
    line = stats.linregress(np.log(x), np.log(y))
    middle = line.intercept + line.slope * np.log(x_new)
    residual = np.log(y) - line.intercept - line.slope * np.log(x)
    half = stats.norm.ppf((1 + level) / 2) * residual.std(ddof=2)
    return np.exp(middle), np.exp(middle - half), np.exp(middle + half)


def test_the_reference_is_as_good_as_itself():
    skill = forecasting_skill(reference_forecast, PROBLEMS)
    assert (skill.relative_score, skill.relative_width, skill.problems) == (1.0, 1.0, 24)
    as_forecasts = forecasting_skill(
        lambda *given: Forecast(*reference_forecast(*given), level=given[-1]), PROBLEMS
    )
    assert as_forecasts == skill
    assert forecasting_skill(reference_forecast, iter(PROBLEMS)) == skill


def test_too_sure_and_too_unsure_are_both_worse():
    def score(factor):
        return forecasting_skill(stretched(factor), PROBLEMS)

    narrow = [score(factor) for factor in (1, 0.5, 0.2, 0.05)]
    wide = [score(factor) for factor in (1, 2, 4, 16)]
    for series in (narrow, wide):
        scores = [skill.relative_score for skill in series]
        assert scores == sorted(scores) and scores[-1] > 1.4 * scores[0]
    coverages = [skill.coverage for skill in narrow[::-1] + wide[1:]]
    assert coverages == sorted(coverages) and coverages[-1] == 1
    for skill, factor in zip(wide, (1, 2, 4, 16), strict=True):
        assert skill.relative_width == pytest.approx(factor)


def test_a_straight_line_on_log_axes_is_worse():
    skill = forecasting_skill(straight_line, PROBLEMS)
    assert skill.relative_score > 2 and skill.coverage < 0.5


def test_the_reference_covers_what_it_promises():
    problems = list(power_law_problems(150, seed=3))
    held = [
        low <= truth <= high
        for problem in problems
        for _, low, high in [reference_forecast(problem.x, problem.y, problem.x_new, 0.9)]
        for truth in problem.truths
    ]
    assert 0.84 <= np.mean(held) <= 0.96


@law
@given(st.integers(0, 10**6))
def test_problems_are_drawn_from_their_seed_and_can_all_be_answered(seed):
    problems = list(power_law_problems(3, seed))
    for one, two in zip(problems, power_law_problems(3, seed), strict=True):
        assert np.array_equal(one.x, two.x) and np.array_equal(one.y, two.y)
        assert (one.x_new, one.truth) == (two.x_new, two.truth)
        assert one.x_new > one.x.max() and (one.y > 0).all() and one.truth > 0
        median, low, high = reference_forecast(one.x, one.y, one.x_new, 0.9)
        assert 0 < low < median < high
    other = next(power_law_problems(1, seed + 1))
    assert other.truth != problems[0].truth


def test_units_do_not_matter_to_skill():
    more = [tuple(1e-6 * truth for truth in p.more) for p in PROBLEMS[:6]]
    scaled = [
        Problem(1e3 * p.x, 1e-6 * p.y, 1e3 * p.x_new, 1e-6 * p.truth, also)
        for p, also in zip(PROBLEMS[:6], more, strict=True)
    ]
    here, there = (forecasting_skill(straight_line, series) for series in (PROBLEMS[:6], scaled))
    assert there.relative_score == pytest.approx(here.relative_score, rel=1e-4)
    assert there.coverage == here.coverage


def test_a_forecaster_cannot_change_the_problem():
    def vandal(x, y, x_new, level):
        answer = reference_forecast(x, y, x_new, level)
        x[:], y[:] = 1, 1
        return answer

    problems = list(power_law_problems(3, seed=5))
    assert forecasting_skill(vandal, problems).relative_score == 1.0
    assert all(problem.x[0] != problem.x[-1] for problem in problems)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "three numbers; it returned None"),
        (1.0, r"three numbers; it returned 1\.0"),
        ((1, 2), r"three numbers; it returned \(1, 2\)"),
        ((1, "low", 2), "three numbers; it returned"),
        ((2, 3, 4), "finite low <= median <= high; it returned median 2, low 3, high 4"),
        ((2, 1, math.nan), "finite low <= median <= high; .*high nan"),
        ((2, -math.inf, 3), "finite low <= median <= high; .*low -inf"),
    ],
)
def test_a_malformed_answer_is_told(answer, message):
    with pytest.raises(ValueError, match=message):
        forecasting_skill(lambda *_: answer, PROBLEMS[:1])


def test_skill_needs_problems():
    with pytest.raises(ValueError, match="no problems to score"):
        forecasting_skill(reference_forecast, [])
