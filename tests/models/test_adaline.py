"""Laws of ADALINE's rule: a step mends a share, learning ends at least squares, XOR stays out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import count
from course_lib.models import Adaline

CORNERS = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
XOR = torch.tensor([0, 1, 1, 0])
numbers = st.floats(-4, 4, width=32)
rates = st.floats(0.01, 1.99)
law = settings(max_examples=40, deadline=None)


def aims(y):
    return 2 * y.double() - 1


def wide(x):
    return torch.cat([x, torch.ones(len(x), 1).to(x)], dim=1)


@law
@given(st.lists(numbers, min_size=1, max_size=5), st.integers(0, 1), rates)
def test_a_step_mends_its_example_by_the_share(values, label, rate):
    """Widrow and Hoff: what remains of the error is 1 - rate of it."""
    x, y = torch.tensor([values]).double(), torch.tensor([label])
    adaline = Adaline(len(values), rate).double()
    before = aims(y) - adaline.sums(x)
    met = adaline.learn(x, y)
    after = aims(y) - adaline.sums(x)
    assert met == pytest.approx(before.item() ** 2)
    torch.testing.assert_close(after, (1 - rate) * before, rtol=1e-9, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_a_small_rate_ends_at_the_least_squares_weights(seed):
    """On examples of one length, on which the rule weighs all alike."""
    random = torch.Generator().manual_seed(seed)
    x = 2 * torch.randint(2, (24, 2), generator=random).double() - 1
    y = torch.randint(2, (24,), generator=random)
    adaline = Adaline(2, rate=0.01).double()
    adaline.fit(x, y, passes=200)
    solved = torch.linalg.lstsq(wide(x), aims(y)[:, None], driver="gelsd").solution[:, 0]
    torch.testing.assert_close(adaline.sums(x), wide(x) @ solved, rtol=0, atol=0.1)


def test_of_xor_it_learns_nothing():
    adaline = Adaline(2, rate=0.01)
    adaline.fit(CORNERS, XOR, passes=500)
    off = adaline.sums(CORNERS) - (2 * XOR - 1)
    assert off.square().mean() > 0.99  # of 1, which always saying nothing has
    assert adaline.weights.abs().max() < 0.05


@law
@given(st.integers(1, 9), st.integers(1, 9))
def test_the_formula_is_the_count(inputs, batch):
    adaline = Adaline(inputs)
    work, formula = count(adaline, torch.zeros(batch, inputs)), adaline.closed_form(batch)
    assert work.parameters == formula.parameters == inputs + 1
    assert work.forward_macs == formula.macs == batch * inputs


@pytest.mark.parametrize("rate", [0, 2, -0.1, float("nan"), float("inf")])
def test_a_rate_that_does_not_settle_is_refused(rate):
    with pytest.raises(ValueError, match=r"rate is .*; allowed are numbers between 0 and 2"):
        Adaline(2, rate)


def test_errors_name_what_came():
    adaline = Adaline(2)
    with pytest.raises(ValueError, match=r"x has the shape \(1, 3\); allowed is \(examples, 2\)"):
        adaline.learn(torch.zeros(1, 3), torch.zeros(1))
    with pytest.raises(ValueError, match=r"y holds \[2\]; allowed are the labels 0 and 1"):
        adaline.learn(torch.zeros(1, 2), torch.tensor([2]))
    with pytest.raises(ValueError, match="passes is 0; allowed are integers of at least 1"):
        adaline.fit(CORNERS, XOR, passes=0)
    with pytest.raises(TypeError, match=r"inputs is 2\.0"):
        Adaline(2.0)
