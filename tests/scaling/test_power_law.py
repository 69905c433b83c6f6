"""Laws of `fit_power_law`: it finds what made the data, at the global optimum, in any unit."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from course_lib import PowerLaw, fit_power_law
from course_lib.scaling import NotIdentified
from tests.scaling.data import OVERHEAD, WELL_POSED, curve, noisy, unsure

law = settings(max_examples=20)
few = settings(max_examples=10)
LOSSES = ("squares", "huber", "absolute")
losses = st.sampled_from(LOSSES)


@st.composite
def truths(draw, irreducible=True):
    """A law and sizes at which both of its parts can be seen: (x, E, A, exponent, direction)."""
    direction = draw(st.sampled_from(["falls", "grows"]))
    sign = 1 if direction == "grows" else -1
    exponent = sign * draw(st.floats(0.1, 3.0))
    points = draw(st.integers(5, 20))
    unit = 10.0 ** draw(st.floats(-6, 9))
    x = unit * np.geomspace(1, 10 ** draw(st.floats(1.0, 4.0)), points)
    scale = 10.0 ** draw(st.floats(-5, 5))
    reducible = scale * (x / unit) ** exponent
    floor = reducible.min() * 10.0 ** draw(st.floats(-0.5, 1.0)) if irreducible else 0.0
    return x, floor, scale * unit**-exponent, exponent, direction


def assert_recovered(fitted, truth, within=1e-6):
    x, floor, scale, exponent, _ = truth
    assert fitted.converged
    assert fitted.exponent == pytest.approx(exponent, rel=within)
    assert pytest.approx(floor, rel=within) == fitted.E
    np.testing.assert_allclose(fitted.A * x**fitted.exponent, scale * x**exponent, rtol=10 * within)
    np.testing.assert_allclose(fitted(x), curve(x, truth), rtol=within)


# --- what made the data is found ---


@law
@given(truths(), losses)
def test_a_law_without_noise_is_recovered(truth, loss):
    x, _, _, exponent, direction = truth
    fitted = fit_power_law(x, curve(x, truth), direction=direction, loss=loss)
    assert_recovered(fitted, truth)
    assert fitted.alpha == -fitted.exponent and np.sign(exponent) == np.sign(fitted.exponent)
    assert fitted.unidentified == ()


@law
@given(truths(), losses)
def test_a_law_with_a_known_floor_is_recovered(truth, loss):
    x, floor, _, _, direction = truth
    fitted = fit_power_law(x, curve(x, truth), floor, direction, loss=loss)
    assert_recovered(fitted, truth)
    assert floor == fitted.E and fitted.degrees_of_freedom == len(x) - 2


@settings(max_examples=12)
@given(truths(irreducible=False), losses)
def test_a_pure_law_is_recovered(truth, loss):
    x, *_, direction = truth
    y = curve(x, truth)
    assert_recovered(fit_power_law(x, y, "none", direction, loss=loss), truth)
    assert_recovered(fit_power_law(x, y, 0, direction, loss=loss), truth)
    with pytest.warns(NotIdentified, match="no irreducible part is seen in these data"):
        fitted = fit_power_law(x, y, direction=direction, loss=loss)
    assert_recovered(fitted, truth)
    assert fitted.E == 0.0 and fitted.unidentified == ("E",)


@few
@given(
    st.sampled_from([WELL_POSED, OVERHEAD]), st.integers(0, 99), st.floats(-6, 6), st.floats(-6, 6)
)
def test_other_units_give_the_same_law(truth, seed, log_c, log_k):
    x, *_, direction = truth
    y, c, k = noisy(truth, seed), 10.0**log_c, 10.0**log_k
    here = fit_power_law(x, y, direction=direction)
    there = fit_power_law(c * x, k * y, direction=direction)
    assert there.exponent == pytest.approx(here.exponent, rel=1e-6)
    assert pytest.approx(k * here.E, rel=1e-6) == there.E
    assert pytest.approx(k * here.A * c**-here.exponent, rel=1e-5) == there.A
    assert there.residual_sd == pytest.approx(here.residual_sd, rel=1e-9)
    for method in ("profile", "delta", "bootstrap"):
        mine, other = (
            fitted.predict(10 * largest, method=method, resamples=50)
            for fitted, largest in ((here, x[-1]), (there, c * x[-1]))
        )
        for name in ("median", "low", "high"):
            assert getattr(other, name) == pytest.approx(k * getattr(mine, name), rel=1e-5)


@few
@given(st.sampled_from([WELL_POSED, OVERHEAD]), st.integers(0, 99), st.randoms(), losses)
def test_the_order_of_the_rows_does_not_matter(truth, seed, random, loss):
    x, *_, direction = truth
    y = noisy(truth, seed)
    order = list(range(len(x)))
    random.shuffle(order)
    for irreducible in ("free", "none", truth[1]):
        with unsure():
            here = fit_power_law(x, y, irreducible, direction, loss=loss)
            there = fit_power_law(
                x[order], y[order], irreducible, direction, loss=loss, replicates=True
            )
        assert there.objective == pytest.approx(here.objective, rel=1e-8)
        # At sizes evenly spaced in the logarithm the lowest robust loss may be a flat stretch.
        within = 1e-7 if loss == "squares" else 1e-5
        assert there.exponent == pytest.approx(here.exponent, rel=within)


@pytest.mark.parametrize("seed", range(5))
def test_a_pure_law_is_linear_regression(seed):
    rng = np.random.default_rng(seed)
    x = np.geomspace(3, 500, 9)
    y = 2e-5 * x**1.7 * np.exp(0.1 * rng.standard_normal(9))
    fitted = fit_power_law(x, y, irreducible="none", direction="grows")
    known = stats.linregress(np.log(x), np.log(y))
    assert fitted.exponent == pytest.approx(known.slope, rel=1e-10)
    assert np.log(fitted.A) == pytest.approx(known.intercept, rel=1e-10)
    np.testing.assert_allclose(
        fitted.residuals, np.log(y) - known.intercept - known.slope * np.log(x), atol=1e-12
    )
    t = stats.t.ppf(0.95, 7)
    exponent, scale = fitted.estimate("exponent"), fitted.estimate("A")
    assert exponent.high - exponent.value == pytest.approx(t * known.stderr, rel=1e-9)
    assert np.log(scale.high / scale.value) == pytest.approx(t * known.intercept_stderr, rel=1e-9)


# --- weights and losses ---


@law
@given(st.integers(0, 99), st.lists(st.integers(1, 4), min_size=15, max_size=15), losses)
def test_a_whole_weight_counts_as_so_many_rows(seed, weights, loss):
    x, y = WELL_POSED[0], noisy(WELL_POSED, seed)
    with unsure():
        weighted = fit_power_law(x, y, weights=weights, loss=loss)
        repeated = fit_power_law(
            np.repeat(x, weights), np.repeat(y, weights), replicates=True, loss=loss
        )
    assert weighted.exponent == pytest.approx(repeated.exponent, rel=1e-6)
    assert pytest.approx(repeated.E, rel=1e-6) == weighted.E
    assert pytest.approx(repeated.A, rel=1e-6) == weighted.A


@law
@given(st.integers(0, 99), st.floats(-8, 8))
def test_only_the_ratio_of_weights_matters(seed, log_factor):
    x, y = WELL_POSED[0], noisy(WELL_POSED, seed)
    weights = np.random.default_rng(seed).uniform(0.2, 5, len(x))
    here = fit_power_law(x, y, weights=weights)
    there = fit_power_law(x, y, weights=10.0**log_factor * weights)
    assert there.exponent == pytest.approx(here.exponent, rel=1e-7)
    mine, other = here.predict(1e4), there.predict(1e4)
    assert (mine.low, mine.high) == pytest.approx((other.low, other.high), rel=1e-6)


def test_weights_are_inverse_variances():
    x = WELL_POSED[0]
    spread = np.where(np.arange(len(x)) % 2, 0.1, 0.002)
    errors = {"plain": [], "weighted": []}
    for seed in range(30):
        y = noisy(WELL_POSED, seed, spread)
        with unsure():
            for name, weights in (("plain", None), ("weighted", spread**-2)):
                errors[name].append(fit_power_law(x, y, weights=weights).exponent + 0.5)
    assert np.std(errors["weighted"]) < 0.2 * np.std(errors["plain"])


@few
@given(st.sampled_from([WELL_POSED, OVERHEAD]), st.integers(0, 99))
def test_hubers_loss_lies_between_squares_and_the_absolute_value(truth, seed):
    x, *_, direction = truth
    y = noisy(truth, seed)

    def fitted(loss, delta=1.0):
        with unsure():
            return fit_power_law(x, y, direction=direction, loss=loss, delta=delta)

    squares, absolute = fitted("squares"), fitted("absolute")
    wide, narrow = fitted("huber", 1e3), fitted("huber", 1e-8)
    np.testing.assert_allclose(wide(x), squares(x), rtol=1e-8)
    assert wide.objective == pytest.approx(squares.objective, rel=1e-9)
    # Of the absolute value the optimum may be flat; what it costs is not.
    costs = [np.abs(each.residuals).sum() for each in (narrow, absolute, squares)]
    assert narrow.converged and costs[0] == pytest.approx(costs[1], rel=1e-6)
    assert costs[1] <= costs[2] * (1 + 1e-9)


def test_an_outlier_moves_a_robust_fit_less():
    x, y = WELL_POSED[0], noisy(WELL_POSED, 0, 0.002)
    y[7] *= 1.5
    off = {}
    for loss in LOSSES:
        with unsure():
            off[loss] = abs(fit_power_law(x, y, loss=loss).exponent + 0.5)
    assert off["huber"] < 0.1 * off["squares"] and off["absolute"] < 0.1 * off["squares"]


# --- the optimum is one ---


def half_squares(parameters, x, y):
    log_a, exponent, log_e = parameters
    with np.errstate(over="ignore"):
        prediction = np.logaddexp(log_a + exponent * np.log(x), log_e)
    return ((prediction - np.log(y)) ** 2).sum() / 2


@pytest.mark.parametrize("truth", [WELL_POSED, OVERHEAD], ids=["falls", "grows"])
@pytest.mark.parametrize("seed", range(3))
def test_no_other_start_finds_better(truth, seed):
    x, _, _, _, direction = truth
    y = noisy(truth, seed, noise=0.05)
    with unsure():
        fitted = fit_power_law(x, y, direction=direction)
    best = np.array([np.log(fitted.A), fitted.exponent, np.log(fitted.E)])
    assert fitted.converged and fitted.gradient_norm < 1e-6
    assert half_squares(best, x, y) == pytest.approx(fitted.objective, rel=1e-9)
    gradient = optimize.approx_fprime(best, half_squares, 1e-7, x, y)
    assert np.abs(gradient).max() < 1e-4 * np.abs(np.log(x)).max()
    rng = np.random.default_rng(seed)
    sign = 1 if direction == "grows" else -1

    def residuals(parameters):
        log_a, exponent, log_e = parameters
        return np.logaddexp(log_a + exponent * np.log(x), log_e) - np.log(y)

    for _ in range(12):
        exponent = sign * rng.uniform(0.05, 4)
        start = [np.log(y[0]) - exponent * np.log(x[0]), exponent, np.log(y.min())]
        start += rng.normal(scale=[1, 0, 1])
        found = optimize.least_squares(residuals, start, max_nfev=300)
        if found.x[1] * sign > 0:
            assert found.cost >= fitted.objective * (1 - 1e-9)


def fit_as_line(x, y):
    line = stats.linregress(np.log(x), np.log(y))
    return ((line.intercept + line.slope * np.log(x) - np.log(y)) ** 2).sum() / 2


@law
@given(st.integers(0, 999), st.floats(0.001, 0.5), st.integers(5, 12), st.floats(0.5, 3.0))
def test_any_data_get_a_law_or_a_reason(seed, noise, points, decades):
    rng = np.random.default_rng(seed)
    x = np.geomspace(1, 10**decades, points)
    y = (rng.uniform(0, 3) + x ** -rng.uniform(0.05, 2)) * np.exp(noise * rng.normal(size=points))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            fitted = fit_power_law(x, y)
        except ValueError as reason:
            assert "goes the other way" in str(reason)
            return
    notes = [str(warning.message) for warning in told]
    named = [note for warning, note in zip(told, notes, strict=True)
             if warning.category is NotIdentified]  # fmt: skip
    assert fitted.converged == (not any("has not converged" in note for note in notes))
    assert bool(fitted.unidentified) == (len(named) == 1)
    assert all(name in named[0] for name in fitted.unidentified)
    assert fitted.E > 0 or "E" in fitted.unidentified
    assert fitted.exponent < 0 and 0 <= fitted.E < y.max()
    assert fitted.objective <= fit_as_line(x, y) * (1 + 1e-7)  # E is nought below 1e-8 of y
    for parameter in ("exponent", "alpha", "A"):
        fitted.estimate(parameter)
    for reach in (1, 10, 1000):
        for method in ("delta", "profile"):
            forecast = fitted.predict(reach * x[-1], method=method)
            assert forecast.low <= forecast.median <= forecast.high


# --- using a law ---


@law
@given(truths(), st.floats(1, 1000))
def test_solve_is_the_inverse(truth, times):
    x, *_, direction = truth
    fitted = fit_power_law(x, curve(x, truth), direction=direction)
    new = x[0] * times
    reducible = fitted(new) - fitted.E
    if reducible > 1e-6 * fitted(new):  # beyond, y has no digits left to tell x by
        assert fitted.solve(float(fitted(new))) == pytest.approx(new, rel=1e-4)


def test_what_lies_below_the_floor_is_never_reached():
    fitted = fit_power_law(WELL_POSED[0], curve(WELL_POSED[0], WELL_POSED))
    for y in (1.4, fitted.E, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"is never reached: the irreducible part is 1\.5"):
            fitted.solve(y)


def test_a_law_is_read_as_a_formula():
    x = np.geomspace(1, 100, 8)
    assert str(fit_power_law(x, 2 + 3 * x**-0.5)) == "2 + 3 x^-0.5000"
    assert str(fit_power_law(x, 3 * x**0.5, "none", "grows")) == "3 x^0.5000"


def test_a_law_knows_what_it_was_fitted_to():
    x = WELL_POSED[0]
    fitted = fit_power_law(x, noisy(WELL_POSED, 3))
    assert isinstance(fitted, PowerLaw)
    assert fitted.reach == (1, pytest.approx(1000)) and fitted.points == 15
    assert fitted.degrees_of_freedom == 12 and fitted.residuals.shape == (15,)
    assert fitted.residual_sd == pytest.approx(np.sqrt((fitted.residuals**2).sum() / 12))
    assert fitted(np.ones((2, 3))).shape == (2, 3) and isinstance(fitted(1.0), float)


def test_only_fitted_parameters_have_an_interval():
    x = WELL_POSED[0]
    y = noisy(WELL_POSED, 1)
    floor = fit_power_law(x, y).estimate("E")
    assert 0 < floor.low < 1.5 < floor.high
    given_floor = fit_power_law(x, y, 1.5)
    for parameter in ("E", "slope"):
        with pytest.raises(ValueError, match=f"'{parameter}' was not fitted; this law has expon"):
            given_floor.estimate(parameter)
    exponent, alpha = given_floor.estimate("exponent"), given_floor.estimate("alpha")
    assert (alpha.value, alpha.low, alpha.high) == (
        -exponent.value,
        -exponent.high,
        -exponent.low,
    )
