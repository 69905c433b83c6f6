"""The tables behind the bill agree with themselves, with each other and with their schemas."""

import json
from decimal import Decimal
from pathlib import Path

import frictionless
import pandas as pd
import pytest

import course_lib

FOLDER = Path(course_lib.__file__).parent / "facts"
TABLES = (
    "accelerators",
    "training_footprints",
    "grid_intensity",
    "cloud_prices",
    "electricity_prices",
    "hardware_purchase_prices",
    "everyday_comparisons",
    "notable_models",
)
HOURS_PER_DAY = 24
SAME_RUN_OTHER_COUNT = {
    "transformer_big_p100_patterson2021": "a re-run measured by Patterson",
    "transformer_big_p100_iowa_patterson2021": "a re-run measured by Patterson",
    "transformer_big_tpu_v2_patterson2021": "a re-run measured by Patterson",
    "bloom_touvron2023": "hours as another paper assumed them",
}


def table(name):
    """One table with every cell as it is printed; an unknown cell is empty."""
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False).set_index("key")


def schema(name):
    return json.loads((FOLDER / "schemas" / f"{name}.json").read_text(encoding="utf-8"))


def filled(frame, *columns):
    return frame[(frame[list(columns)] != "").all(axis=1)]


def half_digit(text):
    """Half a unit of the last printed digit, relative to the number."""
    return 0.5 * 10.0 ** Decimal(text).as_tuple().exponent / abs(float(text))


def agree(printed, computed, *inputs, slack=0.0):
    """Whether a printed number and a product of printed numbers fit within their digits."""
    allowed = slack + half_digit(printed) + sum(map(half_digit, inputs))
    return abs(computed / float(printed) - 1) <= allowed * 1.0001


CHIPS, FOOTPRINTS, MODELS = table("accelerators"), table("training_footprints"), table(TABLES[-1])


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_fits_the_schema(name):
    described = schema(name)
    keys = described.pop("foreignKeys")
    resource = frictionless.Resource(
        path=f"{name}.csv",
        basepath=str(FOLDER),
        schema=frictionless.Schema.from_descriptor(described),
    )
    report = resource.validate()
    assert report.valid, report.flatten(["rowNumber", "fieldName", "message"])
    homes = {key["fields"]: key["reference"]["resource"] for key in keys}
    for column in ("chip", "model"):
        if column in homes:
            used = set(table(name)[column]) - {""}
            assert used <= set(table(homes[column]).index)


def test_keys_are_unique_over_the_tables():
    keys = pd.concat([pd.Series(table(name).index) for name in TABLES])
    assert keys[keys.duplicated()].empty


@pytest.mark.parametrize("key", filled(CHIPS, "units", "clock_hz").index)
def test_peak_is_units_times_width_times_clock(key):
    row = CHIPS.loc[key]
    column = {
        "bf16": "bf16_dense_flop_per_s",
        "fp32": "fp32_flop_per_s",
        "int8": "int8_dense_op_per_s",
    }[row["peak_of"]]
    peak = int(row["units"]) * int(row["flop_per_unit_and_clock"]) * float(row["clock_hz"])
    assert agree(row[column], peak, row["clock_hz"])


@pytest.mark.parametrize("key", filled(CHIPS, "fp32_lanes", "fp32_clock_hz").index)
def test_fp32_is_two_flop_per_lane_and_clock(key):
    row = CHIPS.loc[key]
    peak = 2 * int(row["fp32_lanes"]) * float(row["fp32_clock_hz"])
    assert agree(row["fp32_flop_per_s"], peak, row["fp32_clock_hz"])


