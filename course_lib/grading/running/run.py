"""A task's notebooks, one after another, each in a kernel of its own and in the same folder."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from course_lib.grading.running.folder import read_folder, write_folder
from course_lib.grading.running.kernel import Factory, Kernel, KernelDidNotStart, SandboxEnded
from course_lib.grading.running.notebook import NotebookRun
from course_lib.grading.running.settings import complete
from course_lib.grading.tasks import MIB, Event, Result, Task

MOST_REFUSED = 20  # events of one kind; a notebook can leave thousands of links behind
RUNS = 2  # of a task whose sandbox is ended from outside, by whoever or for lack of memory
SMALL = 1024 * MIB  # of memory: a kernel that does not start may have had too little
STARTS = 2  # a kernel may fail to start on a busy machine; twice in a row is a problem


def run(task: Task, kernels: Factory | None = None) -> Result:
    """Run a task, whatever is in it.

    Each notebook is executed as nbgrader's ``Execute`` does it: the same outputs, error records and
    metadata. A cell that takes too long, ends its kernel or floods it costs itself only: earlier
    cells keep their outputs, and later ones go on in a new kernel, where the earlier ones were run
    again. What happened is shown in the cell, and listed in the events.

    A notebook sees the task's files and the executed notebooks before it, and neither itself (its
    hidden checks stand there) nor later ones.

    Parameters
    ----------
    task : Task
    kernels : callable, optional
        Makes a kernel manager (see `course_lib.grading.running.kernel.Factory`); by default those
        of `course_lib.grading.sandbox.kernels`.

    Returns
    -------
    Result
        With a ``problem`` where there is no verdict: a kernel did not start, or a notebook cannot
        be run at all.

    Raises
    ------
    ValueError
        If the task's ``execution`` has settings that a run does not honour.
    """
    settings = complete(task.execution)
    if kernels is None:
        from course_lib.grading.sandbox.kernels import kernel_manager as kernels
    begun, processor = time.monotonic(), time.process_time()
    used = 0.0
    for _ in range(RUNS):
        running = _Running(task, kernels, settings)
        problem, again = None, False
        try:
            running.run_all()
        except SandboxEnded as error:
            problem, again = f"{error}, {RUNS} times", True
        except KernelDidNotStart as error:
            problem = f"no kernel: {error}"
            if task.limits.memory_bytes < SMALL:
                problem += f". It had {task.limits.memory_bytes // MIB} MiB of memory: allow more"
        except _Unreadable as error:
            problem = str(error)
        used += running.cpu_seconds
        if not again:
            break
    return Result(
        key=task.key,
        notebooks=running.notebooks,
        files={name: data for name, data in running.files.items() if name not in task.notebooks},
        events=tuple(running.events),
        problem=problem,
        level=task.level,
        seconds=time.monotonic() - begun,
        cpu_seconds=time.process_time() - processor + used,
        peak_bytes=running.peak_bytes,
    )


class _Unreadable(Exception):
    """A notebook that cannot be run."""


class _Running:
    """What has come of a task so far."""

    def __init__(self, task: Task, kernels: Factory, settings: dict[str, Any]) -> None:
        self.notebooks: dict[str, bytes] = {}
        self.files = dict(task.files)
        self.events: list[Event] = []
        self.cpu_seconds = 0.0
        self.peak_bytes: int | None = None
        self._task, self._kernels, self._settings = task, kernels, settings

    def run_all(self) -> None:
        for name in sorted(self._task.notebooks):
            notebook = _read_notebook(name, self._task.notebooks[name], self._settings)
            with tempfile.TemporaryDirectory(prefix="grade-") as scratch:
                self._run_one(name, notebook, Path(scratch))

    def _run_one(self, name: str, notebook: Any, scratch: Path) -> None:
        folders: list[Path] = []

        def start() -> Kernel:
            for _ in range(STARTS - 1):
                try:
                    return self._start(scratch, folders)
                except KernelDidNotStart:
                    continue
            return self._start(scratch, folders)

        running = NotebookRun(name, notebook, start, self._task.limits, self._settings)
        try:
            running.run()
            refused = [f"{file}: {why}" for file, why in running.refused.items()]
            self.files = read_folder(folders[-1], self._task.limits, refused.append)
            self.events.extend(
                Event(name, None, None, "file-refused", text) for text in refused[:MOST_REFUSED]
            )
        finally:
            self.events.extend(running.events)
            self.notebooks[name] = _write_notebook(notebook)
            for seconds, peak in running.usage:
                self.cpu_seconds += seconds or 0.0
                self.peak_bytes = max(self.peak_bytes or 0, peak or 0) or None
        for executed in self.notebooks:
            self.files.pop(executed, None)

    def _start(self, scratch: Path, folders: list[Path]) -> Kernel:
        """A kernel in a fresh folder: nothing that a dead one left behind is seen again."""
        folder = scratch / str(len(folders))
        folders.append(folder)
        folder.mkdir(mode=0o700)
        write_folder(folder, self.files | self.notebooks)
        most = self._task.limits.output_bytes
        return Kernel(lambda: self._make(folder), folder, self._settings, most)

    def _make(self, folder: Path) -> Any:
        task = self._task
        return self._kernels(
            folder, task.limits, level=task.level, warm=task.warm,
            environment=dict(task.environment), preload=task.preload,
        )  # fmt: skip


def _read_notebook(name: str, data: bytes, settings: dict[str, Any]) -> Any:
    import nbformat

    try:
        notebook = nbformat.reads(data.decode("utf-8"), as_version=4)
        language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    except Exception as error:
        raise _Unreadable(f"{name} cannot be read: {type(error).__name__}: {error}") from error
    if language != "python" and not settings["kernel_name"]:
        raise _Unreadable(f"{name} is written in {language!r}; the sandbox runs Python")
    return notebook


def _write_notebook(notebook: Any) -> bytes:
    import nbformat

    # a lone surrogate can come from a kernel, and stands in no file
    return (nbformat.writes(notebook, version=4) + "\n").encode("utf-8", "replace")
