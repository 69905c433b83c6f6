"""Laws of `fit_chinchilla`: the truth without noise, the published optimum on the 240 runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from course_lib.scaling import ChinchillaLaw, fit_chinchilla
from course_lib.scaling.descent import minimise
from course_lib.scaling.forms import Form
from course_lib.scaling.losses import Loss
from tests.scaling.data import grid, surface, unsure

law = settings(max_examples=15)
OBJECTIVES = ("huber", "squares", "absolute")
PUBLISHED = {"A": 482.01, "B": 2085.43, "E": 1.8169, "alpha": 0.3478, "beta": 0.3658}
NAMES = ("E", "A", "alpha", "B", "beta")
DELTA = 1e-3


@st.composite
def surfaces(draw):
    """Runs of a law both of whose terms, and E, can be seen: (n, d, parameters)."""
    sizes = [
        10 ** draw(st.floats(*begin)) * np.geomspace(1, 10 ** draw(st.floats(1.5, 3.5)), points)
        for begin, points in (
            ((2, 9), draw(st.integers(5, 8))),
            ((3, 11), draw(st.integers(5, 8))),
        )
    ]
    floor = 10 ** draw(st.floats(-2, 2))
    alpha, beta = draw(st.floats(0.2, 1.2)), draw(st.floats(0.2, 1.2))
    a, b = (
        floor * 10 ** draw(st.floats(-0.5, 0.7)) * size[0] ** exponent
        for size, exponent in zip(sizes, (alpha, beta), strict=True)
    )
    return *grid(*sizes), dict(zip(NAMES, (floor, a, alpha, b, beta), strict=True))


def loss_of(n, d, truth):
    return surface(n, d, *(truth[name] for name in NAMES))


# --- what made the data is found ---


@pytest.mark.parametrize("objective", OBJECTIVES)
@law
@given(surfaces())
def test_a_surface_without_noise_is_recovered(objective, made):
    n, d, truth = made
    loss = loss_of(n, d, truth)
    fitted = fit_chinchilla(n, d, loss, objective=objective)
    assert isinstance(fitted, ChinchillaLaw) and fitted.converged and fitted.unidentified == ()
    for name in ("E", "alpha", "beta"):
        assert getattr(fitted, name) == pytest.approx(truth[name], rel=1e-6), name
    np.testing.assert_allclose(fitted.A * n**-fitted.alpha, truth["A"] * n ** -truth["alpha"], 1e-6)
    np.testing.assert_allclose(fitted.B * d**-fitted.beta, truth["B"] * d ** -truth["beta"], 1e-6)
    np.testing.assert_allclose(fitted(n, d), loss, rtol=1e-6)
    assert fitted.softness == 1 and fitted.points == len(n)


@law
@given(surfaces(), st.booleans())
def test_a_known_irreducible_loss_is_kept(made, absent):
    n, d, truth = made
    truth = truth | ({"E": 0.0} if absent else {})
    fitted = fit_chinchilla(
        n, d, loss_of(n, d, truth), irreducible="none" if absent else truth["E"]
    )
    assert truth["E"] == fitted.E and fitted.degrees_of_freedom == len(n) - 4
    for name in ("alpha", "beta"):
        assert getattr(fitted, name) == pytest.approx(truth[name], rel=1e-6), name


@law
@given(surfaces(), st.integers(0, 99), *[st.floats(-4, 4)] * 3)
def test_other_units_give_the_same_law(made, seed, log_n, log_d, log_loss):
    n, d, truth = made
    loss = loss_of(n, d, truth) * np.exp(0.01 * np.random.default_rng(seed).normal(size=len(n)))
    p, q, r = (10.0**power for power in (log_n, log_d, log_loss))
    with unsure():
        here = fit_chinchilla(n, d, loss, objective="squares")
        there = fit_chinchilla(p * n, q * d, r * loss, objective="squares")
    assert (there.alpha, there.beta) == pytest.approx((here.alpha, here.beta), rel=1e-5)
    assert pytest.approx(r * here.E, rel=1e-5) == there.E
    assert pytest.approx(r * here.A * p**here.alpha, rel=1e-4) == there.A
    assert pytest.approx(r * here.B * q**here.beta, rel=1e-4) == there.B


@law
@given(surfaces(), st.integers(0, 99), st.sampled_from(OBJECTIVES))
def test_parameters_and_tokens_change_places(made, seed, objective):
    n, d, truth = made
    loss = loss_of(n, d, truth) * np.exp(0.01 * np.random.default_rng(seed).normal(size=len(n)))
    with unsure():
        here = fit_chinchilla(n, d, loss, objective=objective)
        there = fit_chinchilla(d, n, loss, objective=objective)
    assert there.objective == pytest.approx(here.objective, rel=1e-7)
    if objective == "squares":
        assert (there.beta, there.alpha) == pytest.approx((here.alpha, here.beta), rel=1e-5)


def test_a_whole_weight_counts_as_so_many_rows(runs):
    rows = np.random.default_rng(0).choice(240, 60, replace=False)
    n, d, loss = (column[rows] for column in runs)
    weights = np.arange(60) % 3 + 1
    again = [np.repeat(column, weights) for column in (n, d, loss)]
    for objective in OBJECTIVES:
        weighted = fit_chinchilla(n, d, loss, objective=objective, weights=weights)
        repeated = fit_chinchilla(*again, objective=objective, replicates=True)
        for name in NAMES:
            assert getattr(weighted, name) == pytest.approx(getattr(repeated, name), rel=1e-5)


# --- the 240 runs of Hoffmann et al. (2022), as read off by Besiroglu et al. (2024) ---


def test_the_absolute_value_meets_the_published_optimum(runs):
    assert len(runs[0]) == 240
    fitted = fit_chinchilla(*runs, objective="absolute")
    assert fitted.converged
    for name, published in PUBLISHED.items():
        within = {"A": 1e-3 * published, "B": 1e-3 * published, "E": 1e-3}.get(name, 1e-4)
        assert getattr(fitted, name) == pytest.approx(published, abs=within), name
    narrow = fit_chinchilla(*runs, 1e-8)
    assert narrow.converged and narrow.alpha == pytest.approx(fitted.alpha, rel=1e-5)


def test_a_very_wide_edge_is_squares(runs):
    wide = fit_chinchilla(*runs, 1e3)
    squares = fit_chinchilla(*runs, objective="squares")
    for name in NAMES:
        assert getattr(wide, name) == pytest.approx(getattr(squares, name), rel=1e-7)


def huber_by_formula(theta, runs):
    """The sum of Huber's losses of log loss, for parameters (log A, log B, log E, alpha, beta)."""
    log_a, log_b, log_e, alpha, beta = theta
    n, d, loss = runs
    predicted = np.log(np.exp(log_e) + np.exp(log_a) * n**-alpha + np.exp(log_b) * d**-beta)
    residual = np.abs(predicted - np.log(loss))
    return np.where(residual <= DELTA, residual**2 / 2, DELTA * (residual - DELTA / 2)).sum()


