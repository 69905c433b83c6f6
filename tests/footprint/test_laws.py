"""Laws of `Run`: it scales, adds, orders and agrees with itself, whatever the numbers are."""

import math
from statistics import NormalDist

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from course_lib.facts import fact
from course_lib.footprint import Run, sufficient
from course_lib.quantities import Estimate

law = settings(max_examples=8)
OUTPUTS = ("hours", "chip_hours", "energy_kwh", "co2e_kg", "usd")

work = st.floats(1e12, 1e27)
fractions = st.floats(0.05, 0.9)
spreads = st.floats(1.05, 3.0)
names = st.integers(0, 10**9).map(str)


def around(value, spread, unit="", name=None):
    return Estimate(value, value / spread, value * spread, unit, "measured", name=name)


def ends(estimate):
    return estimate.value, estimate.low, estimate.high


def costs(**inputs):
    """A bill with every output, its utilisation and PUE left to the assumptions."""
    told = {"chip": "tpu_v3", "chips": 64, "grid_kgco2e_per_kwh": 0.4, "usd_per_chip_hour": 2}
    return Run(**(told | inputs))


@law
@given(work, st.floats(0.001, 1000), spreads, names)
def test_twice_the_work_is_twice_the_bill_with_the_same_relative_interval(
    flop, times, spread, name
):
    once = costs(training_flop=around(flop, spread, "FLOP", name))
    more = costs(training_flop=around(flop * times, spread, "FLOP", name))
    for output in OUTPUTS:
        expected = [times * end for end in ends(getattr(once, output))]
        assert ends(getattr(more, output)) == pytest.approx(expected, rel=1e-9)


@law
@given(work, work)
def test_runs_add_up(first, second):
    together = costs(training_flop=first + second)
    apart = costs(training_flop=first), costs(training_flop=second)
    for output in OUTPUTS:
        total = sum(getattr(run, output) for run in apart)
        assert ends(getattr(together, output)) == pytest.approx(ends(total), rel=1e-9)


@law
@given(work, st.floats(0.1, 0.5), st.floats(1.1, 1.9))
def test_more_utilisation_costs_less(flop, mfu, factor):
    low, high = (costs(training_flop=flop, mfu=x) for x in (mfu, mfu * factor))
    for output in OUTPUTS:
        pairs = zip(ends(getattr(low, output)), ends(getattr(high, output)), strict=True)
        assert all(more > less for more, less in pairs)


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("pue", {"energy_kwh", "co2e_kg"}),
        ("tdp_fraction", {"energy_kwh", "co2e_kg"}),
        ("server_overhead", {"energy_kwh", "co2e_kg"}),
        ("grid_kgco2e_per_kwh", {"co2e_kg"}),
        ("usd_per_chip_hour", {"usd"}),
        ("extra_share", {"chip_hours", "energy_kwh", "co2e_kg", "usd"}),
        ("idle_share", {"chip_hours", "energy_kwh", "co2e_kg", "usd"}),
        ("embodied_kgco2e_per_chip", {"co2e_kg"}),
        ("usd_per_kwh", {"usd"}),
    ],
)
@law
@given(work, st.floats(1.0, 1.4), st.floats(1.05, 1.4))
def test_each_factor_raises_what_it_should_and_nothing_else(name, outputs, flop, value, factor):
    low, high = (costs(training_flop=flop, **{name: x}) for x in (value, value * factor))
    for output in OUTPUTS:
        before, after = getattr(low, output), getattr(high, output)
        if output in outputs:
            assert all(a < b for a, b in zip(ends(before), ends(after), strict=True))
        else:
            assert ends(before) == ends(after)


@law
@given(
    st.floats(1, 1e5), st.integers(1, 10**5), fractions, st.floats(1.0, 1.9), st.floats(1.0, 1.9),
    st.sampled_from(["hours", "chip_hours", "energy_kwh", "co2e_kg", "usd", "mfu"]),
)  # fmt: skip
def test_any_sufficient_set_gives_the_same_answer(hours, chips, mfu, pue, overhead, output):
    peak, tdp = fact("tpu_v3.bf16_dense").value, fact("tpu_v3.tdp").value
    power = tdp * 0.8 * overhead
    world = {
        "chip": "tpu_v3",
        "hours": hours,
        "chips": chips,
        "chip_hours": hours * chips,
        "mfu": mfu,
        "peak_flop_per_s": peak,
        "achieved_flop_per_s": peak * mfu,
        "training_flop": peak * mfu * hours * chips * 3600,
        "tdp_w": tdp,
        "chip_power_w": power,
        "energy_kwh": hours * chips * power / 1000,  # at the computers, since pue is given
        "grid_kgco2e_per_kwh": 0.4,
        "usd_per_chip_hour": 2.0,
    }
    truth = {
        "hours": hours,
        "chip_hours": hours * chips,
        "energy_kwh": world["energy_kwh"] * pue,
        "co2e_kg": world["energy_kwh"] * pue * 0.4,
        "usd": 2 * hours * chips,
        "mfu": mfu,
    }
    tried = 0
    for inputs in sufficient(output):
        if inputs <= world.keys():
            told = {name: world[name] for name in inputs}
            if output != "mfu":
                told |= {"pue": pue, "mfu": mfu}
            if "chip_power_w" not in told:
                told |= {"server_overhead": overhead, "tdp_fraction": 0.8}
            assert getattr(Run(**told), output).value == pytest.approx(truth[output], rel=1e-9)
            tried += 1
    assert tried >= 2


