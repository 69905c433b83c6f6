"""Laws of what is counted on request: all arithmetic, half of causal attention, own rules."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib import count, register_rule
from course_lib.counting import operators
from tests.modules import Apply

law = settings(max_examples=20)
sizes = st.integers(1, 9)


def other(model, *inputs):
    """FLOP that only all_arithmetic counts, forwards."""
    work = count(model, *inputs, all_arithmetic=True)
    assert work.uncounted == [] and work.agrees
    return work.forward_flop - 2 * work.forward_macs


# --- all arithmetic ---


@law
@given(sizes, sizes, sizes, st.booleans())
def test_a_dense_layer_adds_a_bias_to_each_output(rows, inputs, outputs, bias):
    layer = nn.Linear(inputs, outputs, bias=bias)
    assert other(layer, torch.zeros(rows, inputs)) == rows * outputs * bias


@law
@given(sizes, sizes, st.booleans())
def test_a_convolution_adds_a_bias_to_each_output(channels, size, bias):
    layer = nn.Conv2d(2, channels, 3, padding=1, bias=bias)
    assert other(layer, torch.zeros(1, 2, size, size)) == channels * size**2 * bias
    work = count(layer, torch.zeros(1, 2, size, size), all_arithmetic=True)
    back = work.training_flop - count(layer, torch.zeros(1, 2, size, size)).training_flop
    assert back == 2 * channels * size**2 * bias  # there, and the sum that is its gradient


@pytest.mark.parametrize(
    ("function", "each"),
    [
        (torch.relu, 1), (torch.exp, 1), (F.gelu, 1), (lambda x: x + x, 1), (lambda x: 3 * x, 1),
        (lambda x: x.sum(), 1), (lambda x: x.softmax(-1), 5), (lambda x: x.log_softmax(-1), 5),
        (lambda x: F.layer_norm(x, (4,)), 5), (lambda x: x.cumsum(-1), 1),
        (lambda x: x.view(-1), 0), (lambda x: x.clone(), 0), (lambda x: x.t(), 0),
        (lambda x: torch.cat([x, x]), 0), (lambda x: x[:, ::2], 0), (lambda x: x > 0, 0),
        (lambda x: x.to(torch.float64), 0), (lambda x: torch.zeros_like(x), 0),
        (lambda x: x.long() * 2, 0), (lambda x: F.dropout(x, training=False), 0),
    ],
)  # fmt: skip
def test_each_number_costs_what_was_done_to_it(function, each):
    assert other(Apply(function), torch.zeros(3, 4)) == each * 12


@pytest.mark.parametrize(
    ("layer", "shape", "flop"),
    [
        (nn.LayerNorm(4), (3, 4), 7 * 12),
        (nn.LayerNorm(4, bias=False), (3, 4), 6 * 12),
        (nn.RMSNorm(4), (3, 4), 4 * 12),
        (nn.GroupNorm(2, 4), (3, 4, 5), 7 * 60),
        (nn.BatchNorm1d(4), (3, 4), 4 * 12),  # its statistics are given
        (nn.BatchNorm1d(4, affine=False), (3, 4), 2 * 12),
        (nn.MaxPool2d(2), (1, 1, 4, 4), 4 * 4),
        (nn.AvgPool2d(2), (1, 1, 4, 4), 4 * 4),
        (nn.AdaptiveAvgPool2d(1), (1, 3, 4, 4), 48),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (1, 1, 4, 4), 7 * 64),
    ],
)
def test_normalisation_and_pooling(layer, shape, flop):
    assert other(layer, torch.zeros(*shape)) == pytest.approx(flop, abs=12)  # and a scale or two


@pytest.mark.parametrize("causal", [False, True])
def test_attention_costs_its_softmax_taken_apart_or_fused(causal):
    batch, heads, queries, width = 2, 3, 7, 4
    q = torch.zeros(batch, heads, queries, width)
    attention = Apply(lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=causal))
    work = count(attention, q, all_arithmetic=True)
    scores = batch * heads * queries**2
    expected = (5 + causal) * scores + 2 * q.numel()
    assert work.forward_flop - 2 * work.forward_macs == expected
    assert work.training_flop == work.forward_flop  # in one routine; no gradient was asked for


@law
@given(sizes, sizes)
def test_macs_and_parameters_do_not_depend_on_the_convention(rows, width):
    model = nn.Sequential(nn.Linear(width, 3), nn.LayerNorm(3), nn.GELU(), nn.Linear(3, 2))
    plain = count(model, torch.zeros(rows, width))
    full = count(model, torch.zeros(rows, width), all_arithmetic=True)
    for name in ("parameters", "forward_macs", "activation_bytes", "by_operator", "agrees"):
        assert getattr(plain, name) == getattr(full, name)
    assert full.forward_flop == 2 * full.forward_macs + rows * (3 + 21 + 3 + 2)
    assert full.training_flop > plain.training_flop
    table = full.by_module.set_index("module")["forward_flop"]
    assert table["(root)"] == table[["0", "1", "2", "3"]].sum() == full.forward_flop


# --- causal attention ---


def attend(causal, dropout=0.0):
    def run(q, k, v):
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=causal)

    return Apply(run)


@law
@given(sizes, sizes, sizes, st.sampled_from([0.0, 0.1]), st.booleans())
def test_half_of_causal_attention_is_counted_on_request(heads, length, width, dropout, gradient):
    q = torch.zeros(2, heads, length, 2 * width, requires_grad=gradient)
    full = count(attend(True, dropout), q, q, q)
    half = count(attend(True, dropout), q, q, q, halve_causal=True)
    assert full.forward_macs == 2 * half.forward_macs == 2 * 2 * heads * length**2 * 2 * width
    assert full.training_flop == 2 * half.training_flop
    assert half.agrees and half.activation_bytes == full.activation_bytes
    open_to_all = count(attend(False, dropout), q, q, q, halve_causal=True)
    assert open_to_all.forward_macs == full.forward_macs


@law
@given(sizes, sizes, sizes, sizes)
def test_half_is_exact_where_a_product_is_odd(queries, keys, width, value_width):
    q = torch.zeros(1, 1, queries, width, requires_grad=True)
    k, v = torch.zeros(1, 1, keys, width), torch.zeros(1, 1, keys, value_width)
    full = count(attend(True), q, k, v)
    half = count(attend(True), q, k, v, halve_causal=True)
    assert half.forward_macs == full.forward_macs // 2
    assert half.forward_flop == full.forward_macs and half.agrees
    assert half.training_flop == full.training_flop // 2


def test_only_attention_is_halved():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.project = nn.Linear(8, 8)

        def forward(self, x):
            q = self.project(x)
            return self.project(F.scaled_dot_product_attention(q, q, q, is_causal=True))

    x = torch.zeros(1, 2, 6, 8)
    full, half = count(Block(), x), count(Block(), x, halve_causal=True)
    products = 2 * 2 * 36 * 8
    assert full.forward_macs - half.forward_macs == products // 2
    assert full.training_flop - half.training_flop == 3 * products
    for work in (full, half):
        table = work.by_module.set_index("module")
        assert table.loc["project", "forward_macs"] == 2 * 12 * 64
        assert table["agrees"].all() and table.loc["(root)", "closed_form_macs"] == (
            work.forward_macs
        )


# --- an operator of one's own ---


@torch.library.custom_op("course_tests::scaled_product", mutates_args=())
def scaled_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return 2 * (a @ b)


@scaled_product.register_fake
def _(a, b):
    return a.new_empty(a.shape[0], b.shape[1])


@torch.library.custom_op("course_tests::no_shapes", mutates_args=())
def no_shapes(a: torch.Tensor) -> torch.Tensor:
    return a * a


@pytest.fixture
def rules(monkeypatch):
    monkeypatch.setattr(operators, "MAC_RULES", dict(operators.MAC_RULES))
    monkeypatch.setattr(operators, "_own_arithmetic", {})


def test_an_operator_counts_once_it_has_a_rule(rules):
    model = Apply(lambda a: scaled_product(a, a.t()))
    with pytest.warns(UserWarning, match=r"no rule for course_tests\.scaled_product"):
        work = count(model, torch.zeros(3, 4))
    assert work.forward_macs == 0 and work.uncounted == ["course_tests.scaled_product"]
    register_rule(
        scaled_product,
        macs=lambda a, b: a.numel() * b.shape[1],
        other_flop=lambda a, b: a.shape[0] * b.shape[1],
    )
    work = count(model, torch.zeros(3, 4), all_arithmetic=True)
    assert (work.forward_macs, work.forward_flop) == (36, 2 * 36 + 9)
    assert work.agrees and work.by_operator == {"course_tests.scaled_product": 36}


def test_a_rule_can_replace_ours(rules):
    register_rule(torch.ops.aten.mm.default, lambda a, b: 7)
    assert count(Apply(torch.mm), torch.zeros(2, 3), torch.zeros(3, 4)).forward_macs == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.relu, len), "operator is .*give one from torch.ops"),
        ((torch.ops.aten.mm, 3), "macs is 3; give a function"),
        ((torch.ops.aten.mm, len, "many"), "other_flop is 'many'"),
    ],
)
def test_rules_are_for_operators(rules, arguments, message):
    with pytest.raises(TypeError, match=message):
        register_rule(*arguments)


def test_an_operator_without_shapes_is_named():
    model = nn.Sequential(nn.Linear(3, 3), Apply(lambda x: no_shapes(x)))
    with pytest.raises(ValueError, match=r"Sequential\.1 .*register_fake.*register_rule"):
        count(model, torch.zeros(2, 3))


# --- products that modules do not own ---


@law
@given(st.lists(sizes, min_size=5, max_size=5), st.booleans())
def test_a_bilinear_layer_is_two_products(sizes, bias):
    first, second, outputs, rows, more = sizes
    layer = nn.Bilinear(first, second, outputs, bias=bias)
    work = count(layer, torch.zeros(more, rows, first), torch.zeros(more, rows, second))
    assert work.forward_macs == more * rows * outputs * second * (first + 1)
    assert work.agrees and work.uncounted == []
    once = 2 * more * rows * outputs * first * second
    assert work.training_flop >= work.forward_flop + once


def test_work_by_operator_adds_up():
    model = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    work = count(model, torch.zeros(2, 5, 16))
    assert sum(work.by_operator.values()) == work.forward_macs
    assert math.isclose(work.by_operator["aten.bmm"], 2 * 2 * 25 * 16)


# --- what PyTorch's own rules get wrong or do not have ---


@law
@given(
    st.sampled_from([1, 2, 3]), sizes, sizes, st.integers(1, 2), st.integers(1, 2), st.booleans(),
    st.integers(1, 3),
)  # fmt: skip
def test_training_a_grouped_convolution_costs_three_forwards(
    groups, inputs, outputs, stride, dilation, transposed, batch
):
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    layer = kind(groups * inputs, groups * outputs, 3, stride, 2, dilation=dilation, groups=groups)
    x = torch.zeros(batch, groups * inputs, 7, 6, requires_grad=True)
    work = count(layer, x)
    assert work.training_flop == 3 * work.forward_flop and work.agrees
    data = count(layer, x.detach())
    assert data.training_flop == 2 * data.forward_flop


ACTIVATIONS = [
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Sigmoid, nn.Tanh, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Hardshrink, nn.Softshrink,
    nn.Softplus, nn.Softsign, nn.Tanhshrink, nn.LogSigmoid, nn.GLU, nn.RReLU, nn.Softmin,
    lambda: nn.Softmax(-1), lambda: nn.LogSoftmax(-1), lambda: nn.Threshold(0.1, 0.0),
]  # fmt: skip
POOLS = [
    lambda: nn.MaxPool2d(2), lambda: nn.AvgPool2d(2), lambda: nn.AdaptiveAvgPool2d(2),
    lambda: nn.AdaptiveMaxPool2d(2), lambda: nn.LPPool2d(2, 2), lambda: nn.Upsample(scale_factor=2),
    lambda: nn.Upsample(scale_factor=2, mode="bilinear"), lambda: nn.ReflectionPad2d(1),
    lambda: nn.ZeroPad2d(1), lambda: nn.PixelShuffle(2), lambda: nn.Dropout(0.5), nn.Flatten,
    lambda: nn.LocalResponseNorm(2), lambda: nn.InstanceNorm2d(4), lambda: nn.Unfold(2),
]  # fmt: skip
LOSSES = [
    nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.BCEWithLogitsLoss, nn.KLDivLoss,
    nn.PoissonNLLLoss, nn.SoftMarginLoss,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:(Implicit dimension|reduction)")
@pytest.mark.parametrize("make", [*ACTIVATIONS, *POOLS])
def test_ordinary_layers_have_rules_there_and_back(make):
    x = torch.zeros(2, 4, 6, 6, requires_grad=True)
    work = count(make(), x, all_arithmetic=True)
    assert work.uncounted == [] and work.forward_macs == 0


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("make", LOSSES)
def test_losses_have_rules_there_and_back(make):
    x = torch.zeros(2, 6, requires_grad=True)
    work = count(make(), x, torch.zeros(2, 6), all_arithmetic=True)
    assert work.uncounted == [] and work.forward_macs == 0 < work.forward_flop
    assert work.training_flop > work.forward_flop


def test_classification_losses_have_rules():
    logits, labels = torch.zeros(2, 6, requires_grad=True), torch.zeros(2, dtype=torch.long)
    work = count(nn.CrossEntropyLoss(), logits, labels, all_arithmetic=True)
    assert work.uncounted == [] and work.forward_flop >= 5 * 12
