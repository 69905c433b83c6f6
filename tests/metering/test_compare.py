"""What `compare` promises: ratios that stay where both calls are disturbed alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import Estimate, compare, measure
from course_lib.metering import Comparison
from tests.metering.fake_machine import ends


@pytest.mark.parametrize("clock", ["wall", "cpu"])
@pytest.mark.parametrize(("a", "b"), [(0.01, 0.01), (0.03, 0.01), (1e-5, 4e-5), (0.002, 1e-6)])
def test_the_ratio_of_two_steady_calls_is_exact(machine, clock, a, b):
    ratio = compare(machine.task(a), machine.task(b), clock=clock, repeats=9)
    assert ends(ratio) == pytest.approx((a / b,) * 3, rel=1e-5) and ratio.unit == ""


def test_clocks_are_compared_each_with_itself(machine):
    busy, idle = machine.task(0.04, cpu=0.04), machine.task(0.04, cpu=0.01)
    assert compare(busy, idle, repeats=5).value == pytest.approx(1)
    assert compare(busy, idle, repeats=5, clock="cpu").value == pytest.approx(4)


def test_turns_cancel_what_drifts(machine):
    def drifting(call):
        return 0.01 * 1.002**call

    ratio = compare(machine.task(drifting), machine.task(drifting), repeats=100)
    assert ends(ratio) == pytest.approx((1, 1, 1), abs=0.01)
    machine.calls = 0
    first, second = (measure(machine.task(drifting), repeats=100) for _ in range(2))
    assert second.seconds.value > 1.15 * first.seconds.value


def test_calls_take_turns(machine):
    order = []
    first, second = machine.task(0.01), machine.task(0.01)
    compare(lambda: (order.append("a"), first()), lambda: (order.append("b"), second()), repeats=6)
    assert "".join(order).endswith("ab" * 6) and order[:6] == list("ababab")


def test_both_are_warm_before_the_clock_counts(machine):
    quicker = machine.task(lambda call: max(0.01, 0.02 * 0.95**call))
    ratio = compare(quicker, machine.task(0.01), repeats=6)
    assert ends(ratio) == pytest.approx((1, 1, 1))


def test_three_times_the_work_takes_longer():
    def work(size):
        return lambda: sum(range(size))

    more = compare(work(60_000), work(20_000), clock="cpu", repeats=30)
    assert more.value > 2 and more.difference_seen
    itself = compare(work(20_000), work(20_000), clock="cpu", repeats=30)
    assert 0.5 < itself.value < 2


def scattered(machine, seed, factor):
    """Two calls with noise of their own, the first ``factor`` times as long."""
    noise = np.exp(np.random.default_rng(seed).normal(0, 0.05, 1000))
    return [
        machine.task(lambda call, times=times: 0.01 * times * noise[call % 1000])
        for times in (factor, 1)
    ]


def test_a_difference_is_seen_where_there_is_one_and_seldom_where_there_is_none(machine):
    seen = [compare(*scattered(machine, seed, 1.1), repeats=50) for seed in range(20)]
    assert all(ratio.difference_seen and "no difference" not in str(ratio) for ratio in seen)
    alike = [compare(*scattered(machine, seed, 1.0), repeats=50) for seed in range(60)]
    assert np.mean([ratio.difference_seen for ratio in alike]) <= 0.25  # one in ten is meant
    assert all(("no difference seen" in str(r)) != r.difference_seen for r in alike)


@given(st.floats(0.1, 10), st.floats(1, 2), st.floats(1, 2))
def test_a_comparison_is_an_estimate(value, below, above):
    ratio = Comparison(value, value / below, value * above)
    plain = Estimate(value, value / below, value * above)
    assert ratio.difference_seen == (value / below > 1 or value * above < 1)
    assert str(ratio).startswith(str(plain))
    assert type(ratio * 2) is Estimate and (ratio * 2).value == (plain * 2).value
    assert ends(ratio / ratio) == (1, 1, 1)


def test_a_clock_must_be_known(machine):
    task = machine.task(1.0)
    with pytest.raises(ValueError, match="clock is 'gpu'; allowed are 'wall' and 'cpu'"):
        compare(task, task, clock="gpu")
    assert machine.calls == 0
