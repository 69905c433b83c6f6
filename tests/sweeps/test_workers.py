"""Workers, local and on a Dask cluster: the same table, and a killed one costs only its run."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from course_lib.devices import cores
from course_lib.sweeps import sweep
from tests.sweeps import runs

ROOT = Path(__file__).resolve().parents[2]
quiet = partial(sweep, progress=False)


def program(text, *arguments):
    """A running Python program."""
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def alive(process):
    """Whether a process of this number runs (a zombie does not)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


# --- the same table ---


@pytest.mark.parametrize("batched", [False, True])
def test_local_workers_give_the_table_of_one_process(batched):
    run = runs.multiply_all if batched else runs.multiply
    how = {"seeds": [4, 2], "batched": batched}
    grid = {"a": [5, 3, 1], "b": [2, 7]}
    pd.testing.assert_frame_equal(quiet(run, grid, workers=2, **how), quiet(run, grid, **how))


def test_a_cluster_gives_the_table_of_one_process(cluster, tmp_path):
    again = partial(quiet, runs.multiply, {"a": [5, 3, 1]}, seeds=[4, 2], journal=tmp_path / "j")
    table = again(scheduler=cluster)
    pd.testing.assert_frame_equal(table, quiet(runs.multiply, {"a": [5, 3, 1]}, seeds=[4, 2]))
    assert len((tmp_path / "j").read_text().splitlines()) == 6
    pd.testing.assert_frame_equal(again(scheduler=cluster), table)
    assert len((tmp_path / "j").read_text().splitlines()) == 6


