"""Timed questions: three cold kernels, in turns, by clocks that lie outside of them.

The student's notebook runs in one sandbox, the reference in another, and once more in a third, for
`course_lib.checking.timed.experiment`. A kernel is stopped while it is not asked: nothing goes on
in it between its blocks, and nothing can disturb the others. It can start threads, but no process,
so the system's own clock of its one process holds all that it does, from the moment its inputs are
sent until it is stopped again. All kernels share one processor; the submission is alone in the lane
meanwhile. Sleeping takes no processor time, and gains none: answers must come in the same block.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.checking.probing import MIME, asking
from course_lib.checking.timed import BLOCKS, LEAST_BOUND, SECONDS, Side, Timed, experiment
from course_lib.grading.running import lane
from course_lib.grading.running.folder import write_folder
from course_lib.grading.running.kernel import Kernel
from course_lib.grading.running.notebook import NotebookRun
from course_lib.grading.running.settings import complete
from course_lib.grading.sandbox import filter
from course_lib.grading.sandbox.kernels import kernel_manager
from course_lib.grading.tasks import Limits, Task

NOTHING = "lambda *given: None"
PATIENCE = 1.0  # seconds for an interrupted kernel to answer
_CLOCK_OF_A_PROCESS = 2  # low bits of a Linux clock: as the scheduler counts


class CannotTime(Exception):
    """There is nothing to time, or no way to; the message says why. Never the student's loss."""


def time_all(task: Task) -> dict[str, dict[str, Any]]:
    """What `experiment` says of each timed function of a task, by cell; never raises.

    An entry of ``task.timed`` is a `Timed.order` with the file name of its ``notebook``.
    """
    found: dict[str, dict[str, Any]] = {}
    spent = 0.0
    for one in task.timed:
        try:
            if task.level != "sandbox":
                raise CannotTime("speed is measured in the sandbox only")
            with ExitStack() as stack:
                with lane.beside():
                    sides = _start(stack, task, one)
                with lane.alone():
                    began = time.monotonic()
                    try:
                        found[one["name"]] = _measure(one, sides, began + SECONDS - spent)
                    finally:
                        spent += time.monotonic() - began
        except Exception as error:  # whatever it is, it must not cost points, nor the other cells
            said = error if isinstance(error, CannotTime) else f"{type(error).__name__}: {error}"
            problem = f"speed could not be measured: {said}"
            found[one["name"]] = {
                "ratios": [], "control": [], "answers": [], "cut": False, "problem": problem,
            }  # fmt: skip
    return found


def self_test() -> dict[str, Any]:
    """What `experiment` says of this machine: a function beside itself, by the same path."""
    wanted = Timed([(150_000, n) for n in range(2 * BLOCKS)], _some_work, at_most=LEAST_BOUND)
    notebook = new_notebook(cells=[new_code_cell(wanted.source())])
    task = Task("self-test", {"a.ipynb": nbformat.writes(notebook).encode()})
    one = wanted.order("self-test", _some_work.__name__) | {"notebook": "a.ipynb"}
    return time_all(replace(task, timed=(one,)))["self-test"]


def _some_work(number: int, seed: int) -> int:
    for step in range(number):
        seed ^= step
    return seed


def _start(stack: ExitStack, task: Task, one: dict[str, Any]) -> list[_Process]:
    """The student's kernel and two of the reference, stopped, on one processor."""
    notebook = json.loads(task.notebooks[one["notebook"]])
    cells = [cell for cell in notebook["cells"] if _is_needed(cell, task)]
    own = ["".join(cell["source"]) for cell in cells]
    instructors = replace(task.limits, withheld=())
    sides = [
        stack.enter_context(_opened(own, task, task.limits, task.files)),
        stack.enter_context(_opened([one["reference"]], task, instructors, {})),
        stack.enter_context(_opened([one["reference"]], task, instructors, {})),
    ]
    processor = max(os.sched_getaffinity(0))
    for side in sides:
        side.pin(processor)
    return sides


def _measure(one: dict[str, Any], sides: list[_Process], until: float) -> dict[str, Any]:
    student, reference, control = sides
    name, inputs, function = one["name"], one["inputs"], one["function"]
    return experiment(
        student.side(name, one["expression"], inputs, until),
        reference.side(name, function, inputs, until),
        control.side(name, function, inputs, until),
        reference.side(name, NOTHING, inputs, until),
        len(inputs),
        one["at_most"],
    )


