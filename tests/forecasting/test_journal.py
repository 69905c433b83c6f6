"""What is committed stays as it was, whoever else writes; a truth is set beside it once."""

import hashlib
import json
import math
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import Forecast, commit, verify
from course_lib.forecasting import locking, read_forecasts
from course_lib.forecasting.inputs import digest

law = settings(max_examples=20)
levels = st.sampled_from([0.5, 0.8, 0.9, 0.95])
numbers = st.floats(-1e6, 1e6)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "forecasts.jsonl"


FORECAST = Forecast(2.0, 1.5, 2.5, unit="s")


def test_a_forecast_is_committed_once(file):
    assert commit("large", FORECAST, file) == FORECAST
    before = file.read_bytes()
    nearly = Forecast(2.0 * (1 + 1e-9), 1.5, 2.5, unit="s")
    assert commit("large", FORECAST, file) == FORECAST
    assert commit("large", nearly, file) == FORECAST  # what stands, not what came
    assert file.read_bytes() == before
    for other in (
        Forecast(2.0, 1.4, 2.5, unit="s"),
        Forecast(2.0, 1.5, 2.5, unit="h"),
        Forecast(2.0, 1.5, 2.5, 0.8, "s"),
    ):
        with pytest.raises(ValueError, match=r"'large' was committed as 2 s .*made once"):
            commit("large", other, file)
    assert file.read_bytes() == before
    assert commit("larger", Forecast(9, 8, 10), file).median == 9


def test_a_file_only_grows(file):
    seen = b""
    for step in (
        lambda: commit("a", FORECAST, file),
        lambda: commit("b", Forecast(5, 4, 6), file),
        lambda: verify("a", 2.2, file),
        lambda: commit("c", Forecast(7, 6, 8), file),
        lambda: verify("b", 9.0, file),
    ):
        step()
        now = file.read_bytes()
        assert now.startswith(seen) and len(now) > len(seen) and now.endswith(b"\n")
        assert now.count(b"\n") == seen.count(b"\n") + 1
        seen = now


def test_a_truth_is_set_beside_what_was_committed(file):
    commit("large", FORECAST, file)
    held = verify("large", 2.4, file)
    assert held.held and held.forecast == FORECAST and held.truth == 2.4
    assert held.score == pytest.approx(1.0) and held.committed <= held.verified
    assert verify("large", 2.4, file) == held  # also the time: nothing is written again
    with pytest.raises(ValueError, match=r"verified with 2\.4 at .*, and now comes 2\.5"):
        verify("large", 2.5, file)
    with pytest.raises(ValueError, match="truth is nan"):
        verify("large", math.nan, file)
    commit("missed", FORECAST, file)
    missed = verify("missed", 3.0, file)
    assert not missed.held and missed.score == pytest.approx(1 + 2 / 0.1 * 0.5)
    assert "did not hold" in str(missed) and "interval held" in str(held)
    with pytest.raises(LookupError, match="no forecast 'small' was committed; there are: large"):
        verify("small", 1.0, file)


def test_without_a_file_nothing_was_committed(file):
    assert read_forecasts(file) == {}
    with pytest.raises(LookupError, match="there are: none"):
        verify("large", 1.0, file)
    assert not file.exists()


def test_a_bad_truth_leaves_no_trace(file):
    commit("large", FORECAST, file)
    before = file.read_bytes()
    with pytest.raises(ValueError):
        verify("large", math.inf, file)
    assert file.read_bytes() == before


