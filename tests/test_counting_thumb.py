"""Rules of thumb beside the count, and effective beside nominal work."""

import pytest
import torch
import torch.nn.utils.prune as prune
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib import closed_form, count, effective_work, rule_of_thumb
from course_lib.models import Transformer

law = settings(max_examples=20)
sizes = st.integers(1, 6)


@law
@given(st.integers(1, 3), st.integers(1, 2), sizes, sizes, sizes, sizes, st.booleans())
def test_the_rules_are_what_they_say(layers, heads, width, vocabulary, context, batch, tied):
    width *= heads
    model = Transformer(vocabulary, width, layers, heads, context, tied=tied)
    index = torch.zeros(batch, context, dtype=torch.long)
    rule, work = rule_of_thumb(model, index), count(model, index)
    tables = vocabulary * width + context * width
    assert rule.tokens == batch * context and rule.counted_flop == work.training_flop
    assert rule.parameters == work.parameters
    assert rule.multiplying_parameters == work.parameters - tables + tied * vocabulary * width
    assert rule.six_nd_flop == 6 * rule.parameters * rule.tokens
    expected = closed_form.training_rule(
        rule.multiplying_parameters, rule.tokens, layers, context, width
    )
    assert rule.better_flop == expected
    if tied:
        assert rule.non_embedding_parameters == work.parameters - tables


@pytest.mark.parametrize(("layers", "width", "heads"), [(12, 768, 12), (48, 1600, 25)])
def test_for_gpt_2_the_better_rule_is_within_a_tenth_of_a_percent(layers, width, heads):
    with torch.device("meta"):
        model = Transformer(50257, width, layers, heads, 1024)
        errors = rule_of_thumb(model, torch.zeros(1, 1024, dtype=torch.long)).errors
    assert abs(errors["6(N + Vd)D + 12LTdD"]) < 1e-3
    if layers == 12:
        assert errors["6ND, non-embedding"] == pytest.approx(-0.40, abs=0.01)


def test_for_a_tiny_model_even_the_better_rule_is_off():
    model = Transformer(65, 32, 2, 2, 64)
    errors = rule_of_thumb(model, torch.zeros(4, 64, dtype=torch.long)).errors
    assert 0.001 < errors["6(N + Vd)D + 12LTdD"] < 0.03  # biases and norms multiply nothing


@law
@given(st.lists(sizes, min_size=2, max_size=4), sizes)
def test_for_a_dense_network_the_rule_forgets_biases_and_the_missing_gradient(widths, rows):
    layers = [nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    rule = rule_of_thumb(nn.Sequential(*layers), torch.zeros(rows, widths[0]))
    assert rule.tokens == rows
    too_much = 6 * rows * sum(widths[1:]) + 2 * rows * widths[0] * widths[1]
    assert rule.six_nd_flop - rule.counted_flop == too_much == rule.better_flop - rule.counted_flop


def test_tokens_can_be_said():
    image = torch.zeros(5, 3, 8, 8)
    assert rule_of_thumb(nn.Conv2d(3, 2, 3), image, tokens=5).tokens == 5
    with pytest.raises(ValueError, match="tokens is 0"):
        rule_of_thumb(nn.Conv2d(3, 2, 3), image, tokens=0)


# --- effective work ---


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


image = torch.zeros(5, 2, 4, 4)


@law
@given(st.floats(0, 1), st.integers(1, 32), st.integers(1, 32), st.floats(0, 3))
def test_effective_work_is_a_product(amount, weight_bits, activation_bits, activity):
    model = network()
    for layer in (model[0], model[3]):
        prune.l1_unstructured(layer, "weight", amount)
    table = effective_work(
        model, image, weight_bits=weight_bits, activation_bits=activation_bits, activity=activity
    ).set_index("module")
    counted = count(model, image).by_module.set_index("module")["forward_macs"]
    for name, layer in (("0", model[0]), ("3", model[3])):
        row = table.loc[name]
        density = (layer.weight != 0).double().mean().item()
        assert row.nominal_macs == counted[name]
        assert row.effective_macs == pytest.approx(density * row.nominal_macs)
        assert row.bit_operations == pytest.approx(
            row.effective_macs * weight_bits * activation_bits
        )
        assert row.synaptic_operations == pytest.approx(row.effective_macs * activity)
    for column in ("nominal_macs", "effective_macs", "bit_operations", "synaptic_operations"):
        assert table.loc["(sum)", column] == pytest.approx(table.loc[["0", "3"], column].sum())


def test_a_dense_network_does_all_of_its_nominal_work():
    table = effective_work(network(), image).set_index("module")
    assert table.loc["(sum)", "effective_macs"] == table.loc["(sum)", "nominal_macs"]
    assert table.loc["0", "bit_operations"] == 32 * 32 * table.loc["0", "nominal_macs"]


def test_layers_can_differ():
    table = effective_work(network(), image, weight_bits={"3": 4}, activity={"0": 0.1})
    table = table.set_index("module")
    assert list(table["weight_bits"][:2]) == [32, 4] and list(table["activity"][:2]) == [0.1, 1.0]


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"weight_bits": 0}, "weight_bits is 0; it must be finite and at least 1"),
        ({"activity": -0.1}, "activity is -0.1"),
        ({"activity": float("nan")}, "activity is nan"),
        ({"activity": {"7": 0.1}}, r"activity names \['7'\]; layers with weights are \['0', '3'\]"),
    ],
)
def test_what_effective_work_refuses(keywords, message):
    with pytest.raises(ValueError, match=message):
        effective_work(network(), image, **keywords)


def test_zeros_cannot_be_seen_in_shapes():
    with pytest.raises(ValueError, match="shapes only"):
        effective_work(network().to("meta"), image)
