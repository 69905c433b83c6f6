"""Laws of `fit_power_law`: it finds what made the data, and intervals hold as often as they say."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from course_lib import PowerLaw, fit_power_law

law = settings(max_examples=40)


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


def curve(x, truth):
    _, floor, scale, exponent, _ = truth
    return floor + scale * x**exponent


def assert_recovered(fitted, truth, within=1e-6):
    x, floor, scale, exponent, _ = truth
    assert fitted.converged
    assert fitted.exponent == pytest.approx(exponent, rel=within)
    assert pytest.approx(floor, rel=within) == fitted.E
    np.testing.assert_allclose(fitted.A * x**fitted.exponent, scale * x**exponent, rtol=10 * within)
    np.testing.assert_allclose(fitted(x), curve(x, truth), rtol=within)


# --- what made the data is found ---


@law
@given(truths())
def test_a_law_without_noise_is_recovered(truth):
    x, _, _, exponent, direction = truth
    fitted = fit_power_law(x, curve(x, truth), direction=direction)
    assert_recovered(fitted, truth)
    assert fitted.alpha == -fitted.exponent and np.sign(exponent) == np.sign(fitted.exponent)


@law
@given(truths())
def test_a_law_with_a_known_floor_is_recovered(truth):
    x, floor, _, _, direction = truth
    fitted = fit_power_law(x, curve(x, truth), irreducible=floor, direction=direction)
    assert_recovered(fitted, truth)
    assert floor == fitted.E and fitted.degrees_of_freedom == len(x) - 2


@law
@given(truths(irreducible=False))
def test_a_pure_law_is_recovered(truth):
    x, *_, direction = truth
    y = curve(x, truth)
    assert_recovered(fit_power_law(x, y, irreducible="none", direction=direction), truth)
    assert_recovered(fit_power_law(x, y, irreducible=0, direction=direction), truth)
    with pytest.warns(UserWarning, match="no irreducible part is seen in these data"):
        assert_recovered(fit_power_law(x, y, direction=direction), truth)


def noisy(truth, seed, noise=0.02):
    rng = np.random.default_rng(seed)
    return curve(truth[0], truth) * np.exp(noise * rng.standard_normal(len(truth[0])))


WELL_POSED = (np.geomspace(1, 1000, 15), 1.5, 4.0, -0.5, "falls")
OVERHEAD = (np.geomspace(16, 512, 12), 3e-6, 1e-9, 2.2, "grows")


@law
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
    mine, other = here.predict(10 * x[-1]), there.predict(10 * c * x[-1])
    for name in ("median", "low", "high"):
        assert getattr(other, name) == pytest.approx(k * getattr(mine, name), rel=1e-5)


@law
@given(st.sampled_from([WELL_POSED, OVERHEAD]), st.integers(0, 99), st.randoms())
def test_the_order_of_the_points_does_not_matter(truth, seed, random):
    x, *_, direction = truth
    y = noisy(truth, seed)
    order = list(range(len(x)))
    random.shuffle(order)
    for irreducible in ("free", "none", truth[1]):
        here = fit_power_law(x, y, irreducible, direction)
        there = fit_power_law(x[order], y[order], irreducible, direction)
        assert there.exponent == pytest.approx(here.exponent, rel=1e-7)
        assert there.objective == pytest.approx(here.objective, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_pure_law_is_linear_regression(seed):
    rng = np.random.default_rng(seed)
    x = np.geomspace(3, 500, 9)
    y = 2e-5 * x**1.7 * np.exp(0.1 * rng.standard_normal(9))
    fitted = fit_power_law(x, y, irreducible="none", direction="grows")
    known = stats.linregress(np.log(x), np.log(y))
    assert fitted.exponent == pytest.approx(known.slope, rel=1e-10)
    assert np.log(fitted.A) == pytest.approx(known.intercept, rel=1e-10)
    t = stats.t.ppf(0.95, 7)
    exponent, scale = fitted.estimate("exponent"), fitted.estimate("A")
    assert exponent.high - exponent.value == pytest.approx(t * known.stderr, rel=1e-9)
    assert np.log(scale.high / scale.value) == pytest.approx(t * known.intercept_stderr, rel=1e-9)
    # The textbook's prediction interval, at a new x.
    new = 5000.0
    centred = np.log(x) - np.log(x).mean()
    residual = np.log(y) - known.intercept - known.slope * np.log(x)
    sd = np.sqrt(residual @ residual / 7)
    mean = sd * np.sqrt(1 / 9 + (np.log(new) - np.log(x).mean()) ** 2 / (centred @ centred))
    for of, error in (("mean", mean), ("new run", np.hypot(mean, sd))):
        forecast = fitted.predict(new, of=of)
        assert np.log(forecast.high / forecast.median) == pytest.approx(t * error, rel=1e-9)
        assert np.log(forecast.median / forecast.low) == pytest.approx(t * error, rel=1e-9)


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
    assert fitted.converged == (not any("has not converged" in note for note in notes))
    assert (fitted.E == 0) == any("no irreducible part" in note for note in notes)
    assert fitted.exponent < 0 and 0 <= fitted.E < y.max()
    assert fitted.objective <= fit_as_line(x, y) * (1 + 1e-9)
    for parameter in ("exponent", "alpha", "A"):
        fitted.estimate(parameter)
    for reach in (1, 10, 1000):
        forecast = fitted.predict(reach * x[-1])
        assert forecast.low <= forecast.median <= forecast.high


# --- intervals hold as often as they say ---


@pytest.mark.parametrize("times", [1, 10, 100])
@pytest.mark.parametrize(
    ("truth", "noise", "irreducible"),
    [
        ((np.geomspace(1, 1000, 14), 1.0, 3.0, -0.4, "falls"), 0.01, "free"),
        ((np.geomspace(16, 512, 12), 3e-6, 1e-9, 2.2, "grows"), 0.02, "free"),
        ((np.geomspace(1, 100, 8), 0.0, 2.0, -0.3, "falls"), 0.05, "none"),
        ((np.geomspace(1, 300, 10), 0.5, 2.0, -0.7, "falls"), 0.02, 0.5),
    ],
    ids=["free, falls", "free, grows", "none", "given"],
)
def test_a_90_percent_interval_holds_90_percent(truth, noise, irreducible, times):
    fits = 200
    rng = np.random.default_rng(7)
    x, *_, exponent, direction = truth
    new = times * x[-1]
    held = {"new run": 0, "mean": 0, "exponent": 0}
    true = curve(new, truth)
    for _ in range(fits):
        y = curve(x, truth) * np.exp(noise * rng.standard_normal(len(x)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="no irreducible part")
            fitted = fit_power_law(x, y, irreducible, direction)
        measured = true * np.exp(noise * rng.standard_normal())
        held["new run"] += fitted.predict(new).holds(measured)
        held["mean"] += fitted.predict(new, of="mean").holds(true)
        interval = fitted.estimate("exponent")
        held["exponent"] += interval.low <= exponent <= interval.high
    for what, count in held.items():
        assert 0.82 <= count / fits <= 0.97, (what, count / fits)


@law
@given(st.sampled_from([WELL_POSED, OVERHEAD]), st.integers(0, 99), st.floats(0.05, 0.9))
def test_surer_is_wider_further_is_wider_and_a_run_is_wider_than_the_mean(truth, seed, level):
    x, *_, direction = truth
    fitted = fit_power_law(x, noisy(truth, seed), direction=direction)

    def spread(times, level, of="new run"):
        forecast = fitted.predict(times * x[-1], level, of)
        assert forecast.level == level
        return np.log(forecast.high / forecast.low)

    assert spread(10, level) < spread(10, level + 0.09)
    assert spread(1, level) < spread(100, level)
    assert spread(10, level, "mean") < spread(10, level)


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


def test_a_band_is_the_forecasts_side_by_side():
    x = WELL_POSED[0]
    fitted = fit_power_law(x, noisy(WELL_POSED, 3))
    median, low, high = fitted.band(x, 0.5, "mean")
    for i, new in enumerate(x):
        forecast = fitted.predict(new, 0.5, "mean", unit="nat")
        assert (forecast.median, forecast.low, forecast.high) == pytest.approx(
            (median[i], low[i], high[i])
        )
        assert forecast.unit == "nat"
    assert fitted.reach == (1, pytest.approx(1000)) and fitted.points == 15


def test_a_law_is_read_as_a_formula():
    x = np.geomspace(1, 100, 8)
    assert str(fit_power_law(x, 2 + 3 * x**-0.5)) == "2 + 3 x^-0.5000"
    assert str(fit_power_law(x, 3 * x**0.5, "none", "grows")) == "3 x^0.5000"


def test_only_fitted_parameters_have_an_interval():
    x = WELL_POSED[0]
    y = noisy(WELL_POSED, 1)
    floor = fit_power_law(x, y).estimate("E")
    assert 0 < floor.low < 1.5 < floor.high
    given_floor = fit_power_law(x, y, 1.5)
    for parameter in ("E", "slope"):
        with pytest.raises(ValueError, match=f"'{parameter}' was not fitted"):
            given_floor.estimate(parameter)
    exponent, alpha = given_floor.estimate("exponent"), given_floor.estimate("alpha")
    assert (alpha.value, alpha.low, alpha.high) == (
        -exponent.value,
        -exponent.high,
        -exponent.low,
    )


def test_what_the_data_do_not_tell_has_a_wide_interval_not_an_error():
    # A floor so far below the data that its logarithm is all but unknown, in large and small units.
    x = np.geomspace(1, 100, 12)
    rng = np.random.default_rng(5)
    for unit in (1e-30, 1.0, 1e30):
        y = unit * (1e-4 + x**-0.5) * np.exp(0.02 * rng.standard_normal(12))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="no irreducible part")
            fitted = fit_power_law(x, y)
        forecast = fitted.predict(1e30)
        assert np.isfinite([forecast.low, forecast.high]).all()
        if fitted.E:
            interval = fitted.estimate("E")
            assert interval.high > 10 * interval.value


# --- errors name what is wrong ---

GOOD = np.geomspace(1, 10, 6)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (GOOD, GOOD[:-1], r"one length; got \(6,\) and \(5,\)"),
        (GOOD.reshape(2, 3), GOOD.reshape(2, 3), r"got \(2, 3\)"),
        (np.append(GOOD, 0), np.append(1 / GOOD, 1), r"x must be pos.*row 6 has 0\.0 \(1 such"),
        (GOOD, [1, 2, -3, 4, np.nan, 6], r"y must be positive.*row 2 has -3\.0 \(2 such rows\)"),
        (GOOD, [np.inf, 2, 3, 4, 5, 6], r"row 0 has inf"),
        (GOOD[:3], 1 / GOOD[:3], "3 parameters need at least 4 distinct x; got 3"),
        ([1, 1, 2, 2, 3, 3], [3, 3, 2, 2, 1, 1], "need at least 4 distinct x; got 3"),
        ([], [], "need at least 4 distinct x; got 0"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_fitted(x, y, message):
    with pytest.raises(ValueError, match=message):
        fit_power_law(np.array(x, dtype=float), np.array(y, dtype=float))


@pytest.mark.parametrize("irreducible", ["free", "none", 0.05])
def test_data_that_go_the_other_way(irreducible):
    with pytest.raises(ValueError, match=r"goes the other way \(slope 1\); direction is 'falls'"):
        fit_power_law(GOOD, GOOD, irreducible)
    with pytest.raises(ValueError, match=r"slope -1\); direction is 'grows'"):
        fit_power_law(GOOD, 1 / GOOD, irreducible, "grows")


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"direction": "up"}, "'up'; allowed are 'falls' and 'grows'"),
        ({"irreducible": "some"}, "'some'; allowed: 'free', 'none' or a number"),
        ({"irreducible": 5.0}, r"is 5; it must lie between 0 and 0\.1"),
        ({"irreducible": -1.0}, "is -1; it must lie between"),
    ],
)
def test_bad_arguments(keywords, message):
    with pytest.raises(ValueError, match=message):
        fit_power_law(GOOD, 1 / GOOD, **keywords)


def test_bad_questions():
    fitted = fit_power_law(GOOD, 1 / GOOD, irreducible="none")
    assert isinstance(fitted, PowerLaw)
    with pytest.raises(ValueError, match="of is 'run'; allowed are 'new run' and 'mean'"):
        fitted.predict(20, of="run")
    for level in (0, 1, 90):
        with pytest.raises(ValueError, match=f"level is {level}; give a probability"):
            fitted.predict(20, level)
