"""What chapter 13 and the appendix of facts say in words stays true of the tables."""

from pathlib import Path

import numpy as np
import pytest

from course_lib.facts import fact
from course_lib.facts.tables import rows
from course_lib.footprint import ASSUMPTIONS, Run
from tests.book.cells import holds, run_cells

PAGE = Path(__file__).parents[2] / "book" / "13-the-bill.md"


def run_cell(holding, **names):
    """Run the page's cell that holds some words, and give back what it defined."""
    return run_cells(PAGE, holding, **names, np=np, fact=fact)


@pytest.fixture(scope="module")
def from_work():
    """Chip, printed energy and the bill from FLOP and chip, for each run that has both."""
    chips = {row["key"]: row for row in rows("accelerators")}
    models = {row["key"]: row["training_flop"] for row in rows("notable_models")}
    found = {}
    for row in rows("training_footprints"):
        flop = row["training_flop"] or models.get(row["model"], "")
        if not (flop and row["chip"] and row["energy_mwh"]):
            continue
        matrix = chips[row["chip"]]["bf16_dense_flop_per_s"]
        precision = "bf16_dense" if matrix else "fp32"
        bill = Run(training_flop=float(flop), chip=row["chip"], precision=precision)
        found[row["key"]] = row["chip"], float(row["energy_mwh"]), bill.energy_kwh.to("MWh")
    return found


def test_misses_from_work_and_chip_are_tpus_that_drew_less(from_work):
    missed = [
        (chip, printed, e) for chip, printed, e in from_work.values() if not holds(e, printed)
    ]
    assert 0 < len(missed) < 0.25 * len(from_work)
    for chip, printed, estimate in missed:
        assert chip.startswith("tpu")
        assert printed < estimate.low


def test_most_printed_energies_lie_below_the_middle(from_work):
    below = sum(printed < e.value for _, printed, e in from_work.values())
    assert below > 0.75 * len(from_work)


def test_utilisation_widens_the_bill_most_and_pue_least():
    def width(**fixed):
        flop = fact("gpt3_patterson2021.training_flop")
        energy = Run(training_flop=flop, chip="v100_sxm2", **fixed).energy_kwh
        return np.log(energy.high / energy.low)

    names = ("mfu", "tdp_fraction", "server_overhead", "pue")
    left = [width(**{name: ASSUMPTIONS[name][0]}) / width() for name in names]
    assert left == sorted(left)
    assert left[0] < 0.75 and left[-1] > 0.95


def test_place_moves_more_than_chip_than_utilisation_than_building():
    place = (fact("pol_2020.intensity") / fact("fra_2020.intensity")).value
    old, new = (Run(training_flop=1e23, chip=chip).energy_kwh for chip in ("v100_sxm2", "h100_sxm"))
    building = (fact("us_pue_2020") / fact("google_iowa_pue")).value
    assert place > 10 > 4 > (old / new).value > 3 > 1.5 > building


def test_the_household_claim_is_one_of_persons():
    claimed = fact("household_claim_20t").value
    person, household = fact("life_usa_strubell2019").value, fact("household_usa_umich").value
    assert abs(np.log(claimed / person)) < abs(np.log(claimed / household))
    assert 2 < household / claimed < 3


def test_five_cars_were_a_search_that_took_a_small_part_of_one():
    car = fact("car_lifetime_strubell2019")
    assert (fact("nas_strubell2019.co2e") / car).value == pytest.approx(5, abs=0.05)
    assert (fact("evolved_transformer_nas_patterson2021.co2e") / car).value < 0.1


def test_the_toy_grid_gives_what_is_asked_and_parts_average_from_margin():
    grid = run_cell("can_give = {")
    assert np.allclose(grid["need"], 0)  # all demand is met
    least, most = min(grid["grams"].values()), max(grid["grams"].values())
    assert ((least <= grid["average"]) & (grid["average"] <= most)).all()
    cleanest = int(np.argmin(grid["average"]))
    assert grid["margin"][cleanest] == grid["margin"].max() == most
    assert grid["margin"][19] < most  # gas, in the evening


@pytest.mark.parametrize("elasticity", [0.5, 1.0, 1.5])
def test_rebound_follows_the_elasticity(elasticity):
    page = run_cell("def pareto(elasticity)")
    gain = np.array([1.0, 2.0, 8.0, 32.0])
    total = page["total"](page["pareto"](elasticity), gain)
    assert total == pytest.approx(gain ** (elasticity - 1), rel=0.02)


def test_no_rebound_where_energy_is_no_part_of_the_price():
    page = run_cell("def pareto(elasticity)")
    gain = np.array([1.0, 2.0, 8.0])
    assert page["total"](page["pareto"](1.5), gain, 0.0) == pytest.approx(1 / gain)
