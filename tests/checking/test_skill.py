"""Problems of all kinds for a forecasting function: who passes, who does not, and no way around."""

import csv
from importlib.resources import files

import numpy as np
import pytest
from scipy import stats

from course_lib.checking.skill import KINDS, PROBLEMS, draw_problems
from course_lib.forecasting import judge_forecasts, reference_forecast, skill_of
from course_lib.forecasting.resampled import recorded_curves

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of parts not identified


def answers_of(problems, forecast=reference_forecast):
    return [forecast(p.x, p.y, p.x_new, 0.9) for p in problems]


def stretched(answers, factor):
    return [(m, m - factor * (m - low), m + factor * (high - m)) for m, low, high in answers]


def straight_line(x, y, x_new, level):
    """The usual prediction interval of a straight line on log axes: no overhead, no floor."""
    log_x, log_y, number = np.log(x), np.log(y), len(x)
    line = stats.linregress(log_x, log_y)
    left = log_y - line.intercept - line.slope * log_x
    away = np.log(x_new) - log_x.mean()
    spread = np.sqrt(left @ left / (number - 2))
    spread *= np.sqrt(1 + 1 / number + away**2 / np.sum((log_x - log_x.mean()) ** 2))
    middle = line.intercept + line.slope * np.log(x_new)
    half = stats.t.ppf((1 + level) / 2, number - 2) * spread
    return tuple(np.exp([middle, middle - half, middle + half]))


def check_seed(seed):
    """The reference passes; a third as wide, three times as wide and the wrong form do not."""
    problems = draw_problems(seed)
    honest = answers_of(problems)
    verdict = judge_forecasts(problems, honest)
    assert verdict.passed and verdict.skill.relative_score == 1.0
    assert "too narrow" in judge_forecasts(problems, stretched(honest, 1 / 3)).reason
    assert "say more" in judge_forecasts(problems, stretched(honest, 3)).reason
    assert not judge_forecasts(problems, answers_of(problems, straight_line)).passed


@pytest.mark.parametrize("seed", [0, 1])
def test_honest_forecasts_pass_and_others_do_not(seed):
    check_seed(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(100, 300, 20))
def test_no_draw_of_two_hundred_decides_by_chance(first):
    for seed in range(first, first + 20):
        check_seed(seed)


def test_problems_follow_from_the_seed_alone():
    one, two = draw_problems(7, 8), draw_problems(np.random.default_rng(7), 8)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.x, b.x) and np.array_equal(a.y, b.y)
        assert (a.x_new, a.truths, a.kind) == (b.x_new, b.truths, b.kind)
    assert [p.kind for p in one] == list(KINDS) and PROBLEMS >= 20
    others = draw_problems(8, 8)
    assert not {p.truth for p in one} & {p.truth for p in others}


def test_chosen_kinds_come_in_turn_and_others_are_told():
    kinds = ("loss", "memoriser")
    assert [p.kind for p in draw_problems(1, 4, kinds)] == [*kinds, *kinds]
    for wrong in (("gain",), ()):
        with pytest.raises(ValueError, match="allowed are cost, loss, recorded cost"):
            draw_problems(1, 4, wrong)


# --- no file of the package answers them ---

RECORDED = draw_problems(3, 48, ("recorded cost", "recorded task"))


def shipped_numbers():
    for file in (files("course_lib.facts") / "recorded").iterdir():
        if file.name.endswith(".csv"):
            with file.open(encoding="utf-8", newline="") as text:
                for row in csv.reader(text):
                    for cell in row:
                        try:
                            yield float(cell)
                        except ValueError:
                            continue


def test_no_value_of_a_problem_is_one_that_ships():
    shipped = np.unique([number for number in shipped_numbers() if number > 0])
    assert len(shipped) > 1000
    for problem in RECORDED:
        asked = np.array([*problem.y, *problem.truths])
        place = np.clip(np.searchsorted(shipped, asked), 1, len(shipped) - 1)
        nearest = np.minimum(
            np.abs(shipped[place] / asked - 1), np.abs(shipped[place - 1] / asked - 1)
        )
        assert nearest.min() > 1e-12


def look_up(problem, level):
    """Knows the law of every recorded curve and how problems are made of them; fits the rest."""
    best = (np.inf, np.nan)
    beyond = problem.x_new > problem.x.max()
    for curve in recorded_curves():
        end = (curve.smallest, problem.x[0]) if beyond else (curve.largest, problem.x[-1])
        for stretch in np.linspace(0.75, 1.35, 13):
            x = np.append(problem.x, problem.x_new)
            law = curve.E + curve.A * (end[0] * (x / end[1]) ** (1 / stretch)) ** curve.exponent
            known = np.column_stack([law, np.ones_like(law)])
            weighted = known[:-1] / problem.y[:, None]
            fitted = known @ np.linalg.lstsq(weighted, np.ones(len(problem.y)), rcond=None)[0]
            if (fitted > 0).all():
                left = np.log(problem.y / fitted[:-1])
                best = min(best, (float(left @ left), float(fitted[-1])))
    freedom = len(problem.y) - 4  # unit, fixed cost, stretch, and which curve
    half = stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(best[0] / freedom)
    return tuple(best[1] * np.exp([0, -half, half]))


def test_looking_up_the_nearest_shape_is_no_better_than_forecasting():
    skill = skill_of(RECORDED, [look_up(problem, 0.9) for problem in RECORDED])
    assert skill.relative_score > 0.95
