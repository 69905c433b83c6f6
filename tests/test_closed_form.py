"""Formulas against PyTorch's own parameters and against what `count` counts, for random layers."""

import math

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib import closed_form, count
from course_lib.closed_form import Layer

law = settings(
    max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
widths = st.integers(1, 12)
batches = st.integers(1, 4)


def numel(module):
    return sum(p.numel() for p in module.parameters())


def assert_same(formula, module, *inputs, **keywords):
    work = count(module, *inputs, **keywords)
    assert formula.parameters == numel(module) == work.parameters
    assert formula.macs == work.forward_macs
    assert formula.flop == work.forward_flop == 2 * formula.macs
    assert work.agrees and not work.uncounted


@law
@given(widths, widths, st.lists(batches, max_size=3), st.booleans())
def test_a_linear_layer_on_any_shape(inputs, outputs, shape, bias):
    formula = closed_form.linear(inputs, outputs, rows=math.prod(shape), bias=bias)
    assert_same(formula, nn.Linear(inputs, outputs, bias=bias), torch.zeros(*shape, inputs))


@law
@given(st.lists(widths, min_size=2, max_size=6), batches, st.booleans())
def test_an_mlp_is_the_sum_of_its_layers(sizes, batch, bias):
    layers = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(inputs, outputs, bias=bias), nn.Tanh()]
    assert_same(
        closed_form.mlp(sizes, batch, bias), nn.Sequential(*layers), torch.zeros(batch, sizes[0])
    )


@st.composite
def convolutions(draw, transposed):
    """A convolution in one to three dimensions, and an input that fits it."""
    spatial = draw(st.integers(1, 3))

    def per_dimension(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(spatial))

    kernel, stride, dilation = per_dimension(1, 3), per_dimension(1, 3), per_dimension(1, 2)
    padding = per_dimension(0, 2)
    size = per_dimension(3, 6)
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    inputs, outputs = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    if transposed:
        sides = zip(size, stride, padding, spans, strict=True)
        assume(all((n - 1) * s - 2 * p + span >= 1 for n, s, p, span in sides))
    else:
        sides = zip(size, padding, spans, strict=True)
        assume(all(n + 2 * p >= span for n, p, span in sides))
    kind = "ConvTranspose" if transposed else "Conv"
    module = getattr(nn, f"{kind}{spatial}d")(
        inputs, outputs, kernel, stride, padding, dilation=dilation, groups=groups,
        bias=draw(st.booleans()),
    )  # fmt: skip
    batch = draw(st.sampled_from([None, 1, 3]))
    example = torch.zeros(*([] if batch is None else [batch]), inputs, *size)
    return module, example, batch or 1


@law
@given(convolutions(transposed=False))
def test_a_convolution_places_its_kernel_at_each_output(drawn):
    module, example, batch = drawn
    positions = module(example).shape[-len(module.kernel_size) :]
    formula = closed_form.convolution(
        module.in_channels, module.out_channels, module.kernel_size, positions, batch,
        module.groups, module.bias is not None,
    )  # fmt: skip
    assert_same(formula, module, example)


@law
@given(convolutions(transposed=True))
def test_a_transposed_convolution_places_its_kernel_at_each_input(drawn):
    module, example, batch = drawn
    positions = example.shape[-len(module.kernel_size) :]
    formula = closed_form.convolution(
        module.in_channels, module.out_channels, module.kernel_size, positions, batch,
        module.groups, module.bias is not None,
    )  # fmt: skip
    assert_same(formula, module, example)


@law
@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), st.integers(1, 6), batches,
    st.booleans(), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_attention_across_two_lengths(
    heads, width, queries, keys, batch, batch_first, batched, bias, need_weights
):
    width *= heads
    module = nn.MultiheadAttention(width, heads, bias=bias, batch_first=batch_first)
    query, key = torch.zeros(batch, queries, width), torch.zeros(batch, keys, width)
    if not batched:
        query, key, batch = query[0], key[0], 1
    elif not batch_first:
        query, key = query.transpose(0, 1), key.transpose(0, 1)
    formula = closed_form.multihead_attention(width, heads, queries, keys, batch, bias)
    assert_same(formula, module, query, key, key, need_weights=need_weights)


@law
@given(st.integers(1, 5), st.integers(1, 5), widths, widths, st.integers(1, 3), batches)
def test_inner_attention_is_two_matrix_products(queries, keys, width, value_width, heads, batch):
    q = torch.zeros(batch, heads, queries, width)
    k = torch.zeros(batch, heads, keys, width)
    v = torch.zeros(batch, heads, keys, value_width)

    class TwoProducts(nn.Module):
        def forward(self, q, k, v):
            return (q @ k.transpose(-2, -1)).softmax(-1) @ v

    formula = closed_form.scaled_dot_product_attention(
        queries, keys, width, heads, batch, value_width
    )
    assert_same(formula, TwoProducts(), q, k, v)
    same = closed_form.scaled_dot_product_attention(queries, keys, width, heads, batch)
    assert same.macs == 2 * batch * heads * queries * keys * width


@law
@given(widths, widths, batches)
def test_tables_and_norms_hold_parameters_and_do_no_macs(entries, width, batch):
    assert_same(
        closed_form.embedding(entries, width),
        nn.Embedding(entries, width),
        torch.zeros(batch, 3, dtype=torch.long),
    )
    for norm in (nn.LayerNorm(width), nn.BatchNorm1d(width), nn.GroupNorm(1, width)):
        example = torch.zeros(batch, width, *[] if isinstance(norm, nn.LayerNorm) else [4])
        assert_same(closed_form.normalisation(width), norm, example)
    assert closed_form.normalisation(width, bias=False).parameters == numel(nn.RMSNorm(width))


@law
@given(st.lists(st.builds(Layer, st.integers(0, 10**9), st.integers(0, 10**12)), max_size=5))
def test_layers_add(layers):
    total = sum(layers, Layer(0, 0))
    assert total == Layer(sum(x.parameters for x in layers), sum(x.macs for x in layers))
    assert total.flop == sum(x.flop for x in layers)


def test_heads_share_the_width_evenly():
    with pytest.raises(ValueError, match="heads is 3 and width is 8"):
        closed_form.multihead_attention(8, 3, queries=2, keys=2)
