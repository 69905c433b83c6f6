"""What chapter 2 says in words stays true of its tables, and its cells do what they claim."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn
from torch.nn import functional as F

from course_lib import count, fact, facts, train, train_many
from course_lib.models import MLP, CharacterLSTM, Transformer
from course_lib.quantities import Estimate
from tests.book.cells import run_cells

PAGE = Path(__file__).parents[2] / "book" / "02-three-waves.md"
CORNERS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = torch.tensor([0, 1, 1, 0])
H = np.log(2) / 2  # compute gets cheaper: half the price every two years
few = settings(max_examples=20, deadline=None)


def run_cell(holding, **names):
    """Run the page's cell that holds some words, and give back what it defined."""
    names |= {"np": np, "torch": torch, "nn": nn, "F": F, "fact": fact, "stats": stats}
    names |= {"CORNERS": CORNERS, "XOR": XOR, "Estimate": Estimate, "CharacterLSTM": CharacterLSTM}
    return run_cells(PAGE, holding, **names)


def the_circle():
    law = run_cell("LOG_SLOPE =")
    return run_cell("def circle", **{k: v for k, v in law.items() if k.isupper()})["circle"]


@pytest.fixture(scope="module")
def years():
    return {key: int(year) for key, year in facts("timeline").set_index("key").year.items()}


@pytest.fixture(scope="module")
def grown():
    return facts("field_growth").set_index("key")


@pytest.fixture(scope="module")
def between(grown):
    return run_cell("def between", facts=facts)["between"]


def test_the_lecture_s_dates_and_what_was_found_of_them(years):
    assert years["event_neocognitron"] == 1980
    assert years["event_convolutional_network_for_zip_codes"] == years["event_lenet_5"] - 9
    assert years["event_variational_autoencoder"] == 2013
    assert years["event_generative_adversarial_networks"] == 2014
    winters = [
        (years["event_perceptrons"], years["event_neocognitron"]),
        (
            years["event_support_vector_machines"],
            years["event_deep_belief_nets_with_layer_wise_pre"],
        ),
    ]
    ideas = ("reverse_mode_automatic_differentiation", "backpropagation_proposed_for_networks",
             "long_short_term_memory", "lenet_5")  # fmt: skip
    for idea in ideas:
        assert any(a < years[f"event_{idea}"] < b for a, b in winters), idea


def test_the_network_of_1989_adds_up():
    units = {"H1": (768, 26), "H2": (192, 201), "H3": (30, 193), "output": (10, 31)}
    connections = sum(number * inputs for number, inputs in units.values())
    shared = (768 + 12 * 25) + (192 + 12 * 200)  # a bias for each unit, weights for each plane
    assert fact("zip_code_cnn_connections").value == connections
    assert fact("zip_code_cnn_parameters").value == shared + 30 * 193 + 10 * 31
    images = fact("zip_code_cnn_train_images").value
    assert fact("zip_code_cnn_presentations").value == 23 * images
    assert "SIDE, IMAGES, PASSES, BATCH = 16, 7291, 23, 64" in PAGE.read_text(encoding="utf-8")


def test_two_counts_of_arxiv_agree(between):
    doubling = between("papers_arxiv_2015", "papers_arxiv_2020")
    assert doubling == pytest.approx(fact("papers_krenn_doubling").value, abs=0.2)


def test_wide_counts_double_in_about_a_decade(between, grown):
    for edition, first, last in ((2022, 2010, 2021), (2024, 2010, 2022), (2025, 2013, 2023)):
        doubling = between(f"papers_index{edition}_{first}", f"papers_index{edition}_{last}")
        assert doubling == pytest.approx(fact("papers_douglas_doubling").value, rel=0.25)
    ratio = grown.value["papers_index2022_2010"] / grown.value["papers_index2024_2010"]
    assert 1.5 < ratio < 2  # two editions, one year