def gradient_by_formula(theta, runs):
    """Its gradient, by the chain rule."""
    log_a, log_b, log_e, alpha, beta = theta
    n, d, loss = runs
    terms = np.array([np.exp(log_a) * n**-alpha, np.exp(log_b) * d**-beta,
                      np.full(len(n), np.exp(log_e))])  # fmt: skip
    predicted = terms.sum(0)
    pull = np.clip(np.log(predicted / loss), -DELTA, DELTA)
    a, b, e = terms / predicted
    slopes = (a, b, e, -a * np.log(n), -b * np.log(d))
    return np.array([pull @ slope for slope in slopes])


def optimum_of(fitted):
    return np.array(
        [np.log(fitted.A), np.log(fitted.B), np.log(fitted.E), fitted.alpha, fitted.beta]
    )


def test_the_huber_optimum_is_a_stationary_point(runs, hoffmann):
    assert hoffmann.converged and hoffmann.gradient_norm <= 1e-8
    theta = optimum_of(hoffmann)
    assert huber_by_formula(theta, runs) == pytest.approx(hoffmann.objective, rel=1e-10)
    gradient = gradient_by_formula(theta, runs)
    assert np.linalg.norm(gradient) <= 1e-8
    # The formula's own gradient, by differences where it does not vanish.
    away = theta + np.array([0.1, -0.1, 0.01, 0.003, 0.002])
    np.testing.assert_allclose(
        gradient_by_formula(away, runs),
        optimize.approx_fprime(away, huber_by_formula, 1e-7, runs),
        rtol=1e-3, atol=1e-5,
    )  # fmt: skip
    # A minimum, not a saddle: every direction leads up.
    rng = np.random.default_rng(0)
    for size in (1e-6, 1e-4, 1e-2):
        for direction in rng.normal(size=(50, 5)):
            moved = huber_by_formula(theta + size * direction, runs)
            assert moved > hoffmann.objective * (1 - 1e-12)


