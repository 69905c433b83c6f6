"""Every published number is found by its name, with its unit, an honest interval and a source."""

import csv
import re
import sys
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest
from frictionless import Package, system
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import Estimate, fact, fact_names, facts
from course_lib.facts.lookup import rounding

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "course_lib" / "facts"
tables, lookup = (import_module(f"course_lib.facts.{name}") for name in ("tables", "lookup"))
NAMES = fact_names()


@pytest.mark.parametrize("table", [name for name in tables.described() if name != "sources"])
def test_every_name_of_a_table_resolves(table):
    for name in fact_names(table):
        found = fact(name)
        assert found.low <= found.value <= found.high and found.basis == "published"
        assert found.title and found.locator and re.match(r"\d{4}", found.date), name


@settings(max_examples=60)
@given(st.sampled_from(NAMES))
def test_a_fact_is_an_input_of_its_name(name):
    found = fact(name)
    assert (found - fact(name)).low == (found - fact(name)).high == 0
    assert isinstance(found, Estimate) and found.name == name
    assert float(found.text) == found.value


def test_no_key_stands_twice_and_none_is_lost():
    keys = [
        row["key"]
        for table in tables.described()
        if table != "sources"
        for row in tables.rows(table)
        if "key" in row
    ]
    assert len(keys) == len(set(keys)) == len(lookup._index())
    assert all(re.fullmatch(r"[a-z0-9_]+", key) for key in keys)


def test_the_data_package_is_valid():
    with system.use_context(trusted=True):
        report = Package(str(FOLDER / "datapackage.json")).validate()
    assert report.valid, report.flatten(["name", "rowNumber", "fieldName", "note"])[:20]
    assert {file.stem for file in FOLDER.glob("*.csv")} - {"left_out", "backing"} == set(
        tables.described()
    )


def test_columns_are_described_as_they_stand():
    for table in tables.described():
        described = [field["name"] for field in tables.fields(table)]
        assert described == list(tables.rows(table)[0])
        assert all(field.get("description") for field in tables.fields(table)), table
        shorts = [field["fact"] for field in tables.fields(table) if "fact" in field]
        assert len(shorts) == len(set(shorts))
        assert facts(table).attrs.keys() == set(described)


def test_units_are_those_of_estimates():
    for name in NAMES:
        _ = fact(name) * 2  # parses the unit


@given(st.integers(1, 99_999), st.integers(-12, 12))
def test_rounding_leaves_nine_tenths_of_a_unit_of_the_last_digit(digits, power):
    text = str(Decimal(digits).scaleb(power))
    assert 2 * rounding(text) == pytest.approx(0.9 * 10.0**power)


@pytest.mark.parametrize(
    ("level", "factor"), [("", 1.0), ("0.9", 1.0), ("0.95", 0.8392), ("0.683", 1.644)]
)
def test_an_interval_of_another_level_is_brought_to_90_percent(level, factor, monkeypatch):
    row = dict.fromkeys(tables.rows("brain")[0], "") | {
        "key": "a", "value": "10", "value_low": "8", "value_high": "13", "interval_level": level,
        "unit": "W", "source": "amdahl1967", "locator": "p. 1", "verified": "yes",
    }  # fmt: skip
    monkeypatch.setattr(lookup, "_index", lambda: {"a": ("brain", row)})
    found = fact("a")
    assert found.low == pytest.approx(10 - 2 * factor, abs=1e-2)
    assert found.high == pytest.approx(10 + 3 * factor, abs=1e-2)
    row["verified"], row["verified_where"] = "no", "from memory"
    with pytest.raises(ValueError, match=r"a was not verified \(from memory\): it may not be used"):
        fact("a")
    assert fact_names() == []


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("h20.bf16_dense", ValueError, "there is no row 'h20'. Near: h200"),
        ("h200.bf16", ValueError, "h200 of accelerators has no 'bf16'. It has .*bf16_dense"),
        ("h200", ValueError, "has no 'single number'. It has .*tdp"),
        ("", ValueError, "there is no row ''"),
        (3, TypeError, "name is a int; give a string such as 'h200.bf16_dense'"),
    ],
)
def test_a_wrong_name_says_what_is_near(name, error, said):
    with pytest.raises(error, match=said):
        fact(name)


def test_the_sources_are_the_bibliography_s(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "deploy")
    sys.modules.pop("write_sources", None)
    written = import_module("write_sources").sources()
    assert (FOLDER / "sources.csv").read_text(encoding="utf-8") == written


def test_corrections_say_what_why_and_after_whom():
    known = {row["key"] for row in tables.rows("sources")}
    for file in (FOLDER / "history").glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                assert row["reason"] and row["table"] in tables.described(), row
                assert row["old"] != row["new"] and re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"])
                assert not row["source"] or row["source"] in known, row
