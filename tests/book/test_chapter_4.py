"""What chapter 4 says in words holds for what its cells compute, solutions included."""

import re
from math import exp, log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats
from torch import nn
from torch.nn import functional as F

from course_lib import closed_form, count, facts, train_many
from course_lib.models import MLP
from course_lib.tasks.trained import TEST_SEED, batches_of_own_set, error_rate
from tests.book import cells

PAGE = Path(__file__).parents[2] / "book" / "04-many-neurons.md"
IMPORTED = {
    "exp": exp, "log": log, "pi": np.pi, "np": np, "pd": pd, "torch": torch, "nn": nn, "F": F,
    "ndimage": ndimage, "stats": stats, "closed_form": closed_form, "count": count, "facts": facts,
    "train_many": train_many, "MLP": MLP, "TEST_SEED": TEST_SEED, "error_rate": error_rate,
    "batches_of_own_set": batches_of_own_set,
}  # fmt: skip


def run_cells(*holding, **names):
    """Run the page's cells that hold these words, with what the page imports at hand."""
    return cells.run_cells(PAGE, *holding, **(IMPORTED | names))


# --- counting ---


def test_the_count_of_vgg_16_and_the_account_of_all_rows_add_up():
    """The cells assert it themselves."""
    page = run_cells(
        'counts = facts("keras_parameter_counts")', "layers, inputs, side = [], 3", "other = ("
    )
    convolutions, dense = sum(page["layers"], closed_form.Layer(0, 0)), page["dense"]
    assert dense.parameters > 5 * convolutions.parameters
    assert dense.macs < 0.01 * convolutions.macs
    assert len(page["layers"]) + 3 == 16  # with weights; five poolings, a flattening, the input: 23


def test_a_bias_before_a_normalisation_changes_nothing():
    page = run_cells("convolution.bias += 5")
    assert page["largest_change"] < 1e-4


def test_the_most_parameters_do_not_err_least():
    table = facts("imagenet_models").groupby("model")[["params_million", "top1_error_pct"]].first()
    large, small = table.loc["vgg16"], table.loc["mobilenetv2_100"]
    assert large.params_million > 30 * small.params_million
    assert large.top1_error_pct > small.top1_error_pct


def test_solutions_that_count(capsys):
    counts = facts("keras_parameter_counts").set_index("model")
    run_cells("parts = [", 'biased = counts[counts["extra_biases"] > 0]', counts=counts)
    run_cells("first, second = 784 * 512, 512 * 10")
    assert "2.013 forward passes" in capsys.readouterr().out


# --- representation and depth ---


def test_the_right_feature_needs_fewer_points_and_a_wrong_one_never_suffices():
    page = run_cells("def rings(n, seed):", "def learn(make,")
    learn, rings, polar = (page[name] for name in ("learn", "rings", "polar"))

    def error(represent, widths, n):
        runs = learn(rings, represent, widths, n, range(4))
        return np.median([run.evaluated for run in runs])

    assert error(polar, [2, 2], 16) < 0.1 < error(lambda x: x, [2, 16, 2], 16)
    assert error(lambda x: x, [2, 16, 2], 256) < 0.05
    assert (
        error(lambda x: x, [2, 2], 256) > 0.3 < error(lambda x: polar(x, (1.5, 0.0)), [2, 2], 256)
    )
    # The try-it box: a hidden layer does not mind the wrong centre.
    assert error(lambda x: polar(x, (1.5, 0.0)), [2, 16, 2], 256) < 0.05


def test_solution_of_the_quarters(capsys):
    run_cells("def rings(n, seed):", "def learn(make,", "def quarters(n, seed):")
    said = dict(re.findall(r"(\w+) +\S+ on 16 points, (\S+) on 256", capsys.readouterr().out))
    assert float(said["polar"]) > 0.3
    assert float(said["product"]) < 0.05 > float(said["hidden"])


@pytest.fixture(scope="module")
def folding():
    return run_cells("def pieces(model, low, high):", "def folded(times):")


@pytest.mark.parametrize("times", range(1, 8))
def test_each_fold_doubles_the_pieces(folding, times):
    net = folding["folded"](times)
    assert folding["pieces"](net, 0, 1) == 2**times
    assert net.closed_form().parameters == 6 * times + 1
    ends = torch.tensor([[0.0], [1.0]])
    assert torch.equal(net(ends), torch.zeros(2, 1))


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(0, 999))
def test_one_hidden_layer_has_a_kink_where_each_neuron_has_its_zero(neurons, seed):
    page = run_cells("def pieces(model, low, high):")
    torch.manual_seed(seed)
    net = MLP([1, neurons, 1])
    zeros = -net.layers[0].bias.double() / net.layers[0].weight[:, 0].double()
    inside = int(((zeros > -1) & (zeros < 1)).sum())
    assert page["pieces"](net, -1, 1) == inside + 1


