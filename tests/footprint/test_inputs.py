"""What `Run` refuses: mixed-up units, numbers out of bounds, wrong names, contradictions, gaps."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.facts import fact
from course_lib.facts.tables import rows
from course_lib.footprint import INPUTS, Missing, Run, grid_intensity, sufficient
from course_lib.footprint.regions import ALPHA_3
from course_lib.quantities import Estimate

exact = Estimate.exact


@pytest.mark.parametrize(
    ("given", "inputs", "output", "value"),
    [
        ("MWh", {"energy_kwh": exact(1.5, "MWh")}, "energy_kwh", 1500),
        ("J", {"energy_kwh": exact(3.6e6, "J")}, "energy_kwh", 1),
        ("day", {"hours": exact(2, "day"), "chips": 3}, "chip_hours", 144),
        ("kW", {"chip_hours": 1, "chip_power_w": exact(0.4, "kW"), "pue": 1}, "energy_kwh", 0.4),
        ("%", {"chip_hours": 1, "chip_power_w": 1000, "pue": exact(110, "%")}, "energy_kwh", 1.1),
        (
            "gCO2e/kWh",
            {"energy_kwh": 10, "grid_kgco2e_per_kwh": exact(429, "gCO2e/kWh")},
            "co2e_kg",
            4.29,
        ),
        (
            "tCO2e/MWh",
            {"energy_kwh": 10, "grid_kgco2e_per_kwh": exact(0.429, "tCO2e/MWh")},
            "co2e_kg",
            4.29,
        ),
    ],
)
def test_estimates_are_converted(given, inputs, output, value):
    assert getattr(Run(**inputs), output).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("training_flop", "MAC"),
        ("training_flop", "FLOP/s"),
        ("achieved_flop_per_s", "FLOP"),
        ("achieved_flop_per_s", "OP/s"),
        ("energy_kwh", "kW"),
        ("energy_kwh", "kgCO2e"),
        ("chip_power_w", "kWh"),
        ("grid_kgco2e_per_kwh", "kgCO2e"),
        ("grid_kgco2e_per_kwh", "kgCO2e/kW"),
        ("usd_per_chip_hour", "EUR/h"),
        ("usd_per_chip_hour", "USD"),
        ("usd_per_kwh", "EUR/kWh"),
        ("mfu", "FLOP/s"),
        ("hours", "kWh"),
        ("chip_hours", ""),
    ],
)
def test_units_cannot_be_mixed_up(name, unit):
    with pytest.raises(ValueError, match=rf"^{name} is in {unit or 'no unit'}; cannot express"):
        Run(**{name: exact(0.5, unit)})


@settings(max_examples=60)
@given(st.sampled_from(sorted(INPUTS)), st.sampled_from(["FLOP", "MAC", "kWh", "gCO2e", "token"]))
def test_a_unit_is_converted_or_refused_never_dropped(name, unit):
    try:
        run = Run(**{name: exact(0.5, unit)})
    except ValueError as error:
        assert str(error).startswith(f"{name} is ")
    else:
        assert run._chain.given[name].value.to(unit).value == pytest.approx(0.5)


@pytest.mark.parametrize("name", sorted(INPUTS))
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "3", True, [1], Estimate(-1, -2, 3)])
def test_each_input_names_itself_in_its_error(name, value):
    if isinstance(value, Estimate):
        value = Estimate(-1, -2, 3, INPUTS[name].unit)
    with pytest.raises((ValueError, TypeError), match=f"^{name} is "):
        Run(**{name: value})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"mfu": 35}, "at most 1"),
        ({"mfu": 0}, "above zero"),
        ({"pue": 0.9}, "at least 1"),
        ({"chips": 0}, "above zero"),
        ({"achieved_flop_per_s": Estimate(1, 0, 2, "FLOP/s")}, "may be as low as 0"),
        ({"lifetime_years": 0}, "above zero"),
        ({"server_overhead": 0.5}, "at least 1"),
    ],
)
def test_bounds(inputs, message):
    with pytest.raises(ValueError, match=f"^{next(iter(inputs))} is .*{message}"):
        Run(**inputs)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({"chip": "h2000"}, ValueError, r"chip is 'h2000'.*Near: .*h200"),
        ({"chip": "H100-SXM"}, ValueError, r"chip is 'H100-SXM'.*Near: h100_sxm"),
        ({"chip": 100}, TypeError, "chip is a int"),
        ({"region": "FRX", "year": 2024}, ValueError, r"region is 'FRX'.*Near: .*fra"),
        ({"region": "Germany", "year": 2024}, ValueError, "Give 'deu'"),
        ({"region": "us-iowaa", "year": 2021}, ValueError, "Near: .*us_iowa"),
        ({"region": 49, "year": 2024}, TypeError, "region is a int"),
        ({"region": "FRA", "year": 1890}, ValueError, r"year is 1890; for FRA .* nearest 2019"),
        ({"region": "FRA", "year": 2024.5}, TypeError, "year is 2024.5"),
        ({"date": "June 2020"}, ValueError, "date is 'June 2020'"),
        ({"enrgy_kwh": 3}, TypeError, "enrgy_kwh"),
    ],
)
def test_wrong_names_suggest_near_ones(inputs, error, message):
    with pytest.raises(error, match=message):
        Run(**inputs)


@pytest.mark.parametrize("precision", ["bf16_dense", "tdp", "fp4"])
def test_a_chip_without_that_rate_says_which_it_has(precision):
    run = Run(chip="p100_sxm2", training_flop=1e18, precision=precision)
    with pytest.raises(ValueError, match=rf"precision is '{precision}'.* fp32, fp16_vector$"):
        _ = run.chip_hours
    assert Run(chip="p100_sxm2", training_flop=1e18, precision="fp32").chip_hours.value > 0


def test_every_country_of_the_table_is_found_by_both_codes():
    countries = {row["iso3"] for row in rows("grid_intensity") if row["kind"] == "country"}
    assert {three.upper() for three in ALPHA_3.values()} - {"EU27"} >= countries
    for two, three in ALPHA_3.items():
        assert grid_intensity(two.upper(), 2022).value == grid_intensity(three, 2022).value


def test_region_and_year_are_the_intensity_of_the_table():
    run = Run(energy_kwh=1000, region="US", year=2020)
    assert run.co2e_kg.value == pytest.approx(fact("usa_2020.intensity").value)
    assert Run(energy_kwh=1, region="world", year=2024).co2e_kg.value > 0
    with pytest.raises(Missing, match="enough to add year"):
        _ = Run(energy_kwh=1000, region="US").co2e_kg


@pytest.mark.parametrize(
    ("inputs", "both"),
    [
        ({"chip_hours": 1000, "hours": 10, "chips": 8}, ("chip_hours", "hours × chips")),
        (
            {"chip_hours": 1000, "training_flop": 1e20, "achieved_flop_per_s": 1e14},
            ("chip_hours", "training_flop / achieved_flop_per_s"),
        ),
        (
            {"chip_hours": 1000, "training_flop": 1e20, "chip": "tpu_v3", "mfu": 0.5},
            ("chip_hours", "training_flop / (peak_flop_per_s × mfu)"),
        ),
        (
            {"training_flop": 1e20, "achieved_flop_per_s": 1e13, "chip": "tpu_v3", "mfu": 0.5},
            ("training_flop / achieved_flop_per_s", "training_flop / (peak_flop_per_s × mfu)"),
        ),
        (
            {"energy_kwh": 100, "chip_hours": 1000, "chip_power_w": 400},
            ("energy_kwh", "chip-hours × chip_power_w × an assumed pue"),
        ),
        (
            {"energy_kwh": 440, "chip_hours": 1000, "chip_power_w": 400, "pue": 1.1},
            ("energy_kwh (before pue, since pue is given)", "chip-hours × chip_power_w"),
        ),
        ({"chip_hours": 1, "training_flop": 1e21, "chip": "h200"}, ("training_flop", "peak rate")),
    ],
)
def test_contradictions_name_both_sides(inputs, both):
    with pytest.raises(ValueError, match="inputs contradict each other") as caught:
        Run(**inputs)
    assert all(side in str(caught.value) for side in both)


def test_renting_what_one_owns_is_a_contradiction():
    run = Run(chip_hours=1, usd_per_chip_hour=1, purchase_usd_per_chip=1, usd_per_kwh=1)
    with pytest.raises(ValueError, match="leave one of them out"):
        _ = run.usd


@given(st.floats(1, 1e6), st.floats(1.1, 2.0), st.floats(0.5, 2.0))
@settings(max_examples=30)
def test_intervals_decide_what_contradicts(hours, spread, ratio):
    told = {
        "chip_hours": Estimate(hours, hours / spread, hours * spread, "h"),
        "hours": hours * ratio,
        "chips": 1,
    }
    if 1 / spread <= ratio <= spread:
        assert Run(**told).chip_hours.value == hours
    elif ratio > spread * 1.05 or ratio < 0.95 / spread:
        with pytest.raises(ValueError, match="contradict"):
            Run(**told)


@pytest.mark.parametrize(
    "output",
    [
        "hours",
        "chip_hours",
        "energy_kwh",
        "co2e_kg",
        "usd",
        "embodied_kg",
        "marginal_co2e_kg",
        "mfu",
    ],
)
def test_a_gap_says_what_would_do(output):
    with pytest.raises(Missing) as caught:
        getattr(Run(year=2024), output)
    message = str(caught.value)
    assert message.startswith(f"{output} cannot be computed from year")
    for name in set().union(*sufficient(output)) - {"year"}:
        assert name in message


def test_the_shortest_way_out_is_offered():
    with pytest.raises(Missing, match="It is enough to add chips\\."):
        _ = Run(training_flop=1e21, chip="h200").hours
    with pytest.raises(Missing, match="It is enough to add grid_kgco2e_per_kwh\\."):
        _ = Run(energy_kwh=3).co2e_kg


def test_utilisation_that_the_inputs_imply():
    run = Run(training_flop=3.14e23, chip_hours=10_000 * 14.8 * 24, chip="v100_sxm2")
    assert run.mfu.value == pytest.approx(0.196, abs=0.001)  # Patterson et al.: 24.6 of 125 TFLOP/s
