"""The script that records the sweeps: whole files, resumed where it was stopped."""

import dataclasses
import json

import pandas as pd
import pytest

from benchmarks import record_tasks
from course_lib.tasks import TASKS

calls = []


def counted(a, samples, seeds, device):
    """A quick task that can be told to fail."""
    if samples == counted.fails:
        raise KeyboardInterrupt if counted.interrupted else ArithmeticError("too many")
    calls.append((a, samples, device))
    return [{"error": a / samples + seed} for seed in seeds]


@pytest.fixture
def task(monkeypatch):
    calls.clear()
    counted.fails, counted.interrupted = None, False
    full = {"a": [1.0, 2.0], "samples": [10, 20]}
    quick = dataclasses.replace(TASKS["zipf"], run=counted, full=full, seeds=2)
    monkeypatch.setitem(record_tasks.TASKS, "zipf", quick)
    monkeypatch.setattr(record_tasks.torch, "set_num_threads", lambda number: None)
    return quick


def test_a_task_is_recorded_whole(task, tmp_path):
    table = record_tasks.record(task, tmp_path / "new", tmp_path / "journals", progress=False)
    rows = pd.read_csv(table)
    assert rows.columns.tolist() == ["a", "samples", "seed", "error"] and len(rows) == 8
    assert rows["error"].tolist()[:4] == [0.1, 1.1, 0.05, 1.05]
    told = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["rows"] == 8 and told["settings"] == task.full and told["device"] == "cpu"
    assert [(known["a"], known["exponent"]) for known in told["truth"]] == [
        (1.0, -0.5),
        (2.0, pytest.approx(-2 / 3)),
    ]
    assert {device for *_, device in calls} == {"cpu"}
    assert list((tmp_path / "journals").iterdir()) == []


def test_what_was_stopped_goes_on_where_it_was(task, tmp_path):
    counted.fails, counted.interrupted = 20, True
    with pytest.raises(KeyboardInterrupt):
        record_tasks.record(task, tmp_path, tmp_path / "journals", progress=False)
    assert calls == [(1.0, 10, "cpu")] and not list(tmp_path.glob("task-*"))
    counted.fails = None
    table = record_tasks.record(task, tmp_path, tmp_path / "journals", progress=False)
    assert len(calls) == 4 and len(pd.read_csv(table)) == 8


@pytest.mark.filterwarnings("ignore:.* runs failed")
def test_failed_runs_leave_no_file(task, tmp_path):
    counted.fails = 20
    with pytest.raises(RuntimeError, match="runs of zipf failed"):
        record_tasks.record(task, tmp_path, tmp_path / "journals", progress=False)
    assert not list(tmp_path.glob("task-*"))


def test_the_command_records_the_tasks_it_is_given(task, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(record_tasks, "JOURNALS", tmp_path / "journals")
    record_tasks.main(["--task", "zipf", "--directory", str(tmp_path)])
    assert "zipf: 8 rows in" in capsys.readouterr().out
    assert sorted(file.name for file in tmp_path.glob("task-*")) == [
        "task-zipf.csv",
        "task-zipf.json",
    ]
    with pytest.raises(SystemExit):
        record_tasks.main(["--task", "nothing"])
