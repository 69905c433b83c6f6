"""The band without numpy is the band of the fitted law."""

import dataclasses
import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.closed_band import ClosedBand
from course_lib.scaling import fit_power_law
from course_lib.sphinx_ext.calculators.laws import LEVELS, band_of, fitted_laws

RELATIVE = 1e-9


def fitted(seed, floor, direction, repeats, growing_noise=0.0):
    """A law through simulated points, with its band after a way through JSON."""
    rng = np.random.default_rng(seed)
    sign = 1 if direction == "grows" else -1
    x = np.repeat(np.geomspace(3, 3e5, 8), repeats)
    noise = rng.normal(0, 0.03 * (x / 3) ** growing_noise)
    y = (0.4 * (floor != "none") + 2.5 * (x / 3) ** (sign * 0.35)) * np.exp(noise)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        law = fit_power_law(x, y, floor, direction, replicates=repeats > 1 or None)
    return law, through_json(band_of(law))


def through_json(band):
    return ClosedBand.from_json(json.loads(json.dumps(dataclasses.asdict(band))))


def assert_same(law, band, x, level, of):
    found = band.predict(x, level, of)
    wanted = law.band(np.array([x]), level, of, method="delta")
    for mine, theirs in zip((found.median, found.low, found.high), wanted, strict=True):
        assert mine == pytest.approx(float(theirs[0]), rel=RELATIVE)


@given(
    seed=st.integers(0, 10**6),
    floor=st.sampled_from(["free", "none", 0.2]),
    direction=st.sampled_from(["falls", "grows"]),
    repeats=st.sampled_from([1, 3]),
    growing_noise=st.sampled_from([0.0, 0.1]),
    log_x=st.floats(-3, 12),
    level=st.sampled_from(LEVELS),
    of=st.sampled_from(["new run", "mean"]),
)
def test_it_equals_the_delta_method(
    seed, floor, direction, repeats, growing_noise, log_x, level, of
):
    law, band = fitted(seed, floor, direction, repeats, growing_noise)
    assert_same(law, band, 10**log_x, level, of)


def test_a_floor_that_the_data_do_not_show_is_none():
    x = np.geomspace(1, 100, 9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        law = fit_power_law(x, 3 * x ** (-0.5 - 0.02 * np.log(x)), "free")
    band = through_json(band_of(law))
    assert law.E == 0 and band.log_floor is None and band.irreducible_share(50.0) == 0
    assert_same(law, band, 1e5, 0.9, "new run")


@pytest.mark.parametrize("name", fitted_laws())
def test_the_laws_of_the_book_have_a_band_that_widens_beyond_the_data(name):
    law = fitted_laws()[name]
    band = ClosedBand.from_json(json.loads(json.dumps(law["band"])))
    inside = band.predict(math.sqrt(band.reach[0] * band.reach[1]), of="mean")
    beyond = band.predict(100 * band.reach[1], of="mean")
    assert inside.high / inside.low < beyond.high / beyond.low


def test_the_share_of_the_floor_grows_towards_one():
    _, band = fitted(0, "free", "falls", 1)
    shares = [band.irreducible_share(10.0**power) for power in (1, 4, 8, 16)]
    assert shares == sorted(shares) and 0 < shares[0] < 0.5 and shares[-1] > 0.99


def test_what_cannot_be_asked():
    _, band = fitted(0, "free", "falls", 1)
    for x in (0, -1, math.inf, math.nan):
        with pytest.raises(ValueError, match=r"^x is"):
            band.predict(x)
    with pytest.raises(ValueError, match=r"^level is 0\.7; there is one of 0\.5, 0\.8"):
        band.predict(1.0, level=0.7)
    with pytest.raises(ValueError, match=r"^of is 'both'"):
        band.predict(1.0, of="both")


def test_a_law_with_labels_has_no_closed_band():
    x = np.repeat(np.geomspace(1, 100, 6), 2)
    y = (1 + x**-0.5) * np.exp(0.01 * np.cos(7 * np.arange(12)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        law = fit_power_law(x, y, replicates=np.tile([0, 1], 6))
    with pytest.raises(ValueError, match="labels"):
        band_of(law)
