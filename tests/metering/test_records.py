"""Named measurements on disk: what is replayed is what was measured."""

import json
import math
import stat
from pathlib import Path

import pytest

from course_lib import forget, measure, read_records, record_to
from course_lib.metering import energy, ledger, records
from tests.metering.fake_machine import ends

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "exercises" / "samples").glob("*/*/records.jsonl"))


def same(a, b):
    names = ("seconds", "cpu_seconds", "peak_bytes", "energy_joule")
    alike = all(
        ends(getattr(a, n)) == ends(getattr(b, n))
        and getattr(a, n).basis == getattr(b, n).basis
        and getattr(a, n).unit == getattr(b, n).unit
        for n in names
    )
    others = ("flop", "samples", "warmup_samples", "contamination", "machine", "name")
    return alike and all(getattr(a, n) == getattr(b, n) for n in others)


@pytest.mark.parametrize("counter", [False, True])
@pytest.mark.parametrize("waits", [0.0, 0.01])
def test_a_replayed_measurement_is_the_measurement(machine, monkeypatch, capsys, counter, waits):
    if counter:
        monkeypatch.setattr(energy, "counter_for", lambda device: lambda: machine.joules)
    record_to()
    task = machine.task(
        lambda call: 0.02 + 1e-4 * (call * 7919 % 13) + waits, 0.01, waits, switches=call_of_three
    )
    first = measure(task, name="sweep 64", flop=2e6, repeats=12)
    calls = machine.calls
    again = measure(task, name="sweep 64", flop=2e6, repeats=12)
    assert machine.calls == calls and again.replayed and not first.replayed
    assert same(first, again) and first.contaminated == (waits > 0)
    assert {s.involuntary_switches for s in again.samples} == {0, 1}
    assert "replayed 'sweep 64'" in capsys.readouterr().out
    assert "replayed" in str(again) and "replayed" not in str(first)


def call_of_three(call):
    return call % 3 == 0


def test_several_counters_are_replayed(machine, monkeypatch):
    counters = {"cuda:0": lambda: 20 * machine.wall, "cpu": None}
    monkeypatch.setattr(energy, "counters_for", lambda device: counters)
    record_to()
    first, again = (measure(machine.task(0.5), repeats=5, name="on a GPU") for _ in range(2))
    assert again.replayed and same(first, again)
    assert {part: e.basis for part, e in again.energy_by_part.items()} == {
        "cuda:0": "measured",
        "cpu": "assumed",
    }


# --- records of earlier versions ---


@pytest.mark.parametrize("joules", [None, 24.0])
def test_records_from_before_a_column_are_replayed(machine, file, joules):
    first = measure(machine.task(0.1), repeats=8, name="old")
    record = json.loads(file.read_text())
    for column in ("samples", "warmup_samples"):
        del record[column]["involuntary_switches"]
    del record["contamination"]
    record["counter_joule"] = joules
    file.write_text(json.dumps(record) + "\n")
    record_to(file)
    old = measure(machine.task(9.0), name="old")
    assert old.replayed and ends(old.seconds) == ends(first.seconds)
    assert {s.involuntary_switches for s in old.samples} == {None} and not old.contaminated
    assert old.energy_joule.basis == ("assumed" if joules is None else "measured")
    assert joules is None or old.energy_joule.value == pytest.approx(3.0)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.parent.name)
def test_the_records_of_the_shipped_samples_are_replayed(machine, monkeypatch, path):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    record_to(path)
    kept = read_records(path)
    assert len(kept) >= 9
    for name, record in kept.items():
        cost = measure(machine.task(9.0), name=name)
        assert cost.replayed and machine.calls == 0
        assert cost.minimum_cpu_seconds == min(record["samples"]["cpu_seconds"])
        assert [s.calls for s in cost.warmup_samples] == record["warmup_samples"]["calls"]
        assert cost.seconds.low < cost.seconds.value < cost.seconds.high
        assert math.isfinite(cost.energy_joule.high) and cost.energy_joule.basis == "assumed"


# --- the file ---


def test_only_named_measurements_are_recorded(machine, file):
    measure(machine.task(0.1), repeats=2)
    assert not file.exists()
    measure(machine.task(0.1), repeats=2, name="kept")
    assert file.read_text().count("\n") == 1
    assert read_records() == {"kept": json.loads(file.read_text())}


