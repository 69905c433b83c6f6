"""Signs that samples were invented: real recordings have none, invented ones of each kind have."""

import copy
import getpass
import json
import math
import platform
import re
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import measure, read_records, record_to
from course_lib.checking.audit import audit_records
from course_lib.forecasting import read_forecasts
from course_lib.metering import busy_neighbours

SAMPLES = sorted((Path(__file__).parents[2] / "exercises" / "samples").glob("*/*/records.jsonl"))
REAL = read_records(SAMPLES[0])
FORECASTS = read_forecasts(SAMPLES[0].with_name("forecasts.jsonl"))
NAMES = list(REAL)
RNG = np.random.default_rng(0)


def kinds(findings):
    return {finding.kind for finding in findings}


def changed(name="mlp-64", **columns):
    """The real records, with other columns of samples in one of them."""
    records = copy.deepcopy(REAL)
    samples = records[name]["samples"]
    for clock, values in columns.items():
        samples[clock] = [float(value) for value in values]
    number = len(samples["seconds"])
    for clock, values in samples.items():
        samples[clock] = (values * math.ceil(number / len(values)))[:number]
    samples["calls"] = [int(calls) for calls in samples["calls"]]
    return records


def wall(name):
    return np.array(REAL[name]["samples"]["seconds"])


def ticks(values, calls=1):
    """As Linux counts them: whole nanoseconds of a sample."""
    return np.round(np.asarray(values) * calls * 1e9) / 1e9 / calls


# --- what is real ---


