"""A disk that fills up, or may not be written: told clearly, nothing half there, nothing lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.grading import faking
from tests.grading.faking import contents, copy_of
from tests.grading.guard.material import make_course, released, solved, submit

ROOT = Path(__file__).resolve().parents[3]
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=4m none "$0" && exec "$@"'
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


def in_own_mounts(script, folder, *program):
    """What a program prints, in a mount namespace where a script has prepared a folder."""
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script, str(folder), sys.executable, *map(str, program)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Three submissions, of which one has a file of some size, and one is damaged."""
    folder = make_course(tmp_path_factory.mktemp("disk") / "course")
    submit(folder, "ada", solved(released(folder)))
    (submit(folder, "bob", solved(released(folder))) / "data.bin").write_bytes(bytes(20_000))
    (submit(folder, "cid", solved(released(folder))) / "p1.ipynb").write_text("{")
    return folder


@pytest.fixture(scope="module")
def expected(course, tmp_path_factory):
    whole = copy_of(course, tmp_path_factory.mktemp("whole") / "course")
    faking.graded(whole)
    return json.loads(json.dumps(contents(whole), default=repr))


def check(tried, expected):
    """The laws of one run on a full disk and one after it; what was told in the first."""
    told = "\n".join(
        "; ".join(row if isinstance(row, list) else [row]) for row in tried["full"].values()
    )
    assert "No space left" in told or "full" in told or "disk I/O" in told, told
    assert tried["left"]["gradebook"] == "ok"
    whole = {name for name in expected if name.startswith("autograded/")}
    for student in ("ada", "bob", "cid"):
        own = {name for name in whole if name.startswith(f"autograded/{student}/")}
        there = {name for name in tried["left"]["files"] if f"/{student}/" in name}
        assert there in (set(), own), "half a folder was left"
    assert {"ada", "bob", "cid"} <= set(tried["again"])
    assert tried["same"] == expected
    return told


@as_root
@pytest.mark.parametrize(
    "pages",
    [[0, 4, 16], pytest.param([*range(28)], marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_a_disk_that_is_full_at_some_step_costs_nothing_but_a_second_run(
    pages, course, expected, tmp_path
):
    program = Path(__file__).with_name("filling.py")
    done = in_own_mounts(ON_A_SMALL_DISK, tmp_path, program, course, tmp_path, *pages)
    assert done.returncode == 0, done.stderr[-3000:]
    stopped = 0
    for tried in json.loads(done.stdout):
        states = {row[0] for row in tried["full"].values() if isinstance(row, list)}
        if states == {"graded", "inconclusive"}:  # there was room
            assert tried["same"] == expected
        else:
            check(tried, expected)
            stopped += 1
    assert stopped > len(pages) / 2


def course_grade(course, script=None, folder=None):
    """``course grade``, where a script has prepared a folder; the rows, the exit code, the rest."""
    words = ["-m", "course_lib.cli", "grade", "ps1", "--course-dir", course, "--unsandboxed"]
    done = in_own_mounts(script or 'exec "$@"', folder or "/", *words, "--json")
    rows = json.loads(done.stdout) if done.stdout.strip() else []
    return {row["student"]: row for row in rows}, done.returncode, done.stderr


@as_root
def test_a_course_that_may_only_be_read_is_told_before_anything_runs(course, tmp_path):
    copy = copy_of(course, tmp_path / "course")
    before = sorted(copy.rglob("*"))
    rows, code, said = course_grade(copy, READ_ONLY, copy)
    assert (rows, code) == ({}, 2)
    assert f"{copy / '.grading' / 'ps1'}, and cannot write there" in said
    assert "Traceback" not in said
    assert sorted(copy.rglob("*")) == before


@as_root
@pytest.mark.slow
def test_a_gradebook_that_may_only_be_read_loses_no_verdict(course, tmp_path):
    copy, whole = (copy_of(course, tmp_path / name) for name in ("course", "whole"))
    before = (copy / "gradebook.db").read_bytes()
    rows, code, _ = course_grade(copy, READ_ONLY, copy / "gradebook.db")
    assert code == 1 and {row["state"] for row in rows.values()} == {"failed"}
    assert "readonly database; its result is kept" in rows["ada"]["reasons"][0]
    assert (copy / "gradebook.db").read_bytes() == before
    assert not list((copy / "autograded").rglob("*.ipynb"))
    for folder in (copy, whole):
        course_grade(folder)
    assert contents(copy) == contents(whole)
    lines = (copy / ".grading" / "ps1" / "journal.jsonl").read_text().splitlines()
    steps = [json.loads(line) for line in lines]
    executed = [step["student"] for step in steps if step["step"] == "executed"]
    assert sorted(executed) == ["ada", "bob"]  # once each, in the first run


def test_a_gradebook_that_another_process_holds_is_waited_for(course, tmp_path, expected):
    copy = copy_of(course, tmp_path / "course")
    hold = (
        "import sqlite3, sys, time\n"
        "sys.stdin.readline()\n"
        "sqlite3.connect(sys.argv[1], isolation_level=None).execute('BEGIN EXCLUSIVE')\n"
        "print('held', flush=True)\n"
        "time.sleep(7)"  # longer than SQLite waits by itself
    )
    command = [sys.executable, "-c", hold, str(copy / "gradebook.db")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        real = faking.fake_work

        def working(item):  # taken after the plan was made, and held while verdicts are written
            if not held:
                other.stdin.write("\n")
                other.stdin.flush()
                held.append(other.stdout.readline())
            return real(item)

        held = []
        faking.fake_work = working
        try:
            rows = faking.graded(copy, patience=60.0)
        finally:
            faking.fake_work = real
    assert held == ["held\n"]
    assert {row.state for row in rows.values()} == {"graded", "inconclusive"}
    assert json.loads(json.dumps(contents(copy), default=repr)) == expected
