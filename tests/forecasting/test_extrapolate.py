"""Extrapolation: wide where the record is bad, and not absurdly wider where the form is right."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_lib import Forecast, commit
from course_lib.forecasting import extrapolate, read_forecasts
from course_lib.forecasting.forms import fit_form, runs
from course_lib.forecasting.honest import _quantile

law = settings(max_examples=20)
PURE, FLOOR = "power law", "power law with irreducible part"
X = np.geomspace(100, 1e4, 12)


def noisy(truth, x, seed, noise=0.01):
    return truth(x) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(x)))


def straight(x):
    return 20 * x**-0.4


def flattening(x):
    return 1.5 + 20 * x**-0.5


def bent(at, slope=0.5, after=0.2):
    """A power law whose exponent changes within a third of a decade."""
    return lambda x: x**-slope * (1 + (x / at) ** 8) ** ((slope - after) / 8)


# Two forms in closed form, so that a simulation takes seconds: straight, and straight with a bend.


class Linear:
    """Least squares in the logarithm, with the delta method's interval."""

    def __init__(self, columns, x, y):
        self.columns, design = columns, columns(np.log(x))
        self.freedom = len(x) - design.shape[1]
        if self.freedom < 1:
            raise ValueError(f"{len(x)} runs are too few")
        self.beta = np.linalg.lstsq(design, np.log(y), rcond=None)[0]
        residual = np.log(y) - design @ self.beta
        self.squares = float(residual @ residual)
        self.inverse = np.linalg.pinv(design.T @ design)

    def predict(self, x, level):
        row = self.columns(np.log([x]))[0]
        variance = self.squares / self.freedom * (1 + row @ self.inverse @ row)
        half = stats.t.ppf((1 + level) / 2, self.freedom) * math.sqrt(variance)
        middle = row @ self.beta
        return Forecast(*np.exp([middle, middle - half, middle + half]), level)


def line(x, y):
    return Linear(lambda log_x: np.stack([np.ones_like(log_x), log_x], 1), x, y)


def hinge(x, y):
    def at(bend):
        return Linear(
            lambda log_x: np.stack([np.ones_like(log_x), log_x, np.maximum(log_x - bend, 0)], 1),
            x,
            y,
        )

    return min((at(bend) for bend in np.log(x[1:-1])), key=lambda fit: fit.squares)


# --- laws ---


@law
@given(st.integers(0, 10**6), st.sampled_from([2e4, 1e5, 1e6]), st.sampled_from([0.5, 0.9]))
def test_one_form_with_a_good_record_says_what_it_says(seed, x_new, level):
    y = noisy(straight, X, seed)
    said = extrapolate(X, y, x_new, level, forms=[line], unit="s")
    alone = line(X, y).predict(x_new, level)
    assert said.weights == {"line": 1.0} and said.forecast.unit == "s"
    assert said.decades == pytest.approx(math.log10(x_new / 1e4))
    ends, others = (np.log([f.median, f.low, f.high]) for f in (said.forecast, alone))
    assert ends[0] == pytest.approx(others[0])
    added = said.drift["line"] * said.decades
    z = stats.norm.ppf((1 + level) / 2)
    expected = np.hypot(others[2] - others[0], z * added)
    assert ends[2] - ends[0] == pytest.approx(expected)
    assert ends[0] - ends[1] == pytest.approx(expected)


@law
@given(st.integers(0, 10**6), st.floats(1e-6, 1e6), st.floats(1e-3, 1e3))
def test_units_do_not_matter(seed, of_y, of_x):
    y = noisy(bent(1500), X, seed)
    here = extrapolate(X, y, 1e5, forms=[line, hinge])
    there = extrapolate(of_x * X, of_y * y, of_x * 1e5, forms=[line, hinge])
    for name in ("median", "low", "high"):
        ratio = getattr(there.forecast, name) / getattr(here.forecast, name)
        assert ratio == pytest.approx(of_y, rel=1e-4)
    assert there.weights == pytest.approx(here.weights, abs=1e-4)
    assert there.honest_reach == pytest.approx(here.honest_reach)


@law
@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(-5, 5), st.floats(0.01, 3),
                       st.floats(0.01, 3)), min_size=1, max_size=4),
    st.floats(0.01, 0.99),
)  # fmt: skip
def test_quantiles_are_those_of_the_mixture(rows, probability):
    weights, *parts = np.array(rows).T
    weights, parts = weights / weights.sum(), np.array(parts).T
    y = _quantile(weights, parts, probability)
    away = y - parts[:, 0]
    spread = np.where(away > 0, parts[:, 2], parts[:, 1])
    assert weights @ stats.norm.cdf(away / spread) == pytest.approx(probability, abs=1e-9)