@pytest.mark.parametrize(
    ("above", "below", "allowed"),
    [
        ("fp64_flop_per_s", "fp32_flop_per_s", (1, 1 / 2, 1 / 3, 1 / 8, 1 / 32, 1 / 64)),
        ("fp16_vector_flop_per_s", "fp32_flop_per_s", (2, 4)),
        ("tf32_dense_flop_per_s", "bf16_dense_flop_per_s", (1 / 2,)),
        ("fp8_dense_flop_per_s", "bf16_dense_flop_per_s", (2,)),
        ("int8_dense_op_per_s", "bf16_dense_flop_per_s", (1, 2)),
        ("fp4_dense_flop_per_s", "fp8_dense_flop_per_s", (2,)),
    ],
)
def test_precisions_stand_in_whole_ratios(above, below, allowed):
    rows = filled(CHIPS, above, below).drop(index="trainium1", errors="ignore")  # TF32 like BF16
    assert not rows.empty
    for key, row in rows.iterrows():
        # GeForce cards add up 16-bit products in FP32 at half rate, 8-bit ones in INT32 at full
        halved = above.startswith("int8") and row["name"].startswith("GeForce")
        ratios = (4,) if halved else allowed
        assert any(
            agree(row[above], wanted * float(row[below]), row[below]) for wanted in ratios
        ), (key, float(row[above]) / float(row[below]))


def test_a_second_source_gives_the_checked_peak():
    rows = filled(CHIPS, "second_value")
    assert len(rows) >= 20
    for key, row in rows.iterrows():
        columns = {"fp32": "fp32_flop_per_s", "int8": "int8_dense_op_per_s"}
        peak = row[columns.get(row["peak_of"], "bf16_dense_flop_per_s")]
        assert agree(row["second_value"], float(peak), peak, slack=0.0005), key


def test_a_chip_with_a_matrix_peak_says_how_it_adds_up():
    rows = filled(CHIPS, "bf16_dense_flop_per_s")
    assert (rows["accumulate"] == "fp32").all()
    assert (rows["format16"] != "").all()


def run_hours(row):
    if row["chip_hours"]:
        return float(row["chip_hours"]), (row["chip_hours"],)
    days = row["training_days"]
    return int(row["chips"]) * float(days) * HOURS_PER_DAY, (days,)


def with_known_energy():
    rows = filled(FOOTPRINTS, "power_w", "energy_mwh")
    return rows[(rows["chip_hours"] != "") | (rows["training_days"] != "")]


@pytest.mark.parametrize("key", with_known_energy().index)
def test_energy_is_chip_hours_times_power_times_pue(key):
    row = FOOTPRINTS.loc[key]
    hours, inputs = run_hours(row)
    energy = hours * float(row["power_w"]) * float(row["pue"] or 1) / 1e6
    assert agree(row["energy_mwh"], energy, *inputs, slack=0.005)
    assert energy == pytest.approx(float(row["energy_mwh"]), rel=0.02)


@pytest.mark.parametrize(
    ("grid", "emitted"),
    [
        ("intensity_kgco2e_per_kwh", "co2e_t"),
        ("intensity_net_kgco2e_per_kwh", "co2e_net_t"),
    ],
)
def test_emissions_are_energy_times_intensity(grid, emitted):
    rows = filled(FOOTPRINTS, "energy_mwh", grid, emitted)
    assert len(rows) >= 11
    for key, row in rows.iterrows():
        co2e = float(row["energy_mwh"]) * float(row[grid])
        assert agree(row[emitted], co2e, row["energy_mwh"], row[grid], slack=0.002), key


def test_training_compute_is_chips_times_time_times_measured_rate():
    rows = filled(FOOTPRINTS, "measured_flop_per_s")
    assert len(rows) == 6
    for key, row in rows.iterrows():
        seconds = run_hours(row)[0] * 3600
        flop = seconds * float(row["measured_flop_per_s"])
        assert flop == pytest.approx(float(row["training_flop"]), rel=0.02), key


@pytest.mark.parametrize(
    ("whole", "parts", "column"),
    [
        ("bloom_life_cycle", ["bloom", "bloom_idle", "bloom_embodied"], "co2e_t"),
        ("bloom_life_cycle", ["bloom", "bloom_idle"], "energy_mwh"),
        ("llama31_family", ["llama31_8b", "llama31_70b", "llama31_405b"], "chip_hours"),
        ("llama31_family", ["llama31_8b", "llama31_70b", "llama31_405b"], "co2e_t"),
    ],
)
def test_parts_sum_to_the_printed_whole(whole, parts, column):
    source = "luccioni2023" if whole.startswith("bloom") else "meta2024"
    total = FOOTPRINTS.loc[f"{whole}_{source}", column]
    cells = FOOTPRINTS.loc[[f"{part}_{source}" for part in parts], column]
    assert agree(total, cells.astype(float).sum())


