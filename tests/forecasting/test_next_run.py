"""The next run: the one that narrows the forecast most by theory is the one that does so."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_lib.forecasting import next_run
from course_lib.forecasting.forms import fit_form, runs

law = settings(max_examples=12)
PURE, FLOOR = "power law", "power law with irreducible part"
X = np.geomspace(1, 100, 9)
TARGET = 3000.0


def line(x, seed, noise=0.02):
    return 5 * x**-0.4 * np.exp(noise * np.random.default_rng(seed).standard_normal(len(x)))


def c_optimal(x, candidates, target, level=0.9):
    """Half-widths in log y at the target with each candidate added, for the same noise."""
    widths = []
    for more in candidates:
        design = np.stack([np.ones(len(x) + 1), np.log(np.append(x, more))], 1)
        new = np.array([1, math.log(target)])
        variance = 1 + new @ np.linalg.inv(design.T @ design) @ new
        widths.append(stats.t.ppf((1 + level) / 2, len(x) - 1) * math.sqrt(variance))
    return np.array(widths)


@law
@given(st.lists(st.floats(0.1, 2000), min_size=2, max_size=4, unique=True), st.integers(0, 99))
def test_for_a_straight_line_it_is_the_c_optimal_design(candidates, seed):
    plan = next_run(X, line(X, seed, 1e-4), TARGET, candidates, form=PURE).sort_values("x")
    theory = c_optimal(X, sorted(candidates), TARGET)
    ratio = plan["expected_width"].to_numpy() / theory
    np.testing.assert_allclose(ratio / ratio[0], 1, rtol=5e-3)
    best = plan.loc[plan["expected_width"].idxmin(), "x"]
    assert theory[sorted(candidates).index(best)] <= theory.min() * 1.005


def refitted(form, x, y, more, outcome):
    return fit_form(form, runs(x, y).add(more, outcome)).ask(TARGET, 0.9).width


def test_what_it_expects_of_a_straight_line_is_what_happens():
    candidates, noise = [1.0, 30.0, 1000.0], 0.02
    expected, happened = [], []
    for seed in range(40):
        y = line(X, seed, noise)
        plan = next_run(X, y, TARGET, candidates, form=PURE).set_index("x")["expected_width"]
        expected.append(plan[candidates])
        rng = np.random.default_rng([seed, 1])
        for more in candidates:
            outcome = 5 * more**-0.4 * np.exp(noise * rng.standard_normal())
            happened.append(refitted(PURE, X, y, more, outcome))
    expected, happened = np.array(expected), np.reshape(happened, (-1, 3))
    difference = (happened - expected) / expected.mean(0)
    error = difference.std(0) / math.sqrt(len(difference))
    assert (np.abs(difference.mean(0)) < 2.5 * error).all() and (error < 0.05).all()


def test_the_best_run_for_a_law_with_a_floor_is_the_best_by_simulation():
    def truth(x):
        return 1 + 4 * x**-0.5

    candidates, ratios = [2.0, 300.0, 1000.0], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x = np.geomspace(1, 100, 8)
        y = truth(x) * np.exp(0.01 * rng.standard_normal(8))
        plan = next_run(x, y, TARGET, candidates, form=FLOOR)
        widths = np.array([
            [refitted(FLOOR, x, y, more, truth(more) * np.exp(0.01 * noise)) for more in candidates]
            for noise in rng.standard_normal(6)
        ]).mean(0)  # fmt: skip
        assert plan["x"].tolist() == [candidates[i] for i in np.argsort(widths)]
        ratios.append(widths / plan.set_index("x")["expected_width"][candidates])
    error = np.std(ratios, 0) / math.sqrt(len(ratios))
    assert (np.abs(np.mean(ratios, 0) - 1) < 2 * error + 0.05).all() and (error < 0.1).all()


def test_money_decides_what_is_affordable():
    y = line(X, 3)
    candidates = [3.0, 300.0, 3000.0, 30.0]
    plan = next_run(X, y, TARGET, candidates, cost=2.0, budget=300.0**2, form=PURE)
    assert plan["x"].tolist() == [300.0, 30.0, 3.0, 3000.0]
    assert plan["affordable"].tolist() == [True, True, True, False]
    assert plan["cost"].tolist() == [x**2 for x in plan["x"]]
    np.testing.assert_allclose(plan["narrowing_per_cost"] * plan["cost"], plan["narrowing"])
    now = fit_form(PURE, runs(X, y)).ask(TARGET, 0.9).width
    np.testing.assert_allclose(plan["narrowing"], 1 - plan["expected_width"] / now)
    assert (plan["expected_width"][:3].diff()[1:] > 0).all()

    rich = next_run(X, y, TARGET, candidates, cost=lambda x: 7 + x, form=PURE)
    assert rich["affordable"].all() and rich["x"][0] == 3000.0
    assert rich["cost"].tolist() == [7 + x for x in rich["x"]]
    assert next_run(X, y, TARGET, candidates, form=PURE)["cost"].tolist() == rich["x"].tolist()


def test_a_size_can_be_run_once_more():
    y = line(X, 4)
    plan = next_run(X, y, TARGET, [X[0], X[-1]], form=PURE)
    assert plan["x"].tolist() == [X[-1], X[0]] and (plan["narrowing"] > 0).all()
    x, seeds = np.repeat(X, 2), np.tile([1, 2], 9)
    for labels in (None, seeds):
        plan = next_run(x, line(x, 5), TARGET, [X[-1], 50.0], form=PURE, replicates=labels)
        assert np.isfinite(plan["expected_width"]).all()


def test_a_new_run_shares_nothing_with_the_others():
    data = runs([1.0, 2, 2, 4], [1.0, 2, 3, 4], replicates=["a", "a", "b", "b"])
    more = data.add(2.0, 9.0)
    assert more.x.tolist() == [1, 2, 2, 2, 4] and more.y.tolist() == [1, 2, 3, 9, 4]
    labels = more.replicates.tolist()
    assert labels[0] == labels[1] != labels[2] == labels[4] and labels.count(labels[3]) == 1
    alone = runs([1.0, 2, 4], [1.0, 2, 3])
    assert alone.add(3.0, 1.0).replicates is None and alone.add(4.0, 1.0).replicates is True
    assert runs([1.0, 2, 4], [1.0, 2, 3]).x.tolist() == alone.x.tolist() == [1, 2, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"candidates": []}, "candidates is empty"),
        ({"candidates": [1.0, -2.0]}, "candidates is -2"),
        ({"target": 0.0}, "target is 0"),
        ({"budget": -1.0}, "budget is -1"),
        ({"cost": lambda x: 0 * x}, "cost is 0"),
        ({"level": 2.0}, "level is 2"),
        ({"form": "a cubic"}, "form is 'a cubic'"),
        ({"x": X[:2], "y": X[:2]}, "at least 3 distinct x"),
    ],
)
def test_bad_questions_are_refused(arguments, message):
    usual = {"x": X, "y": line(X, 0), "target": TARGET, "candidates": [1.0], "form": PURE}
    with pytest.raises(ValueError, match=message):
        next_run(**(usual | arguments))