@settings(max_examples=15)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=4), st.integers(0, 999))
def test_a_network_is_linear_between_its_kinks_and_the_bound_holds(widths, seed):
    page = run_cells("def pieces(model, low, high):")
    torch.manual_seed(seed)
    net = MLP([1, *widths, 1])
    found = page["pieces"](net, -2, 2)
    assert found <= np.prod([width + 1 for width in widths])
    with torch.no_grad():  # pieces that a fine grid can see are never more
        y = net.double()(torch.linspace(-2, 2, 4001, dtype=torch.float64)[:, None])[:, 0]
    bends = (y.diff().diff().abs() > 1e-9).int()
    assert int((bends.diff() == 1).sum() + bends[0]) <= found - 1


def test_random_networks_have_about_a_piece_for_each_neuron_however_deep():
    page = run_cells("def pieces(model, low, high):", "def folded(times):", "def random_pieces(")
    for found in page["drawn"].values():
        a_neuron = np.mean(found, axis=1) / page["neurons"]
        assert ((a_neuron > 0.4) & (a_neuron < 1.25)).all()


# --- probability ---


@pytest.fixture(scope="module")
def clinic():
    return run_cells(
        "TRUTH = torch.tensor", "F.binary_cross_entropy: y - t", "def steps_needed(",
        "distances = {", "def fit(distance", "def reliability(", w=None,
    )  # fmt: skip


def test_sure_and_wrong_costs_the_squared_error_a_factor_each_time(clinic):
    steps = {
        loss: [clinic["steps_needed"](loss, k) for k in (1, 3, 5)]
        for loss in ("cross-entropy", "squared")
    }
    assert steps["cross-entropy"][-1] < 30
    first, second, third = steps["squared"]
    assert second > 2 * first and third > 2 * second


def test_proper_distances_are_calibrated_and_the_absolute_one_is_not(clinic):
    gap = run_cells("def gap(curve):", **clinic | {"glue": lambda *_: None})["gap"]
    gaps = {name: gap(curve) for name, curve in clinic["curves"].items()}
    assert max(gaps["cross-entropy"], gaps["squared"]) < 0.03 < 0.1 < gaps["absolute"]
    longer = clinic["fitted"]["absolute"].norm() / clinic["TRUTH"].norm()
    assert longer > 2


def test_solution_of_the_hospital(clinic, capsys):
    names = run_cells("def gap(curve):", **clinic | {"glue": lambda *_: None})
    run_cells("many, ill, _ = records(5000", **names)
    off = [float(n) for n in re.findall(r"off by (\S+) points", capsys.readouterr().out)]
    assert off[0] > 10 > 3 > off[1]


# --- graph ---


@settings(max_examples=30)
@given(st.lists(st.floats(-2, 2), min_size=5, max_size=5), st.sampled_from([0, 1]))
def test_the_graph_gives_the_slopes_that_pytorch_gives(values, t):
    page = run_cells("class Node:", "def sigmoid(a):", "def backward(end):")
    mine = [page["Node"](v) for v in values]
    theirs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]
    w1, x1, w2, x2, b = mine
    total = page["add"](page["add"](page["multiply"](w1, x1), page["multiply"](w2, x2)), b)
    page["backward"](page["surprise"](page["sigmoid"](total), t))
    w1, x1, w2, x2, b = theirs
    y = torch.sigmoid(w1 * x1 + w2 * x2 + b)
    F.binary_cross_entropy(y, torch.tensor(float(t), dtype=torch.float64)).backward()
    assert [n.grad for n in mine] == pytest.approx([n.grad.item() for n in theirs], abs=1e-9)


def test_a_number_that_is_used_twice_gets_both_slopes():
    page = run_cells("class Node:", "def sigmoid(a):", "def backward(end):")
    x = page["Node"](3.0)
    page["backward"](page["add"](page["multiply"](x, x), x))
    assert x.grad == 2 * 3 + 1


@settings(max_examples=20)
@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 16))
def test_there_and_back_is_three_products_and_two_for_the_first_layer(inputs, outputs, rows):
    layer, x = nn.Linear(inputs, outputs), torch.zeros(rows, inputs)
    inside, first = count(layer, x.clone().requires_grad_()), count(layer, x)
    assert inside.training_flop == 3 * inside.forward_flop
    assert first.training_flop == 2 * first.forward_flop


def test_in_training_mode_the_answer_depends_on_the_company(capsys):
    torch.manual_seed(0)
    run_cells('for mode in ("train", "eval"):')
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in said] == ["False", "True"]


# --- pictures ---


def test_perfect_pixels_are_no_objects(capsys):
    page = run_cells("def objects_in(kinds):", "def two_squares(space):")
    assert page["two_squares"](2) == page["two_squares"](1) == (2, 1.0)
    assert page["two_squares"](0) == (1, 0.0)


def test_solution_of_the_shifted_box(capsys):
    run_cells("def objects_in(kinds):", "d = s * (1 - least) / (1 + least)")
    far = [float(n) for n in re.findall(r": (\S+) pixels", capsys.readouterr().out)]
    assert far[2] == pytest.approx(10 * far[0], abs=0.05)
    assert far[1] < 0.5 and 4 < far[3] < 5