def random_starts(rng, number):
    """Within and around the grid that Hoffmann et al. (2022, appendix D.2) started from."""
    low, high = np.array([0, 0, -1, 0.01, 0.01]), np.array([25, 25, 1, 2, 2])
    return rng.uniform(low, high, (number, 5))


def test_no_random_start_finds_better(runs, hoffmann):
    n, d, loss = runs
    log_a, log_b, log_e, alpha, beta = random_starts(np.random.default_rng(0), 1000).T
    found = minimise(
        Form(2), np.log([n, d]), np.log(loss)[None], np.ones((1, 240)),
        np.stack([log_a, -alpha, log_b, -beta, log_e], 1),
        np.array([[-700, -20, -700, -20, -20], [700, -1e-6, 700, -1e-6, 1]]), [Loss(DELTA)],
    )  # fmt: skip
    assert found.objective.min() >= hoffmann.objective * (1 - 1e-9)
    reached = found.objective <= hoffmann.objective * (1 + 1e-6)
    assert reached.sum() > 50, "random starts reach it as well, or this would tell nothing"
    best = found.parameters[reached]
    np.testing.assert_allclose(-best[:, 1], hoffmann.alpha, rtol=1e-3)
    np.testing.assert_allclose(-best[:, 3], hoffmann.beta, rtol=1e-3)


def test_near_the_optimum_ten_steps_suffice(runs):
    fit = fit_chinchilla(*runs, objective="squares")._fit
    begin = fit.theta + 0.02 * np.random.default_rng(0).standard_normal((200, 5))
    problem = (fit.form, fit.log_x, fit.log_y[None], fit.weights[None], begin, fit.bounds)
    found = minimise(*problem, fit.losses, 10)
    assert found.converged.all() and np.linalg.norm(found.gradient, axis=1).max() < 1e-8
    np.testing.assert_allclose(found.objective, fit.objective, rtol=1e-10)
    assert not minimise(*problem, fit.losses, 1).converged.any()


def test_another_optimiser_finds_no_better(runs, hoffmann):
    """L-BFGS on the formula, with its analytic gradient, from starts near and far."""
    rng = np.random.default_rng(1)
    starts = [*random_starts(rng, 15), *(optimum_of(hoffmann) + 0.05 * rng.normal(size=(10, 5)))]
    with np.errstate(all="ignore"):
        found = [
            optimize.minimize(
                lambda theta: 1e3 * huber_by_formula(theta, runs), start,
                jac=lambda theta: 1e3 * gradient_by_formula(theta, runs), method="L-BFGS-B",
                bounds=[(-30, 60), (-30, 60), (-20, 2), (0, 20), (0, 20)],
                options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-15, "gtol": 1e-9},
            ).fun / 1e3
            for start in starts
        ]  # fmt: skip
    assert min(found) >= hoffmann.objective * (1 - 1e-9)
    assert min(found) <= hoffmann.objective * (1 + 1e-3), "it comes near, or it is no witness"


def bootstrapped_over_estimated(fitted):
    """How much wider 90 % of 200 bootstrapped exponents lie than their intervals say."""
    table = fitted.bootstrap(200, seed=0)
    assert table.attrs["converged"] == 1.0
    assert list(table.columns) == list(NAMES) and len(table) == 200
    ratios = []
    for name in ("alpha", "beta"):
        interval = fitted.estimate(name)
        low, high = table[name].quantile([0.05, 0.95])
        assert low < interval.value < high
        ratios.append((high - low) / (interval.high - interval.low))
    return np.array(ratios)


def test_the_bootstrap_spreads_as_the_interval_says(runs, hoffmann):
    noise = 0.01 * np.random.default_rng(3).standard_normal(240)
    alike = fit_chinchilla(*runs[:2], hoffmann(*runs[:2]) * np.exp(noise))
    ratios = bootstrapped_over_estimated(alike)
    assert (ratios > 0.75).all() and (ratios < 1.35).all(), ratios


