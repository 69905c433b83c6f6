"""Laws of `coverage`: it counts as it says, and what it finds of the library's intervals."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import stats

from course_lib import Forecast, fit_power_law
from course_lib.scaling import Sample, Simulator, coverage

SIZES = np.geomspace(1, 100, 8)


def straight(x):
    return 3 / x**0.4


def with_floor(x):
    return 1.0 + 3.0 / x**0.4


@dataclass(frozen=True)
class Told:
    """A forecaster that was told the law and the noise, and says so much too much."""

    noise: float
    factor: float = 1.0
    law: object = straight
    E: float = 0.5
    asked: list = field(default_factory=list)

    def predict(self, x, level, of):
        self.asked.append((x, level, of))
        middle = float(self.law(x))
        width = self.noise * stats.norm.ppf((1 + level) / 2) * self.factor
        return Forecast(middle, middle * np.exp(-width), middle * np.exp(width), level)


# --- it counts as it says ---


def test_an_exact_interval_holds_as_often_as_it_says():
    levels, reach = (0.5, 0.9), (10.0, 100.0)
    table = coverage(
        Simulator(straight, SIZES, 0.05), lambda sample: Told(0.05), levels, reach, repeats=600
    )
    assert len(table) == 8 and set(table.of) == {"new run", "mean"}
    runs = table[table.of == "new run"]
    for row in runs.itertuples():
        low, high = stats.binom.interval(0.9999, 600, row.level)
        assert low <= 600 * row.coverage <= high
        wanted = stats.binomtest(round(600 * row.coverage), 600).proportion_ci(method="wilson")
        assert (row.low, row.high) == pytest.approx((wanted.low, wanted.high))
        assert row.median_width == pytest.approx(0.1 * stats.norm.ppf((1 + row.level) / 2))
    assert (table[table.of == "mean"].coverage == 1).all()
    assert (table.failed == 0).all() and (table.at_bound == 0).all()
    assert sorted(set(table.reach)) == [10, 100]


@pytest.mark.parametrize(("factor", "share"), [(8000.0, 1.0), (0.0, 0.0)])
def test_all_and_nothing(factor, share):
    off = Told(0.05, factor, lambda x: 1.01 * straight(x))
    table = coverage(Simulator(straight, SIZES, 0.05), lambda sample: off, repeats=20)
    assert (table.coverage == share).all()


def test_a_forecaster_is_asked_beyond_the_data():
    told = Told(0.05)
    coverage(Simulator(straight, SIZES, 0.05), lambda sample: told, [0.8], [2, 7], repeats=1)
    assert sorted(told.asked) == sorted(
        (factor * 100.0, 0.8, of) for factor in (2, 7) for of in ("mean", "new run")
    )


def test_a_fit_that_fails_holds_nothing():
    seen = []

    def every_third(sample):
        seen.append(sample)
        if len(seen) % 3 == 0:
            raise ValueError("not this one")
        return Told(0.05, 1e3, E=0.0)

    table = coverage(Simulator(straight, SIZES, 0.05), every_third, repeats=30)
    assert len(seen) == 30
    np.testing.assert_allclose(table.failed, 1 / 3)
    np.testing.assert_allclose(table.coverage, 2 / 3)
    np.testing.assert_allclose(table.at_bound, 2 / 3)
    with pytest.raises(RuntimeError, match="a bug is not a failed fit"):
        coverage(Simulator(straight, SIZES, 0.05), broken_fitter, repeats=1)


def broken_fitter(sample):
    raise RuntimeError("a bug is not a failed fit")


def test_a_seed_gives_the_same_studies():
    def first_loss(sample):
        drawn.append(float(sample.y[0]))
        return Told(0.05)

    simulate = Simulator(straight, SIZES, 0.05)
    drawn = []
    one, same, other = (coverage(simulate, first_loss, repeats=9, seed=s) for s in (1, 1, 2))
    assert one.equals(same)
    assert drawn[:9] == drawn[9:18] != drawn[18:] and len(set(drawn)) == 18
    # More repeats begin with the same studies.
    coverage(simulate, first_loss, repeats=12, seed=1)
    assert drawn[27:36] == drawn[:9]
    assert other.shape == one.shape


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"levels": [0.9, 90]}, "level is 90; give a probability"),
        ({"repeats": 0}, "repeats is 0; at least 1"),
    ],
)
def test_bad_questions(keywords, message):
    with pytest.raises(ValueError, match=message):
        coverage(Simulator(straight, SIZES, 0.05), lambda sample: Told(0.05), **keywords)


# --- the studies it draws ---


def deviations(kind, seeds=4, studies=400, noise=0.05):
    """log y less the law's, shape (studies, sizes, seeds), and of one new run at 10 times."""
    simulate = Simulator(straight, SIZES, noise, kind, seeds)
    rows, new = [], []
    for i in range(studies):
        sample = simulate(np.random.default_rng([3, i]))
        assert isinstance(sample, Sample) and sample.truth(7.0) == straight(7.0)
        order = np.lexsort([sample.seeds, sample.x])
        rows.append(np.log(sample.y / straight(sample.x))[order].reshape(len(SIZES), seeds))
        new.append(np.log(sample.new_run(1000.0) / straight(1000.0)))
    return np.array(rows), np.array(new)


