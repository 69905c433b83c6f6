"""Forecasts that come back from elsewhere: what is asked, what passes, what each refusal says."""

import json
import math

import numpy as np
import pytest

from course_lib import Forecast
from course_lib.forecasting import (
    Problem,
    as_arguments,
    judge_forecasts,
    law_problem,
    power_law_problems,
    reference_forecast,
    resampled_problem,
    skill_of,
)
from course_lib.forecasting.resampled import recorded_curves
from course_lib.tasks import TASKS

PROBLEMS = list(power_law_problems(12, seed=4))
HONEST = [reference_forecast(p.x, p.y, p.x_new, 0.9) for p in PROBLEMS]


def stretched(answers, factor):
    return [(m, m - factor * (m - low), m + factor * (high - m)) for m, low, high in answers]


def test_what_is_asked_is_plain_and_holds_no_answer():
    asked = as_arguments(PROBLEMS, 0.8)
    assert json.loads(json.dumps(asked)) == [list(one) for one in asked]
    for problem, (x, y, x_new, level) in zip(PROBLEMS, asked, strict=True):
        assert x == problem.x.tolist() and y == problem.y.tolist() and level == 0.8
        assert type(x[0]) is type(y[0]) is type(x_new) is float
        assert not {*problem.truths} & {*x, *y, x_new}


def test_what_is_asked_can_be_answered_from_what_was_sent():
    sent = json.loads(json.dumps(as_arguments(PROBLEMS)))
    assert [reference_forecast(*arguments) for arguments in sent] == HONEST


def test_honest_forecasts_pass_and_judging_changes_nothing():
    verdicts = [judge_forecasts(PROBLEMS, answers) for answers in (HONEST, HONEST)]
    assert verdicts[0] == verdicts[1] and verdicts[0].passed and verdicts[0].reason == ""
    assert verdicts[0].skill.relative_score == 1.0
    through_json = json.loads(json.dumps(HONEST))
    assert judge_forecasts(PROBLEMS, through_json) == verdicts[0]
    assert judge_forecasts(PROBLEMS, [Forecast(*answer) for answer in HONEST]) == verdicts[0]


@pytest.mark.parametrize("missed", [0, 5, 11])
def test_one_interval_that_missed_costs_nothing(missed):
    answers = list(HONEST)
    median, *_ = answers[missed]
    answers[missed] = (9 * median, 8 * median, 10 * median)
    alone = judge_forecasts(PROBLEMS, answers)
    assert alone.passed and alone.skill.relative_score == pytest.approx(1.0)
    assert alone.skill.coverage < judge_forecasts(PROBLEMS, HONEST).skill.coverage


def test_missing_again_and_again_costs_more_and_more():
    scores = []
    for number in range(1, 9):
        answers = [(9 * m, 8 * m, 10 * m) for m, *_ in HONEST[:number]] + HONEST[number:]
        scores.append(skill_of(PROBLEMS, answers).relative_score)
    assert all(later > earlier + 0.3 for earlier, later in zip(scores, scores[1:], strict=False))


def test_an_interval_without_end_costs_twice_the_width_and_no_more():
    doubled, endless = stretched(HONEST, 2.0), list(HONEST)
    endless[3] = doubled[3]
    twice = skill_of(PROBLEMS, endless).relative_score
    [endless[3]] = stretched(HONEST[3:4], 1e9)
    assert skill_of(PROBLEMS, endless).relative_score == pytest.approx(twice, rel=1e-6)


@pytest.mark.parametrize(
    ("factor", "said"),
    [(0.05, "too narrow"), (1 / 3, "too narrow"), (3, "3.0 times as wide"), (1e6, "say more")],
)
def test_brag_and_hedge_are_told(factor, said):
    verdict = judge_forecasts(PROBLEMS, stretched(HONEST, factor))
    assert not verdict.passed and said in verdict.reason


