"""Published footprints, computed again from their own inputs (read from the table of facts)."""

from decimal import Decimal

import pytest

from course_lib.facts import fact
from course_lib.facts.tables import rows
from course_lib.footprint import Run

FOOTPRINTS = {row["key"]: row for row in rows("training_footprints")}
SYSTEM_POWER = [
    key
    for key, row in FOOTPRINTS.items()
    if row["power_kind"] == "measured system" and row["pue"] and row["training_days"]
]
PATTERSON = [key for key in SYSTEM_POWER if key.endswith("_patterson2021")]
TABLE_4 = [key for key in PATTERSON if FOOTPRINTS[key]["locator"].startswith("Table 4")]
STRUBELL = [key for key in SYSTEM_POWER if key.endswith("_strubell2019")]


def ends(text, end):
    """The least (-1) or greatest (1) number that rounds to a printed one; the number itself (0)."""
    return float(Decimal(text) + end * Decimal((0, (5,), Decimal(text).as_tuple().exponent - 1)))


def run(row, end=0, net=False):
    """The bill of a row of the table, its rounded inputs all at one end."""
    intensity = row[f"intensity{'_net' if net else ''}_kgco2e_per_kwh"]
    return Run(
        chips=float(row["chips"]),
        hours=24 * ends(row["training_days"], end),
        chip_power_w=ends(row["power_w"], end),
        pue=ends(row["pue"], end),
        grid_kgco2e_per_kwh=ends(intensity, end),
    )


def test_table_4_has_its_six_runs():
    assert len(TABLE_4) == 6
    assert len(PATTERSON) == 11


@pytest.mark.parametrize("key", PATTERSON)
def test_energy_lies_where_the_rounding_of_its_inputs_allows(key):
    row = FOOTPRINTS[key]
    low, high = (run(row, end).energy_kwh.to("MWh").value for end in (-1, 1))
    assert low <= ends(row["energy_mwh"], 1)
    assert ends(row["energy_mwh"], -1) <= high
    if key in TABLE_4:
        assert low <= float(row["energy_mwh"]) <= high


@pytest.mark.parametrize("net", [False, True], ids=["gross", "net"])
@pytest.mark.parametrize("key", PATTERSON)
def test_emissions_lie_where_the_rounding_of_their_inputs_allows(key, net):
    row = FOOTPRINTS[key]
    printed = row["co2e_net_t" if net else "co2e_t"]
    low, high = (run(row, end, net).co2e_kg.to("tCO2e").value for end in (-1, 1))
    assert low <= ends(printed, 1)
    assert ends(printed, -1) <= high
    if key in TABLE_4:
        assert low <= float(printed) <= high


@pytest.mark.parametrize("key", TABLE_4)
def test_work_over_achieved_rate_gives_the_days(key):
    row = FOOTPRINTS[key]
    days = [
        Run(
            training_flop=ends(row["training_flop"], end),
            achieved_flop_per_s=ends(row["measured_flop_per_s"], -end),
            chips=float(row["chips"]),
        )
        .hours.to("day")
        .value
        for end in (-1, 1)
    ]
    assert days[0] <= ends(row["training_days"], 1)
    assert ends(row["training_days"], -1) <= days[1]


def test_gpt_3():
    row = FOOTPRINTS["gpt3_patterson2021"]
    bill = run(row)
    assert bill.energy_kwh.to("MWh").value == pytest.approx(1287, rel=0.005)
    assert bill.co2e_kg.to("tCO2e").value == pytest.approx(552, rel=0.005)
    measured = Run(energy_kwh=fact("gpt3_patterson2021.energy"), grid_kgco2e_per_kwh=0.429)
    assert measured.co2e_kg.to("tCO2e").value == pytest.approx(float(row["co2e_t"]), rel=1e-4)


def test_gpt_3_from_work_and_chip_alone_holds_the_published_value():
    bill = Run(training_flop=fact("gpt3_patterson2021.training_flop"), chip="v100_sxm2")
    assert bill.energy_kwh.low < 1_287_000 < bill.energy_kwh.high
    assert bill.energy_kwh.basis == "assumed"


def test_meena():
    row = FOOTPRINTS["meena_patterson2021"]
    bill = run(row)
    assert bill.energy_kwh.to("MWh").value == pytest.approx(232, abs=0.5)
    assert bill.co2e_kg.to("tCO2e").value == pytest.approx(96.4, abs=0.2)


def test_meena_at_the_list_price_of_its_chip():
    bill = Run(chips=1024, hours=30 * 24, chip="tpu_v3", date="2020-01-27")
    assert bill.chip_hours.value == 737_280
    assert bill.usd.value == pytest.approx(1.47e6, rel=0.005)