# --- the record ---


def test_a_form_is_widened_by_what_its_record_lacks():
    y = noisy(bent(1000), X, 0)
    said = extrapolate(X, y, 1e5, forms=[line])
    alone = line(X, y).predict(1e5, 0.9)
    assert said.drift["line"] > 0.1 and said.honest_reach < 0.2 and said.beyond_reach
    assert said.forecast.median == pytest.approx(alone.median)
    assert not alone.holds(bent(1000)(1e5)) and said.forecast.holds(bent(1000)(1e5))
    near, far = (extrapolate(X, y, x, forms=[line]).forecast for x in (1e5, 1e6))
    assert math.log(far.high / far.low) > 1.8 * math.log(near.high / near.low)


def test_forms_count_by_how_well_they_forecast():
    bad = extrapolate(X, noisy(flattening, X, 0), 1e5, forms=[PURE, FLOOR])
    assert bad.weights[FLOOR] > 0.9 and bad.drift[PURE] > 10 * bad.drift[FLOOR]
    assert sum(bad.weights.values()) == pytest.approx(1)
    weights = [
        extrapolate(X, noisy(straight, X, seed), 1e5, forms=[line, hinge]).weights["line"]
        for seed in range(20)
    ]
    assert np.median(weights) > 0.7  # the bend does not pay


@pytest.mark.parametrize(
    ("truth", "possible"), [(bent(2000, 0.5, 0.48), (0, 1)), (lambda x: x**-0.5, (0.5, 0.5))]
)
def test_weights_are_by_record_by_information_and_even_for_what_is_not_refuted(truth, possible):
    class Open(Linear):
        @property
        def residuals(self):
            return np.log(Y) - self.columns(np.log(X)) @ self.beta

        @property
        def degrees_of_freedom(self):
            return len(X) - len(self.beta)

    def opened(form):
        def fitted(x, y):
            return Open(form(x, y).columns, x, y)

        fitted.__name__ = form.__name__
        return fitted

    Y = noisy(truth, X, 0)
    record = extrapolate(X, Y, 1e5, forms=[line, hinge]).weights
    both = extrapolate(X, Y, 1e5, forms=[opened(line), opened(hinge)]).weights
    criterion = []
    for form in (line, hinge):
        fit = form(X, Y)
        n, k = len(X), len(fit.beta) + 1
        likelihood = -n / 2 * (math.log(2 * math.pi * fit.squares / n) + 1)
        criterion.append(2 * k - 2 * likelihood + 2 * k * (k + 1) / (n - k - 1))
    akaike = np.exp(-(np.array(criterion) - min(criterion)) / 2)
    akaike /= akaike.sum()
    assert 0.02 < akaike[0] < 0.98 and abs(akaike[0] - record["line"]) > 0.02
    for i, form in enumerate(("line", "hinge")):
        expected = 0.4 * (record[form] + akaike[i]) + 0.2 * possible[i]
        assert both[form] == pytest.approx(expected)


def test_where_a_form_could_not_be_held_out_it_scores_like_the_worst():
    y = noisy(straight, X, 1)

    def demanding(x, y):
        if len(x) < 10:
            raise ValueError("too few")
        return line(x, y)

    both = extrapolate(X, y, 1e5, forms=[line, demanding])
    assert both.weights["line"] == pytest.approx(0.5)  # where only one was tested, both score alike
    assert list(both.weights) == ["line", "demanding"]


def test_a_form_that_cannot_be_fitted_does_not_count():
    def never(x, y):
        raise ValueError("it never fits")

    y = noisy(straight, X, 1)
    said = extrapolate(X, y, 1e5, forms=[never, line])
    assert said.weights == {"line": 1.0} and said.problems == {"never": "it never fits"}
    with pytest.raises(ValueError, match="no form can be fitted and held out; never: it never"):
        extrapolate(X, y, 1e5, forms=[never])
    with pytest.raises(ValueError, match="line: 3 sizes are too few to hold any out"):
        extrapolate(X[:3], y[:3], 1e5, forms=[line])

    class Negative:
        def predict(self, x, level):
            return Forecast(1.0, -1.0, 2.0, level)

    with pytest.raises(ValueError, match="its forecasts are not all positive"):
        extrapolate(X, y, 1e5, forms=[lambda x, y: Negative()])


def test_data_without_noise_are_no_obstacle():
    said = extrapolate(X, straight(X), 1e5, forms=[line, hinge])
    assert said.forecast.median == pytest.approx(straight(1e5), rel=1e-6)
    assert math.log(said.forecast.high / said.forecast.low) < 1e-6


# --- reach ---


