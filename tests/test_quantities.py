"""Laws of `Estimate` and `Forecast`: units cancel, one input is one input, intervals are right."""

import itertools
import math
import os
import subprocess
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from course_lib import quantities
from course_lib.quantities import BASES, Estimate, Forecast, si, si_scale

law = settings(max_examples=40)

SYMBOLS = ["s", "h", "J", "kWh", "W", "FLOP", "MAC", "B", "KiB", "kgCO2e", "USD", "token", "%"]
magnitudes = st.floats(1e-12, 1e12)
factors = st.floats(1.01, 5.0)  # from the median to an end of the interval
units = st.dictionaries(st.sampled_from(SYMBOLS), st.sampled_from([-3, -2, -1, 1, 2, 3]))
names = st.integers(0, 10**6).map(str)


@st.composite
def positives(draw, unit=None):
    """Estimates above zero, each an input of its own."""
    value = draw(magnitudes)
    below, above = draw(factors), draw(factors)
    unit = draw(st.sampled_from(["", "J", "FLOP/s", "kgCO2e/kWh"])) if unit is None else unit
    basis = draw(st.sampled_from(BASES))
    return Estimate(value, value / below, value * above, unit, basis, name=draw(names))


def ends(estimate):
    return estimate.value, estimate.low, estimate.high


def close(a, b, within=1e-9):
    return all(
        math.isclose(x, y, rel_tol=within, abs_tol=within * abs(a.high - a.low))
        for x, y in zip(ends(a), ends(b), strict=True)
    )


# --- units ---


@law
@given(units)
def test_a_unit_is_parsed_as_it_was_rendered(powers):
    assert quantities._parse(quantities._render(powers)) == powers


@law
@given(units, units)
def test_units_multiply_divide_and_cancel(first, second):
    a, b = (Estimate.exact(2.0, quantities._render(powers)) for powers in (first, second))
    assert quantities._parse((a * b / b).unit) == first
    assert (a / a).unit == "" and (a**0).unit == ""
    assert quantities._parse((1 / a).unit) == {symbol: -p for symbol, p in first.items()}
    assert quantities._parse((a**2).unit) == quantities._parse((a * a).unit)


@pytest.mark.parametrize(
    ("written", "same"),
    [("W*h", "W·h"), ("FLOP s^-1", "FLOP/s"), ("1/s", "s^-1"), ("J/s/s", "J/s^2"), ("", "1")],
)
def test_spellings_of_one_unit(written, same):
    assert quantities._parse(written) == quantities._parse(same)
    assert (Estimate.exact(3, written) + Estimate.exact(4, same)).value == 7


@pytest.mark.parametrize("unit", ["FLOP/s!", "3 J", "J^x", "J^^2", "(J)"])
def test_a_unit_that_cannot_be_read_is_an_error(unit):
    with pytest.raises(ValueError, match="has the part"):
        Estimate.exact(1, unit)


@pytest.mark.parametrize(
    ("value", "unit", "other", "expected"),
    [
        (3.6e6, "J", "kWh", 1.0),
        (2.0, "W·h", "J", 7200.0),
        (1.0, "kW·day", "kWh", 24.0),
        (400.0, "gCO2e/kWh", "kgCO2e/MWh", 400.0),
        (50.0, "%", "", 0.5),
        (1.0, "GiB/s", "MiB/s", 1024.0),
        (90.0, "USD/h", "USD/min", 1.5),
        (1.0, "J/W", "s", 1.0),
    ],
)
def test_conversions(value, unit, other, expected):
    there = Estimate(value, value / 2, value * 2, unit).to(other)
    assert there.unit == other and math.isclose(there.value, expected, rel_tol=1e-12)
    assert math.isclose(there.low, expected / 2) and math.isclose(there.high, expected * 2)


@law
@given(st.data(), st.sampled_from(sorted(quantities._SCALES)))
def test_there_and_back_again(data, unit):
    scales = quantities._SCALES
    others = [other for other in scales if scales[other][0] == scales[unit][0]]
    estimate = data.draw(positives(unit))
    back = estimate.to(data.draw(st.sampled_from(others))).to(unit)
    assert close(back, estimate, 1e-12) and back.basis == estimate.basis
    assert close(back / estimate, Estimate.exact(1.0), 1e-12)  # still the same input


@pytest.mark.parametrize(
    ("unit", "other"), [("FLOP", "MAC"), ("J", "W"), ("FLOP", "FLOP/s"), ("", "s"), ("USD", "EUR")]
)
def test_what_is_not_the_same_is_neither_converted_nor_added(unit, other):
    a, b = Estimate.exact(1, unit), Estimate.exact(1, other)
    with pytest.raises(ValueError, match="cannot express"):
        a.to(other)
    named = unit or "a plain number"
    with pytest.raises(ValueError, match=f"cannot add {named} and {other}: convert one with"):
        a + b
    with pytest.raises(ValueError, match="cannot add"):
        a - b


def test_units_of_one_dimension_are_not_added_unasked():
    with pytest.raises(ValueError, match="cannot add J and kWh: convert one"):
        Estimate.exact(1, "J") + Estimate.exact(1, "kWh")


