"""Laws of replicates: labels keep rows together, and noise that changes with size is seen."""

import numpy as np
import pytest
from scipy import stats

from course_lib import fit_power_law
from course_lib.scaling.replicates import NoiseTrend, noise_trend
from tests.scaling.data import WELL_POSED, ends, noisy, unsure

KINDS = ("pairs", "residual", "wild")


def test_rows_of_one_label_count_as_one():
    x, y = WELL_POSED[0], noisy(WELL_POSED, 0)
    own = np.arange(15)
    single = fit_power_law(x, y, replicates=own)
    plain = fit_power_law(x, y)
    many = [np.repeat(values, 8) for values in (x, y, own)]
    labelled = fit_power_law(*many[:2], replicates=many[2])
    as_if = fit_power_law(*many[:2], replicates=True)
    for fitted in (single, labelled, as_if):
        assert fitted.exponent == pytest.approx(plain.exponent, rel=1e-6)

    def widths(fitted):
        alpha = fitted.estimate("alpha")
        return np.array(
            [alpha.high - alpha.low, ends(fitted.predict(1e4, of="mean", method="delta")).sum()]
        )

    # Eight copies of a row, labelled as one thing, tell what one row tells.
    np.testing.assert_allclose(widths(labelled), widths(single), rtol=1e-6)
    assert (widths(labelled) > 0.5 * widths(plain)).all()
    assert (widths(labelled) < 1.5 * widths(plain)).all()
    # Taken for eight runs, they make the interval the square root of 8 narrower, and more.
    assert (widths(as_if) < widths(plain) / np.sqrt(8)).all()
    for kind in KINDS:
        tables = [fitted.bootstrap(400, kind=kind) for fitted in (labelled, single, as_if)]
        spreads = [table.alpha.std() for table in tables]
        within = 1e-6 if kind == "pairs" else 0.2
        assert spreads[0] == pytest.approx(spreads[1], rel=within), kind
        assert spreads[2] < 0.6 * spreads[0], kind


def test_labels_may_be_any_words():
    x, y = np.repeat(WELL_POSED[0], 2), np.repeat(noisy(WELL_POSED, 0), 2)
    y = y * np.exp(0.01 * np.random.default_rng(1).standard_normal(30))
    number = np.tile([3, 7], 15)
    word = np.where(number == 3, "first", "second")
    first, second = (fit_power_law(x, y, "none", replicates=each) for each in (number, word))
    assert first.estimate("alpha").high == second.estimate("alpha").high
    assert first.bootstrap(20).equals(second.bootstrap(20))