def test_bloom():
    row = FOOTPRINTS["bloom_luccioni2023"]
    bill = Run(
        chip_hours=fact("bloom_luccioni2023.chip_hours"),
        chip_power_w=float(row["power_w"]),
        pue=1,
        grid_kgco2e_per_kwh=float(row["intensity_kgco2e_per_kwh"]),
        embodied_kgco2e_per_chip=2500 / 8 + 150,  # a server of eight, and the chip
        lifetime_years=6,
        lifetime_utilisation=0.85,
    )
    assert bill.energy_kwh.to("MWh").value == pytest.approx(float(row["energy_mwh"]), rel=1e-4)
    electricity = bill.co2e_kg - bill.embodied_kg
    assert electricity.to("tCO2e").value == pytest.approx(float(row["co2e_t"]), rel=1e-3)
    embodied = float(FOOTPRINTS["bloom_embodied_luccioni2023"]["co2e_t"])
    assert bill.embodied_kg.to("tCO2e").value == pytest.approx(embodied, rel=5e-3)


def test_bloom_idle_draw_as_server_overhead():
    idle = float(FOOTPRINTS["bloom_idle_luccioni2023"]["energy_mwh"])
    chips = float(FOOTPRINTS["bloom_luccioni2023"]["energy_mwh"])
    bill = Run(
        chip_hours=fact("bloom_luccioni2023.chip_hours"),
        chip_power_w=400,
        server_overhead=1 + idle / chips,
        pue=1,
        grid_kgco2e_per_kwh=0.057,
    )
    whole = FOOTPRINTS["bloom_life_cycle_luccioni2023"]
    assert bill.energy_kwh.to("MWh").value == pytest.approx(float(whole["energy_mwh"]), rel=1e-3)


@pytest.mark.parametrize("key", STRUBELL)
def test_strubell(key):
    row = FOOTPRINTS[key]
    bill = run(row)
    energy, co2e = bill.energy_kwh.to("MWh").value, bill.co2e_kg.to("tCO2e").value
    assert energy == pytest.approx(float(row["energy_mwh"]), rel=0.02)
    assert ends(row["co2e_t"], -1) * 0.99 <= co2e <= ends(row["co2e_t"], 1) * 1.01


def test_strubell_bert_is_printed_with_the_hours_rounded():
    row = FOOTPRINTS["bert_base_strubell2019"]
    watts = float(row["power_total_w"]) / 64

    def energy(hours):
        bill = Run(chips=64, hours=hours, chip_power_w=watts, pue=float(row["pue"]))
        return bill.energy_kwh.value

    printed = 1000 * float(row["energy_mwh"])
    assert energy(79) == pytest.approx(1503, abs=0.5)  # the 79 hours that the paper prints
    assert printed == 1507
    assert energy(3.3 * 24) == pytest.approx(printed, abs=0.5)  # BERT's 3.3 days, not yet rounded
    assert energy(78.5) < printed < energy(79.5)


def test_evolved_transformer_search_measured_and_once_estimated():
    measured = FOOTPRINTS["evolved_transformer_nas_patterson2021"]
    estimated = FOOTPRINTS["nas_strubell2019"]
    truth, guess = run(measured), run(estimated)
    assert truth.energy_kwh.to("MWh").value == pytest.approx(7.5, abs=0.05)
    assert guess.co2e_kg.to("tCO2e").value == pytest.approx(284, abs=0.5)
    ratio = guess.co2e_kg / truth.co2e_kg
    assert 80 < ratio.value < 95  # Patterson et al. say 88


@pytest.mark.parametrize(
    "key",
    [key for key in FOOTPRINTS if key.endswith("_touvron2023") and FOOTPRINTS[key]["chip_hours"]],
)
def test_llama_accounting(key):
    row = FOOTPRINTS[key]
    bill = Run(
        chip_hours=float(row["chip_hours"]),
        chip_power_w=float(row["power_w"]),
        pue=float(row["pue"]),
        grid_kgco2e_per_kwh=float(row["intensity_kgco2e_per_kwh"]),
    )
    assert bill.energy_kwh.to("MWh").value == pytest.approx(float(row["energy_mwh"]), rel=0.01)
    assert bill.co2e_kg.to("tCO2e").value == pytest.approx(float(row["co2e_t"]), rel=0.02)


@pytest.mark.parametrize("key", [*TABLE_4, "bloom_luccioni2023"])
def test_assumed_power_holds_measured_power(key):
    row = FOOTPRINTS[key]
    bill = Run(chip_hours=1, chip=row["chip"], pue=1)
    assert bill.energy_kwh.low <= float(row["power_w"]) / 1000 <= bill.energy_kwh.high


@pytest.mark.parametrize("key", TABLE_4)
def test_assumed_utilisation_holds_measured_rates(key):
    row = FOOTPRINTS[key]
    bill = Run(training_flop=float(row["training_flop"]), chip=row["chip"])
    hours = float(row["chips"]) * 24 * float(row["training_days"])
    assert bill.chip_hours.low <= hours <= bill.chip_hours.high
