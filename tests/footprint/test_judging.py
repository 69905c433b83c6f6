"""Break-even, lifetime, the price of a point, and the best time to start."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.footprint import Run, best_start, break_even, cost_per_point, lifetime
from course_lib.quantities import Estimate

law = settings(max_examples=30)
exact = Estimate.exact
amounts = st.floats(1e-3, 1e9)
times = st.floats(0.1, 100)


@law
@given(amounts, amounts, st.floats(1.01, 3), st.floats(1.01, 3))
def test_break_even_solves(training, query, wide, wider):
    once = Estimate(training, training / wide, training * wide, "kWh", name="once")
    each = Estimate(query, query / wider, query * wider, "Wh", name="each")
    uses = break_even(once, each)
    assert uses.unit == ""
    gap = (uses * each.to("kWh")) / once
    assert (gap.low, gap.value, gap.high) == pytest.approx((1, 1, 1))
    whole, share = lifetime(once, each, uses)
    assert share.value == pytest.approx(0.5)
    assert whole.value == pytest.approx(2 * training)


def test_break_even_of_two_ways():
    small = Run(energy_kwh=300), Run(energy_kwh=0.001)
    large = Run(energy_kwh=100), Run(energy_kwh=0.003)
    uses = break_even(
        small[0].energy_kwh - large[0].energy_kwh, large[1].energy_kwh - small[1].energy_kwh
    )
    assert uses.value == pytest.approx(100_000)
    costs = [way[0].energy_kwh + uses.value * way[1].energy_kwh for way in (small, large)]
    assert costs[0].value == pytest.approx(costs[1].value)


@pytest.mark.parametrize(
    ("each", "message"),
    [(exact(0, "kWh"), "no break-even"), (Estimate(1, -1, 2, "kWh"), "no break-even"),
     (exact(1, "kgCO2e"), "once is in kWh, each in kgCO2e")],
)  # fmt: skip
def test_no_break_even(each, message):
    with pytest.raises(ValueError, match=message):
        break_even(exact(1, "kWh"), each)


@law
@given(amounts, st.floats(0.01, 50))
def test_cost_per_point(cost, gain):
    price = cost_per_point(exact(cost, "USD"), gain)
    assert price.value * gain == pytest.approx(cost)
    assert price.unit == "USD/point"
    for fraction in (exact(gain, "%"), exact(gain / 100)):
        assert cost_per_point(exact(cost, "USD"), fraction).value == pytest.approx(price.value)


@pytest.mark.parametrize("gain", [0, -1, Estimate(1, -0.1, 2, "point")])
def test_a_point_that_was_not_gained_has_no_price(gain):
    with pytest.raises(ValueError, match="gain is"):
        cost_per_point(exact(1, "USD"), gain)


@law
@given(times, times, times)
def test_no_other_start_is_cheaper(cost, delay, halving):
    best = best_start(cost, delay, halving).value

    def total(wait):
        return cost * 2 ** (-wait / halving) + delay * wait

    for other in (0, best / 2, best + 0.01 * halving, best + halving, 3 * best):
        assert total(best) <= total(other) * (1 + 1e-9)


def test_slacking_pays_beyond_26_months():
    """Gottbrath et al. (1999): with a doubling in 18 months, below 26 months start at once."""
    limit = 18 / math.log(2)
    assert limit == pytest.approx(26, abs=0.05)
    assert best_start(limit * 0.999, 1, 18).value == 0
    assert best_start(limit * 1.01, 1, 18).value > 0


def test_best_start_keeps_units_and_intervals():
    wait = best_start(
        Estimate(1e6, 5e5, 2e6, "USD"), exact(500, "USD/day"), Estimate(800, 600, 1000, "day")
    )
    assert wait.unit == "day"
    assert wait.low < wait.value < wait.high
    with pytest.raises(ValueError, match="cannot express"):
        best_start(exact(1, "USD"), exact(1, "USD/day"), exact(2, "h^2"))
    with pytest.raises(ValueError, match="delay_cost is"):
        best_start(1, 0, 1)
