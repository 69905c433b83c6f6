"""Laws of all models: formula and count agree, shapes hold, examples do not touch, all learns."""

import copy
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib import count
from course_lib.closed_form import Layer
from course_lib.models import (
    ACTIVATIONS,
    CNN,
    MLP,
    CharacterLSTM,
    Neuron,
    Perceptron,
    SelfAttention,
    Transformer,
)

law = settings(max_examples=20)
sizes = st.integers(1, 9)
batches = st.integers(1, 4)
booleans = st.booleans()
GRADED = [name for name in ACTIVATIONS if name != "step"]  # with a gradient


@dataclass
class Case:
    """A model, an input that fits it, the formula for the two, and the shape that is promised."""

    model: nn.Module
    x: torch.Tensor
    formula: Layer
    shape: tuple[int, ...]


def tokens(vocabulary, batch, time):
    return torch.randint(vocabulary, (batch, time))


@st.composite
def neurons(draw):
    inputs, batch = draw(sizes), draw(batches)
    torch.manual_seed(0)
    model = Neuron(inputs, draw(st.sampled_from(GRADED)), draw(booleans))
    return Case(model, torch.randn(batch, inputs), model.closed_form(batch), (batch,))


@st.composite
def perceptrons(draw):
    inputs, batch = draw(sizes), draw(batches)
    torch.manual_seed(0)
    model = Perceptron(inputs)
    return Case(model, torch.randn(batch, inputs), model.closed_form(batch), (batch,))


@st.composite
def mlps(draw):
    widths, batch = draw(st.lists(sizes, min_size=2, max_size=5)), draw(batches)
    torch.manual_seed(0)
    model = MLP(widths, draw(st.sampled_from(GRADED)), draw(booleans))
    x = torch.randn(batch, widths[0])
    return Case(model, x, model.closed_form(batch), (batch, widths[-1]))