def test_unless_asked_nothing_is_replayed_and_the_last_counts(machine, file):
    for seconds in (0.1, 0.2):
        measure(machine.task(seconds), repeats=2, name="twice")
    assert file.read_text().count("\n") == 2
    record_to()
    assert measure(machine.task(9.0), name="twice").seconds.value == pytest.approx(0.2)


def test_existing_measures_what_is_missing(machine, file):
    record_to(file, "existing")
    measure(machine.task(0.1), repeats=2, name="a")
    measure(machine.task(0.2), repeats=2, name="b")
    assert list(read_records()) == ["a", "b"]


def test_grading_runs_nothing_whatever_the_notebook_asks(machine, monkeypatch, file):
    record_to(file, "never")
    kept = measure(machine.task(0.1), repeats=2, name="kept")
    calls, before = machine.calls, file.read_bytes()
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    for replay in ("never", "existing", "always"):
        record_to(file, replay)
        assert same(measure(machine.task(9.0), name="kept"), kept)
        with pytest.raises(
            LookupError,
            match=r"no recorded measurement 'missing' in records\.jsonl \(it holds kept\)\. "
            "Run the notebook and hand that file in",
        ):
            measure(machine.task(9.0), name="missing")
    assert machine.calls == calls and file.read_bytes() == before


def test_always_without_a_file_says_that_it_holds_nothing(machine, file):
    record_to(file, "always")
    with pytest.raises(LookupError, match="it holds nothing"):
        measure(machine.task(1.0), name="missing")


def test_an_error_passes_through_and_leaves_no_record(machine, file):
    tasks = machine.task(0.1)

    def fails_late():
        tasks()
        if machine.calls > 8:
            raise KeyError("the function's own")

    with pytest.raises(KeyError, match="the function's own"):
        measure(fails_late, name="broken", repeats=10, flop=1.0)
    assert not file.exists() and ledger._ledger.counted_flop == 0


def test_forgetting_removes_one_name_and_nothing_else(machine, file):
    for name in ("a", "b", "a", "c"):
        measure(machine.task(0.1), repeats=2, name=name)
    file.chmod(0o644)
    lines = file.read_text().splitlines(keepends=True)
    forget("a")
    assert file.read_text() == lines[1] + lines[3]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644  # a grader can still read it
    assert [path.name for path in file.parent.iterdir()] == ["records.jsonl"]
    with pytest.raises(KeyError, match="no record 'a'; it has b, c"):
        forget("a")


@pytest.mark.parametrize("damage", ['{"name": "b", "sam', "7", "[]", '{"samples": []}'])
def test_a_damaged_line_is_named(machine, file, damage):
    measure(machine.task(0.1), repeats=2, name="a")
    with file.open("a") as end:
        end.write("\n" + damage + "\n")
    record_to(file)
    for use in (read_records, lambda: measure(machine.task(1.0), name="a"), lambda: forget("a")):
        with pytest.raises(ValueError, match=r"records\.jsonl, line 3, is not a record: "):
            use()


@pytest.mark.parametrize(
    "part", ["samples", "warmup_samples", "peak_bytes", "machine", "flop", "counter_joule"]
)
def test_a_damaged_record_is_named(machine, file, part):
    measure(machine.task(0.1), repeats=2, name="a")
    record = json.loads(file.read_text())
    del record[part]
    file.write_text(json.dumps(record) + "\n")
    record_to(file)
    with pytest.raises(ValueError, match="the record 'a' is damaged"):
        measure(machine.task(0.1), name="a")


@pytest.mark.parametrize("column", ["seconds", "calls", "involuntary_switches"])
def test_columns_of_different_lengths_are_damage(machine, file, column):
    measure(machine.task(0.1), repeats=3, name="a")
    record = json.loads(file.read_text())
    record["samples"][column].pop()
    with pytest.raises(ValueError, match="the record 'a' is damaged"):
        records.from_record(record)


def test_no_records_are_no_error(file):
    assert read_records() == {} == read_records(file.parent / "elsewhere.jsonl")
    with pytest.raises(ValueError, match="replay is 'often'; allowed are 'never', 'existing'"):
        record_to(file, "often")


def test_records_say_nothing_of_where_they_are(machine, file):
    measure(machine.task(0.1), repeats=2, name="a")
    assert file.parent.name not in file.read_text()
