"""Processes of a grading class that are killed: each costs its own submission a second run at most.

(Grading itself, killed at any moment: tests/grading/test_kills.py.)
"""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.grading.classes import (
    ANSWERS,
    POINTS,
    course_grade,
    graded,
    make_class,
    outcome,
    rows_of,
)
from tests.grading.faking import copy_of

pytestmark = [pytest.mark.needs("sandbox"), pytest.mark.slow]
SERVER = "course_lib.grading.warm.server"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A class of which each submission takes a few seconds."""
    return make_class(tmp_path_factory.mktemp("killed") / "course", pause=6)


@pytest.fixture(scope="module")
def expected(course, tmp_path_factory):
    whole = copy_of(course, tmp_path_factory.mktemp("whole") / "course")
    graded(whole, "--workers", "2")
    return outcome(whole)


def parent_of(process):
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def words_of(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def children(process):
    numbers = [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]
    return [number for number in numbers if parent_of(number) == process]


def below(process):
    """All descendants, nearest first."""
    found = children(process)
    for one in found:
        found += children(one)
    return found


def find(grader):
    """Processes of a grader by what they are; nothing until a kernel runs a cell, or is about to.

    A server's child is the keeper of a sandbox, whose child is the sandbox's first process, whose
    child is the kernel.
    """
    all_of_them = below(grader)
    workers = [one for one in all_of_them if "spawn_main" in words_of(one)]
    servers = [
        one
        for one in all_of_them
        if SERVER in words_of(one) and SERVER not in words_of(parent_of(one))
    ]
    keepers = [one for server in servers for one in children(server)]
    firsts = [one for keeper in keepers for one in children(keeper)]
    kernels = [one for first in firsts for one in children(first)]
    return {"worker": workers, "server": servers, "sandbox": firsts, "kernel": kernels}


def grade_and_kill(course, victim):
    """Grade, with one process killed while two kernels are at work; rows, and what was said."""
    program = course_grade(course, "--workers", "2")
    end = time.monotonic() + 120
    while len((found := find(program.pid))["kernel"]) < 2:
        assert time.monotonic() < end and program.poll() is None, f"no two kernels: {found}"
        time.sleep(0.05)
    time.sleep(2)
    os.kill(find(program.pid)[victim][0], signal.SIGKILL)
    out, said = program.communicate(timeout=300)
    assert "Traceback" not in said
    return rows_of(out)


@pytest.mark.parametrize("victim", ["worker", "server", "sandbox"])
def test_what_a_student_cannot_have_ended_is_run_again(victim, course, expected, tmp_path):
    copy = copy_of(course, tmp_path / "course")
    rows = grade_and_kill(copy, victim)
    assert {name: row["score"] for name, row in rows.items()} == POINTS
    assert outcome(copy) == expected


def test_a_killed_kernel_costs_its_own_cell_and_is_told(course, tmp_path):
    copy = copy_of(course, tmp_path / "course")
    rows = grade_and_kill(copy, "kernel")
    hit = [name for name, row in rows.items() if "The kernel ended" in str(row["reasons"])]
    assert len(hit) == 1 and "SIGKILL" in str(rows[hit[0]]["reasons"])
    others = {name: row["score"] for name, row in rows.items() if name not in hit}
    assert others == {name: points for name, points in POINTS.items() if name not in hit}
    assert set(rows) == set(ANSWERS)
