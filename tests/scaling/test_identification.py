"""What the data do not determine is said, and nothing else is."""

import warnings

import numpy as np
import pytest

from course_lib import fit_power_law
from course_lib.scaling import NotIdentified, fit_chinchilla
from tests.scaling.data import WELL_POSED, grid, noisy, surface, unsure


def seven_compute_optimal_points(seed, noise):
    """Two decades along the compute-optimal frontier of the Chinchilla law."""
    flop = np.geomspace(1e14, 1e16, 7)
    deviation = noise * np.random.default_rng(seed).standard_normal(7)
    return flop, (1.817 + 1.5e3 * flop**-0.1785) * np.exp(deviation)


def test_seven_compute_optimal_points_do_not_tell_the_irreducible_loss():
    told, found = [], []
    for seed in range(40):
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            fitted = fit_power_law(*seven_compute_optimal_points(seed, 0.02))
        found.append(fitted.E)
        told.append("E" in fitted.unidentified)
        assert told[-1] == any("E " in str(note.message) for note in notes)
        assert all(note.category is NotIdentified for note in notes)
        assert all(note.filename == __file__ for note in notes), "it points at the line that called"
    assert np.mean(told) > 0.7
    # A warning in place: the values lie anywhere between nought and far above the truth.
    assert min(found) == 0 and max(found) > 1.5 * 1.817
    assert not any(fit_power_law(*seven_compute_optimal_points(seed, 1e-4)).unidentified
                   for seed in range(10))  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_clear_data_identify_everything(seed):
    fitted = fit_power_law(WELL_POSED[0], noisy(WELL_POSED, seed))
    assert fitted.unidentified == () and fitted.condition < 1e4


def test_the_condition_number_grows_where_parameters_are_hardly_told_apart():
    x = np.geomspace(1, 1000, 15)
    clear, blurred = (fit_power_law(x, 1.5 + 4 * x**s).condition for s in (-0.5, -0.02))
    pure = fit_power_law(x, 4 * x**-0.5, "none").condition
    assert 1 <= pure < clear < blurred / 10


def test_without_a_sign_of_an_irreducible_part_it_is_nought_and_forecasts_are_finite():
    x = np.geomspace(1, 100, 9)
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(12):
        y = 3 * x**-0.4 * np.exp(0.05 * rng.standard_normal(9))
        with unsure():
            fitted = fit_power_law(x, y)
        assert "E" in fitted.unidentified
        if fitted.E == 0.0:
            found += 1
            pure = fit_power_law(x, y, "none")
            assert fitted.exponent == pytest.approx(pure.exponent, rel=1e-5)
            assert "E" not in fitted._slopes
            for method in ("delta", "profile", "bootstrap"):
                forecast = fitted.predict(1e4, method=method)
                assert 0 < forecast.low < forecast.median < forecast.high < 10
            # A law with an irreducible part cannot be ruled out, so the profile reaches up to it.
            assert fitted.predict(1e6).high > pure.predict(1e6).high
    assert 3 <= found <= 11


def test_a_surface_says_which_parameter_is_not_seen():
    n, d = grid(np.geomspace(1e7, 1e10, 5), np.geomspace(1e9, 1e12, 5))
    noise = np.exp(0.02 * np.random.default_rng(0).standard_normal(25))
    clear = fit_chinchilla(n, d, surface(n, d, 1.8, 480, 0.35, 2000, 0.37) * noise)
    assert clear.unidentified == ()
    # Tokens matter a hundred times less than the noise.
    with pytest.warns(NotIdentified, match="beta is not identified|beta and E are not") as told:
        blind = fit_chinchilla(
            n, d, surface(n, d, 1.8, 480, 0.35, 0.01, 0.37) * noise, objective="squares"
        )
    assert "beta" in blind.unidentified and "alpha" not in blind.unidentified
    assert told[0].filename == __file__


def test_what_the_data_do_not_tell_has_a_wide_interval_not_an_error():
    # A floor so far below the data that its logarithm is all but unknown, in large and small units.
    x = np.geomspace(1, 100, 12)
    rng = np.random.default_rng(5)
    for unit in (1e-30, 1.0, 1e30):
        y = unit * (1e-4 + x**-0.5) * np.exp(0.02 * rng.standard_normal(12))
        with pytest.warns(NotIdentified):
            fitted = fit_power_law(x, y)
        forecast = fitted.predict(1e30)
        assert np.isfinite([forecast.low, forecast.high]).all()
        if fitted.E:
            interval = fitted.estimate("E")
            assert interval.high > 10 * interval.value
