"""The chain of factors: complete, sourced, and honest about what was assumed."""

import math

import pytest

from course_lib.facts import fact
from course_lib.facts.tables import rows
from course_lib.footprint import ASSUMPTIONS, INPUTS, Run, explanation
from course_lib.footprint.factors import assumed
from course_lib.quantities import Estimate

SOURCES = {row["key"] for row in rows("sources")}


def lines(run, capsys):
    run.explain()
    return capsys.readouterr().out.splitlines()


def test_explain_prints_value_interval_unit_basis_and_source(capsys):
    run = Run(chip_hours=1000, chip="h200", region="FRA", year=2024, usd_per_chip_hour=3)
    table = lines(run, capsys)
    assert table[0].split() == ["value", "90", "%", "interval", "unit", "basis", "source"]
    [pue] = [line for line in table if line.startswith("pue")]
    assert pue.split()[:6] == ["pue", "*", "1.25", "1.08", "to", "1.6"]
    assert "assumed" in pue
    assert "patterson2021" in pue
    [tdp] = [line for line in table if line.startswith("tdp_w")]
    assert "700" in tdp
    assert "h200.tdp: nvidia2024h200" in tdp
    [grid] = [line for line in table if line.startswith("grid")]
    assert "fra_2024.intensity: owid2026grid" in grid
    assert " to " not in grid  # rounded to five digits in the source
    assert any(
        line.startswith("usd ") and "= chip_hours × usd_per_chip_hour" in line for line in table
    )
    assert table[-1] == "* assumed: give tdp_fraction, server_overhead, pue where you know better"


def test_nothing_is_assumed_silently():
    run = Run(training_flop=1e21, chip="h200", chips=8, region="FRA", year=2024)
    marked = {factor.name for factor in run.factors() if factor.assumed}
    assert marked == {"mfu", "pue", "tdp_fraction", "server_overhead"}
    assert run.energy_kwh.basis == run.co2e_kg.basis == "assumed"


def test_what_is_given_is_not_assumed():
    run = Run(chip_hours=10, chip_power_w=300, pue=1.1, grid_kgco2e_per_kwh=0.4)
    assert run.co2e_kg.basis == "counted"
    assert not any(factor.assumed for factor in run.factors())
    assert "*" not in explanation(run.factors())


def test_an_assumption_of_the_user_is_marked_too():
    pue = Estimate(1.2, 1.1, 1.4, "", "assumed")
    [factor] = Run(energy_kwh=1, pue=pue).factors()[1:2]
    assert factor.name == "pue"
    assert factor.assumed


def test_facts_bring_their_source():
    run = Run(energy_kwh=fact("gpt3_patterson2021.energy"), grid_kgco2e_per_kwh=0.429)
    [energy] = [factor for factor in run.factors() if factor.name == "energy_kwh"]
    assert energy.source.startswith("patterson2021, Table 4")
    assert energy.value.value == 1_287_000


@pytest.mark.parametrize("name", sorted(ASSUMPTIONS))
def test_assumptions_are_wide_and_cite_the_bibliography(name):
    factor = assumed(name)
    value = factor.value
    assert value.basis == "assumed"
    assert value.high / value.low > 1.4
    assert INPUTS[name].least <= value.low
    assert value.high <= INPUTS[name].most
    cited = {part.split(",")[0].split(":")[0].strip() for part in factor.source.split(";")}
    assert cited <= SOURCES


def test_an_assumption_is_one_input_however_often_it_is_made():
    once = assumed("pue").value
    assumed.cache_clear()
    ratio = once / assumed("pue").value
    assert ratio.low == ratio.high == 1


def test_the_chain_multiplies_to_the_result():
    run = Run(chip_hours=10, chip="h200", region="FRA", year=2024, extra_share=0.5)
    value = {factor.name: factor.value.value for factor in run.factors()}
    product = math.prod(
        value[name]
        for name in (
            "chip_hours", "tdp_w", "tdp_fraction", "server_overhead", "pue", "grid_kgco2e_per_kwh",
        )
    )  # fmt: skip
    assert run.co2e_kg.value == pytest.approx(1.5 * product / 1000)


def test_repr_says_what_was_given():
    assert repr(Run(chip="h200", chip_hours=3)) == "Run(chip='h200', chip_hours=3 h (counted))"
