"""Speed is a ratio of work, on clocks that no student reaches; a busy machine costs no point."""

import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.checking import Timed
from course_lib.grading.commands import nbgrader
from course_lib.grading.running.timing import _opened, time_all
from course_lib.grading.tasks import Limits, Task
from course_lib.metering import busy_neighbours
from tests.grading.guard.material import KERNEL, marked
from tests.grading.trusted.material import grade_all, graded, hand_in, points

pytestmark = pytest.mark.needs("sandbox")
NUMBERS = [(150_000, seed) for seed in range(50)]


def work(n, seed):
    total = seed
    for i in range(n):
        total += i & seed
    return total


def times(number, name="f"):
    """A function that does so many times the reference's work."""
    return f"""
def {name}(n, seed):
    for _ in range({number}):
        total = seed
        for i in range(n):
            total += i & seed
    return total
"""


def timed(student, at_most=3.0, **task):
    """What a student's cell is told to be, and how it is judged."""
    wanted = Timed(NUMBERS, work, at_most)
    notebook = new_notebook(cells=[new_code_cell(student)])
    one = wanted.order("work", "f") | {"notebook": "p.ipynb"}
    raw = {"p.ipynb": nbformat.writes(notebook).encode()}
    measured = time_all(Task("key", raw, timed=(one,), **task))["work"]
    timing = wanted.received([work(*one) for one in wanted.first], measured)
    assert all(got == work(*NUMBERS[place]) for place, got in timing.answers)
    return timing, timing.judgement("do it once")


def is_about(ratio, number):
    """Whether an interval holds a number, or all but does: one in ten may miss it."""
    return ratio.low / 1.1 <= number <= ratio.high * 1.1


def test_twice_the_work_is_twice_the_time():
    timing, told = timed(times(2))
    if timing.ratio is None:
        assert told.share is None and "cannot time" in told.reason  # of this machine, now
        pytest.skip(told.reason)
    assert is_about(timing.ratio, 2)


@pytest.mark.slow
@pytest.mark.parametrize("busy", [0, 4])
@pytest.mark.parametrize(("number", "share"), [(1, 1.0), (2, 1.0), (5, 0.0)])
def test_a_ratio_of_work_is_found_and_judged_beside_busy_processes_too(number, share, busy):
    with busy_neighbours(busy):
        tried = [timed(times(number)) for _ in range(3)]
    judged = [(timing.ratio, told) for timing, told in tried if timing.ratio is not None]
    assert judged, [told.reason for _, told in tried]
    assert all(is_about(ratio, number) for ratio, _ in judged)
    assert {told.share for _, told in tried} <= {share, None}


@pytest.mark.slow
def test_the_reference_is_itself_nearly_always():
    ratios = [timed(times(1))[0].ratio for _ in range(10)]
    assert sum(ratio is not None and is_about(ratio, 1) for ratio in ratios) >= 8


PATCHED = """
import os, time
for name in ("time", "perf_counter", "process_time", "thread_time", "monotonic"):
    setattr(time, name, lambda: 0.0)
time.clock_gettime = lambda clock: 0.0
os.times = lambda: (0.0,) * 5
"""
CACHED = """
import functools
g = f
f = functools.cache(lambda n, seed: g(n, seed))
"""
IN_A_CHILD = """
import json, os, signal
g = f
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for it, so nobody is told its time
def f(n, seed):
    here, there = os.pipe()
    if os.fork() == 0:
        os.write(there, json.dumps(g(n, seed)).encode())
        os._exit(0)
    os.close(there)
    with open(here) as pipe:
        return json.loads(pipe.read())
"""
IN_A_THREAD = """
import concurrent.futures
g = f
def f(n, seed):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(g, n, seed).result()
"""
DISTURBING = """
import contextlib, os, threading
with contextlib.suppress(OSError):
    os.sched_setaffinity(0, set(range(os.cpu_count())))
def spin():
    while True:
        pass
for _ in range(3):
    threading.Thread(target=spin, daemon=True).start()
"""
SLEEPING = """
import time
g = f
def f(n, seed):
    time.sleep(0.02)
    return g(n, seed)
"""
GAINLESS = {"patched": PATCHED, "cached": CACHED, "thread": IN_A_THREAD, "disturbs": DISTURBING}