def test_a_median_that_is_off_is_told():
    answers = [(1.5 * m, m * 1.5 - (m - low), m * 1.5 + (high - m)) for m, low, high in HONEST]
    assert "median is off" in judge_forecasts(PROBLEMS, answers).reason


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "three numbers; it returned None to problem 3 of 12"),
        (7.0, "three numbers; it returned 7.0"),
        ([1.0, 2.0], "three numbers; it returned [1.0, 2.0]"),
        ([1, 2, 3, 4], "three numbers"),
        ("123", "three numbers; it returned '123'"),
        ({"1": 1, "2": 2, "3": 3}, "three numbers"),
        ([1, [2], 3], "three numbers"),
        ([1, None, 3], "three numbers"),
        ([10**400, 1, 10**401], "three numbers"),
        ([math.nan, 1.0, 2.0], "finite low <= median <= high; it returned median nan"),
        ([1.0, -math.inf, math.inf], "finite low <= median <= high"),
        ([2.0, 3.0, 1.0], "median 2, low 3, high 1 to problem 3 of 12"),
        ([5.0, 1.0, 2.0], "median 5, low 1, high 2"),
        ([0.0, -1e200, 1e200], "numbers below 1e+150"),
        (["x" * 10_000] * 3, "three numbers"),
    ],
)
def test_a_bad_answer_costs_all_and_says_which(answer, said):
    answers = [*HONEST[:2], answer, *HONEST[3:]]
    verdict = judge_forecasts(PROBLEMS, answers)
    assert not verdict.passed and verdict.skill is None
    assert said in verdict.reason and len(verdict.reason) < 200


@pytest.mark.parametrize(
    "answers", [None, "forecasts", 3, {}, HONEST[:5], [], [*HONEST, HONEST[0]]]
)
def test_missing_answers_are_told(answers):
    verdict = judge_forecasts(PROBLEMS, answers)
    assert not verdict.passed
    assert "a list of them was expected" in verdict.reason or "for 12 problems" in verdict.reason


def test_a_reason_holds_no_answer():
    truths = {f"{truth:.3g}" for problem in PROBLEMS for truth in problem.truths}
    for factor in (0.1, 3.0):
        words = judge_forecasts(PROBLEMS, stretched(HONEST, factor)).reason.split()
        assert not truths & {word.strip(",.:") for word in words}


# --- what problems are made of ---


@pytest.mark.parametrize("kind", ["cost", "loss"])
def test_a_law_problem_goes_its_way_and_beyond(kind):
    for seed in range(20):
        problem = law_problem(np.random.default_rng(seed), kind)
        slope = np.polyfit(np.log(problem.x), np.log(problem.y), 1)[0]
        assert (slope > 0) == (kind == "cost") and problem.kind == kind
        assert problem.x.max() < problem.x_new <= 8 * problem.x.max() * (1 + 1e-9)


def test_an_unknown_kind_is_told():
    with pytest.raises(ValueError, match="kind is 'gain'; allowed are 'cost', 'loss'"):
        law_problem(np.random.default_rng(0), "gain")


def test_resampled_problems_hold_out_both_ends_and_stay_in_order():
    problems = [resampled_problem(np.random.default_rng(seed), "task") for seed in range(60)]
    below = [problem.x_new < problem.x.min() for problem in problems]
    above = [problem.x_new > problem.x.max() for problem in problems]
    assert all(np.add(below, above)) and 5 <= sum(below) <= 30
    for problem in problems:
        assert (np.diff(problem.x) > 0).all() and 9 <= len(problem.x) <= 30
        assert min(*problem.y, *problem.truths) > 0


def test_curves_come_from_every_recorded_sweep_that_is_a_power_law():
    names = " ".join(curve.name for curve in recorded_curves())
    for experiment in ("matmul", "mlp_forward", "mlp_training_step", "attention"):
        assert experiment in names
    assert {name for name in TASKS if f"task-{name}," in names} >= {"groups", "spectrum", "zipf"}
    assert "mnist1d, samples, mlp" not in names  # it bends


def test_the_same_state_gives_the_same_problem():
    for kind in ("cost", "task"):
        one, two = (resampled_problem(np.random.default_rng(3), kind) for _ in range(2))
        assert np.array_equal(one.x, two.x) and np.array_equal(one.y, two.y)
        assert one.truths == two.truths and isinstance(one, Problem)
