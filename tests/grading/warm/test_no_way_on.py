"""A step of the sandbox that fails, or does nothing, ends the fork: there is no way on."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.needs("sandbox")

# A process that spoils one step, then forks as the server does and says what the client hears.
PROGRAM = """
import json, os, select, sys
from course_lib.grading.sandbox import filter, privileges, protocol, tree
from course_lib.grading.tasks import Limits
from course_lib.grading.warm import forked, preload, root, server, system
module, name, how = sys.argv[1:]
def fail(*_):
    raise OSError(1, f"{name} was spoilt")
if how == "hangs":
    forked.convolve = lambda: select.select([], [], [])
    server.SELF_TEST_SECONDS = 1.0
elif how == "thread":
    import threading
    threading.Thread(target=select.select, args=([], [], []), daemon=True).start()
elif module:
    spoilt = {"fails": fail, "does nothing": lambda *_: None}[how]
    setattr({"system": system, "root": root, "filter": filter}[module], name, spoilt)
privileges.drop()
try:
    server.Server(protocol.pair()[0]).test_itself()
    said = "fit"
except preload.Unfit as error:
    said = str(error)
print(json.dumps(said), flush=True)
os._exit(0)
"""


def try_fork(module="", name="", how=""):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, module, name, how],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout)


def test_nothing_spoilt_is_fit():
    assert try_fork() == "fit"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("system", "unshare"),
        ("system", "die_with_parent"),
        ("root", "build"),
        ("system", "restrict"),
        ("system", "change_root"),
        ("system", "raise_loopback"),
        ("system", "drop_capabilities"),
        ("filter", "load"),
    ],
)
def test_a_step_that_fails_ends_the_fork_with_the_reason(module, name):
    said = try_fork(module, name, "fails")
    assert said.startswith("no sandbox could be built")
    assert f"{name} was spoilt" in said


@pytest.mark.parametrize(
    ("module", "name", "missing"),
    [
        ("system", "drop_capabilities", "no capabilities"),
        ("filter", "load", "a system call filter"),
        ("system", "restrict_one", "a read-only root"),
    ],
)
def test_a_step_that_does_nothing_is_found_out(module, name, missing):
    assert missing in try_fork(module, name, "does nothing")


def test_a_self_test_that_hangs_is_not_waited_for():
    assert "did not end in 1 s" in try_fork(how="hangs")


def test_a_server_with_threads_does_not_fork():
    assert "left 2 threads running" in try_fork(how="thread")
