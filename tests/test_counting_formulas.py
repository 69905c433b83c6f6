"""The second count: formulas for random layers agree with the first; the verdict by module."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib import closed_form, count
from course_lib.models import Transformer

law = settings(max_examples=20)
sizes = st.integers(1, 6)


def assert_same(formula, module, *inputs, **keywords):
    work = count(module, *inputs, **keywords)
    assert formula.parameters == work.parameters
    assert formula.macs == work.forward_macs == work.by_module["closed_form_macs"].iloc[0]
    assert work.agrees and work.by_module["agrees"].all() and work.uncounted == []


@law
@given(
    st.sampled_from([(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)]), sizes, sizes, st.integers(1, 3),
    sizes, st.integers(1, 3), st.booleans(), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_recurrent_layers(
    kind, inputs, hidden, layers, steps, batch, both, bias, batch_first, batched
):
    make, gates = kind
    module = make(inputs, hidden, layers, bias=bias, bidirectional=both, batch_first=batch_first)
    batch = batch if batched else 1
    shape = (batch, steps, inputs) if batch_first else (steps, batch, inputs)
    example = torch.zeros(*(shape if batched else (steps, inputs)))
    formula = closed_form.recurrent(inputs, hidden, layers, steps, batch, gates, both, bias)
    assert_same(formula, module, example)


@law
@given(sizes, st.integers(2, 6), st.integers(1, 2), sizes, st.booleans())
def test_a_projected_lstm(inputs, hidden, layers, steps, both):
    projection = hidden - 1
    module = nn.LSTM(inputs, hidden, layers, proj_size=projection, bidirectional=both)
    formula = closed_form.recurrent(
        inputs, hidden, layers, steps, gates=4, bidirectional=both, projection=projection
    )
    assert_same(formula, module, torch.zeros(steps, 1, inputs))


@law
@given(st.lists(sizes, min_size=1, max_size=4), sizes, sizes)
def test_a_packed_sequence_costs_its_own_lengths_only(lengths, inputs, hidden):
    sequences = [torch.zeros(n, inputs) for n in lengths]
    packed = nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False)
    formula = closed_form.recurrent(inputs, hidden, steps=sum(lengths), gates=4)
    assert_same(formula, nn.LSTM(inputs, hidden), packed)


@law
@given(st.sampled_from([(nn.RNNCell, 1), (nn.GRUCell, 3), (nn.LSTMCell, 4)]), sizes, sizes, sizes)
def test_recurrent_cells(kind, inputs, hidden, batch):
    make, gates = kind
    formula = closed_form.recurrent(inputs, hidden, batch=batch, gates=gates)
    assert_same(formula, make(inputs, hidden), torch.zeros(batch, inputs))


@law
@given(sizes, sizes, sizes, sizes, st.booleans())
def test_bilinear_layers(first, second, outputs, rows, bias):
    formula = closed_form.bilinear(first, second, outputs, rows, bias)
    module = nn.Bilinear(first, second, outputs, bias=bias)
    assert_same(formula, module, torch.zeros(rows, first), torch.zeros(rows, second))


@law
@given(
    sizes, st.integers(1, 3), sizes, sizes, sizes, st.integers(1, 3), st.booleans(), st.booleans(),
    st.booleans(),
)  # fmt: skip
def test_transformer_layers(
    width, heads, feedforward, length, memory, batch, bias, batch_first, norm_first
):
    width *= heads

    def example(positions):
        shape = (batch, positions) if batch_first else (positions, batch)
        return torch.zeros(*shape, width)

    settings = {"bias": bias, "batch_first": batch_first, "norm_first": norm_first}
    encoder = nn.TransformerEncoderLayer(width, heads, feedforward, **settings)
    formula = closed_form.transformer_encoder_layer(width, heads, feedforward, length, batch, bias)
    assert_same(formula, encoder, example(length))
    decoder = nn.TransformerDecoderLayer(width, heads, feedforward, **settings)
    formula = closed_form.transformer_decoder_layer(
        width, heads, feedforward, length, memory, batch, bias
    )
    assert_same(formula, decoder, example(length), example(memory))


@law
@given(
    sizes, st.integers(1, 3), sizes, sizes, sizes, sizes, st.booleans(), st.booleans(),
)  # fmt: skip
def test_attention_with_other_keys_and_values(
    width, heads, queries, keys, key_width, value_width, learned, zero
):
    width *= heads
    module = nn.MultiheadAttention(
        width, heads, kdim=key_width, vdim=value_width, add_bias_kv=learned, add_zero_attn=zero
    )
    formula = closed_form.multihead_attention(
        width, heads, queries, keys, key_width=key_width, value_width=value_width,
        extra_keys=learned + zero,
    ) + closed_form.Layer(2 * width * learned, 0)  # fmt: skip
    query, key = torch.zeros(queries, 1, width), torch.zeros(keys, 1, key_width)
    assert_same(formula, module, query, key, torch.zeros(keys, 1, value_width))


@law
@given(sizes, sizes, st.booleans())
def test_normalisation_with_and_without_its_parts(width, batch, affine):
    held = closed_form.normalisation(width) if affine else closed_form.Layer(0, 0)
    layers = [
        nn.BatchNorm1d(width, affine=affine), nn.InstanceNorm1d(width, affine=affine),
        nn.GroupNorm(1, width, affine=affine),
    ]  # fmt: skip
    for layer in layers:
        assert_same(held, layer, torch.zeros(batch, width, 4))
    x = torch.zeros(batch, width)
    assert_same(held, nn.LayerNorm(width, elementwise_affine=affine), x)
    bare = closed_form.normalisation(width, bias=False) if affine else held
    assert_same(bare, nn.RMSNorm(width, elementwise_affine=affine), x)


@law
@given(st.integers(1, 3), st.integers(1, 2), sizes, sizes, sizes, st.booleans())
def test_a_language_model_is_its_blocks_tables_and_head(
    layers, heads, width, vocabulary, context, tied
):
    width *= heads

    formula = closed_form.transformer(layers, width, vocabulary, context, heads, batch=2, tied=tied)
    assert_same(
        formula,
        Transformer(vocabulary, width, layers, heads, context, tied=tied),
        torch.zeros(2, context, dtype=torch.long),
    )


# --- the verdict, module by module ---


class Mixed(nn.Module):
    """A layer with a formula, a product that no module owns, and attention as a function."""

    def __init__(self, product):
        super().__init__()
        self.layer, self.product = nn.Linear(4, 4), product

    def forward(self, x):
        x = self.layer(x)
        return x @ x.transpose(-2, -1) if self.product else F.scaled_dot_product_attention(x, x, x)


def test_the_verdict_says_what_formulas_cover():
    x = torch.zeros(2, 3, 5, 4)
    covered, partly = count(Mixed(product=False), x), count(Mixed(product=True), x)
    assert covered.agrees and partly.agrees
    table = covered.by_module.set_index("module")
    assert table.loc["(root)", "agrees"] and table.loc["layer", "agrees"]
    table = partly.by_module.set_index("module")
    assert table["agrees"].isna()["(root)"] and table.loc["layer", "agrees"]
    assert table.loc["(root)", "closed_form_macs"] == table.loc["layer", "forward_macs"]


def test_a_layer_that_does_more_than_its_formula_contradicts_it(monkeypatch):
    def twice(self, x):
        return F.linear(F.linear(x, self.weight), self.weight)

    twice.__module__ = "torch.nn"  # as if PyTorch had changed its layer
    monkeypatch.setattr(nn.Linear, "forward", twice)
    work = count(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.zeros(2, 4))
    table = work.by_module.set_index("module")["agrees"]
    assert not work.agrees and not table["0"] and table["1"] and table.isna()["(root)"]


def test_a_subclass_with_a_forward_of_its_own_has_no_formula():
    class Twice(nn.Linear):
        def forward(self, x):
            return super().forward(super().forward(x))

    work = count(Twice(4, 4), torch.zeros(2, 4))
    assert work.forward_macs == 64 and work.agrees and work.by_module["agrees"].isna().all()


def test_shared_modules_are_told_apart_by_where_they_run():
    shared = nn.Linear(4, 4)
    first, second = nn.Sequential(shared, nn.ReLU()), nn.Sequential(shared, nn.Linear(4, 2))
    work = count(nn.Sequential(first, second), torch.zeros(3, 4))
    table = work.by_module.set_index("module")
    assert table["agrees"].all()
    assert list(table.loc[["(root)", "0", "0.0", "1"], "closed_form_macs"]) == [120, 48, 96, 72]
