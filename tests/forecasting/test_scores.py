"""Proper scores: in expectation nothing scores better than what you believe."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from course_lib import Estimate, Forecast, interval_score
from course_lib.forecasting import crps, log_score
from course_lib.forecasting.distribution import distribution

law = settings(max_examples=20)
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


# --- the distribution that a forecast stands for ---

forecasts = st.builds(
    lambda median, below, above, level: Forecast(median, median - below, median + above, level),
    st.floats(-20, 20),
    st.floats(0.01, 15),
    st.floats(0.01, 15),
    levels,
)


@law
@given(forecasts)
def test_a_forecast_stands_for_a_distribution_with_its_median_and_interval(forecast):
    said = distribution(forecast)
    tail = (1 - forecast.level) / 2
    for probability, y in ((tail, forecast.low), (0.5, forecast.median), (1 - tail, forecast.high)):
        assert said.cdf(y) == pytest.approx(probability)
        assert said.quantile(probability) == pytest.approx(y)
    assert said.log == (forecast.low > 0)


def test_it_is_the_one_that_estimates_draw_from():
    for numbers_ in ((2.0, 1.0, 5.0), (1.0, -3.0, 2.0)):
        draws = np.array(Estimate(*numbers_)._draws)
        said = distribution(Forecast(*numbers_, level=0.9))
        at = np.linspace(0.005, 0.995, 100)
        expected = [said.quantile(p) for p in at]
        np.testing.assert_allclose(np.quantile(draws, at), expected, rtol=0.02, atol=0.005)


# --- CRPS and log score ---


def density(forecast):
    said = distribution(forecast)

    def at(y):
        step = 1e-6 * max(abs(y), 1e-3)
        return (said.cdf(y + step) - said.cdf(y - step)) / (2 * step)

    return at


def area(forecast, truth):
    """The definition (Gneiting and Raftery, 2007, eq. 20), by numerical integration."""
    said = distribution(forecast)
    far = [said.quantile(1e-14), said.quantile(1 - 1e-14)]
    edges = sorted({*far, forecast.low, forecast.median, forecast.high, truth})
    return sum(
        integrate.quad(lambda y: (said.cdf(y) - (y >= truth)) ** 2, a, b, limit=100)[0]
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    )


@law
@given(forecasts, st.floats(-40, 40))
def test_the_crps_is_the_area_between_two_distribution_functions(forecast, truth):
    assert crps(forecast, truth) == pytest.approx(area(forecast, truth), rel=1e-6, abs=1e-9)


@law
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(0, 3)), min_size=1, max_size=8), numbers)
def test_the_crps_of_samples_is_the_mean_over_pairs(rows, truth):
    x, w = np.array(rows).T
    if w.sum() < 1e-3:
        w = np.ones_like(w)
    shares = w / w.sum()
    spread = np.abs(x[:, None] - x[None, :])
    expected = shares @ np.abs(x - truth) - shares @ spread @ shares / 2
    assert crps(x, truth, weights=w) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    repeated = np.repeat(x, 3)
    assert crps(repeated, truth) == pytest.approx(crps(x, truth), rel=1e-9, abs=1e-9)


def test_samples_of_a_distribution_score_like_it():
    probabilities = (np.arange(20_000) + 0.5) / 20_000
    for forecast in (Forecast(2, 1, 5), Forecast(1, -4, 2, 0.5), Forecast(3, 0.2, 4, 0.8)):
        said = distribution(forecast)
        samples = [said.quantile(p) for p in probabilities]
        for truth in (-1.0, 0.4, 2.5, 11.0):
            assert crps(samples, truth) == pytest.approx(crps(forecast, truth), rel=2e-3)


@law
@given(numbers, numbers)
def test_a_forecast_of_one_number_scores_its_absolute_error(number, truth):
    sure = Forecast(number, number, number)
    assert crps(sure, truth) == pytest.approx(abs(number - truth), rel=1e-9, abs=1e-9)
    assert crps([number], truth) == abs(number - truth)


@law
@given(forecasts, st.floats(-30, 30), st.floats(0.01, 100))
def test_the_crps_is_in_the_unit_and_the_log_score_shifts_with_it(forecast, truth, factor):
    ends = (forecast.median, forecast.low, forecast.high)
    scaled = replace(
        forecast, **dict(zip(("median", "low", "high"), (factor * y for y in ends), strict=True))
    )
    assert crps(scaled, factor * truth) == pytest.approx(factor * crps(forecast, truth), rel=1e-6)
    here, there = log_score(forecast, truth), log_score(scaled, factor * truth)
    if math.isfinite(here):
        assert there - here == pytest.approx(math.log(factor), abs=1e-6)
    else:
        assert there == here == math.inf and forecast.low > 0 >= truth


@law
@given(forecasts, st.floats(-30, 30))
def test_the_log_score_is_minus_the_log_of_the_density(forecast, truth):
    seen = density(forecast)(truth)
    if seen > 1e-12 and abs(truth - forecast.median) > 1e-3:
        assert log_score(forecast, truth) == pytest.approx(-math.log(seen), abs=1e-3)


BELIEF = Forecast(2.0, 1.0, 5.0)
OTHERS = [
    Forecast(2.0, 1.3, 3.2),
    Forecast(2.0, 0.4, 12.0),
    Forecast(2.6, 1.4, 6.0),
    Forecast(1.6, 0.8, 4.0),
    Forecast(2.0, 0.7, 3.6),
    Forecast(2.4, -1.0, 5.8),
]


@pytest.mark.parametrize("score", [crps, log_score])
def test_no_forecast_scores_better_than_the_one_you_believe_in(score):
    said = distribution(BELIEF)
    truths = [said.quantile(p) for p in (np.arange(4000) + 0.5) / 4000]
    honest = np.array([score(BELIEF, truth) for truth in truths])
    for other in OTHERS:
        loss = np.array([score(other, truth) for truth in truths]) - honest
        assert loss.mean() > 0.002, other
    drawn = np.random.default_rng(0).choice(truths, 500)  # and in a course of 500 forecasts
    for other in OTHERS:
        assert sum(score(other, t) for t in drawn) > sum(score(BELIEF, t) for t in drawn), other


def test_known_values():
    standard = Forecast(0.0, stats.norm.ppf(0.05), stats.norm.ppf(0.95))
    assert crps(standard, 0.0) == pytest.approx((math.sqrt(2) - 1) / math.sqrt(math.pi))
    assert log_score(standard, 1.3) == pytest.approx(-stats.norm.logpdf(1.3))
    wide = Forecast(1.0, math.exp(-1.5 * 1.6448536), math.exp(1.5 * 1.6448536))
    assert log_score(wide, 0.3) == pytest.approx(-stats.lognorm.logpdf(0.3, 1.5), rel=1e-6)
    # Baran and Lerch (2015), eq. for the log-normal distribution
    s, y = 1.5, 0.3
    phi, w = stats.norm.cdf, math.log(y) / s
    formula = y * (2 * phi(w) - 1) - 2 * math.exp(s**2 / 2) * (
        phi(w - s) + phi(s / math.sqrt(2)) - 1
    )
    assert crps(wide, y) == pytest.approx(formula, rel=1e-6)


def test_absurd_widths_do_not_break_the_scores():
    wide = Forecast(1.0, 1e-30, 1e30)
    assert math.isfinite(crps(wide, 1.0)) and crps(Forecast(1.0, 1e-200, 1e200), 1.0) == math.inf
    narrow = Forecast(1.0, 1 - 1e-9, 1 + 1e-9)
    assert crps(narrow, 1.0) == pytest.approx(2e-9 / 3.29 * 0.2337, rel=1e-3)
    assert log_score(Forecast(1.0, 0.5, 2.0), -1.0) == math.inf


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: crps(BELIEF, math.nan), ValueError, "truth is nan"),
        (lambda: log_score(BELIEF, math.inf), ValueError, "truth is inf"),
        (lambda: crps([], 1.0), ValueError, r"series of one length; got \(0,\)"),
        (lambda: crps([1.0, 2.0], 1.0, [1.0]), ValueError, r"got \(2,\), \(1,\)"),
        (lambda: crps([[1.0]], 1.0), ValueError, r"got \(1, 1\)"),
        (lambda: crps([1.0, math.nan], 1.0), ValueError, "must be finite"),
        (lambda: crps([1.0, 2.0], 1.0, [1, -1]), ValueError, "not be negative"),
        (lambda: crps([1.0, 2.0], 1.0, [0, 0]), ValueError, "not all zero"),
        (lambda: crps(BELIEF, 1.0, [1.0]), ValueError, "weights belong to samples"),
        (lambda: log_score([1.0, 2.0], 1.0), TypeError, "samples have no density"),
        (lambda: log_score(Forecast(1, 1, 2), 1.0), ValueError, "no width on one side"),
    ],
)
def test_what_cannot_be_scored_is_told(call, error, message):
    with pytest.raises(error, match=message):
        call()