@pytest.mark.parametrize("output", [*OUTPUTS, "embodied_kg", "marginal_co2e_kg", "mfu"])
def test_a_smallest_sufficient_set_suffices_and_less_does_not(output):
    world = dict.fromkeys(set().union(*sufficient(output)), 0.5)
    world |= {"chip": "tpu_v3", "region": "usa", "year": 2020, "date": "2020-01-01"}
    for inputs in sufficient(output):
        told = {name: world[name] for name in inputs}
        assert getattr(Run(**told), output).value >= 0
        for name in inputs:
            less = {key: value for key, value in told.items() if key != name}
            with pytest.raises(ValueError, match=rf"{output} cannot be computed"):
                getattr(Run(**less), output)


@law
@given(work, spreads, spreads, names, names)
def test_an_input_used_twice_is_one_input(flop, wide, wider, one, other):
    assume(one != other)
    price = around(3.0, wide, "USD/h", one)
    run = costs(training_flop=flop, usd_per_chip_hour=price, pue=around(4.0, wider**0.3, "", other))
    assert ends(run.co2e_kg / run.energy_kwh) == pytest.approx([0.4] * 3)
    assert ends(run.usd / run.chip_hours / price) == pytest.approx([1] * 3)
    twin = costs(training_flop=2 * flop)
    assert ends(twin.energy_kwh / costs(training_flop=flop).energy_kwh) == pytest.approx([2] * 3)


@law
@given(st.floats(0, 3), st.floats(0, 3), st.floats(0, 1))
def test_extra_hours_count_in_full_and_idle_ones_by_their_power(extra, idle, fraction):
    told = {"chip_hours": 10, "chip_power_w": 100, "pue": 2, "usd_per_chip_hour": 3}
    shares = {"extra_share": extra, "idle_share": idle, "idle_power_fraction": fraction}
    run = Run(**told, **shares, chips=5)
    assert run.hours.value == 2
    assert run.chip_hours.value == pytest.approx(10 * (1 + extra + idle))
    assert run.usd.value == pytest.approx(30 * (1 + extra + idle))
    assert run.energy_kwh.value == pytest.approx(2 * (1 + extra + idle * fraction))
    assumed = Run(**told, idle_share=idle + 0.1)
    assert assumed.energy_kwh.basis == "assumed"
    assert assumed.chip_hours.basis == "counted"


@law
@given(st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 2))
def test_marginal_emissions_are_apart_from_average_ones(energy, average, marginal):
    run = Run(energy_kwh=energy, grid_kgco2e_per_kwh=average, marginal_kgco2e_per_kwh=marginal)
    assert run.co2e_kg.value == pytest.approx(energy * average)
    assert run.marginal_co2e_kg.value == pytest.approx(energy * marginal)


def test_nothing_costs_nothing():
    run = costs(training_flop=0, extra_share=0, embodied_kgco2e_per_chip=100, usd_per_kwh=0)
    assert [ends(getattr(run, output)) for output in OUTPUTS] == [(0, 0, 0)] * 5
    assert Run(energy_kwh=0, grid_kgco2e_per_kwh=0).co2e_kg.value == 0
    assert Run(chip_hours=0, chips=8, usd_per_chip_hour=3).usd.value == 0


@law
@given(st.lists(st.floats(1.1, 3.0), min_size=4, max_size=4), names)
def test_interval_of_a_product_covers_as_the_log_normal_says(widths, name):
    hours, power, pue, grid = (around(40.0, w, "", f"{name}.{i}") for i, w in enumerate(widths))
    run = Run(
        chip_hours=Estimate(40, hours.low, hours.high, "h", name=f"{name}.0"),
        chip_power_w=Estimate(40, power.low, power.high, "W", name=f"{name}.1"),
        pue=pue,
        grid_kgco2e_per_kwh=Estimate(40, grid.low, grid.high, "kgCO2e/kWh", name=f"{name}.3"),
    )
    tail = NormalDist().inv_cdf(0.95)
    sigma = math.sqrt(sum((math.log(width) / tail) ** 2 for width in widths))
    truth = NormalDist(math.log(40**4 / 1000), sigma)
    low, high = math.log(run.co2e_kg.low), math.log(run.co2e_kg.high)
    assert truth.cdf(high) - truth.cdf(low) == pytest.approx(0.9, abs=0.02)
    assert truth.cdf(low) == pytest.approx(0.05, abs=0.015)
    assert math.log(run.co2e_kg.value) == pytest.approx(truth.mean)


@law
@given(st.floats(1, 1e9), st.floats(1, 2), st.floats(0.01, 3), st.floats(0, 3))
def test_measured_energy_of_a_bill_gives_its_emissions_again(energy, pue, grid, extra):
    bill = Run(energy_kwh=energy, pue=pue, grid_kgco2e_per_kwh=grid, extra_share=extra)
    again = Run(energy_kwh=bill.energy_kwh, grid_kgco2e_per_kwh=grid)
    assert bill.energy_kwh.value == pytest.approx(energy * pue * (1 + extra))
    assert ends(again.co2e_kg) == pytest.approx(ends(bill.co2e_kg))