def test_workers_share_the_cores_and_the_runs():
    grid = {"a": [*range(6)]}
    table = quiet(runs.threads, grid, workers=2)
    assert set(table["threads"]) == {max(1, cores() // 2)}
    assert set(table["parent"]) == {os.getpid()}
    assert not any(alive(process) for process in table["process"])
    assert set(quiet(runs.threads, grid)["process"]) == {os.getpid()}


def test_exceptions_in_workers_are_told_as_in_one_process(cluster):
    tables = []
    for how in ({}, {"workers": 1}, {"scheduler": cluster}):
        with pytest.warns(UserWarning, match=r"1 of 3 runs failed.*runs\.py"):
            tables.append(quiet(runs.inverse, {"a": [2, 0, 4]}, **how))
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


# --- killed workers ---


def test_a_killed_local_worker_costs_only_its_run(tmp_path):
    grid = {"a": [1, 2, 3, 4], "folder": [str(tmp_path)]}
    path = tmp_path / "j.jsonl"
    with pytest.warns(UserWarning, match="1 of 4 runs failed"):
        table = quiet(runs.killed, grid, workers=2, journal=path)
    assert table["square"].fillna(-1).tolist() == [1, -1, 9, 16]
    assert table["problem"].tolist() == [
        "", "its worker was killed 2 times (SIGKILL, as happens when memory runs out)", "", "",
    ]  # fmt: skip
    assert sorted(runs.calls(tmp_path)) == [f"{a} None" for a in (1, 2, 2, 3, 4)]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(line["setting"]["a"] for line in lines) == [1, 2, 3, 4]
    assert [line["setting"]["a"] for line in lines if "problem" in line] == [2]


def test_a_worker_killed_once_costs_nothing(tmp_path):
    grid = {"a": [1, 2, 3], "folder": [str(tmp_path)]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = quiet(runs.killed_once, grid, workers=1)
    assert table["square"].tolist() == [1, 4, 9] and "problem" not in table


def test_a_killed_worker_leaves_nothing_behind_that_python_warns_of():
    out, err = program(
        "from course_lib.sweeps import sweep\n"
        "from tests.sweeps import runs\n"
        "print(sweep(runs.killed_with_a_bar, {'a': [1, 2]}, workers=1)['square'].sum())"
    ).communicate()
    assert "1.0" in out and "1 of 2 runs failed" in err and "leaked" not in err


def test_a_worker_that_ends_itself_is_told_with_its_exit_code():
    with pytest.warns(UserWarning, match="1 of 2 runs failed"):
        table = quiet(runs.exits, {"a": [1, 2]}, workers=1)
    assert table["problem"].tolist() == ["its worker ended 2 times (exit code 3)", ""]


def test_a_killed_cluster_worker_costs_only_its_run(cluster, tmp_path):
    grid = {"a": [1, 2, 3, 4, 5, 6], "folder": [str(tmp_path)]}
    with pytest.warns(UserWarning, match="1 of 6 runs failed"):
        table = quiet(runs.killed, grid, scheduler=cluster)
    assert table["square"].fillna(-1).tolist() == [1, -1, 9, 16, 25, 36]
    assert "its worker was killed" in table["problem"][1]


# --- a killed sweep ---

SLOW_SWEEP = """
import signal
import sys
from course_lib.sweeps import sweep
from tests.sweeps import runs
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
if __name__ == "__main__":
    folder, workers = sys.argv[1], int(sys.argv[2])
    grid = {"a": list(range(8)), "folder": [folder]}
    print(sweep(runs.slow, grid, workers=workers, journal=folder + "/j.jsonl", progress=False))
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_sweep_goes_on_with_what_is_missing(tmp_path, workers):
    killed = program(SLOW_SWEEP, tmp_path, workers)
    wait_for(lambda: len(runs.calls(tmp_path)) >= 4)
    killed.kill()
    killed.communicate()
    written = (tmp_path / "j.jsonl").read_bytes().count(b"\n")
    assert 1 <= written < 8
    (tmp_path / "calls").unlink()
    out, err = program(SLOW_SWEEP, tmp_path, workers).communicate()
    assert err == "" and out.splitlines()[-1].split()[-1] == "49"
    assert len(runs.calls(tmp_path)) == 8 - written


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_workers_end_with_a_killed_parent(tmp_path):
    """A worker in the middle of a run of an hour does not stay behind."""
    text = SLOW_SWEEP.replace("runs.slow", "hour").replace(
        'if __name__ == "__main__":',
        """
def hour(a, folder):
    import os, time
    open(f"{folder}/process", "w").write(str(os.getpid()))
    time.sleep(3600)
if __name__ == "__main__":
""".strip(),
    )
    parent = program(text, tmp_path, 1)
    wait_for(lambda: (tmp_path / "process").exists() and (tmp_path / "process").read_text())
    worker = int((tmp_path / "process").read_text())
    try:
        assert alive(worker)
        parent.kill()
        parent.wait()
        wait_for(lambda: not alive(worker), seconds=20)
    finally:
        if alive(worker):
            os.kill(worker, signal.SIGKILL)
        parent.communicate()


def test_ctrl_c_ends_the_workers_and_keeps_what_was_done(tmp_path):
    text = (
        SLOW_SWEEP.replace("    print(", "    try: print(").rstrip()
        + """
    except KeyboardInterrupt as stop: print("kept", stop.results["a"].tolist())
"""
    )
    stopped = program(text, tmp_path, 1)
    wait_for(lambda: len(runs.calls(tmp_path)) >= 3)
    stopped.send_signal(signal.SIGINT)
    out, err = stopped.communicate()
    assert err == "" and out.startswith("kept [0, 1")


# --- functions that cannot be sent ---


def test_functions_of_a_notebook_work_where_cloudpickle_is(cluster):
    factor = 3

    def local_function(a):
        return {"tripled": factor * a}

    pytest.importorskip("cloudpickle")
    for how in ({"workers": 1}, {"scheduler": cluster}):
        assert quiet(local_function, {"a": [1, 2]}, **how)["tripled"].tolist() == [3, 6]


def test_a_function_that_cannot_be_sent_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(ValueError, match=r"cannot be sent to a worker.*\[cluster\]"):
        quiet(lambda a: {}, {"a": [1]}, workers=1)


def test_a_function_that_a_worker_cannot_load_is_an_error(monkeypatch, tmp_path):
    """As in a notebook without cloudpickle: the name is there, but in this process only."""
    monkeypatch.setitem(sys.modules, "cloudpickle", None)

    def vanishing(a):
        return {}

    vanishing.__qualname__ = "vanishing"
    monkeypatch.setattr(runs, "vanishing", vanishing, raising=False)
    monkeypatch.setattr(vanishing, "__module__", "tests.sweeps.runs")
    with pytest.raises(
        RuntimeError, match=r"cannot load the function: AttributeError.*\[cluster\]"
    ):
        quiet(vanishing, {"a": [1]}, workers=1)


def test_a_script_without_the_guard_is_told(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from course_lib.sweeps import sweep\n"
        "from tests.sweeps import runs\n"
        "sweep(runs.multiply, {'a': [1]}, workers=1)\n"
    )
    ended = subprocess.run(
        [sys.executable, script], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 'below `if __name__ == "__main__":`' in ended.stderr


# --- addresses ---


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.7:8786", "cluster.example:8786", "ws://h:1", "tcp://0.0.0.0:1"]
)
def test_a_scheduler_beyond_this_machine_needs_tls(address):
    with pytest.raises(ValueError, match="whoever reaches a Dask cluster can run programs"):
        quiet(runs.multiply, {"a": [1]}, scheduler=address)


@pytest.mark.parametrize(
    "address, insecure",
    [
        ("tcp://127.0.0.1:8786", False),
        ("localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("tls://10.0.0.7:8786", False),
        ("tcp://10.0.0.7:8786", True),
    ],
)
def test_what_is_allowed_is_tried(address, insecure, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "course_lib.sweeps.sweeping.on_cluster",
        lambda work, tasks, address: (answer for answer in asked.append(address) or ()),
    )
    quiet(runs.multiply, {"a": [1]}, scheduler=address, insecure=insecure)
    assert asked == [address]


def test_a_cluster_object_is_not_an_address():
    with pytest.raises(TypeError, match=r"cluster\.scheduler_address"):
        quiet(runs.multiply, {"a": [1]}, scheduler=object())


def test_dask_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"\[cluster\]"):
        quiet(runs.multiply, {"a": [1]}, scheduler="tcp://127.0.0.1:1")
