"""Every fact that the text prints has a second witness: a source, or a test that it must pass."""

import csv
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from course_lib import fact

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "course_lib" / "facts"
KG_PER_POUND = 0.45359237
PAGES = [page for page in (ROOT / "book").glob("*.md") if page.name != "AUTHORS.md"]


def rows(name):
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


BACKING = rows("backing")


def printed():
    """Names of the facts in the text of the book."""
    for page in PAGES:
        for inside in re.findall(r"\{fact\}`([^`]+)`", page.read_text(encoding="utf-8")):
            name = re.fullmatch(r"[^<]*<([^>]+)>", inside)
            yield (name[1] if name else inside.split("|")[0]).strip()


@pytest.mark.parametrize("name", sorted(set(printed())))
def test_every_printed_fact_is_backed(name):
    assert fact(name).source
    backed = [row for row in BACKING if fnmatch(name.removesuffix(".value"), row["facts"])]
    assert backed, f"give {name} a second source or a test in facts/backing.csv"


@pytest.mark.parametrize("row", BACKING, ids=lambda row: row["facts"])
def test_every_backing_exists(row):
    assert row["how"] and row["kind"] in ("test", "second source", "single")
    if row["kind"] == "test":
        file, name = row["by"].split("::")
        assert f"\ndef {name}(" in (ROOT / file).read_text(encoding="utf-8")
    if row["kind"] == "second source":
        assert row["by"] in {source["key"] for source in rows("sources")}


IN_POUNDS = [row for row in rows("everyday_comparisons") if " lb in the paper" in row["notes"]]


@pytest.mark.parametrize("row", IN_POUNDS, ids=lambda row: row["key"])
def test_tonnes_are_the_pounds_of_the_paper(row):
    pounds = float(re.search(r"([\d,]+) lb", row["notes"])[1].replace(",", ""))
    assert row["unit"] == "tCO2e"
    assert float(row["value"]) == pytest.approx(pounds * KG_PER_POUND / 1000, rel=2e-3)


def test_a_prompt_is_the_sum_of_its_parts():
    [row] = [row for row in rows("everyday_comparisons") if row["key"] == "gemini_prompt_energy"]
    parts = [float(part) for part in re.findall(r"\d\.\d+", row["notes"])]
    assert len(parts) == 4 and sum(parts) == pytest.approx(float(row["value"]))


def test_direct_emissions_of_a_grid_are_below_its_life_cycle():
    direct, whole = fact("usa_2020_direct.intensity"), fact("usa_2020.intensity")
    assert 0.75 * whole.value < direct.value < whole.value
