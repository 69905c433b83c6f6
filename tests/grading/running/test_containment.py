"""A cell that ends its kernel, hangs it or takes too long costs itself only."""

import pytest

from course_lib.grading.running import run
from course_lib.grading.tasks import Limits, Task
from tests.grading.running.helpers import (
    as_bytes,
    cells_of,
    errors,
    graded,
    kinds,
    notebook,
    run_cells,
    shown,
    task,
)
from tests.grading.running.local import local_kernels

DIE = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
COUNT = "import pathlib\nlog = pathlib.Path('log')\nlog.write_text(log.read_text() + 'x')"


def test_a_dead_kernel_costs_one_cell():
    result, cells = run_cells(
        "x = 1\nprint('before')",
        graded("early", "assert x == 2"),
        graded("fatal", "print('last words', flush=True)\n" + DIE),
        graded("late", "assert x == 1\nprint('after')"),
    )
    assert result.problem is None
    assert [errors(cell) for cell in cells] == [[], ["AssertionError"], ["KernelDied"], []]
    assert shown(cells[0]) == "before\n"
    assert shown(cells[3]) == "after\n"
    assert kinds(result) == ["kernel-died", "restarted"]
    assert [event.grade_id for event in result.events] == ["fatal", "fatal"]
    (mark,) = (out for out in cells[2]["outputs"] if out["output_type"] == "error")
    assert "SIGKILL" in mark["evalue"]
    assert "run again" in "".join(mark["traceback"])


@pytest.mark.parametrize(
    "ending",
    ["import os\nos._exit(3)", "import ctypes\nctypes.string_at(0)", "exit()\nimport time"],
    ids=["exit", "segfault", "quit"],
)
def test_ways_to_end_a_kernel(ending):
    _, cells = run_cells("x = 1", ending, "print(x)")
    assert shown(cells[2]) == "1\n" or errors(cells[2]) == []
    assert errors(cells[0]) == []


def test_earlier_cells_run_again_from_the_same_folder_and_are_not_recorded_again():
    result, cells = run_cells(
        COUNT + "\nimport random\nprint(random.random())",
        "import os\nos.mkdir('made')",
        DIE,
        "print(log.read_text(), os.listdir())",
        files={"log": b""},
    )
    assert errors(cells[1]) == []
    assert shown(cells[3]).startswith("x ")
    assert result.files["log"] == b"x"
    assert len(shown(cells[0]).split()) == 1


def test_many_fatal_cells_use_up_the_restarts():
    result, cells = run_cells("x = 1", DIE, DIE, "x", DIE, DIE, "x", graded("left", "assert x"))
    assert [errors(cell) for cell in cells] == [
        [], ["KernelDied"], ["KernelDied"], [], ["KernelDied"], ["KernelDied"],
        ["CellNotRun"], ["CellNotRun"],
    ]  # fmt: skip
    assert kinds(result).count("restarted") == 3
    assert kinds(result).count("not-run") == 2
    assert cells[6]["execution_count"] is None


def test_a_cell_that_cannot_be_interrupted_is_ended():
    stubborn = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "while True:\n    try:\n        time.sleep(9)\n    except KeyboardInterrupt:\n        pass"
    )
    result, cells = run_cells(
        "x = 1", stubborn, "print(x)",
        limits=Limits(cell_seconds=0.5), execution={"iopub_timeout": 1},
    )  # fmt: skip
    assert errors(cells[1]) == ["CellTimeoutError", "KernelHung"]
    assert shown(cells[2]) == "1\n"
    assert kinds(result) == ["timeout", "kernel-hung", "restarted"]


def test_a_notebook_that_uses_up_its_time_keeps_its_verdicts():
    result, cells = run_cells(
        graded("early", "assert True"),
        "import time\ntime.sleep(60)",
        graded("late", "assert True"),
        limits=Limits(cell_seconds=30, notebook_seconds=1),
    )
    assert errors(cells[0]) == []
    assert "CellTimeoutError" in errors(cells[1])
    assert errors(cells[2]) == ["CellNotRun"]
    assert kinds(result) == ["timeout", "notebook-timeout", "not-run"]


def test_a_cell_that_ends_the_kernel_only_when_run_again():
    once = (
        "import os, pathlib\nmark = pathlib.Path(os.environ['HOME']) / 'mark'\n"
        "os._exit(1) if mark.exists() else mark.touch()"
    )
    result, cells = run_cells("x = 1", once, DIE, "print(x)")
    assert [errors(cell) for cell in cells] == [[], [], ["KernelDied"], []]
    assert shown(cells[3]) == "1\n"
    assert kinds(result) == ["kernel-died", "replay-failed", "restarted"]


def test_a_kernel_that_does_not_start_is_a_problem_and_no_zero():
    def broken(workdir, limits, **rest):
        manager = local_kernels(workdir, limits, **rest)
        manager._kernel_spec.argv = ["false"]
        return manager

    result, _ = run_cells("x = 1", kernels=broken)
    assert result.problem is not None
    assert result.problem.startswith("no kernel: ")


def test_a_second_try_to_start_is_enough():
    tries = []

    def flaky(workdir, limits, **rest):
        manager = local_kernels(workdir, limits, **rest)
        tries.append(workdir)
        if len(tries) == 1:
            manager._kernel_spec.argv = ["false"]
        return manager

    result, cells = run_cells("print(1)", kernels=flaky)
    assert (result.problem, shown(cells[0])) == (None, "1\n")


def test_other_languages_are_a_problem():
    made = notebook("x <- 1")
    made.metadata["kernelspec"] = {"name": "ir", "language": "R", "display_name": "R"}
    result = run(Task("k", {"a.ipynb": as_bytes(made)}, level="none"), local_kernels)
    assert "'R'" in result.problem


def test_notebooks_share_a_folder_and_nothing_else():
    first = notebook("x = 1\nopen('made.txt', 'w').write('made')")
    second = notebook(
        "print(open('made.txt').read())", "x", "import os\nprint(sorted(os.listdir()))"
    )
    files = {"data/table.csv": b"1,2"}
    both = {"a.ipynb": as_bytes(first), "b.ipynb": as_bytes(second)}
    result = run(Task("k", both, files, level="none"), local_kernels)
    cells = cells_of(result, "b.ipynb")
    assert shown(cells[0]) == "made\n"
    assert errors(cells[1]) == ["NameError"]
    assert shown(cells[2]) == "['a.ipynb', 'data', 'made.txt']\n"
    assert result.files == {"data/table.csv": b"1,2", "made.txt": b"made"}


def test_the_environment_is_the_tasks():
    seen = "import os\nprint(os.environ.get('COURSE'), os.environ['NBGRADER_EXECUTION'])"
    result = run(task(seen, environment={"COURSE": "cost"}), local_kernels)
    assert shown(cells_of(result)[0]) == "cost autograde\n"
    assert result.cpu_seconds > 0
