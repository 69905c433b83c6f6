"""Laws of `isoflop_profiles`: the parabola's minimum is the best allocation."""

import numpy as np
import pytest

from course_lib.scaling import fit_chinchilla, isoflop_profiles, regress
from tests.scaling.data import grid, surface

HOFFMANN = (1.8172, 477.83, 0.3473, 2143.4, 0.3672)
BUDGETS = np.array([6e18, 3e19, 1e20, 6e20, 3e21])


def best_sizes():
    """The best model size at each budget, where 6 N D is the budget (Hoffmann et al., eq. 4)."""
    _, a, alpha, b, beta = HOFFMANN
    ratio = alpha * a / (beta * b)
    return (ratio * (BUDGETS / 6) ** beta) ** (1 / (alpha + beta))


def profiles_of(decades=1.0, points=9, noise=0.0, seed=0, spread=0.0):
    """Runs around the best size at each budget: (parameters, flop, loss), and the best sizes."""
    best = best_sizes()
    around = np.geomspace(10 ** (-decades / 2), 10 ** (decades / 2), points)
    rng = np.random.default_rng(seed)
    n = (best[:, None] * around).ravel()
    flop = np.repeat(BUDGETS, points) * np.exp(spread * rng.uniform(-1, 1, len(n)))
    loss = surface(n, flop / 6 / n, *HOFFMANN)
    return n, flop, loss * np.exp(noise * rng.standard_normal(len(n))), best


def test_without_noise_the_minimum_is_the_best_allocation():
    n, flop, loss, best = profiles_of()
    table = isoflop_profiles(n, flop, loss)
    np.testing.assert_allclose(table.flop, BUDGETS, rtol=1e-12)
    fitted = fit_chinchilla(n, flop / 6 / n, loss)
    np.testing.assert_allclose(
        [fitted.compute_optimal(budget).parameters for budget in BUDGETS], best, rtol=1e-5
    )
    np.testing.assert_allclose(table.parameters, best, rtol=0.05)
    np.testing.assert_allclose(6 * table.parameters * table.tokens, BUDGETS, rtol=1e-12)
    np.testing.assert_allclose(table.loss, surface(best, BUDGETS / 6 / best, *HOFFMANN), rtol=2e-3)
    assert table.inside.all() and (table.curvature > 0).all() and (table.runs == 9).all()
    # The exponent of allocation, beta / (alpha + beta).
    exponent = regress(table.flop, table.parameters).exponent
    assert exponent == pytest.approx(0.3672 / (0.3473 + 0.3672), rel=0.01)


def test_closer_sizes_make_a_truer_parabola():
    missed = []
    for decades in (2.0, 1.0, 0.5):
        n, flop, loss, best = profiles_of(decades=decades)
        found = isoflop_profiles(n, flop, loss).parameters
        missed.append(np.abs(np.log(found / best)).max())
    assert missed[0] > missed[1] > missed[2] and missed[2] < 0.01


def test_a_parabola_is_found_exactly():
    # A loss that is a parabola in log parameters at each compute, of known minimum and curvature.
    n, flop = grid(np.geomspace(1e7, 1e9, 7), np.array([1e18, 1e19]))
    best = 1e8 * (flop / 1e18) ** 0.25
    table = isoflop_profiles(n, flop, 3 + 0.05 / 2 * np.log(n / best) ** 2)
    np.testing.assert_allclose(table.parameters, [1e8, 1e8 * 10**0.25], rtol=1e-6)
    np.testing.assert_allclose(table.curvature, 0.05, rtol=1e-6)
    np.testing.assert_allclose(table.loss, 3, rtol=1e-9)
    np.testing.assert_allclose(table.low, table.parameters, rtol=1e-3)
    np.testing.assert_allclose(table.high, table.parameters, rtol=1e-3)