def _is_needed(cell: Any, task: Task) -> bool:
    """Whether a function may need a cell: not what is only graded, nor what is never run."""
    if cell["cell_type"] != "code":
        return False
    mark = cell["metadata"].get("nbgrader", {})
    skipped = complete(task.execution)["skip_cells_with_tag"] in cell["metadata"].get("tags", [])
    return not skipped and not (mark.get("grade") and not mark.get("solution"))


@contextmanager
def _opened(
    sources: list[str], task: Task, limits: Limits, files: dict[str, bytes]
) -> Iterator[_Process]:
    """A kernel that can start no process, in which cells have run, stopped."""
    first = filter.loading(filter.alone())
    notebook = new_notebook(cells=[new_code_cell(source) for source in (first, *sources)])
    settings = complete(task.execution | {"iopub_timeout": PATIENCE})
    with TemporaryDirectory(prefix="grade-") as scratch:
        folders = iter(range(100))

        def start() -> Kernel:
            folder = Path(scratch) / str(next(folders))
            folder.mkdir(mode=0o700)
            write_folder(folder, files)

            def make() -> Any:
                return kernel_manager(
                    folder, limits, level="sandbox", environment=dict(task.environment)
                )

            return Kernel(make, folder, settings, limits.output_bytes)

        run = NotebookRun("timed", notebook, start, limits, settings)
        with run.opened():
            first = notebook["cells"][0]
            if run.process is None or first["execution_count"] is None or first["outputs"]:
                raise CannotTime("no kernel was left, or it could not be confined")
            process = _Process(run)
            try:
                process.stop()
                yield process
            finally:
                process.go_on()


class _Process:
    """The one process of a kernel's sandbox that runs cells, seen from outside."""

    def __init__(self, run: NotebookRun) -> None:
        assert run.process is not None
        self._run, self._number = run, _innermost(run.process)

    def stop(self) -> None:
        os.kill(self._number, signal.SIGSTOP)

    def go_on(self) -> None:
        with suppress(OSError):  # it has ended
            os.kill(self._number, signal.SIGCONT)

    def pin(self, processor: int) -> None:
        """Keep all threads on one processor; those that they start stay there too."""
        for thread in os.listdir(f"/proc/{self._number}/task"):
            os.sched_setaffinity(int(thread), {processor})

    def seconds(self) -> float:
        """Processor time of all its threads, those that have ended too."""
        return time.clock_gettime((~self._number << 3) | _CLOCK_OF_A_PROCESS)

    def side(self, name: str, expression: str, inputs: list[Any], until: float) -> Side:
        """Calls of a function in it."""

        def call(places: range) -> tuple[float, list[Any] | None]:
            wanted = [inputs[place] for place in places]
            before = self.seconds()
            self.go_on()
            answers = self._ask(asking(name, expression, wanted), len(wanted), until)
            try:
                self.stop()
                return self.seconds() - before, answers
            except OSError as error:
                raise CannotTime(f"a kernel ended while {name} was timed") from error

        return call

    def _ask(self, source: str, count: int, until: float) -> list[Any] | None:
        """The packed answers that a cell shows; None where the time was up before they came."""
        shown: list[Any] = []

        def take(message: Any) -> bool:
            if message.body is None or message.why:
                return False
            kind, content = message.body["msg_type"], message.body["content"]
            if kind == "display_data" and isinstance(content.get("data"), dict):
                shown.append(content["data"].get(MIME))
            return kind == "status" and content.get("execution_state") == "idle"

        self._run.ask(source, take, until)
        if time.monotonic() >= until:
            return None
        last = shown[-1] if shown else None
        given = last.get("answers") if isinstance(last, dict) else None
        if not isinstance(given, list) or len(given) != count:
            said = last.get("missing") if isinstance(last, dict) else None
            raise CannotTime(f"no answers came: {said or 'the cell did not come to its end'}"[:300])
        return given


def _innermost(process: int) -> int:
    """The process below a sandbox's outermost one; in it, nothing else was started."""
    while True:
        below = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        if not below:
            return process
        if len(below) > 1:
            raise CannotTime("its sandbox holds more than one process")
        process = int(below[0])
