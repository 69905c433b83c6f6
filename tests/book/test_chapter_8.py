"""What chapter 8 says in words stays true of the recorded sweeps and the published runs."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from course_lib import facts, fit_chinchilla, fit_kaplan, fit_power_law, isoflop_profiles
from course_lib.facts import fact
from course_lib.scaling import NotIdentified, optimal_allocation
from course_lib.tasks import TASKS, recorded_sweep, spectrum
from tests.book.cells import holds, run_cells

PAGE = Path(__file__).parents[2] / "book" / "08-scaling-laws.md"


def tokens_per_parameter(*law, flop=5.76e23):
    best = optimal_allocation(flop, *law)
    return best.tokens / best.parameters


def run_cell(holding, **names):
    """Run the page's cell that holds some words, and give back what it defined."""
    return run_cells(PAGE, holding, **names, np=np)


@pytest.fixture(scope="module")
def kept():
    """The published runs less the five highest losses, as the page keeps them."""
    runs = facts("chinchilla_runs").sort_values("loss_nats", ascending=False).iloc[5:]
    return runs.assign(tokens=runs.training_flop / (6 * runs.params))


def test_four_analyses_disagree_and_all_miss():
    surface, truth = recorded_sweep("spectrum"), TASKS["spectrum"].truth()
    names = run_cell(
        "choices = {", surface=surface, truth=truth, spectrum=spectrum, fit_power_law=fit_power_law
    )
    far, laws = spectrum.expected_loss(256, 2**19), names["analyses"].values()
    found = sorted((law.estimate("alpha") for law in laws), key=lambda e: e.value)
    assert len(found) == 4
    assert all(one.high < other.low for one, other in zip(found, found[1:], strict=False))
    assert not any(holds(estimate, truth["beta"]) for estimate in found)
    assert not any(law.predict(2**19, of="mean").holds(far) for law in laws)


def test_the_sum_misses_where_the_other_form_finds_the_truth():
    surface, truth = recorded_sweep("spectrum"), TASKS["spectrum"].truth()
    columns = surface.width, surface.samples, surface.loss
    added, larger = (
        form(*columns, objective="squares", replicates=True)
        for form in (fit_chinchilla, fit_kaplan)
    )
    known = {"E": truth["irreducible"], "alpha": truth["alpha"], "beta": truth["beta"]}
    assert not any(holds(added.estimate(name), value) for name, value in known.items())
    assert [name for name, value in known.items() if holds(larger.estimate(name), value)] == [
        "E", "alpha",
    ]  # fmt: skip
    assert abs(larger.beta / truth["beta"] - 1) < 0.05
    assert larger.residual_sd < added.residual_sd / 3


def test_the_entropy_is_not_found_and_fits_worst():
    mean = recorded_sweep("lexicon").groupby(["parameters", "tokens"], as_index=False).loss.mean()
    columns = mean.parameters, mean.tokens, mean.loss
    entropy = TASKS["lexicon"].truth()["irreducible"]
    for form in (fit_chinchilla, fit_kaplan):
        with pytest.warns(NotIdentified, match="E is not identified"):
            floor = form(*columns, objective="squares").E
        assert floor < entropy / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotIdentified)
        left = [
            fit_chinchilla(*columns, objective="squares", irreducible=E).residual_sd
            for E in (*np.linspace(0.02, 0.95 * entropy, 8), entropy)
        ]
    assert np.argmax(left) == len(left) - 1


def test_one_network_flattens_and_the_other_steepens():
    signals = recorded_sweep("mnist1d")
    bend = run_cell("def bend(", recorded_sweep=recorded_sweep, stats=stats)["bend"]
    flattens, steepens = (bend(signals[signals.model == name]) for name in ("cnn", "mlp"))
    assert max(flattens) < 0 < min(steepens)
    assert steepens[1] < steepens[0] < steepens[2]
    x = np.geomspace(1, 1e4, 12)
    line = signals.iloc[:12].assign(samples=x, error=x**-0.3)
    assert bend(line)[0] == pytest.approx(0, abs=1e-9)


def test_both_ways_to_count_parameters_are_each_others_inverse():
    with_tables = run_cell("def with_tables(", VOCABULARY=32_000)["with_tables"]
    runs = facts("chinchilla_runs")
    names = run_cell("def without_tables(", runs=runs, kept=runs, with_tables=with_tables)
    without_tables = names["without_tables"]
    width, layers = 1024, 16
    assert with_tables(12 * layers * width**2) == pytest.approx(
        12 * layers * width**2 + 32_000 * width
    )
    outside = np.geomspace(1e6, 1e10, 25)
    assert without_tables(with_tables(outside)) == pytest.approx(outside, rel=1e-4)


def test_the_refit_is_the_published_one_and_disagrees_with_the_original(kept):
    law = fit_chinchilla(kept.params, kept.tokens, kept.loss_nats, objective="absolute")
    for name, value in (("irreducible", law.E), ("alpha", law.alpha), ("beta", law.beta)):
        assert value == pytest.approx(fact(f"besiroglu_{name}.value").value, rel=1e-3)
    A, B, alpha, beta, exact_alpha, exact_beta = (
        fact(f"chinchilla_{name}.value").value
        for name in ("coefficient_n", "coefficient_d", "alpha", "beta", "unrounded_alpha",
                     "unrounded_beta")
    )  # fmt: skip
    smooth = fit_chinchilla(kept.params, kept.tokens, kept.loss_nats)
    drawn = smooth.bootstrap(200, seed=8)
    high = np.quantile(tokens_per_parameter(drawn.A, drawn.alpha, drawn.B, drawn.beta), 0.95)
    assert (
        20
        < high
        < tokens_per_parameter(A, exact_alpha, B, exact_beta)
        < tokens_per_parameter(A, alpha, B, beta)
    )


def test_published_runs_prefer_a_softness_below_one(kept):
    law = fit_kaplan(kept.params, kept.tokens, kept.loss_nats)
    assert law.bootstrap(200, seed=8).softness.quantile(0.95) < 1


def test_leaving_out_small_runs_moves_beta_more_than_a_loss_or_a_definition_does(kept):
    large = kept[kept.training_flop > 1e19]
    beta = [
        fit_chinchilla(rows.params, rows.tokens, rows.loss_nats, objective=objective).beta
        for rows, objective in ((kept, "huber"), (kept, "squares"), (large, "huber"))
    ]
    assert beta[0] - beta[2] > 2 * abs(beta[1] - beta[0]) > 0


def test_one_equal_compute_valley_has_no_minimum():
    runs = facts("chinchilla_runs")
    budgets = [6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21]
    found = isoflop_profiles(runs.params, runs.training_flop, runs.loss_nats, budgets=budgets)
    assert len(found) == 9
    assert (~found.inside).sum() == 1