# --- one input is one input ---


@law
@given(positives())
def test_an_input_used_twice_cancels_exactly(x):
    assert ends(x - x) == (0, 0, 0)
    assert ends(x / x) == (1, 1, 1)
    assert close(3 * x - 2 * x, x * 1.0) and close(0 - x, -x)


@law
@given(positives("J"), positives("J"), positives("J"))
def test_algebra_holds_for_the_interval_too(a, b, c):
    names_used = {a.name, b.name, c.name}
    assume(len(names_used) == 3)
    assert ends(a + b) == ends(b + a) and ends(a * b) == ends(b * a)
    assert close(c * (a + b), c * a + c * b)
    assert close(a * b / b, a / c * c)
    assert close((a / b) ** -1, b / a)
    assert close(a**3, a * a * a)


@law
@given(magnitudes, factors, names)
def test_one_name_is_one_input(value, factor, name):
    first, second = (Estimate(value, value / factor, value * factor, name=name) for _ in range(2))
    assert ends(first / second) == (1, 1, 1)
    other = Estimate(value, value / factor, value * factor, name=name + " of another")
    assert (first / other).high > 1 > (first / other).low


def test_without_a_name_each_is_an_input_of_its_own():
    first, second = Estimate(2, 1, 4), Estimate(2, 1, 4)
    ratio = first / second
    assert math.isclose(ratio.high, 2 ** math.sqrt(2), rel_tol=0.1)
    assert math.isclose(ratio.low, 2 ** -math.sqrt(2), rel_tol=0.1)


# --- intervals ---


@law
@given(positives(), positives(), positives())
def test_a_product_of_lognormals_has_the_analytic_interval(a, b, c):
    assume(len({a.name, b.name, c.name}) == 3)
    sides = []
    for side in (a, b, c):
        spread = math.log(side.high / side.value)
        sides.append(
            Estimate(
                side.value,
                side.value * math.exp(-spread),
                side.value * math.exp(spread),
                name=side.name,
            )
        )
    product = sides[0] * sides[1] / sides[2]
    half = math.sqrt(sum(math.log(side.high / side.value) ** 2 for side in sides))
    assert math.isclose(math.log(product.high / product.value), half, rel_tol=0.1)
    assert math.isclose(math.log(product.value / product.low), half, rel_tol=0.1)


@law
@given(
    st.lists(st.tuples(st.floats(-100, 100), st.floats(1, 50), names), min_size=2, max_size=5),
)
def test_a_sum_of_normals_has_the_analytic_interval(parts):
    assume(len({name for _, _, name in parts}) == len(parts))
    inputs = [Estimate(v, v - h, v + h, name=name) for v, h, name in parts if v - h <= 0]
    assume(len(inputs) > 1)  # a positive input is log-normal
    total = sum(inputs)
    half = math.sqrt(sum((e.high - e.value) ** 2 for e in inputs))
    assert math.isclose(total.value, sum(e.value for e in inputs), abs_tol=1e-9)
    assert math.isclose(total.high - total.value, half, rel_tol=0.1)
    assert math.isclose(total.value - total.low, half, rel_tol=0.1)


@law
@given(positives())
def test_an_estimate_holds_its_own_interval(x):
    again = x * 1.0  # goes through the draws
    assert close(again, x, 0.01)


@law
@given(positives(), positives("s"))
def test_the_interval_holds_the_value_and_the_basis_is_the_least_sure(a, b):
    for result in (a * b, a / b, (a * b) ** -2):
        assert result.low <= result.value <= result.high
    assert (a * b).basis == max(a.basis, b.basis, key=BASES.index)
    assert (a * 2).basis == a.basis and (a / 3.0).basis == a.basis


def test_bases_are_ordered_from_the_surest():
    assert BASES == ("counted", "measured", "published", "assumed")
    for first, second in itertools.combinations(BASES, 2):
        mixed = Estimate.exact(1, basis=first) + Estimate.exact(1, basis=second)
        assert mixed.basis == second


def test_exact_numbers_stay_exact():
    a, b = Estimate.exact(6, "FLOP"), Estimate.exact(3, "s")
    for result, value in ((a / b, 2), (a * b, 18), (a - 2 * a, -6), (a**2, 36)):
        assert ends(result) == (value, value, value) and "[" not in str(result)


def test_zero_and_sums_are_allowed():
    parts = [Estimate(1, 0.5, 2, "J"), Estimate.exact(0, "J"), Estimate(3, 2, 4, "J")]
    total = sum(parts)
    assert total.value == 4 and total.unit == "J" and total.low < 4 < total.high
    assert ends(0 * parts[0]) == (0, 0, 0)
    assert ends(5 - Estimate.exact(2)) == (3, 3, 3)