def test_beyond_reach_is_said(tmp_path):
    y = noisy(straight, X, 2)
    said = {x: extrapolate(X, y, x, forms=[line]) for x in (500, 1e4, 1e5, 1e6)}
    assert [one.beyond_reach for one in said.values()] == [False, False, False, True]
    assert [one.decades for one in said.values()] == pytest.approx([0, 0, 1, 2])
    assert said[1e6].honest_reach == pytest.approx(6 * 2 / 11)  # half of the sizes held out
    assert str(said[1e5]) == str(said[1e5].forecast)
    assert str(said[1e6]).endswith(
        "beyond reach: 2 decades past the data, where hold-outs succeeded to 1.1"
    )
    commit("far", said[1e6].forecast, tmp_path / "forecasts.jsonl")
    assert "far" in read_forecasts(tmp_path / "forecasts.jsonl")


def test_exactly_as_far_as_a_success_is_within_reach():
    x = np.geomspace(1, 100, 7)  # three of seven sizes: a decade
    y = noisy(lambda x: x**-0.3, x, 3)
    said = extrapolate(x, y, 1000, forms=[line])
    assert said.honest_reach == pytest.approx(1) and not said.beyond_reach


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x_new": 50}, "x_new is 50, below all sizes; the smallest is 100"),
        ({"x_new": math.inf}, "x_new is inf"),
        ({"level": 0}, "level is 0"),
        ({"forms": ["a cubic"]}, "form is 'a cubic'"),
        ({"forms": []}, r"forms are \[\]; give one or several"),
        ({"forms": [line, line]}, "forms are .*of different names"),
        ({"y": 0 * X}, "y must be positive"),
    ],
)
def test_bad_questions_are_refused(arguments, message):
    usual = {"x": X, "y": noisy(straight, X, 0), "x_new": 1e5, "forms": [line]}
    with pytest.raises(ValueError, match=message):
        extrapolate(**(usual | arguments))


# --- coverage ---


def simulate(truth_of, forms, number, noise=0.01, alone=line, sizes=(1e5, 1e6)):
    """Coverage of one form and of the extrapolation at 10x and 100x, and the ratio of widths."""
    held, ratio = [], []
    for seed in range(number):
        rng = np.random.default_rng([7, seed])
        truth = truth_of(rng)
        y = truth(X) * np.exp(noise * rng.standard_normal(len(X)))
        for x_new in sizes:
            run = truth(x_new) * np.exp(noise * rng.standard_normal())
            one = fit_form(alone, runs(X, y)).ask(x_new, 0.9)
            said = extrapolate(X, y, x_new, forms=forms).forecast
            held.append((one.holds(run), said.holds(run)))
            ratio.append(math.log(said.high / said.low) / math.log(one.high / one.low))
    shape = (number, len(sizes))
    return np.reshape(held, (*shape, 2)).mean(0), np.median(np.reshape(ratio, shape), 0)


def some_bend(rng):
    """Between half and nine tenths of the data's range, to a much flatter or steeper law."""
    slope = rng.uniform(0.2, 0.6)
    factor = rng.choice([rng.uniform(0.3, 0.6), rng.uniform(1.5, 2.0)])
    return bent(10 ** rng.uniform(3.0, 3.7), slope, slope * factor)


def some_line(rng):
    slope = rng.uniform(0.2, 0.6)
    return lambda x: x**-slope


@pytest.mark.parametrize(("forms", "enough"), [([line], 0.5), ([line, hinge], 0.8)])
def test_with_a_bend_in_the_data_one_form_fails_and_the_extrapolation_covers(forms, enough):
    held, _ = simulate(some_bend, forms, 60)
    assert (held[:, 0] < 0.1).all()  # at 10x and at 100x
    assert (held[:, 1] > enough).all()


def test_with_the_right_form_it_covers_and_is_not_much_wider():
    held, ratio = simulate(some_line, [line, hinge], 60)
    assert (held > 0.8).all()
    assert (ratio < [1.6, 2.6]).all() and (ratio > 1).all()


@pytest.mark.slow
def test_the_named_forms_cover_where_one_of_them_alone_does_not():
    names = [PURE, FLOOR, "broken power law"]
    bend, _ = simulate(some_bend, names, 24, alone=PURE, sizes=[1e5])
    assert (bend[:, 0] < 0.1).all() and (bend[:, 1] > 0.8).all()

    def some_floor(rng):
        slope = rng.uniform(0.2, 0.6)
        floor = rng.uniform(0.3, 1.5) * 1e4**-slope
        return lambda x: floor + x**-slope

    floor, ratio = simulate(some_floor, names, 24, alone=FLOOR, sizes=[1e5])
    assert (floor[:, 1] > 0.75).all() and (ratio < 3).all()
