"""Laws of the perceptron's learning rule: Novikoff's bound, and what it never learns."""

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from course_lib.models import MLP, Perceptron

law = settings(max_examples=40)
CORNERS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = torch.tensor([0, 1, 1, 0])
whole = st.integers(-5, 5)  # whole numbers, so that no sum is rounded


@st.composite
def separable(draw):
    """Points, their labels, and a plane (weights, bias) that separates them."""
    inputs = draw(st.integers(1, 3))
    plane = torch.tensor(draw(st.lists(whole, min_size=inputs + 1, max_size=inputs + 1))).double()
    points = draw(st.lists(st.lists(whole, min_size=inputs, max_size=inputs), min_size=1))
    x = torch.tensor(points).double()
    sums = x @ plane[:-1] + plane[-1]
    x, sums = x[sums != 0], sums[sums != 0]
    assume(len(x) > 0)
    return x, (sums > 0).long(), plane


@law
@given(separable())
def test_mistakes_are_bounded_however_often_the_examples_come(drawn):
    """Novikoff (1962): at most (R / gamma)^2, with the bias as the weight of a constant 1."""
    x, y, plane = drawn
    extended = torch.cat([x, torch.ones(len(x), 1)], dim=1).double()
    signs = 2 * y - 1
    margin = (signs * (extended @ plane)).min() / plane.norm()
    bound = (extended.norm(dim=1).max() / margin).square().item()
    perceptron = Perceptron(x.shape[1]).double()
    mistakes = perceptron.fit(x, y, passes=int(bound * (1 + 1e-9)) + 1)
    assert sum(mistakes) <= bound * (1 + 1e-9)
    assert mistakes.index(0) == len(mistakes) - 1 and torch.equal(perceptron(x), y.double())


def test_a_mistake_adds_or_subtracts_the_example():
    perceptron = Perceptron(2)  # says 1 to everything
    assert perceptron.learn(torch.tensor([[2.0, 3.0]]), torch.tensor([0])) == 1
    assert perceptron.weights.tolist() == [-2, -3] and perceptron.bias.item() == -1
    assert perceptron.learn(torch.tensor([[1.0, 0.0]]), torch.tensor([True])) == 1
    assert perceptron.weights.tolist() == [-1, -3] and perceptron.bias.item() == 0
    assert perceptron.learn(torch.tensor([[4.0, 1.0]]), torch.tensor([0.0])) == 0
    assert perceptron.weights.tolist() == [-1, -3] and perceptron.bias.item() == 0


def test_xor_is_never_learned():
    """The weights come back to where they have been, and so they go in a circle for ever."""
    perceptron, seen, mistakes = Perceptron(2), [], []
    while (state := (*perceptron.weights.tolist(), perceptron.bias.item())) not in seen:
        seen.append(state)
        mistakes.append(perceptron.learn(CORNERS, XOR))
        assert len(seen) < 1000
    assert min(mistakes) > 0


def test_a_hidden_layer_learns_xor():
    torch.manual_seed(0)
    model = MLP([2, 8, 1], "tanh")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        logits = model(CORNERS)[:, 0]
        torch.nn.functional.binary_cross_entropy_with_logits(logits, XOR.float()).backward()
        optimizer.step()
    assert ((model(CORNERS)[:, 0] > 0) == XOR).all()
