"""Laws of forecasts: an honest interval scores best, and what is committed stays as it was."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from course_lib import Forecast, commit, interval_score, verify
from course_lib.forecasting import (
    Problem,
    forecasting_skill,
    power_law_problems,
    read_forecasts,
    reference_forecast,
)

law = settings(max_examples=30)
levels = st.sampled_from([0.5, 0.8, 0.9, 0.95])
numbers = st.floats(-1e6, 1e6)


# --- the interval score ---

BELIEFS = {
    "normal": stats.norm(3, 2),
    "skewed": stats.gamma(2, scale=1.5),
    "heavy tails": stats.t(4, loc=-1),
}


def expected_score(belief, low, high, level):
    def density_times_score(truth):
        return belief.pdf(truth) * interval_score(low, high, truth, level)

    edges = [-np.inf, low, high, np.inf]
    pieces = zip(edges[:-1], edges[1:], strict=True)
    return sum(integrate.quad(density_times_score, *piece)[0] for piece in pieces)


@law
@given(st.sampled_from(sorted(BELIEFS)), levels, st.floats(-1, 1), st.floats(-1, 1))
def test_no_interval_scores_better_than_the_one_you_believe_in(name, level, move_low, move_high):
    belief = BELIEFS[name]
    low, high = belief.ppf((1 - level) / 2), belief.ppf((1 + level) / 2)
    other = sorted([low + move_low * (high - low) / 2, high + move_high * (high - low) / 2])
    honest = expected_score(belief, low, high, level)
    assert expected_score(belief, *other, level) >= honest - 1e-6 * honest


@law
@given(numbers, numbers, numbers, levels, st.floats(0.001, 1000), numbers)
def test_the_score_moves_and_scales_with_the_numbers(a, b, truth, level, factor, shift):
    low, high = sorted([a, b])
    score = interval_score(low, high, truth, level)
    assert score >= high - low
    assert (score == high - low) == (low <= truth <= high) or math.isclose(score, high - low)
    scaled = interval_score(factor * low, factor * high, factor * truth, level)
    moved = interval_score(low + shift, high + shift, truth + shift, level)
    assert math.isclose(scaled, factor * score, rel_tol=1e-9, abs_tol=1e-6)
    assert math.isclose(moved, score, rel_tol=1e-9, abs_tol=1e-6)
    assert interval_score(-high, -low, -truth, level) == score


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, 1, 1.5, 0.9), "the wrong way round"),
        ((math.nan, 1, 1, 0.9), "the wrong way round"),
        ((1, 2, 1.5, 1.0), "level is 1.0; give a probability"),
        ((1, 2, 1.5, 0), "level is 0; give a probability"),
        ((1, 2, math.nan, 0.9), "truth is nan: must be finite"),
    ],
)
def test_a_score_needs_an_interval_a_level_and_a_truth(arguments, message):
    with pytest.raises(ValueError, match=message):
        interval_score(*arguments)


# --- commit and verify ---


@pytest.fixture
def file(tmp_path):
    return tmp_path / "forecasts.jsonl"


FORECAST = Forecast(2.0, 1.5, 2.5, unit="s")


def test_a_forecast_is_committed_once(file):
    assert commit("large", FORECAST, file) == FORECAST
    before = file.read_bytes()
    nearly = Forecast(2.0 * (1 + 1e-9), 1.5, 2.5, unit="s")
    assert commit("large", FORECAST, file) == FORECAST
    assert commit("large", nearly, file) == FORECAST  # what stands, not what came
    assert file.read_bytes() == before
    for other in (
        Forecast(2.0, 1.4, 2.5, unit="s"),
        Forecast(2.0, 1.5, 2.5, unit="h"),
        Forecast(2.0, 1.5, 2.5, 0.8, "s"),
    ):
        with pytest.raises(ValueError, match=r"'large' was committed as 2 s .*made once"):
            commit("large", other, file)
    assert file.read_bytes() == before
    assert commit("larger", Forecast(9, 8, 10), file).median == 9


def test_a_file_only_grows(file):
    seen = b""
    for step in (
        lambda: commit("a", FORECAST, file),
        lambda: commit("b", Forecast(5, 4, 6), file),
        lambda: verify("a", 2.2, file),
        lambda: commit("c", Forecast(7, 6, 8), file),
        lambda: verify("b", 9.0, file),
    ):
        step()
        now = file.read_bytes()
        assert now.startswith(seen) and len(now) > len(seen) and now.endswith(b"\n")
        assert now.count(b"\n") == seen.count(b"\n") + 1
        seen = now


def test_a_truth_is_set_beside_what_was_committed(file):
    commit("large", FORECAST, file)
    held = verify("large", 2.4, file)
    assert held.held and held.forecast == FORECAST and held.truth == 2.4
    assert held.score == pytest.approx(1.0) and held.committed <= held.verified
    assert verify("large", 2.4, file) == held  # also the time: nothing is written again
    with pytest.raises(ValueError, match=r"verified with 2\.4 at .*, and now comes 2\.5"):
        verify("large", 2.5, file)
    with pytest.raises(ValueError, match="truth is nan"):
        verify("large", math.nan, file)
    commit("missed", FORECAST, file)
    missed = verify("missed", 3.0, file)
    assert not missed.held and missed.score == pytest.approx(1 + 2 / 0.1 * 0.5)
    assert "did not hold" in str(missed) and "interval held" in str(held)
    with pytest.raises(LookupError, match="no forecast 'small' was committed; there are: large"):
        verify("small", 1.0, file)


def test_without_a_file_nothing_was_committed(file):
    assert read_forecasts(file) == {}
    with pytest.raises(LookupError, match="there are: none"):
        verify("large", 1.0, file)
    assert not file.exists()


def test_a_bad_truth_leaves_no_trace(file):
    commit("large", FORECAST, file)
    before = file.read_bytes()
    with pytest.raises(ValueError):
        verify("large", math.inf, file)
    assert file.read_bytes() == before


@law
@given(st.lists(st.tuples(numbers, st.floats(0, 1e3), st.floats(0, 1e3), levels), max_size=4))
def test_what_is_committed_survives(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("kept") / "forecasts.jsonl"
    forecasts = {
        f"number {i}, µ {median!r}": Forecast(median, median - below, median + above, level, "µs")
        for i, (median, below, above, level) in enumerate(rows)
    }
    for name, forecast in forecasts.items():
        commit(name, forecast, file)
    for name, forecast in list(forecasts.items())[::2]:
        verify(name, forecast.high, file)
    kept = read_forecasts(file)
    assert list(kept) == list(forecasts)
    for i, (name, forecast) in enumerate(forecasts.items()):
        assert Forecast(**kept[name]["forecast"]) == forecast
        assert ("truth" in kept[name]) == (i % 2 == 0)
        assert kept[name].get("truth", forecast.high) == forecast.high


def test_the_first_of_a_name_counts_whatever_is_added_to_the_file(file):
    commit("large", FORECAST, file)
    forged = json.loads(file.read_text()) | {"forecast": asdict(Forecast(9, 0, 99, unit="s"))}
    with file.open("a") as end:
        end.write(json.dumps(forged) + "\n\n")
    assert verify("large", 2.4, file).forecast == FORECAST


@pytest.mark.parametrize("damage", ["not json", '{"kind": "commit"}', "[1]", "7", '{"kind": '])
def test_a_damaged_line_is_named(file, damage):
    commit("a", FORECAST, file)
    with file.open("a") as end:
        end.write(damage + "\n")
    for use in (
        lambda: commit("b", FORECAST, file),
        lambda: verify("a", 2, file),
        lambda: read_forecasts(file),
    ):
        with pytest.raises(ValueError, match=r"forecasts\.jsonl, line 2, is not a forecast: "):
            use()


@pytest.mark.parametrize("given", [(2.0, 1.5, 2.5), 2.0, None])
def test_only_forecasts_are_committed(file, given):
    with pytest.raises(TypeError, match=r"forecast is a .*; give a Forecast"):
        commit("large", given, file)
    assert not file.exists()


# --- the skill of forecasting ---

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
        assert scores == sorted(scores) and scores[-1] > 1.5 * scores[0]
    coverages = [skill.coverage for skill in narrow[::-1] + wide[1:]]
    assert coverages == sorted(coverages) and coverages[-1] == 1
    for skill, factor in zip(wide, (1, 2, 4, 16), strict=True):
        assert skill.relative_width == pytest.approx(factor)


def test_a_straight_line_on_log_axes_is_worse():
    skill = forecasting_skill(straight_line, PROBLEMS)
    assert skill.relative_score > 2 and skill.coverage < 0.5


def test_the_reference_covers_what_it_promises():
    problems = list(power_law_problems(300, seed=3))
    held = [
        low <= problem.truth <= high
        for problem in problems
        for _, low, high in [reference_forecast(problem.x, problem.y, problem.x_new, 0.9)]
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
    scaled = [Problem(1e3 * p.x, 1e-6 * p.y, 1e3 * p.x_new, 1e-6 * p.truth) for p in PROBLEMS[:6]]
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