def test_work_in_a_child_process_is_never_full_marks():
    _, told = timed(times(5) + IN_A_CHILD)
    assert told.share is None and "PermissionError" in told.reason


@pytest.mark.slow
@pytest.mark.parametrize("how", GAINLESS)
def test_five_times_the_work_stays_that_whatever_is_tried(how):
    timing, told = timed(times(5) + GAINLESS[how])
    assert told.share in (0.0, None)
    assert timing.ratio is None or timing.ratio.high > 4


@pytest.mark.slow
def test_sleeping_is_no_work_and_saves_none():
    for number, share in ((1, 1.0), (5, 0.0)):
        assert timed(times(number) + SLEEPING)[1].share in (share, None)


def test_nothing_goes_on_in_a_kernel_that_is_not_asked():
    task = Task("key", {})
    with _opened([DISTURBING], task, Limits(), {}) as process:
        time.sleep(0.1)  # until its threads have noticed
        before = process.seconds()
        time.sleep(0.3)
        assert process.seconds() == before > 0
        process.go_on()
        time.sleep(0.3)
        process.stop()
        assert process.seconds() > before


@pytest.mark.parametrize(
    ("student", "task"),
    [
        (times(1), {"level": "none"}),
        ("f = None", {}),
        pytest.param("import os; os._exit(1)", {}, marks=pytest.mark.slow),
        pytest.param("def f(n, seed): import os; os._exit(1)", {}, marks=pytest.mark.slow),
    ],
    ids=["no sandbox", "no function", "no kernel", "ends"],
)
def test_what_cannot_be_timed_is_left_to_a_person(student, task):
    timing, told = timed(student, **task)
    assert told.share is None and told.reason and timing.ratio is None


CHECKS = """
from course_lib.checking import Timed, question


def work(n, seed):
    total = seed
    for i in range(n):
        total += i & seed
    return total


@question
def quick(context):
    seeds = context.rng.choice(10**6, size=50, replace=False)
    calls = [(150_000, int(seed)) for seed in seeds]
    timing = yield Timed(calls, work, at_most=3.0)
    for place, got in timing.answers:
        if got != work(*calls[place]):
            return "that is another number"
    return timing.judgement("do it once")
"""
STUDENTS = {
    "fast": times(1, "quick"),
    "slow": times(6, "quick"),
    "wrong": "def quick(n, seed): return 0",
}
EARNED = {"fast": 2.0, "slow": 0.0, "wrong": 0.0}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A released course with one timed question, and a class."""
    folder = tmp_path_factory.mktemp("timed") / "course"
    (folder / "source" / "ps1").mkdir(parents=True)
    (folder / "checks").mkdir()
    (folder / "checks" / "ps1.py").write_text(CHECKS)
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nfrom course_lib.grading.guard import guard\nguard(c)\n"
    )
    stub = "def quick(n, seed):\n    raise NotImplementedError"
    probing = "from course_lib.checking import probe"
    cells = [
        marked(new_code_cell, "setup", probing, locked=True),
        marked(new_code_cell, "square-answer", stub, solution=True),
        marked(new_code_cell, "quick", "probe('quick', quick)", grade=True, locked=True, points=2),
    ]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, folder / "source" / "ps1" / "p1.ipynb")
    nbgrader(folder, "generate_assignment", "ps1", "--create")
    for student, answer in STUDENTS.items():
        hand_in(folder, student, {"square-answer": answer})
    return folder


def test_a_class_is_graded_and_no_machine_makes_a_zero(course):
    rows = grade_all(course, workers=2)
    for student, earned in EARNED.items():
        left_open = rows[student].state == "inconclusive"
        assert points(course, student)["quick"] == (None if left_open else earned)
    assert rows["wrong"].state == "graded"  # what is wrong needs no clock
    said = str(graded(course, "fast")["quick"].outputs)
    assert "times the processor time of the reference" in said or "cannot time" in said


def test_plain_nbgrader_leaves_speed_to_a_person_and_judges_what_is_wrong(course):
    secret = {"COURSE_SECRET": "a secret for plain nbgrader"}
    for student in ("fast", "wrong"):
        nbgrader(course, "autograde", "ps1", "--student", student, "--force", environment=secret)
    assert points(course, "fast")["quick"] is None
    assert "speed is graded by" in str(graded(course, "fast")["quick"].outputs)
    assert points(course, "wrong")["quick"] == 0.0
