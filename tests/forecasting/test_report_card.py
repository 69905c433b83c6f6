"""The report card: sizes are held out whole, nothing leaks, and reach is what hits add up to."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import Forecast
from course_lib.forecasting import forms as known_forms
from course_lib.forecasting import report_card
from course_lib.forecasting.holding_out import HeldOut, honest_reach

law = settings(max_examples=20)
PURE, FLOOR = "power law", "power law with irreducible part"
X = np.geomspace(1, 1000, 10)  # a third of a decade apart
NUMBERS = ["decades", "error", "rms_error", "coverage", "width"]


def noisy(truth, x, seed, noise=0.01):
    return truth(x) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(x)))


def flattening(x):
    return 1.5 + 2 * x**-0.5


class Told:
    """A form that says what it is told to, and keeps what it was given."""

    def __init__(self, median=1.0, low=0.5, high=2.0, least=1):
        self.ends, self.least, self.seen, self.asked = (median, low, high), least, [], []

    def __call__(self, x, y):
        self.seen.append((x, y))
        if len(np.unique(x)) < self.least:
            raise ValueError(f"{len(np.unique(x))} sizes are too few")
        return self

    def predict(self, x, level):
        if self.seen:
            assert x > self.seen[-1][0].max(), "a size is forecast that the fit has seen"
        self.asked.append((x, level))
        return Forecast(*self.ends, level)


def test_a_row_for_each_form_and_number_of_sizes():
    card = report_card(X, noisy(flattening, X, 0), [PURE, FLOOR], hold_out=(1, 3, 2))
    assert card[["form", "hold_out"]].values.tolist() == [
        [form, number] for form in (PURE, FLOOR) for number in (1, 3, 2)
    ]
    np.testing.assert_allclose(card["decades"], [1 / 3, 1, 2 / 3] * 2)
    assert (card["problem"] == "").all()
    assert report_card(X, noisy(flattening, X, 0))["form"].unique().tolist() == [*known_forms.FORMS]


def test_grades_are_of_what_was_said_and_what_was_run():
    x = np.array([1.0, 2, 4, 8, 8, 16])
    y = np.array([1.0, 1, 1, 0.9, 1.6, 2.5])
    form = Told(median=1.25, low=1.0, high=2.0)
    card = report_card(x, y, [form], hold_out=[2], level=0.8).iloc[0]
    errors = [1.25 / math.sqrt(0.9 * 1.6) - 1, 1.25 / 2.5 - 1]
    assert card["error"] == pytest.approx(0.5)
    assert card["rms_error"] == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    assert card["coverage"] == pytest.approx(1 / 3)  # of three runs one lies between 1 and 2
    assert card["width"] == pytest.approx(1 / 1.25)
    assert card["decades"] == pytest.approx(math.log10(16 / 4))
    assert {level for _, level in form.asked} == {0.8}


@law
@given(st.lists(st.integers(1, 3), min_size=4, max_size=9), st.integers(1, 4), st.randoms())
def test_sizes_are_held_out_with_all_their_runs(seeds, number, random):
    sizes = np.geomspace(1, 500, len(seeds))
    x = np.repeat(sizes, seeds)
    order = random.sample(range(len(x)), len(x)) if len(x) > len(sizes) else range(len(x))
    x = x[list(order)]
    y = np.linspace(1, 2, len(x))
    form = Told()
    card = report_card(x, y, [form], hold_out=[number])
    given_x, given_y = form.seen[-1]
    if number >= len(sizes):
        assert card["problem"].item() == f"there are only {len(sizes)} sizes"
        return
    kept = x <= sizes[-number - 1]
    assert np.array_equal(given_x, x[kept]) and np.array_equal(given_y, y[kept])
    assert {size for size, _ in form.asked[-number:]} == set(sizes[-number:])


def test_what_cannot_be_fitted_says_why():
    form = Told(least=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        card = report_card(X[:7], X[:7], [form, PURE, FLOOR], hold_out=(2, 3, 5, 9))
    told, pure, floor = (card.iloc[4 * i : 4 * i + 4] for i in range(3))
    assert told["problem"].tolist() == [
        "", "4 sizes are too few", "2 sizes are too few", "there are only 7 sizes"
    ]  # fmt: skip
    assert pure["problem"].iloc[:2].tolist() == ["", ""]
    assert "at least 3 distinct x; got 2" in pure["problem"].iloc[2]
    assert "at least 4 distinct x; got 2" in floor["problem"].iloc[2]
    bad = card[card["problem"] != ""]
    assert bad[NUMBERS].isna().all(axis=None)
    assert card[card["problem"] == ""][NUMBERS].notna().all(axis=None)


def test_what_a_fit_warns_of_is_noted_and_not_raised():
    straight = noisy(lambda x: 3 * x**-0.4, X, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        card = report_card(X, straight, [PURE, FLOOR], hold_out=[1])
    assert card["note"].iloc[0] == "" and "not identified" in card["note"].iloc[1]

    def careless(x, y):
        warnings.warn("half of it is a guess", stacklevel=1)
        return Told()

    assert report_card(X, straight, [careless])["note"].unique() == ["half of it is a guess"]
    assert report_card(X, straight, [careless])["form"].unique() == ["careless"]


def test_the_direction_is_that_of_the_data_unless_given():
    for truth in (lambda x: x**-0.3, lambda x: 2 * x**1.2):
        assert (report_card(X, noisy(truth, X, 2), [PURE])["problem"] == "").all()
    card = report_card(X, noisy(lambda x: x**-0.3, X, 2), [PURE], direction="grows")
    assert card["problem"].str.contains("goes the other way").all()
    assert (card["honest_reach"] == 0).all()


def test_labels_go_with_their_runs(monkeypatch):
    given_labels = []

    def record(x, y, direction, **more):
        given_labels.append(more)
        return Told()

    monkeypatch.setitem(known_forms.FORMS, PURE, record)
    x, seeds = np.repeat(X, 2), np.tile([7, 8], 10)
    report_card(x, x, [PURE], hold_out=[3], replicates=seeds)
    assert given_labels[-1]["replicates"].tolist() == [7, 8] * 7
    report_card(x, x, [PURE], hold_out=[3])
    assert given_labels[-1] == {"replicates": True}
    report_card(X, X, [PURE], hold_out=[3])
    assert given_labels[-1] == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"forms": ["a cubic"]}, "form is 'a cubic'; allowed are power law, "),
        ({"hold_out": [0]}, "hold_out has 0; give whole numbers of sizes, 1 or more"),
        ({"hold_out": [1.5]}, r"hold_out has 1\.5"),
        ({"level": 1.0}, "level is 1.0"),
        ({"direction": "up"}, "direction is 'up'"),
        ({"y": -X}, "y must be positive and finite .*row 0 has -1"),
        ({"x": X[::-1]}, "x decreases: row 1"),
        ({"x": np.ones(10)}, "x has 1 distinct size"),
        ({"replicates": [1, 2]}, r"replicates has the shape \(2,\)"),
    ],
)
def test_bad_questions_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        report_card(**({"x": X, "y": X, "forms": [PURE]} | arguments))


def test_other_errors_of_a_form_are_not_hidden():
    def broken(x, y):
        raise RuntimeError("a mistake in the form")

    with pytest.raises(RuntimeError, match="a mistake"):
        report_card(X, X, [broken])


# --- honest reach ---


def outcomes(rows):
    """Hold-outs with these (decades, held) runs."""
    decades, held = (np.array(column) for column in zip(*rows, strict=True))
    y = np.where(held, 1.0, 3.0)
    ones = np.ones(len(rows))
    return [HeldOut("a form", 1, ones, y, decades.astype(float), ones, 0.5 * ones, 2 * ones)]


rows_of_outcomes = st.lists(
    st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.8, 1.3]), st.booleans()),
    min_size=1, max_size=30,
)  # fmt: skip
levels = st.sampled_from([0.5, 0.8, 0.9])


@law
@given(rows_of_outcomes, levels)
def test_reach_is_where_falling_coverage_drops_below_twice_the_claimed_odds(rows, level):
    distances = sorted({d for d, _ in rows})
    held = [np.mean([h for d, h in rows if d == distance]) for distance in distances]
    number = [sum(d == distance for d, _ in rows) for distance in distances]

    def mean(a, b):
        return np.average(held[a : b + 1], weights=number[a : b + 1])

    last = len(distances)
    falling = [  # the isotonic regression, by its min-max formula
        min(max(mean(a, b) for b in range(i, last)) for a in range(i + 1)) for i in range(last)
    ]
    claimed = level / (1 - level)
    enough = (claimed / 2) / (1 + claimed / 2)
    beyond = [d for d, c in zip(distances, falling, strict=True) if c >= enough - 1e-9]
    within = [d for d, c in zip(distances, falling, strict=True) if c >= enough + 1e-9]
    assert max(within, default=0) <= honest_reach(outcomes(rows), level) <= max(beyond, default=0)


@law
@given(rows_of_outcomes, levels, st.data())
def test_a_hit_instead_of_a_miss_never_shortens_the_reach(rows, level, data):
    at = data.draw(st.integers(0, len(rows) - 1))
    better = [(d, h or i == at) for i, (d, h) in enumerate(rows)]
    assert honest_reach(outcomes(better), level) >= honest_reach(outcomes(rows), level)


def test_reach_in_plain_cases():
    near, far = [(0.3, True)] * 9, [(1.0, False)] * 3
    assert honest_reach([], 0.9) == 0
    assert honest_reach(outcomes([(0.3, False)]), 0.9) == 0
    assert honest_reach(outcomes(near), 0.9) == 0.3
    assert honest_reach(outcomes(near + far), 0.9) == 0.3
    assert honest_reach(outcomes([*near, (0.3, False), (1.0, True)]), 0.9) == 1.0
    assert honest_reach(outcomes([(0.3, True), (0.3, False), (1.0, True)]), 0.9) == 0


def test_reach_is_taken_over_all_hold_outs_that_leave_half():
    form = Told(low=0.1, high=10.0)
    card = report_card(X, np.ones(10), [form], hold_out=[1], direction="falls")
    assert card["honest_reach"].item() == pytest.approx(5 / 3)  # five of ten sizes, 1/3 each
    assert {len(x) for x, _ in form.seen} == {5, 6, 7, 8, 9}
    y = np.where(X <= 50, 1.0, 99.0)  # the last four of ten sizes miss
    assert report_card(X, y, [form], hold_out=[1])["honest_reach"].item() == 0
    y = np.where(X <= 500, 1.0, 99.0)  # only the last does: it is 1 to 5 sizes away
    assert report_card(X, y, [form], hold_out=[1])["honest_reach"].item() == 0


def test_the_right_form_reaches_and_the_wrong_one_does_not():
    reach = {PURE: [], FLOOR: []}
    coverage = {PURE: [], FLOOR: []}
    for seed in range(8):
        card = report_card(X, noisy(flattening, X, seed), [PURE, FLOOR], hold_out=[3])
        for form, row in card.groupby("form"):
            reach[form].append(row["honest_reach"].item())
            coverage[form].append(row["coverage"].item())
    assert np.median(reach[FLOOR]) >= 1 and np.median(reach[PURE]) == 0
    assert np.mean(coverage[FLOOR]) > 0.8 and np.mean(coverage[PURE]) < 0.5
