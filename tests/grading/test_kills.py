"""Grading that is killed anywhere and started again gives the gradebook of a run that was not.

A child process counts what it asks of the system (files opened, renamed, removed, folders made,
databases connected) and kills itself at one of those moments, as a power cut would.
"""

import os
import random
import signal
import sys
import warnings

import pytest

from tests.grading import faking
from tests.grading.faking import contents, copy_of, graded
from tests.grading.guard.material import make_course, released, solved, submit

EVENTS = {
    "open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.listdir",
    "os.truncate", "sqlite3.connect", "shutil.rmtree", "tempfile.mkdtemp", "tempfile.mkstemp",
}  # fmt: skip
KILLS = 50
WRONG = "def square(x):\n    return x + x"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Five submissions: right, wrong, late, damaged, with files."""
    folder = make_course(tmp_path_factory.mktemp("kills") / "course")
    submit(folder, "ada", solved(released(folder)))
    submit(folder, "bob", solved(released(folder), WRONG))
    late = submit(folder, "cid", solved(released(folder)))
    (late / "timestamp.txt").write_text("2030-01-01 00:00:00 UTC")
    (submit(folder, "dan", solved(released(folder))) / "p1.ipynb").write_text("{")
    (submit(folder, "eve", solved(released(folder))) / "data.csv").write_text("1,2")
    return folder


def in_a_child(course, stop_at, ran):
    """Grade in a child process that kills itself at an event; how it ended, and how many it saw.

    Each execution leaves a mark in the file ``ran``: a line with the task's key.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of forks beside threads; this one is alone
        child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            warnings.simplefilter("ignore")
            run_and_die(course, stop_at, ran, writing)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        seen = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(seen or 0)


def run_and_die(course, stop_at, ran, writing):
    count = 0

    def watch(event, arguments):
        nonlocal count
        if event in EVENTS and str(course) in str(arguments):
            count += 1
            if count == stop_at:
                os.kill(os.getpid(), signal.SIGKILL)

    work = faking.fake_work
    marks = os.open(ran, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def marking(item):
        result = work(item)
        os.write(marks, item[0].encode() + b"\n")
        return result

    faking.fake_work = marking
    sys.addaudithook(watch)
    graded(course)
    os.write(writing, str(count).encode())


def test_killed_at_fifty_moments_it_ends_with_the_same_gradebook(course, tmp_path):
    whole = copy_of(course, tmp_path / "whole")
    code, moments = in_a_child(whole, 0, tmp_path / "ran")
    assert code == 0 and moments > KILLS
    expected = contents(whole)
    assert {"ada", "dan", "autograded/eve/ps1/data.csv"} <= set(expected)
    chosen = sorted(random.Random(8).sample(range(1, moments), KILLS))
    for moment in chosen:
        again = copy_of(course, tmp_path / f"at-{moment}")
        ran = tmp_path / f"ran-{moment}"
        assert in_a_child(again, moment, ran)[0] == -signal.SIGKILL, moment
        assert in_a_child(again, 0, ran)[0] == 0, moment
        assert contents(again) == expected, moment
        executed = ran.read_text().splitlines()
        assert len(set(executed)) == 4  # dan's cannot be run
        assert len(executed) <= 5  # at most the one that was under way is run again


def test_killed_again_and_again_it_still_ends(course, tmp_path):
    whole = copy_of(course, tmp_path / "whole")
    _, moments = in_a_child(whole, 0, tmp_path / "ran")
    folder = copy_of(course, tmp_path / "course")
    ends = []  # each time it gets a little further
    for stop_at in range(moments // 8, 2 * moments, moments // 8):
        ends.append(in_a_child(folder, stop_at, tmp_path / "again")[0])
        if ends[-1] == 0:
            break
    assert len(ends) > 3 and ends[-1] == 0
    assert contents(folder) == contents(whole)