@st.composite
def cnns(draw):
    stages, kernel = draw(st.lists(st.integers(1, 4), max_size=2)), draw(st.integers(1, 5))
    padding = draw(st.integers(0, kernel // 2))
    smallest = 1
    for _ in stages:
        smallest = 2 * smallest + kernel - 1 - 2 * padding
    sides = draw(st.lists(st.integers(max(1, smallest), 20), min_size=1, max_size=2))
    image = (draw(st.integers(1, 3)), *sides)
    classes, hidden = draw(sizes), draw(st.lists(sizes, max_size=2))
    torch.manual_seed(0)
    model = CNN(image, classes, stages, kernel, padding, hidden)
    batch = draw(batches)
    return Case(model, torch.randn(batch, *image), model.closed_form(batch), (batch, classes))


@st.composite
def attentions(draw):
    heads, batch, time = draw(st.integers(1, 3)), draw(batches), draw(sizes)
    width = heads * draw(st.integers(1, 4))
    torch.manual_seed(0)
    model = SelfAttention(width, heads, draw(booleans), draw(booleans), draw(booleans))
    x = torch.randn(batch, time, width)
    return Case(model, x, model.closed_form(time, batch), (batch, time, width))


@st.composite
def transformers(draw):
    heads, batch, time, vocabulary = (
        draw(st.integers(1, 3)),
        draw(batches),
        draw(sizes),
        draw(sizes),
    )
    torch.manual_seed(0)
    model = Transformer(
        vocabulary, heads * draw(st.integers(1, 4)), draw(st.integers(1, 3)), heads,
        context=time + draw(st.integers(0, 3)), feedforward=draw(st.none() | sizes),
        bias=draw(booleans), tied=draw(booleans), fused=draw(booleans),
    )  # fmt: skip
    x = tokens(vocabulary, batch, time)
    return Case(model, x, model.closed_form(time, batch), (batch, time, vocabulary))


@st.composite
def lstms(draw):
    vocabulary, batch, time = draw(sizes), draw(batches), draw(st.integers(1, 4))
    torch.manual_seed(0)
    model = CharacterLSTM(vocabulary, draw(sizes), draw(st.integers(1, 3)))
    x = tokens(vocabulary, batch, time)
    return Case(model, x, model.closed_form(time, batch), (batch, time, vocabulary))


CASES = {
    "neuron": neurons(),
    "perceptron": perceptrons(),
    "mlp": mlps(),
    "cnn": cnns(),
    "attention": attentions(),
    "transformer": transformers(),
    "lstm": lstms(),
}
every_kind = pytest.mark.parametrize("kind", CASES)


@every_kind
@law
@given(st.data())
def test_formula_and_count_agree(kind, data):
    case = data.draw(CASES[kind])
    work = count(case.model, case.x)
    assert case.formula == Layer(work.parameters, work.forward_macs)
    assert case.formula.flop == work.forward_flop
    assert work.agrees and work.uncounted == []


@every_kind
@law
@given(st.data())
def test_shape_and_precision_are_as_promised_on_every_device_and_in_every_mode(kind, data):
    case = data.draw(CASES[kind])
    output = case.model(case.x)
    assert output.shape == case.shape and output.isfinite().all()
    assert torch.equal(copy.deepcopy(case.model).eval()(case.x), output)

    shapes = copy.deepcopy(case.model).to("meta")
    assert shapes(case.x.to("meta")).shape == case.shape

    short = copy.deepcopy(case.model).bfloat16()
    x = case.x.bfloat16() if case.x.is_floating_point() else case.x
    rounded = short(x)
    assert rounded.shape == case.shape and rounded.dtype == torch.bfloat16


@every_kind
@law
@given(st.data())
def test_examples_of_a_batch_do_not_touch_each_other(kind, data):
    case = data.draw(CASES[kind])
    model = case.model.double()
    x = case.x.double() if case.x.is_floating_point() else case.x
    one_by_one = torch.cat([model(example) for example in x.split(1)])
    torch.testing.assert_close(model(x), one_by_one, rtol=1e-10, atol=1e-10)


# --- learning ---


def examples(kind):
    """A model, inputs and labels to memorise; the seed makes them the same each time."""
    torch.manual_seed(0)
    text = tokens(7, 4, 9)
    labels = torch.randint(3, (16,))
    return {
        "neuron": lambda: (Neuron(20), torch.randn(16, 20), (labels > 0).float()),
        "mlp": lambda: (MLP([5, 16, 3]), torch.randn(16, 5), labels),
        "cnn": lambda: (CNN((1, 8, 8), 3), torch.randn(16, 1, 8, 8), labels),
        "cnn of signals": lambda: (CNN((2, 20), 3), torch.randn(16, 2, 20), labels),
        "attention": lambda: (SelfAttention(8, 2), torch.randn(4, 9, 8), text),
        "transformer": lambda: (Transformer(7, 16, 2, 2, context=8), text[:, :-1], text[:, 1:]),
        "untied": lambda: (
            Transformer(7, 16, 2, 2, context=8, tied=False, fused=False),
            text[:, :-1],
            text[:, 1:],
        ),
        "lstm": lambda: (CharacterLSTM(7, 16, 2), text[:, :-1], text[:, 1:]),
    }[kind]()


LEARNERS = [
    *["neuron", "mlp", "cnn", "cnn of signals"],
    *["attention", "transformer", "untied", "lstm"],
]


def loss_of(model, x, y):
    output = model(x)
    if output.dim() == 1:
        return F.binary_cross_entropy(output, y)
    return F.cross_entropy(output.flatten(0, -2), y.flatten())


@pytest.mark.parametrize("kind", LEARNERS)
def test_gradients_reach_every_parameter(kind):
    model, x, y = examples(kind)
    loss_of(model, x, y).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", LEARNERS)
def test_training_lowers_the_loss(kind):
    model, x, y = examples(kind)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    first = loss_of(model, x, y).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss_of(model, x, y).backward()
        optimizer.step()
    assert loss_of(model, x, y).item() < first / 2


# --- neuron, MLP, CNN ---


@law
@given(sizes, batches, st.sampled_from(GRADED))
def test_a_neuron_is_a_weighted_sum_and_an_activation(inputs, batch, name):
    torch.manual_seed(0)
    x = torch.randn(batch, inputs)
    named, given_function = Neuron(inputs, name), Neuron(inputs, ACTIVATIONS[name])
    given_function.load_state_dict(named.state_dict())
    expected = [
        ACTIVATIONS[name](named.bias + sum(w * v for w, v in zip(named.weights, row, strict=True)))
        for row in x
    ]
    torch.testing.assert_close(named(x), torch.stack(expected))
    assert torch.equal(named(x), given_function(x))


def test_a_neuron_with_a_step_fires_at_its_threshold():
    both = Neuron(2, "step")
    with torch.no_grad():
        both.weights.fill_(1.0)
        both.bias.fill_(-2.0)
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert both(corners).tolist() == [0, 0, 0, 1]  # McCulloch and Pitts' AND
    assert both(corners[3]).item() == 1 and both(corners.view(2, 2, 2)).shape == (2, 2)
    with pytest.warns(UserWarning, match="no backward pass"):
        assert count(both, corners).training_flop == count(Perceptron(2), corners).training_flop


@law
@given(st.lists(sizes, min_size=2, max_size=5), batches)
def test_an_mlp_without_activation_is_one_linear_layer(widths, batch):
    torch.manual_seed(0)
    model = MLP(widths, "identity").double()
    x = torch.randn(batch, 3, widths[0], dtype=torch.float64)
    zero, matrix = model(torch.zeros(widths[0]).double()), torch.eye(widths[0]).double()
    torch.testing.assert_close(model(x), x @ (model(matrix) - zero) + zero)


def test_lenet_is_its_layers_one_after_the_other():
    model = CNN((3, 32, 32), padding=0)
    convolutions, dense = list(model.stages), list(model.classifier.layers)
    reference = nn.Sequential(
        convolutions[0], nn.ReLU(), nn.MaxPool2d(2), convolutions[1], nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), dense[0], nn.ReLU(), dense[1], nn.ReLU(), dense[2],
    )  # fmt: skip
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(model(x), reference(x))
    assert model.positions == [[28, 28], [10, 10]] and dense[0].in_features == 16 * 5 * 5