def test_residuals_of_whole_labels_need_labels_of_one_size():
    x, y = WELL_POSED[0], noisy(WELL_POSED, 0)
    fitted = fit_power_law(x, y, replicates=np.arange(15) // 4)
    with pytest.raises(ValueError, match=r"labels have 3 to 4 rows.*kind='wild' or 'pairs'"):
        fitted.bootstrap(10, kind="residual")
    for kind in ("pairs", "wild"):
        assert len(fitted.bootstrap(10, kind=kind)) == 10


def replicated(slope, seed, runs=8, noise=0.02, sizes=10):
    """Runs of each size whose noise is a power of size: (x, y)."""
    x = np.repeat(np.geomspace(1, 1000, sizes), runs)
    sd = noise * (x / 1000**0.5) ** slope
    rng = np.random.default_rng(seed)
    return x, (1.5 + 4 * x**-0.5) * np.exp(sd * rng.standard_normal(len(x)))


def test_the_interval_under_labels_is_the_clustered_sandwich():
    rng = np.random.default_rng(2)
    x = np.repeat(np.geomspace(1, 1000, 8), 5)
    seeds = np.tile(np.arange(5), 8)
    shared = 0.05 * rng.standard_normal(5)[seeds] * np.sign(x - 30)  # tilts all of a seed's runs
    y = 3 * x**-0.4 * np.exp(shared + 0.01 * rng.standard_normal(40))
    fitted = fit_power_law(x, y, "none", replicates=seeds)
    # Liang and Zeger (1986): each seed's score counts as one, times G / (G - 1).
    design = np.stack([np.ones(40), np.log(x)], 1)
    coefficients, *_ = np.linalg.lstsq(design, np.log(y), rcond=None)
    residual = np.log(y) - design @ coefficients
    scores = np.array([design[seeds == g].T @ residual[seeds == g] for g in range(5)])
    bread = np.linalg.inv(design.T @ design)
    covariance = 5 / 4 * bread @ scores.T @ scores @ bread
    interval = fitted.estimate("exponent")
    assert fitted.exponent == pytest.approx(coefficients[1], rel=1e-9)
    assert (interval.high - interval.low) / 2 == pytest.approx(
        stats.t.ppf(0.95, 4) * np.sqrt(covariance[1, 1]), rel=1e-6
    )


@pytest.mark.parametrize(("slope", "runs"), [(-0.4, 8), (0.3, 3)])
def test_how_noise_grows_is_read_from_the_replicates(slope, runs):
    slopes, levels, spreads = [], [], []
    for seed in range(200):
        x, y = replicated(slope, seed, runs)
        trend = noise_trend(np.log(x), np.log(y))
        middle = trend.intercept - trend.slope * (trend.centre - np.log(1000**0.5))
        slopes.append(trend.slope / 2)
        levels.append(np.exp(middle / 2))
        spreads.append(np.sqrt(trend.slope_variance) / 2)
    # Few are left out as not seen: those make the mean a little steeper than the truth.
    seen = np.array(slopes) != 0
    assert seen.mean() > 0.9
    assert np.mean(slopes) == pytest.approx(slope, rel=0.1)
    assert np.mean(np.log(levels)[seen]) == pytest.approx(np.log(0.02), abs=0.05)
    assert np.std(np.array(slopes)[seen]) == pytest.approx(np.mean(spreads), rel=0.25)


def test_a_trend_that_is_not_sure_makes_new_noise_larger():
    trend = NoiseTrend(0.0, 0.3, 0.04, 1.0)
    drawn = 0.3 + 0.2 * np.random.default_rng(0).standard_normal(200_000)
    for place in (1.0, 4.0, -3.0):
        wanted = np.sqrt(np.mean(np.exp(drawn * (place - 1.0))))
        assert trend.relative_sd(np.array([place]))[0] == pytest.approx(wanted, rel=0.02)
        weight = trend.weights(np.array([place]))[0]
        assert weight == pytest.approx(np.exp(-0.3 * (place - 1.0)))


def test_noise_that_is_alike_has_no_trend():
    found = [noise_trend(*np.log(replicated(0.0, seed))).slope != 0 for seed in range(100)]
    assert np.mean(found) < 0.2


@pytest.mark.parametrize("runs", [2, 3, 7, 10])
def test_runs_that_repeat_exactly_have_no_trend(runs):
    x = np.repeat(np.geomspace(1, 1000, 15), runs)
    for seed in range(10):
        y = np.repeat(noisy(WELL_POSED, seed), runs)
        assert noise_trend(np.log(x), np.log(y)).slope == 0


def test_a_trend_in_the_noise_weighs_the_rows():
    errors = {"weighted": [], "plain": [], "known": []}
    for seed in range(25):
        x, y = replicated(0.5, seed)
        apart = x * (1 + 1e-9 * np.arange(len(x)))  # no x repeats: nothing tells of the noise
        with unsure():
            errors["weighted"].append(fit_power_law(x, y, replicates=True).alpha - 0.5)
            errors["plain"].append(fit_power_law(apart, y).alpha - 0.5)
            errors["known"].append(fit_power_law(apart, y, weights=1 / x).alpha - 0.5)
    spread = {name: np.sqrt(np.mean(np.square(each))) for name, each in errors.items()}
    assert spread["weighted"] < 0.6 * spread["plain"]
    assert spread["weighted"] == pytest.approx(spread["known"], rel=0.35)


def test_a_trend_in_the_noise_is_carried_on():
    true = 0.02 * (1e4 / 1000**0.5) ** 0.4  # of a run at ten times the largest size
    said = []
    for seed in range(20):
        x, y = replicated(0.4, seed, runs=12)
        with unsure():
            fitted = fit_power_law(x, y, replicates=True)
        run, mean = (
            ends(fitted.predict(1e4, of=of, method="delta")).sum() / 2 for of in ("new run", "mean")
        )
        said.append(np.sqrt(run**2 - mean**2) / stats.norm.ppf(0.95))
    assert np.median(said) == pytest.approx(true, rel=0.2)


def test_few_labels_make_a_wide_interval():
    rng = np.random.default_rng(0)
    x = np.repeat(WELL_POSED[0], 3)
    seeds = np.tile(np.arange(3), 15)
    y = (1.5 + 4 * x**-0.5) * np.exp(0.02 * rng.standard_normal(3)[seeds])
    y = y * np.exp(0.005 * rng.standard_normal(45))
    labelled = fit_power_law(x, y, replicates=seeds)
    blind = fit_power_law(x, y, replicates=True)
    wide, narrow = (
        ends(each.predict(1.0, of="mean", method="delta")).sum() for each in (labelled, blind)
    )
    # A shift that all runs of a seed share is seen as such: t of two degrees of freedom.
    assert wide > 2 * narrow
