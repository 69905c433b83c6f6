"""Submissions run beside each other, a timed one alone, and a killed grader holds nobody up."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from course_lib.grading.running import lane

PROGRAM = """
import pathlib, sys, time
from course_lib.grading.running import lane
lane.FOLDER = pathlib.Path(sys.argv[1])
print("waits", flush=True)
with getattr(lane, sys.argv[2])():
    print("in", flush=True)
    sys.stdin.readline()
"""
SHORT, LONG = 0.3, 30.0


@pytest.fixture
def there(tmp_path, monkeypatch):
    """`there(kind)`: another process that is in the lane, or waits for it, until it is let go."""
    monkeypatch.setattr(lane, "FOLDER", tmp_path)
    started = []

    @contextmanager
    def other(kind):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), kind]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen(command, text=True, **pipes)
        started.append(process)
        assert process.stdout.readline() == "waits\n"
        os.set_blocking(process.stdout.fileno(), False)
        yield process
        process.kill()

    yield other
    for process in started:
        process.kill()
        process.communicate()


def is_in(process, seconds):
    """Whether a process comes into the lane within some time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.stdout.readline() == "in\n":
            return True
        time.sleep(0.01)
    return False


def leave(process):
    process.communicate()  # it reads the end of its input


def test_others_run_beside_each_other(there):
    with there("beside") as one, there("beside") as other:
        assert is_in(one, LONG) and is_in(other, LONG)
        with lane.beside():
            pass


@pytest.mark.parametrize("kind", ["beside", "alone"])
def test_nobody_is_beside_a_timed_one(there, kind):
    with there("alone") as timed:
        assert is_in(timed, LONG)
        with there(kind) as other:
            assert not is_in(other, SHORT)
            leave(timed)
            assert is_in(other, LONG)


def test_a_timed_one_waits_for_those_who_run_and_newcomers_for_it(there):
    with there("beside") as early:
        assert is_in(early, LONG)
        with there("alone") as timed:
            assert not is_in(timed, SHORT)
            with there("beside") as late:
                assert not is_in(late, SHORT)
                leave(early)
                assert is_in(timed, LONG) and not is_in(late, SHORT)
                leave(timed)
                assert is_in(late, LONG)


@pytest.mark.parametrize("kind", ["beside", "alone"])
def test_a_killed_grader_leaves_no_lock(there, kind):
    with there(kind) as killed:
        assert is_in(killed, LONG)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        with lane.alone():
            pass


def test_a_kernel_does_not_hold_the_lane_of_its_grader(there):
    with lane.beside():
        child = subprocess.Popen(["sleep", "60"])
    try:
        with there("alone") as timed:
            assert is_in(timed, LONG)
    finally:
        child.kill()
        child.wait()


def test_a_lock_that_cannot_be_used_is_named(there, tmp_path):
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / f"course-lane-{os.getuid()}-door").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="course-lane"), lane.beside():
        pass