def test_the_same_program_gives_the_same_interval():
    program = (
        "from course_lib.quantities import Estimate\n"
        "power, time = Estimate(300, 250, 400, 'W', name='power'), Estimate(2, 1, 3, 'h')\n"
        "energy = power * time + Estimate(5, -5, 9, 'W·h')\n"
        "print(repr((energy.value, energy.low, energy.high)))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


# --- errors ---


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", range(3))
def test_numbers_must_be_finite(bad, place):
    numbers = [1.0, 1.0, 1.0]
    numbers[place] = bad
    with pytest.raises(ValueError, match="must be finite"):
        Estimate(*numbers)


@pytest.mark.parametrize(("low", "high"), [(1.1, 2), (0, 0.9), (2, 0)])
def test_the_interval_must_hold_the_value(low, high):
    with pytest.raises(ValueError, match=r"does not hold 1"):
        Estimate(1, low, high)


def test_an_unknown_basis_names_the_known_ones():
    with pytest.raises(ValueError, match="'guessed'; allowed are counted, measured, published"):
        Estimate(1, 1, 1, basis="guessed")


@pytest.mark.parametrize("divisor", [(0, 0, 0), (1, -1, 3), (1, 0, 2), (-1, -2, 0.5)])
def test_nothing_is_divided_by_what_may_be_zero(divisor):
    x, d = Estimate(1, 0.5, 2, "J"), Estimate(*divisor, "s")
    for divide in (lambda: x / d, lambda: 1 / d, lambda: d**-1):
        with pytest.raises(ZeroDivisionError, match="it may be zero"):
            divide()


def test_a_difference_that_cancels_is_no_divisor():
    x = Estimate(3, 2, 4)
    with pytest.raises(ZeroDivisionError, match="may be zero"):
        1 / (x - x)


@pytest.mark.parametrize("other", ["3", None, [1], 1j])
def test_only_numbers_take_part(other):
    x = Estimate(1, 1, 1)
    for operation in (lambda: x + other, lambda: other * x, lambda: x / other, lambda: other - x):
        with pytest.raises(TypeError):
            operation()


def test_powers_are_whole():
    with pytest.raises(TypeError, match="whole numbers only"):
        Estimate(4, 3, 5, "J") ** 0.5


# --- for people ---


@law
@given(st.floats(1e-11, 1e26), st.sampled_from(sorted(quantities._PREFIXED - {"s"})))
def test_a_prefix_leaves_one_to_three_digits_before_the_point(value, unit):
    scale, shown = si_scale(value, unit)
    assert shown.endswith(unit) and si_scale(-value, unit) == (scale, shown)
    number = float(si(value, unit).split()[0])
    assert 1 <= number < 1000 or not 1e-12 <= value < 9.99e26
    assert math.isclose(number * scale, value, rel_tol=0.0051)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "FLOP", "0 FLOP"),
        (1000, "B", "1 kB"),
        (999.7, "B", "1 kB"),
        (999.4, "B", "999 B"),
        (8.18e9, "FLOP", "8.18 GFLOP"),
        (4.2e-4, "s", "420 µs"),
        (1234, "s", "1230 s"),
        (7200, "h", "7200 h"),
        (2.5e9, "USD", "2.5e+09 USD"),
        (0.125, "", "0.125"),
        (0.2, "FLOP/B", "0.2 FLOP/B"),
        (-3.2e12, "FLOP/s", "-3.2 TFLOP/s"),
    ],
)
def test_a_bare_number_for_people(value, unit, text):
    assert si(value, unit) == text


def test_an_estimate_says_its_interval_and_its_basis():
    assert str(Estimate(2e9, 1e9, 4e9, "FLOP/s", "published")) == "2 GFLOP/s [1, 4] (published)"
    assert str(Estimate.exact(3)) == "3 (counted)"
    assert "_draws" not in repr(Estimate(2, 1, 3))


# --- forecasts ---


@law
@given(st.lists(st.floats(-1e9, 1e9), min_size=4, max_size=4))
def test_a_forecast_holds_what_lies_between_its_ends(numbers):
    low, median, high = sorted(numbers[:3])
    forecast = Forecast(median, low, high, 0.5, "s")
    assert forecast.holds(low) and forecast.holds(high) and forecast.holds(median)
    assert forecast.holds(numbers[3]) == (low <= numbers[3] <= high)
    assert forecast.width == high - low


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"median": math.nan}, "median = nan: must be finite"),
        ({"high": math.inf}, "high = inf: must be finite"),
        ({"low": 2.5}, r"\[2.5, 3.0\] does not hold 2.0"),
        ({"high": 1.5}, "does not hold"),
        ({"level": 0}, "level is 0.0; give a probability"),
        ({"level": 1}, "level is 1.0; give a probability"),
        ({"level": 90}, "level is 90.0; give a probability"),
        ({"unit": "5 s"}, "has the part"),
    ],
)
def test_a_forecast_is_checked(changed, message):
    with pytest.raises(ValueError, match=message):
        Forecast(**{"median": 2, "low": 1, "high": 3, "level": 0.9, "unit": "s"} | changed)


def test_a_forecast_says_its_level():
    assert str(Forecast(2e-3, 1e-3, 3e-3, 0.8, "s")) == "2 ms [1, 3] at 0.8"