def students_work(path, threads):
    """Nine measurements of kinds that students make."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    record_to(path, replay="never")
    try:
        for width in (32, 64, 128, 256, 512):
            layer, rows = torch.nn.Linear(width, width), torch.randn(64, width)
            with torch.no_grad():
                measure(layer, rows, name=f"layer-{width}", budget_seconds=0.1)
        numbers = np.random.default_rng(0).random(20_000)
        measure(np.sort, numbers, name="sort", repeats=8)
        measure(sum, range(1000), name="sum", budget_seconds=0.1)
        measure(time.sleep, 0.002, name="sleep", repeats=12)
        measure(lambda: [i * i for i in range(200)], name="squares", repeats=12)
    finally:
        record_to(replay="never")
        torch.set_num_threads(before)
    return read_records(path)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.parent.name)
def test_the_samples_of_the_exercises_have_no_finding(path):
    forecasts = read_forecasts(path.with_name("forecasts.jsonl"))
    handed_in = datetime.now(UTC)
    assert audit_records(read_records(path), forecasts, handed_in=handed_in) == ()


def test_what_is_measured_now_has_no_finding(tmp_path):
    records = students_work(tmp_path / "records.jsonl", threads=1)
    assert len(records) == 9
    flop = {f"layer-{width}": 2.0 * 64 * width**2 for width in (32, 64, 128, 256, 512)}
    assert audit_records(records, flop=flop, handed_in=datetime.now(UTC)) == ()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("busy", [0, 2, 4])
def test_hardly_any_file_measured_under_load_has_a_finding(tmp_path, busy, threads):
    found = []
    for attempt in range(4):
        path = tmp_path / f"{attempt}.jsonl"
        if busy:
            with busy_neighbours(busy):
                records = students_work(path, threads)
        else:
            records = students_work(path, threads)
        found.append(audit_records(records, handed_in=datetime.now(UTC)))
    assert sum(map(bool, found)) <= 1, found


def of_other_system(system, wall_step, cpu_step):
    """The real records, as coarser clocks would have read them."""
    records = copy.deepcopy(REAL)
    for record in records.values():
        record["machine"]["system"] = system
        for part in ("samples", "warmup_samples"):
            columns = record[part]
            calls = np.array(columns["calls"])
            for clock, step in (("seconds", wall_step), ("cpu_seconds", cpu_step)):
                steps = np.round(np.array(columns[clock]) * calls / step)
                columns[clock] = (np.maximum(steps, clock == "seconds") * step / calls).tolist()
            columns["waiting_seconds"] = [None] * len(calls)
    return records


@pytest.mark.parametrize(
    ("system", "wall_step", "cpu_step"),
    [("Windows AMD64", 1e-7, 1 / 64), ("Darwin arm64", 1e-9 * 125 / 3, 1e-6)],
)
def test_coarser_clocks_are_no_sign(system, wall_step, cpu_step):
    records = of_other_system(system, wall_step, cpu_step)
    for record in records.values():  # whether it was held up reads otherwise there
        record["contaminated"] = True
    assert audit_records(records) == ()


def test_another_number_of_threads_and_an_older_record_are_no_sign():
    records = copy.deepcopy(REAL)
    records["mlp-32"]["machine"]["threads"] = 2
    for record in records.values():
        del (
            record["samples"]["involuntary_switches"],
            record["warmup_samples"]["involuntary_switches"],
        )
    assert audit_records(records) == ()


def test_a_file_of_nothing_has_nothing():
    assert audit_records({}) == ()


# --- what is invented ---

LONG = 0.0025
STEADY = ticks(np.full(60, LONG))
NOISE = ticks(LONG * (1 + 0.02 * RNG.standard_normal(60)))
STEPS = np.arange(60)
SAMPLES_INVENTED = {
    "all equal": ("repeated", {"seconds": STEADY, "cpu_seconds": STEADY * 0.98}),
    "a few nanoseconds of noise": ("smooth", {"seconds": ticks(STEADY + RNG.uniform(0, 9e-9, 60))}),
    "ten samples over and over": ("repeated", {
        "seconds": np.tile(NOISE[:10], 6), "cpu_seconds": np.tile(NOISE[:10] * 0.97, 6)}),
    "a straight line": ("formula", {"seconds": ticks(LONG + 1e-5 * STEPS)}),
    "a parabola": ("formula", {"seconds": ticks(LONG + 1e-6 * STEPS**2)}),
    "a geometric series": ("formula", {"seconds": ticks(LONG * 1.01**STEPS)}),
    "a wave": ("formula", {"seconds": ticks(LONG + 1e-4 * np.sin(0.7 * STEPS))}),
    "three digits": ("digits", {"seconds": NOISE.round(5), "cpu_seconds": NOISE * 0.97}),
    "random numbers, not a clock's": ("digits", {
        "seconds": NOISE, "cpu_seconds": LONG * (0.98 + 0.02 * RNG.standard_normal(60))}),
    "whole microseconds": ("digits", {"cpu_seconds": NOISE.round(6), "calls": np.ones(60)}),
    "CPU time a fixed share of wall time": ("processor", {
        "seconds": NOISE, "cpu_seconds": 0.97 * NOISE}),
    "CPU time equal to wall time": ("processor", {"seconds": NOISE, "cpu_seconds": NOISE}),
    "CPU time above wall time on all cores": ("processor", {
        "seconds": NOISE, "cpu_seconds": ticks(2.5 * NOISE + 1e-4 * RNG.random(60))}),
    "calls that change": ("counts", {"seconds": NOISE, "calls": 1 + STEPS % 2}),
    "many calls of long samples": ("counts", {"seconds": 400 * NOISE, "calls": np.full(60, 20)}),
}  # fmt: skip


@pytest.mark.parametrize("what", SAMPLES_INVENTED)
def test_invented_samples_are_found(what):
    kind, columns = SAMPLES_INVENTED[what]
    findings = audit_records(changed("mlp-512", **columns))
    assert kind in kinds(findings), findings
    (first, *_) = [finding for finding in findings if finding.kind == kind]
    assert first.records == ("mlp-512",) and len(first.evidence) > 30
    assert str(first).startswith("mlp-512: ")


COPIES = {
    "as they are": lambda s: s,
    "scaled and shifted": lambda s: 4.2 * s + 3e-6,
    "in another order": lambda s: 3 * np.random.default_rng(1).permutation(s),
    "backwards": lambda s: s[::-1],
    "a part of them": lambda s: s[:40],
    "with a little noise": lambda s: s * (1.7 + 1e-3 * np.random.default_rng(2).random(len(s))),
}


@pytest.mark.parametrize("how", COPIES)
def test_samples_copied_to_another_name_are_found(how):
    source = wall("mlp-256")[:60]
    records = changed("mlp-256", seconds=source)
    copied = ticks(COPIES[how](source)) if how != "as they are" else source
    records["mlp-384"] = changed("mlp-384", seconds=copied)["mlp-384"]
    findings = [finding for finding in audit_records(records) if finding.kind == "copied"]
    assert [finding.records for finding in findings] == [("mlp-256", "mlp-384")]


def at(records, name, moment):
    records[name]["recorded"] = moment.isoformat(timespec="milliseconds")


def test_measurements_that_overlap_are_found():
    records = copy.deepcopy(REAL)
    earlier, later = (datetime.fromisoformat(records[name]["recorded"]) for name in NAMES[-2:])
    at(records, NAMES[-1], earlier + (later - earlier) * 0.1)
    (finding,) = audit_records(records)
    assert finding.kind == "times" and finding.records == tuple(NAMES[-2:])
    assert "overlap" in finding.evidence


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (timedelta(seconds=7, milliseconds=3), "7.003 s apart"),
        (timedelta(seconds=9), "whole seconds"),
    ],
)
def test_times_that_are_too_regular_are_found(step, said):
    records = copy.deepcopy(REAL)
    began = datetime(2026, 11, 1, 9, tzinfo=UTC)
    for place, name in enumerate(NAMES):
        extra = timedelta(seconds=place**2) if "whole" in said else timedelta()
        at(records, name, began + step * place + extra)
    assert any(said in str(finding) for finding in audit_records(records))


def test_a_record_from_after_the_handing_in_is_found():
    before = datetime.fromisoformat(REAL["mlp-large"]["recorded"]) - timedelta(seconds=1)
    (finding,) = audit_records(REAL, handed_in=before)
    assert finding.kind == "times" and "1 s after it was handed in" in finding.evidence


@pytest.mark.parametrize(
    ("key", "value"), [("cores", 64), ("cpu", "Imagined 9000"), ("torch", "1.0"), ("gpus", ["H"])]
)
def test_a_change_of_machine_is_found(key, value):
    records = copy.deepcopy(REAL)
    records["mlp-96"]["machine"][key] = value
    (finding,) = audit_records(records)
    assert finding.kind == "machine" and key in finding.evidence and "mlp-96" in finding.records


def test_rates_that_contradict_each_other_are_found():
    widths = {name: int(name[4:]) for name in NAMES if re.fullmatch(r"mlp-\d+", name)}
    flop = {name: 3 * 2.0 * 64 * width**2 for name, width in widths.items()}
    assert audit_records(REAL, flop=flop) == ()
    quicker = changed("mlp-512", seconds=ticks(0.1 * NOISE), cpu_seconds=ticks(0.09 * NOISE[::-1]))
    findings = [finding for finding in audit_records(quicker, flop=flop) if finding.kind == "rates"]
    assert findings and all(finding.records[1] == "mlp-512" for finding in findings)


def test_a_rate_beyond_the_machine_is_found():
    flop = {"mlp-512": 3 * 2.0 * 64 * 512**2}
    rate = flop["mlp-512"] / wall("mlp-512").min()
    assert audit_records(REAL, flop=flop, peak_flop_per_s=rate) == ()
    (finding,) = audit_records(REAL, flop=flop, peak_flop_per_s=rate / 3)
    assert finding.kind == "peak" and "3.0 times what its machine achieves" in finding.evidence
    (finding,) = audit_records(REAL, flop={"mlp-512": 1e5 * flop["mlp-512"]})
    assert finding.kind == "peak" and "any machine with its cores" in finding.evidence


def test_a_forecast_after_the_fact_is_found():
    assert audit_records(REAL, FORECASTS) == ()
    for key, moment, said in (
        ("time", REAL["mlp-large"]["recorded"], "after it began"),
        ("verified", FORECASTS["mlp-large"]["time"], "before it was recorded"),
        ("time", "yesterday", "without a date"),
    ):
        forecasts = {"mlp-large": FORECASTS["mlp-large"] | {key: moment}}
        (finding,) = audit_records(REAL, forecasts)
        assert finding.kind == "forecast" and said in finding.evidence


def test_hidden_contamination_is_found():
    records = copy.deepcopy(REAL)
    (name, *_) = [name for name in NAMES if records[name]["contaminated"]]
    records[name]["contaminated"] = False
    (finding,) = audit_records(records)
    assert finding.kind == "form" and "its samples say" in finding.evidence


def test_what_measure_does_not_write_is_found():
    records = copy.deepcopy(REAL)
    records["mlp-32"]["note"] = "trust me"
    for column in records["mlp-48"]["warmup_samples"].values():
        column.clear()
    assert [str(finding) for finding in audit_records(records)] == [
        "mlp-32: has 'note', which measure does not write",
        "mlp-48: has no warm-up, which measure always takes",
    ]


def test_fewer_calls_than_measure_would_make_are_found():
    records = copy.deepcopy(REAL)
    columns = records["mlp-32"]
    columns["warmup_samples"]["seconds"][-1] = 1e-5
    assert kinds(audit_records(records)) == {"counts"}


DAMAGE = {
    "no object": lambda r: [1, 2],
    "no samples": lambda r: r | {"samples": {}},
    "samples of no record": lambda r: r | {"samples": 7},
    "an empty list": lambda r: r | {"samples": {clock: [] for clock in r["samples"]}},
    "a text among numbers": lambda r: r | {"samples": r["samples"] | {"seconds": ["1"] * 200}},
    "a negative time": lambda r: r | {"samples": r["samples"] | {"seconds": [-1.0] * 200}},
    "no time": lambda r: r | {"samples": r["samples"] | {"seconds": [0.0] * 200}},
    "not a number": lambda r: r | {"samples": r["samples"] | {"cpu_seconds": [math.nan] * 200}},
    "true": lambda r: r | {"samples": r["samples"] | {"calls": [True] * 200}},
    "half a call": lambda r: r | {"samples": r["samples"] | {"calls": [0.5] * 200}},
    "columns of two lengths": lambda r: r | {"samples": r["samples"] | {"calls": [1] * 7}},
    "a date without a zone": lambda r: r | {"recorded": "2026-01-01T00:00:00"},
    "no date": lambda r: r | {"recorded": 12},
    "a machine of text": lambda r: r | {"machine": "mine"},
    "ages": lambda r: r | {"samples": r["samples"] | {"seconds": [1e299] * 200}},
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_is_told_and_the_rest_is_looked_at(how):
    records = copy.deepcopy(REAL)
    records["mlp-32"] = DAMAGE[how](records["mlp-32"])
    (finding,) = audit_records(records)
    assert finding.records == ("mlp-32",) and finding.kind == "damaged"
    assert finding.evidence.startswith("is not what measure writes: ")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
PLACES = [(), ("samples",), ("warmup_samples",), ("machine",), ("recorded",), ("flop",)]
PLACES += [("samples", "seconds"), ("samples", "calls"), ("machine", "cores"), ("machine", "gpus")]
PLACES += [
    ("samples", "seconds", 3),
    ("samples", "cpu_seconds", 3),
    ("warmup_samples", "seconds", 0),
]


@settings(max_examples=60, deadline=None)
@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_nothing_that_is_handed_in_stops_the_audit(place, value):
    record = copy.deepcopy(REAL["mlp-large"])
    records = {"mlp-large": record, "mlp-32": REAL["mlp-32"]}
    if place:
        target = record
        for key in place[:-1]:
            target = target[key]
        target[place[-1]] = value
    else:
        records["mlp-large"] = value
    forecasts = {"mlp-large": value, "mlp-32": {"time": value}}
    for finding in audit_records(records, forecasts, handed_in=datetime.now(UTC)):
        assert finding.kind and finding.evidence and len(str(finding)) < 2000


# --- what a record says of its owner ---


def test_a_record_holds_no_name_and_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for variable in ("USER", "LOGNAME", "HOME", "HOSTNAME"):
        monkeypatch.setenv(variable, "planted-name")
    monkeypatch.setattr(socket, "gethostname", lambda: "planted-name")
    monkeypatch.setattr(platform, "node", lambda: "planted-name")
    record_to("records.jsonl", replay="never")
    measure(sum, range(100), name="a sum", repeats=5)
    record_to(replay="never")
    text = Path("records.jsonl").read_text()
    assert json.loads(text)["name"] == "a sum"
    words = set(re.findall(r"[\w.-]+", text))
    assert "samples" in words
    monkeypatch.undo()
    secrets = {socket.gethostname(), platform.node(), getpass.getuser(), "planted-name"}
    assert not words & (secrets - {""})
    for folder in (tmp_path, Path.home(), Path.cwd()):
        assert str(folder) not in text and (folder.name not in words or len(folder.name) < 3)
    assert not re.search(r'"[^"]*(?:/|\\\\)(?:home|root|Users|tmp|var|etc)', text)