def test_the_interval_of_the_240_runs_is_as_wide_as_their_bootstrap_s(hoffmann):
    # Their noise differs from place to place. Published standard errors, from a bootstrap, are
    # about .02 for both exponents (Besiroglu et al., 2024).
    ratios = bootstrapped_over_estimated(hoffmann)
    assert (ratios > 0.65).all() and (ratios < 1.5).all(), ratios
    spread = hoffmann.bootstrap(200, seed=1)[["alpha", "beta"]].std()
    assert spread.between(0.01, 0.03).all()


def test_a_resample_is_fitted_to_its_global_optimum(runs, hoffmann):
    drawn = np.random.default_rng(5).multinomial(240, np.full(240, 1 / 240), size=6)
    near = hoffmann._fit.refit(np.log(runs[2])[None] - hoffmann._fit.middle, drawn.astype(float))
    for counts, objective in zip(drawn, near.objective, strict=True):
        again = [np.repeat(column, counts) for column in runs]
        afresh = fit_chinchilla(*again, replicates=True)
        assert objective == pytest.approx(afresh.objective, rel=1e-8)


# --- how best to spend compute ---


def assert_best(fitted, flop):
    best = fitted.compute_optimal(flop)
    assert 6 * best.parameters * best.tokens == pytest.approx(flop, rel=1e-12)
    lowest = fitted(best.parameters, best.tokens)
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0):
        assert fitted(best.parameters * factor, best.tokens / factor) > lowest
    return best, lowest


@law
@given(surfaces(), st.floats(-3, 6))
def test_the_best_allocation_has_the_lowest_loss(made, decades):
    n, d, truth = made
    fitted = fit_chinchilla(n, d, loss_of(n, d, truth))
    flop = 6 * float(np.median(n) * np.median(d)) * 10**decades
    best, lowest = assert_best(fitted, flop)
    more = fitted.compute_optimal(10 * flop)
    share = fitted.beta / (fitted.alpha + fitted.beta)
    assert np.log10(more.parameters / best.parameters) == pytest.approx(share, rel=1e-9)
    assert np.log10(more.tokens / best.tokens) == pytest.approx(1 - share, rel=1e-9)
    if lowest - fitted.E > 1e-6 * fitted.E:  # beyond, the loss has no digits left to tell
        assert fitted.solve(lowest) == pytest.approx(flop, rel=1e-4)


def test_the_best_allocation_of_the_240_runs(hoffmann):
    best, _ = assert_best(hoffmann, 5.76e23)
    # With these parameters tokens and parameters grow alike, 20 tokens a parameter at 5.76e23 FLOP
    # being within what the data allow (Besiroglu et al., 2024, section 4).
    assert 10 < best.tokens / best.parameters < 40
    assert hoffmann.beta / (hoffmann.alpha + hoffmann.beta) == pytest.approx(0.5138, abs=1e-3)
    assert hoffmann.reach == pytest.approx((1.397e18, 1.296e22), rel=1e-3)
    with pytest.raises(ValueError, match="is never reached: the irreducible"):
        hoffmann.solve(1.8)


def test_more_compute_is_needed_for_less_loss(hoffmann):
    targets = np.linspace(3.0, 1.85, 20)
    costs = [hoffmann.solve(target) for target in targets]
    assert (np.diff(costs) > 0).all()
    for target, cost in zip(targets, costs, strict=True):
        assert hoffmann(*hoffmann.compute_optimal(cost)) == pytest.approx(target, rel=1e-9)
        # No cheaper run of any size reaches it.
        n = np.geomspace(1e6, 1e14, 400)
        assert hoffmann(n, 0.999 * cost / 6 / n).min() > target


def test_a_law_is_read_as_a_formula(hoffmann):
    assert str(hoffmann) == "1.817 + 477.8 N^-0.3473 + 2143 D^-0.3672"


def test_a_band_is_the_forecasts_side_by_side(hoffmann):
    n, d = np.geomspace(1e9, 1e11, 4), np.geomspace(1e10, 1e12, 4)
    middle, low, high = hoffmann.band(n, d, 0.5, "mean")
    for i in range(4):
        forecast = hoffmann.predict(n[i], d[i], 0.5, "mean", unit="nat")
        assert (forecast.median, forecast.low, forecast.high) == pytest.approx(
            (middle[i], low[i], high[i])
        )
    assert forecast.unit == "nat" and forecast.median == pytest.approx(hoffmann(n[3], d[3]))