@law
@given(st.lists(st.tuples(numbers, st.floats(0, 1e3), st.floats(0, 1e3), levels), max_size=4))
def test_what_is_committed_survives(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("kept") / "forecasts.jsonl"
    forecasts = {
        f"number {i}, µ {median!r}": Forecast(median, median - below, median + above, level, "µs")
        for i, (median, below, above, level) in enumerate(rows)
    }
    for name, forecast in forecasts.items():
        commit(name, forecast, file)
    for name, forecast in list(forecasts.items())[::2]:
        verify(name, forecast.high, file)
    kept = read_forecasts(file)
    assert list(kept) == list(forecasts)
    for i, (name, forecast) in enumerate(forecasts.items()):
        assert Forecast(**kept[name]["forecast"]) == forecast
        assert ("truth" in kept[name]) == (i % 2 == 0)
        assert kept[name].get("truth", forecast.high) == forecast.high


def test_the_first_of_a_name_counts_whatever_is_added_to_the_file(file):
    commit("large", FORECAST, file)
    forged = json.loads(file.read_text()) | {"forecast": asdict(Forecast(9, 0, 99, unit="s"))}
    with file.open("a") as end:
        end.write(json.dumps(forged) + "\n\n")
    assert verify("large", 2.4, file).forecast == FORECAST


@pytest.mark.parametrize("damage", ["not json", '{"kind": "commit"}', "[1]", "7", '{"kind": '])
def test_a_damaged_line_is_named(file, damage):
    commit("a", FORECAST, file)
    with file.open("a") as end:
        end.write(damage + "\n")
    for use in (
        lambda: commit("b", FORECAST, file),
        lambda: verify("a", 2, file),
        lambda: read_forecasts(file),
    ):
        with pytest.raises(ValueError, match=r"forecasts\.jsonl, line 2, is not a forecast: "):
            use()


@pytest.mark.parametrize("given", [(2.0, 1.5, 2.5), 2.0, None])
def test_only_forecasts_are_committed(file, given):
    with pytest.raises(TypeError, match=r"forecast is a .*; give a Forecast"):
        commit("large", given, file)
    assert not file.exists()


@pytest.mark.parametrize("name", ["", None, 3, ("a", "b")])
def test_a_forecast_has_a_name(file, name):
    with pytest.raises(TypeError, match="give the forecast a name, as text"):
        commit(name, FORECAST, file)
    assert not file.exists()


def test_the_score_stands_in_the_file(file):
    commit("large", FORECAST, file)
    verdict = verify("large", 3.0, file)
    assert json.loads(file.read_text().splitlines()[-1])["score"] == verdict.score


# --- what a forecast was made from ---

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
arrays = st.builds(
    lambda values, kind: np.array(values).astype(kind),
    st.lists(st.integers(-100, 100), min_size=1, max_size=5),
    st.sampled_from(["f8", ">f8", "f4", "i8", "i4", "U4"]),
)


@law
@given(plain)
def test_plain_inputs_are_hashed_as_their_json(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    assert digest(value) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@law
@given(arrays, st.randoms())
def test_the_same_inputs_have_one_hash_however_they_are_held(array, random):
    other = array.astype(array.dtype.newbyteorder(">"))
    strided = np.stack([array, array], 1)[:, 0]
    assert digest(array) == digest(other) == digest(strided)
    pairs = [("x", array), ("seed", 3), ("note", "a")]
    shuffled = random.sample(pairs, len(pairs))
    assert digest(dict(pairs)) == digest(dict(shuffled))
    frame = pd.DataFrame({"x": array})
    assert digest(frame) == digest(frame.copy())


@law
@given(arrays, arrays)
def test_other_inputs_have_another_hash(one, two):
    kinds = [array.dtype.newbyteorder("<") for array in (one, two)]
    same = kinds[0] == kinds[1] and one.shape == two.shape and (one == two).all()
    assert (digest(one) == digest(two)) == same
    assert digest(one) != digest(one.reshape(1, -1)) != digest(one.tolist())
    assert digest({"x": one}) != digest({"y": one})


def test_tables_and_tensors_are_inputs():
    frame = pd.DataFrame({"x": [1.0, 2.0], "name": ["a", "b"]})
    changed = [
        frame.assign(x=[1.0, 2.5]),
        frame.assign(name=["a", "c"]),
        frame[["name", "x"]],
        frame.rename(columns={"x": "z"}),
        frame.set_index(pd.Index([3, 4])),
        frame.iloc[::-1],
        frame.astype({"x": "float32"}),
    ]
    assert len({digest(table) for table in [frame, *changed]}) == 8
    assert digest(torch.arange(3.0)) == digest(np.arange(3, dtype="float32"))
    assert digest(np.zeros(2, "f4")) != digest(np.zeros(2, "i4"))
    assert digest([np.float64(2.5), np.int64(3)]) != digest([2.5, np.int64(4)])
    with pytest.raises(TypeError, match="inputs hold a set; give text, numbers, arrays"):
        digest({"x": {1, 2}})


def test_the_same_forecast_from_other_inputs_is_refused(file):
    sweep = {"x": np.array([1.0, 2.0, 4.0]), "y": np.array([3.0, 5.0, 9.0])}
    assert commit("large", FORECAST, file, inputs=sweep) == FORECAST
    before = file.read_bytes()
    assert read_forecasts(file)["large"]["inputs"] == digest(sweep)
    assert commit("large", FORECAST, file, inputs=sweep) == FORECAST
    assert commit("large", FORECAST, file) == FORECAST  # says nothing of inputs
    with pytest.raises(ValueError, match=r"'large' was committed from other inputs at "):
        commit("large", FORECAST, file, inputs=sweep | {"y": np.array([3.0, 5.0, 9.1])})
    commit("bare", FORECAST, file)
    with pytest.raises(ValueError, match="'bare' was committed from no inputs at "):
        commit("bare", FORECAST, file, inputs=sweep)
    with pytest.raises(TypeError, match="inputs hold a function"):
        commit("odd", FORECAST, file, inputs={"f": digest})
    assert file.read_bytes().count(b"\n") == before.count(b"\n") + 1


def test_a_file_of_an_earlier_version_is_read(file):
    earlier = [
        {"kind": "commit", "name": "a", "time": "2024-01-01T00:00:00.000+00:00",
         "forecast": {"median": 2.0, "low": 1.0, "high": 3.0, "level": 0.9, "unit": "s"}},
        {"kind": "verify", "name": "a", "time": "2024-01-02T00:00:00.000+00:00", "truth": 2.5},
    ]  # fmt: skip
    file.write_text("".join(json.dumps(line) + "\n" for line in earlier))
    assert commit("a", Forecast(2.0, 1.0, 3.0, unit="s"), file).median == 2.0
    verdict = verify("a", 2.5, file)
    assert verdict.held and verdict.verified == earlier[1]["time"]
    assert len(file.read_text().splitlines()) == 2


# --- several writers ---

WRITER = """
import sys, time
from pathlib import Path
from course_lib.forecasting import locking
from course_lib import Forecast, commit, verify
me, names, file, way = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
if way == "lock file":
    locking.fcntl = None
Path(f"{file}.ready{me}").touch()
while not Path(f"{file}.go").exists():
    time.sleep(0.001)
for number in range(names):
    try:
        commit(f"number {number}", Forecast(me, me, me), file, inputs={"writer": me})
        print("commit", number)
    except ValueError as error:
        assert "made once" in str(error), error
for number in range(names):
    try:
        verify(f"number {number}", me, file)
        print("verify", number)
    except ValueError as error:
        assert "meets one truth" in str(error), error
"""


@pytest.mark.parametrize("way", ["flock", "lock file"])
def test_of_several_programs_one_commits_and_one_verifies(file, way):
    names, writers = 40, 3
    command = [sys.executable, "-c", WRITER]
    running = [
        subprocess.Popen(
            [*command, str(me), str(names), str(file), way], stdout=subprocess.PIPE, text=True
        )
        for me in range(writers)
    ]
    while not all(file.with_name(f"{file.name}.ready{me}").exists() for me in range(writers)):
        assert all(process.poll() is None for process in running)
        time.sleep(0.01)
    file.with_name(f"{file.name}.go").touch()
    said = [process.communicate()[0].splitlines() for process in running]
    assert all(process.returncode == 0 for process in running)
    wins = Counter(line for lines in said for line in lines)
    assert wins == {f"{act} {n}": 1 for act in ("commit", "verify") for n in range(names)}
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert Counter((line["kind"], line["name"]) for line in lines) == {
        (act, f"number {n}"): 1 for act in ("commit", "verify") for n in range(names)
    }
    assert not file.with_name(file.name + ".lock").exists()


def test_a_commit_waits_while_another_writes(file):
    with locking.alone(file):
        waiting = threading.Thread(target=commit, args=("large", FORECAST, file))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive() and file.read_text() == ""
    waiting.join()
    assert list(read_forecasts(file)) == ["large"]


def test_a_lock_that_was_left_behind_is_named(file, monkeypatch):
    monkeypatch.setattr(locking, "fcntl", None)
    monkeypatch.setattr(locking, "PATIENCE", 0.05)
    lock = file.with_name("forecasts.jsonl.lock")
    lock.touch()
    with pytest.raises(TimeoutError, match=r"forecasts\.jsonl\.lock is there .*delete it"):
        commit("large", FORECAST, file)
    assert not file.exists() and lock.exists()
    lock.unlink()
    with pytest.raises(TypeError, match="inputs hold"):
        commit("large", FORECAST, file, inputs={1, 2})
    commit("large", FORECAST, file)
    assert not lock.exists()


def test_a_file_that_cannot_be_written_is_still_read(file, monkeypatch):
    commit("large", FORECAST, file)
    verdict = verify("large", 2.4, file)
    monkeypatch.setattr(locking.os, "access", lambda *_: False)
    with monkeypatch.context() as patch:
        patch.setattr(locking, "fcntl", None)
        patch.setattr(locking, "_make", lambda *_: pytest.fail("it was locked"))
        assert commit("large", FORECAST, file) == FORECAST
        assert verify("large", 2.4, file) == verdict
