"""Laws of `fit_kaplan` and `fit_broken_power_law`: both bends and every softness are recovered."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.scaling import NotIdentified, fit_broken_power_law, fit_chinchilla, fit_kaplan
from tests.scaling.data import grid, surface, unsure

law = settings(max_examples=15)
OBJECTIVES = ("huber", "squares", "absolute")


def assert_said(told, fitted):
    """One warning names what is not identified; one more where the flat valley has no end."""
    (named,) = [note for note in told if note.category is NotIdentified]
    assert all(name in str(named.message) for name in fitted.unidentified)
    assert all(note.filename == __file__ for note in told)
    others = [str(note.message) for note in told if note is not named]
    assert fitted.converged == (others == [])
    assert all("has not converged" in note for note in others)


# --- parameters or tokens, with a softness between ---


@st.composite
def soft_surfaces(draw):
    """Runs on both sides of the ridge where both terms are equal: (n, d, (E, A, a, B, b, g))."""
    n = 10 ** draw(st.floats(2, 9)) * np.geomspace(1, 10 ** draw(st.floats(2, 3.5)), 7)
    d = 10 ** draw(st.floats(3, 11)) * np.geomspace(1, 10 ** draw(st.floats(2, 3.5)), 7)
    floor = 10 ** draw(st.floats(-2, 2))
    alpha, beta = draw(st.floats(0.3, 1.0)), draw(st.floats(0.3, 1.0))
    height = floor * 10 ** draw(st.floats(-0.3, 0.5))
    a = height * np.median(n) ** alpha
    b = height * 10 ** draw(st.floats(-0.2, 0.2)) * np.median(d) ** beta
    return *grid(n, d), (floor, a, alpha, b, beta, draw(st.floats(0.3, 1.5)))


@pytest.mark.parametrize("objective", OBJECTIVES)
@law
@given(soft_surfaces())
def test_a_soft_surface_without_noise_is_recovered(objective, made):
    n, d, truth = made
    loss = surface(n, d, *truth)
    fitted = fit_kaplan(n, d, loss, objective=objective)
    assert fitted.converged and fitted.unidentified == ()
    found = (fitted.E, fitted.alpha, fitted.beta, fitted.softness)
    assert found == pytest.approx((truth[0], truth[2], truth[4], truth[5]), rel=1e-6)
    np.testing.assert_allclose(fitted(n, d), loss, rtol=1e-6)
    np.testing.assert_allclose(fitted.A * n**-fitted.alpha, truth[1] * n ** -truth[2], rtol=1e-5)


@law
@given(soft_surfaces())
def test_no_parameter_is_shared_with_the_additive_law_but_at_softness_one(made):
    n, d, (*rest, _) = made
    loss = surface(n, d, *rest)
    soft, added = fit_kaplan(n, d, loss), fit_chinchilla(n, d, loss)
    assert soft.softness == pytest.approx(1, rel=1e-6)
    for name in ("E", "A", "alpha", "B", "beta"):
        assert getattr(soft, name) == pytest.approx(getattr(added, name), rel=1e-4)
    bent = surface(n, d, *rest, 0.5)
    with unsure():
        assert fit_kaplan(n, d, bent).objective < 1e-6 * fit_chinchilla(n, d, bent).objective


@law
@given(soft_surfaces(), st.floats(-2, 4))
def test_the_best_allocation_of_a_soft_law(made, decades):
    n, d, truth = made
    fitted = fit_kaplan(n, d, surface(n, d, *truth))
    flop = 6 * float(np.median(n) * np.median(d)) * 10**decades
    best = fitted.compute_optimal(flop)
    assert 6 * best.parameters * best.tokens == pytest.approx(flop, rel=1e-12)
    lowest = fitted(best.parameters, best.tokens)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert fitted(best.parameters * factor, best.tokens / factor) > lowest
    if lowest - fitted.E > 1e-6 * fitted.E:
        assert fitted.solve(lowest) == pytest.approx(flop, rel=1e-4)


def test_what_a_soft_law_says_of_itself(runs):
    with unsure():
        fitted = fit_kaplan(*runs)
    assert fitted.converged and "g = 0.7" in str(fitted)
    interval = fitted.estimate("softness")
    assert 0 < interval.low < fitted.softness < interval.high
    assert list(fitted.bootstrap(5).columns) == ["E", "A", "alpha", "B", "beta", "softness"]
    # One parameter more fits no worse.
    assert fitted.objective <= fit_chinchilla(*runs).objective


def test_a_ridge_that_was_not_crossed_tells_neither_the_other_slope_nor_the_floor():
    n, d = grid(np.geomspace(1e3, 1e5, 6), np.geomspace(1e9, 1e11, 6))
    noise = np.exp(0.01 * np.random.default_rng(0).standard_normal(36))
    loss = surface(n, d, 0.5, 20.0, 0.4, 2.0, 0.4, 0.5) * noise
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fitted = fit_kaplan(n, d, loss, objective="squares")
    assert {"beta", "E"} <= set(fitted.unidentified)
    assert_said(told, fitted)


# --- one x, and a break ---


@st.composite
def broken(draw, bend):
    """A law that breaks in the middle of the data: (x, first, second, break, softness, scale)."""
    low = draw(st.floats(0.1, 0.6))
    high = low + draw(st.floats(0.4, 1.5))
    first, second = (high, low) if bend > 0 else (low, high)
    x = 10 ** draw(st.floats(-3, 6)) * np.geomspace(1, 10 ** draw(st.floats(4, 5)), 30)
    middle = float(np.sqrt(x[0] * x[-1])) * 10 ** draw(st.floats(-0.5, 0.5))
    return x, first, second, middle, bend * draw(st.floats(0.2, 0.9)), 10 ** draw(st.floats(-3, 3))


def break_of(x, first, second, middle, softness, scale, sign=-1):
    terms = [(x / middle) ** (sign * exponent / softness) for exponent in (first, second)]
    return scale * sum(terms) ** softness


@pytest.mark.parametrize("direction", ["falls", "grows"])
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("bend", [1, -1], ids=["to the flatter", "to the steeper"])
@settings(max_examples=8)
@given(st.data())
def test_a_broken_law_without_noise_is_recovered(bend, objective, direction, data):
    x, first, second, middle, softness, scale = data.draw(broken(bend))
    sign = 1 if direction == "grows" else -1
    if direction == "grows":  # there the larger exponent wins in the end where g > 0
        first, second = second, first
    y = break_of(x, first, second, middle, softness, scale, sign)
    fitted = fit_broken_power_law(x, y, direction=direction, loss=objective)
    assert fitted.converged and fitted.unidentified == () and fitted.E == 0
    assert fitted.first_exponent == pytest.approx(sign * first, rel=1e-6)
    assert fitted.second_exponent == pytest.approx(sign * second, rel=1e-6)
    assert fitted.break_at == pytest.approx(middle, rel=1e-5)
    assert fitted.softness == pytest.approx(softness, rel=1e-5)
    np.testing.assert_allclose(fitted(x), y, rtol=1e-6)


def test_the_exponents_are_those_far_from_the_break():
    x = np.geomspace(1, 1e5, 30)
    for bend in (0.4, -0.4):
        first, second = (0.9, 0.2) if bend > 0 else (0.2, 0.9)
        fitted = fit_broken_power_law(x, break_of(x, first, second, 300.0, bend, 2.0))
        for far, exponent in ((1e-9, fitted.first_exponent), (1e15, fitted.second_exponent)):
            local = np.log(fitted(10 * far) / fitted(far)) / np.log(10)
            assert local == pytest.approx(exponent, rel=1e-5)
        assert fitted.reach == (1, pytest.approx(1e5))


@pytest.mark.parametrize("direction", ["falls", "grows"])
@pytest.mark.parametrize("bend", [0.4, -0.4])
def test_solve_is_the_inverse_before_and_after_the_break(bend, direction):
    x = np.geomspace(1, 1e5, 30)
    sign = 1 if direction == "grows" else -1
    noise = np.exp(0.01 * np.random.default_rng(0).standard_normal(30))
    y = break_of(x, 0.2, 0.9, 300.0, bend, 2.0, sign) * noise
    fitted = fit_broken_power_law(x, y, direction=direction)
    for at in (1e-3, 1.0, 300.0, 1e4, 1e9):
        assert fitted.solve(fitted(at)) == pytest.approx(at, rel=1e-6)
    low, high = fitted.solve_interval(fitted(1e4), n=60)
    assert low < 1e4 < high < 1e5


def test_a_break_with_an_irreducible_part():
    x = np.geomspace(1, 1e6, 40)
    y = 0.02 + break_of(x, 0.2, 0.9, 300.0, -0.4, 2.0)
    fitted = fit_broken_power_law(x, y, "free")
    assert pytest.approx(0.02, rel=1e-6) == fitted.E
    assert fitted.break_at == pytest.approx(300, rel=1e-5)
    assert fitted.estimate("E").low <= fitted.E <= fitted.estimate("E").high
    assert str(fitted) == "0.02 + x^-0.2000 before 300, x^-0.9000 after"


def test_the_interval_of_the_break_covers_it():
    x = np.geomspace(1, 1e5, 40)
    rng = np.random.default_rng(0)
    truth = {"break_at": 300.0, "first_exponent": -0.2, "second_exponent": -0.9, "softness": -0.4}
    held = dict.fromkeys(truth, 0)
    for _ in range(60):
        y = break_of(x, 0.2, 0.9, 300.0, -0.4, 2.0) * np.exp(0.01 * rng.standard_normal(40))
        with unsure():
            fitted = fit_broken_power_law(x, y)
        for name in held:
            interval = fitted.estimate(name)
            held[name] += interval.low <= truth[name] <= interval.high
    for name, count in held.items():
        assert 0.78 <= count / 60 <= 1.0, (name, count)


@pytest.mark.parametrize("seed", range(3))
def test_a_break_that_is_not_there_is_fitted_to_the_end_and_not_identified(seed):
    x = np.geomspace(1, 1e4, 20)
    y = 5 * x**-0.4 * np.exp(0.02 * np.random.default_rng(seed).standard_normal(20))
    with pytest.warns(NotIdentified) as caught:
        fitted = fit_broken_power_law(x, y)
    assert fitted.converged and not any("converged" in str(told.message) for told in caught)
    assert set(fitted.unidentified) & {"break_at", "softness", "first_exponent", "second_exponent"}


def test_a_forecast_beyond_the_break_knows_of_it():
    x = np.geomspace(1, 1e5, 30)
    noise = np.exp(0.01 * np.random.default_rng(1).standard_normal(30))
    fitted = fit_broken_power_law(x, break_of(x, 0.2, 0.9, 300.0, -0.4, 2.0) * noise)
    truth = break_of(1e6, 0.2, 0.9, 300.0, -0.4, 2.0)
    for method in ("profile", "delta", "bootstrap"):
        forecast = fitted.predict(1e6, method=method, of="mean", level=0.99, unit="nat")
        assert forecast.holds(truth) and forecast.unit == "nat"
        assert forecast.high / forecast.low < 1.3
    middle, low, high = fitted.band(np.array([10.0, 1e6]), 0.99, "mean", "delta")
    assert (low < middle).all() and (middle < high).all()


def test_a_law_without_a_break_does_not_tell_where_it_is():
    x = np.geomspace(1, 1e4, 25)
    noise = np.exp(0.02 * np.random.default_rng(0).standard_normal(25))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fitted = fit_broken_power_law(x, 3 * x**-0.5 * noise)
    assert fitted.converged and {"break_at", "softness"} <= set(fitted.unidentified)
    assert_said(told, fitted)