def test_the_same_quantity_is_the_same_in_both_tables():
    compared = 0
    for key, row in filled(FOOTPRINTS, "model").iterrows():
        model = MODELS.loc[row["model"]]
        for column in ("training_flop", "chip_hours", "parameters"):
            if row[column] and model[column] and key not in SAME_RUN_OTHER_COUNT:
                slack = 0.03 if column == "parameters" else 0.0  # papers round sizes freely
                assert agree(row[column], float(model[column]), slack=slack), (key, column)
                compared += 1
    assert compared >= 30


def test_training_compute_is_six_n_d_or_says_why_not():
    compared = 0
    for key, row in filled(MODELS, "training_flop", "training_tokens").iterrows():
        parameters = row["active_parameters"] or row["parameters"]
        if parameters:
            flop = 6 * float(parameters) * float(row["training_tokens"])
            near = flop == pytest.approx(float(row["training_flop"]), rel=0.05)
            assert near == (row["six_nd_exception"] == ""), key
            compared += 1
    assert compared >= 30


def test_printed_chip_hours_leave_a_possible_utilisation():
    assert (filled(MODELS, "chip_hours")["flop_basis"] != "").all()
    rows = filled(MODELS, "chip_hours", "chip", "training_flop")
    for key, row in rows.iterrows():
        peak = CHIPS.loc[row["chip"], "bf16_dense_flop_per_s"]
        used = float(row["training_flop"]) / (float(row["chip_hours"]) * 3600 * float(peak))
        assert 0.12 < used < 0.65, key


def test_each_region_and_year_has_one_intensity_per_method():
    grid = table("grid_intensity").astype({"intensity_gco2e_per_kwh": float})
    national = grid[grid["kind"].isin(["country", "aggregate"])]
    by_method = national.set_index(["region", "year", "method"])["intensity_gco2e_per_kwh"]
    assert by_method.index.is_unique
    both = by_method.unstack("method").dropna(subset=["direct", "life-cycle"])
    assert len(both) >= 20
    assert (both["direct"] / both["life-cycle"]).between(0.82, 1.05).all()
    clean = both.drop(index=["China", "India"], level="region")
    assert (clean["direct"] < clean["life-cycle"]).all()


def test_a_longer_commitment_never_costs_more():
    prices = table("cloud_prices")
    terms = ["usd_per_chip_h", "usd_per_chip_h_1_year", "usd_per_chip_h_3_years"]
    for shorter, longer in zip(terms, terms[1:], strict=False):
        rows = filled(prices, shorter, longer)
        assert (rows[longer].astype(float) <= rows[shorter].astype(float)).all()


def test_meena_costs_one_and_a_half_million_dollars_at_list_price():
    hours, _ = run_hours(FOOTPRINTS.loc["meena_patterson2021"])
    price = table("cloud_prices").loc["price_tpu_v3_google_2019_12_06", "usd_per_chip_h"]
    assert hours * float(price) == pytest.approx(1.47e6, rel=0.005)


def test_comparisons_lie_between_their_ends_and_twenty_tonnes_are_of_one_person():
    rows = table("everyday_comparisons")
    ends = filled(rows, "value_low", "value_high").astype({"value": float})
    assert (
        ends["value"]
        .between(ends["value_low"].astype(float), ends["value_high"].astype(float))
        .all()
    )
    claim, household = rows.loc["household_claim_20t"], rows.loc["household_usa_umich"]
    assert claim["per"].startswith("person")
    assert household["per"].startswith("household")
    assert float(household["value"]) > 2 * float(claim["value"])


def test_the_history_ends_at_what_the_tables_say():
    rows = pd.read_csv(FOLDER / "history" / "bill.csv", dtype=str, keep_default_na=False)
    assert (rows["old"] != rows["new"]).all()
    assert (rows["reason"] != "").all()
    checked = 0
    for row in rows[rows["table"].isin(TABLES)].itertuples():
        now = table(row.table)
        if row.key in now.index and row.column in now.columns and row.new != "new":
            assert row.new.split(" ")[0] == now.loc[row.key, row.column].split(" ")[0], row
            checked += 1
    assert checked >= 100