def test_the_largest_step_was_2012_and_one_person_was_passed_in_2015():
    table = facts("imagenet_progress")
    table = table[table.key.str.contains("ilsvrc") & table.model.str.contains("winner")]
    error = 100 - table.set_index("year").top5_acc_pct.astype(float)
    assert (-error.diff()).idxmax() == 2012
    human = 100 - fact("imagenet_human_annotator.top5_accuracy").value
    assert error[2014] > human > error[2015]


@few
@given(st.floats(0, 0.8))
def test_below_one_the_circle_grows_as_the_formula_says(gain):
    circle = the_circle()
    growth = np.diff(np.log(circle(gain, years=80)))
    assert growth[-1] == pytest.approx(H / (1 - gain), rel=1e-3)
    assert np.diff(np.log(circle(gain, years=80, data=1e12)))[-1] <= growth[-1] + 1e-9


def test_from_one_on_it_runs_away_and_below_it_stops_with_the_hardware():
    circle, stopped = the_circle(), run_cell("def stopped")["stopped"]
    assert (np.diff(np.log(circle(1.1)), n=2) > 0).all()
    assert stopped(0.8, years=100)[-1] < 1e-3 and (np.diff(stopped(1.1)[10:]) > 0).all()
    assert stopped(0.5, years=100, stop=1000)[-1] == pytest.approx(2 * H)


@few
@given(st.integers(1, 7))
def test_parity_is_wired_for_any_number_of_bits(bits):
    parity = run_cell("def parity")["parity"]
    every = torch.tensor([[(n >> k) & 1 for k in range(bits)] for n in range(2**bits)]).float()
    assert torch.equal(parity(every), every.sum(1).long() % 2)


@few
@given(st.floats(0.2, 20), st.integers(3, 12))
def test_the_doubling_time_of_an_exponential_comes_back(time, points):
    doubling = run_cell("def doubling")["doubling"]
    when = np.arange(points, dtype=float)
    found = doubling(when, 3 * 2 ** (when / time))
    assert found.value == pytest.approx(time) and found.low <= found.value <= found.high


def test_spare_neurons_make_learning_reliable():
    learned = run_cell("TRIES = range", train_many=train_many, MLP=MLP)["learned"]
    assert learned[2] < 30 and learned[8] >= 36 and learned[2] < learned[3] < learned[8]


def test_only_the_open_gate_and_attention_remember():
    names = run_cell("SYMBOLS, LAG") | run_cell("def remember", SYMBOLS=8, LAG=30)
    names = run_cell("def remember", **{k: names[k] for k in ("SYMBOLS", "LAG", "PlainRecurrent")})
    models = {
        "half": names["lstm"](),
        "open": names["lstm"](gate_bias=4.0),
        "attention": Transformer(16, width=32, layers=2, heads=2, context=32),
    }
    right = {}
    for name, model in models.items():
        torch.manual_seed(1)
        train(model, names["remember"], names["at_the_end"], learning_rate=0.003, steps=300,
              progress=False)  # fmt: skip
        x, first = names["remember"](0, torch.Generator().manual_seed(6), 500)
        right[name] = (model(x)[:, -1, :8].argmax(1) == first).float().mean().item()
    assert right["half"] < 0.3 and right["open"] > 0.9 and right["attention"] > 0.9
    x = names["remember"](0, torch.Generator().manual_seed(6))[0]
    work = {name: count(model, x).training_flop for name, model in models.items()}
    assert work["open"] == pytest.approx(work["attention"] / 3, rel=0.15)  # "a third of the work"


@few
@given(st.integers(1, 2000))
def test_the_gate_s_bias_grows_with_the_logarithm_of_the_lag(steps):
    share = 0.5 ** (1 / steps)
    bias = np.log(share / (1 - share))
    assert 1 / (1 + np.exp(-bias)) == pytest.approx(share)
    if steps >= 30:
        assert bias == pytest.approx(np.log(steps / np.log(2)), abs=0.02)