@pytest.mark.parametrize(
    ("kind", "first", "last", "beyond"),
    [
        ("independent", 1, 1, 1),
        ("grows", 1 / 3, 3, 9.0**1.5 / 3),
        ("shared", 1, 1, 1),
        ("autocorrelated", 1, 1, 1),
    ],
)
def test_noise_is_of_its_kind(kind, first, last, beyond):
    drawn, new = deviations(kind)
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    sd = drawn.std((0, 2)) / 0.05
    assert (sd[0], sd[-1]) == pytest.approx((first, last), rel=0.1)
    assert new.std() / 0.05 == pytest.approx(beyond, rel=0.12)
    flat = drawn.transpose(0, 2, 1).reshape(-1, len(SIZES))
    correlation = np.corrcoef(flat.T)
    neighbours, far = np.diag(correlation, 1).mean(), correlation[0, -1]
    between_seeds = np.corrcoef(drawn[:, 3, 0], drawn[:, 3, 1])[0, 1]
    wanted = {"shared": (0.5, 0.5), "autocorrelated": (0.8, 0.8**7)}.get(kind, (0, 0))
    assert (neighbours, far) == pytest.approx(wanted, abs=0.09)
    assert between_seeds == pytest.approx(0, abs=0.15)


def test_a_simulator_runs_every_size_with_every_seed():
    sample = Simulator(straight, SIZES, 0.05, seeds=3)(np.random.default_rng(0))
    assert sample.x.shape == sample.y.shape == sample.seeds.shape == (24,)
    assert {(x, s) for x, s in zip(sample.x, sample.seeds, strict=True)} == {
        (x, s) for x in SIZES for s in range(3)
    }
    with pytest.raises(ValueError, match="kind is 'pink'; allowed are 'independent', 'grows'"):
        Simulator(straight, SIZES, 0.05, "pink")(np.random.default_rng(0))


# --- what it finds of the library ---


def share_held(simulate, fitter, reach=(1.0, 100.0), repeats=120):
    """Coverage by (of, reach), nominally 90 %."""
    table = coverage(simulate, fitter, reach=reach, repeats=repeats, seed=5)
    assert (table.failed < 0.05).all()
    return {(row.of, row.reach): row.coverage for row in table.itertuples()}


class ByDelta:
    """A law asked by the quick method."""

    def __init__(self, law):
        self.law, self.E = law, law.E

    def predict(self, x, level, of):
        return self.law.predict(x, level, of, method="delta")


FALLS = Simulator(lambda x: 1.0 + 3.0 * x**-0.4, np.geomspace(1, 1000, 14), 0.01)
GROWS = Simulator(lambda x: 3e-6 + 1e-9 * x**2.2, np.geomspace(16, 512, 12), 0.02)


@pytest.mark.parametrize(
    ("simulate", "irreducible", "exponent"),
    [
        (FALLS, "free", -0.4),
        (GROWS, "free", 2.2),
        (Simulator(lambda x: 2.0 * x**-0.3, np.geomspace(1, 100, 8), 0.05), "none", -0.3),
        (Simulator(lambda x: 0.5 + 2 * x**-0.7, np.geomspace(1, 300, 10), 0.02), 0.5, -0.7),
    ],
    ids=["free, falls", "free, grows", "none", "given"],
)
def test_a_90_percent_interval_holds_90_percent(simulate, irreducible, exponent):
    inside = []

    def by_delta(sample):
        direction = "grows" if exponent > 0 else "falls"
        fitted = fit_power_law(sample.x, sample.y, irreducible, direction)
        interval = fitted.estimate("exponent")
        inside.append(interval.low <= exponent <= interval.high)
        return ByDelta(fitted)

    held = share_held(simulate, by_delta, repeats=150)
    for share in (*held.values(), np.mean(inside)):
        assert 0.83 <= share <= 0.97


@pytest.mark.parametrize(("simulate", "direction"), [(FALLS, "falls"), (GROWS, "grows")])
def test_so_does_the_default(simulate, direction):
    def default(sample):
        return fit_power_law(sample.x, sample.y, direction=direction)

    for held in share_held(simulate, default, reach=(100.0,), repeats=60).values():
        assert 0.81 <= held <= 0.98


def test_a_straight_line_misses_where_there_is_an_irreducible_part():
    # 12 sizes over two decades with 2 % noise: nothing in the data warns a straight line.
    simulate = Simulator(with_floor, np.geomspace(1, 100, 12), 0.02)

    def line(sample):
        return fit_power_law(sample.x, sample.y, "none")

    def default(sample):
        return fit_power_law(sample.x, sample.y)

    missed = share_held(simulate, line, reach=(100.0,), repeats=40)
    held = share_held(simulate, default, reach=(100.0,), repeats=40)
    for of in ("new run", "mean"):
        assert missed[of, 100.0] <= 0.05 and held[of, 100.0] >= 0.85


def test_labels_of_seeds_help_where_runs_of_a_seed_go_together():
    simulate = Simulator(with_floor, np.geomspace(1, 1000, 7), 0.02, "autocorrelated", seeds=3)

    def blind(sample):
        return ByDelta(fit_power_law(sample.x, sample.y, replicates=True))

    def labelled(sample):
        return fit_power_law(sample.x, sample.y, replicates=sample.seeds)

    without, with_labels = (
        share_held(simulate, each, reach=(1.0,), repeats=100)["mean", 1.0]
        for each in (blind, labelled)
    )
    assert without < 0.78 and with_labels > 0.8


def test_replicates_help_where_noise_grows():
    simulate = Simulator(with_floor, np.geomspace(1, 1000, 7), 0.02, "grows", seeds=5)

    def blind(sample):
        apart = sample.x * (1 + 1e-9 * np.arange(len(sample.x)))
        return ByDelta(fit_power_law(apart, sample.y))

    def replicated(sample):
        return ByDelta(fit_power_law(sample.x, sample.y, replicates=True))

    without, with_replicates = (
        share_held(simulate, each, reach=(100.0,), repeats=80)["new run", 100.0]
        for each in (blind, replicated)
    )
    assert without < 0.75 and with_replicates > 0.8