def test_the_interval_holds_as_often_as_it_says():
    held = runs = 0
    reference = isoflop_profiles(*profiles_of(decades=1.5)[:3]).parameters
    for seed in range(60):
        n, flop, loss, best = profiles_of(decades=1.5, noise=0.004, seed=seed)
        table = isoflop_profiles(n, flop, loss, seed=seed)
        held += ((table.low <= reference) & (reference <= table.high)).sum()
        runs += len(best)
        assert (table.low <= table.parameters).all() and (table.parameters <= table.high).all()
    assert 0.84 <= held / runs <= 0.95


def test_noise_that_hides_the_bend_has_no_end():
    wide = 0
    for seed in range(10):
        n, flop, loss, _ = profiles_of(decades=0.5, noise=0.05, seed=seed)
        table = isoflop_profiles(n, flop, loss)
        wide += (np.isinf(table.high) | (table.low == 0)).sum()
        flat = table.curvature <= 0
        assert np.isnan(table.parameters[flat]).all() and not table.inside[flat].any()
        assert table.parameters[~flat].notna().all()
    assert wide > 25


def test_a_minimum_beyond_the_sizes_says_so():
    n, flop, loss, best = profiles_of(decades=1.5)
    small = n < np.repeat(best, 9) / 1.2
    table = isoflop_profiles(n[small], flop[small], loss[small])
    assert len(table) == 5 and not table.inside.any()


def test_runs_near_a_budget_belong_to_it():
    n, flop, loss, _ = profiles_of(spread=0.02)
    alone = isoflop_profiles(n, flop, loss)
    np.testing.assert_allclose(alone.flop, BUDGETS, rtol=0.02)
    named = isoflop_profiles(n, flop, loss, budgets=BUDGETS[[3, 1]])
    np.testing.assert_array_equal(named.flop, BUDGETS[[1, 3]])
    assert (named.runs == 9).all()
    # One more run, off every budget, changes nothing.
    odd = isoflop_profiles(np.append(n, 1e9), np.append(flop, 1e25), np.append(loss, 2.0))
    np.testing.assert_allclose(odd.parameters, alone.parameters)
    shuffled = np.random.default_rng(0).permutation(len(n))
    again = isoflop_profiles(n[shuffled], flop[shuffled], loss[shuffled])
    np.testing.assert_allclose(again.parameters, alone.parameters, rtol=1e-9)


def test_the_seed_is_of_the_interval_only():
    n, flop, loss, _ = profiles_of(noise=0.004)
    one, same, other = (isoflop_profiles(n, flop, loss, seed=seed) for seed in (1, 1, 2))
    assert one.equals(same) and not one.low.equals(other.low)
    assert one.parameters.equals(other.parameters)


N, FLOP, LOSS, _ = profiles_of()


@pytest.mark.parametrize(
    ("columns", "keywords", "message"),
    [
        ((N, FLOP, LOSS), {"tolerance": 0}, "tolerance is 0; give a share between 0 and 1"),
        ((N, FLOP, LOSS), {"tolerance": 1.0}, r"tolerance is 1\.0; give a share"),
        ((N, FLOP, LOSS), {"budgets": [1e25]}, "no budget has runs of 4 model sizes within 10%"),
        ((N, FLOP, LOSS), {"budgets": [-1.0]}, "budgets must be positive and finite.*row 0 has -1"),
        ((N[:3], FLOP[:3], LOSS[:3]), {}, "no budget has runs of 4 model sizes"),
        ((N[:9] * 0 + 1e9, FLOP[:9], LOSS[:9]), {}, "no budget has runs of 4 model sizes"),
        ((-N, FLOP, LOSS), {}, r"parameters must be positive.*\(45 such rows\)"),
        ((N, FLOP, np.where(LOSS < 2.5, np.nan, LOSS)), {}, "loss must be positive.*has nan"),
        ((N, FLOP[1:], LOSS), {}, r"parameters has the shape \(45,\) and flop has the shape \(44,"),
    ],
)  # fmt: skip
def test_runs_that_cannot_be_profiled(columns, keywords, message):
    with pytest.raises(ValueError, match=message):
        isoflop_profiles(*columns, **keywords)
