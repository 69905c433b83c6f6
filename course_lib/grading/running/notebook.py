"""One notebook, cell by cell, where a cell that ends the kernel costs only itself."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import zmq
from nbclient.client import timestamp
from nbformat.v4 import new_code_cell

from course_lib.grading.running import marks, tampering
from course_lib.grading.running.kernel import Kernel, SandboxEnded
from course_lib.grading.running.recorder import Recorder
from course_lib.grading.tasks import Event, Limits

RESTARTS = 3
SHORT = 0.5  # seconds to wait for outputs of which some are lost already
FOREVER = 1e9
# Earlier cells, when they run again, may take so many times as long as they did, and some more.
REPLAY_FACTOR, REPLAY_SECONDS = 2.0, 10.0


@dataclass(frozen=True)
class Fatal:
    """How a cell ended its kernel."""

    kind: str
    text: str


class NotebookRun:
    """Runs the cells of a notebook, which it writes into.

    Parameters
    ----------
    name : str
        Of the notebook, for events.
    notebook : NotebookNode
    start : callable
        Starts a fresh kernel in the folder as it was before this notebook.
    limits : Limits
    settings : dict
        Of `settings.complete`.
    """

    def __init__(
        self,
        name: str,
        notebook: Any,
        start: Callable[[], Kernel],
        limits: Limits,
        settings: dict[str, Any],
    ) -> None:
        self.name, self.notebook = name, notebook
        self.events: list[Event] = []
        self.usage: list[tuple[float | None, int | None]] = []
        self._start, self._limits, self._settings = start, limits, settings
        self._recorder = Recorder(notebook, limits.output_bytes, settings)
        self._answered: set[str] = set()
        self._ran: list[int] = []  # cells to run again in a new kernel
        self._left = limits.notebook_seconds or FOREVER
        self._taken: dict[int, float] = {}
        self._restarts = 0
        self._kernel: Kernel | None = None
        self.refused: dict[str, str] = {}

    def run(self) -> None:
        """Run all cells, and end the kernel.

        Raises
        ------
        KernelDidNotStart
        SandboxEnded
        """
        with self.opened():
            self._look_for_tampering()
        self._recorder.finish()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """With a kernel in which all cells have run; errors as for `run`."""
        with ExitStack() as stack:
            stack.callback(self._end, politely=True)
            self._begin()
            assert self._kernel is not None
            self.notebook["metadata"]["language_info"] = self._kernel.language_info
            self._run_cells()
            yield

    @property
    def process(self) -> int | None:
        """The outermost process of the running kernel; None where there is no kernel."""
        return None if self._kernel is None else self._kernel.process

    def ask(self, source: str, take: Callable[[Any], bool], until: float) -> dict[str, Any] | None:
        """Run what is no cell of the notebook; the reply's content, None where none came in time.

        ``take`` gets each message, and says whether it was the last; ``until`` is of
        `time.monotonic`.
        """
        reply, fatal = self._execute(new_code_cell(source), take, until, None)
        return None if fatal or time.monotonic() >= until else reply

    def _begin(self) -> None:
        self._kernel = self._start()
        assert self._kernel.channels is not None
        self._recorder.connect(self._kernel.channels)

    def _end(self, politely: bool) -> None:
        if self._kernel is not None:
            kernel, self._kernel = self._kernel, None
            try:
                kernel.end(politely)
            finally:
                self.usage.append(kernel.usage)
                self.refused = kernel.refused
            if kernel.was_ended_outside:
                raise SandboxEnded("the sandbox was ended from outside")

    def _run_cells(self) -> None:
        stop: str | None = None
        for index, cell in enumerate(self.notebook["cells"]):
            if not self._is_run(cell):
                continue
            if stop is None and self._left <= 0:
                allowed = marks.seconds(self._limits.notebook_seconds or 0)
                stop = f"the notebook used up its {allowed}."
                self._note(index, "notebook-timeout", stop)
            if stop is not None:
                self._recorder.begin(cell, index)
                cell["execution_count"] = None
                cell["outputs"] = [marks.error("CellNotRun", f"This cell was not run: {stop}")]
                self._note(index, "not-run", stop)
                continue
            fatal = self._run_cell(index, cell)
            if fatal is None:
                self._ran.append(index)
            else:
                stop = self._recover(index, cell, fatal)

    def _is_run(self, cell: Any) -> bool:
        """As nbclient decides it."""
        if cell["cell_type"] != "code" or not cell["source"].strip():
            return False
        return self._settings["skip_cells_with_tag"] not in cell["metadata"].get("tags", [])

    # one cell

    def _run_cell(self, index: int, cell: Any) -> Fatal | None:
        self._recorder.begin(cell, index)
        begun = time.monotonic()
        reply, fatal = self._execute(cell, self._recorder.take, begun + self._left, index)
        self._taken[index] = time.monotonic() - begun
        self._left -= self._taken[index]
        self._write_reply(cell, reply)
        if self._recorder.odd:
            self._note(index, "kernel-odd", self._recorder.odd)
        if self._recorder.truncated:
            allowed = marks.size(self._limits.output_bytes)
            self._note(index, "output-truncated", f"the cell showed more than {allowed}")
        return fatal

    def _execute(
        self, cell: Any, take: Callable[[Any], bool], deadline: float, index: int | None
    ) -> tuple[dict[str, Any] | None, Fatal | None]:
        """Run a cell; the content of the kernel's reply, and how the kernel ended if it did."""
        kernel = self._kernel
        assert kernel is not None and kernel.channels is not None
        channels = kernel.channels
        channels.skim = False
        lost_before = channels.lost_connections
        content = {
            "code": cell["source"], "silent": False, "store_history": True,
            "user_expressions": {}, "allow_stdin": False, "stop_on_error": False,
        }  # fmt: skip
        begun = time.monotonic()
        try:
            request = channels.send("execute_request", content)
        except zmq.ZMQError:
            return None, self._hung(kernel, "took no more requests")
        allowed = self._limits.cell_seconds or FOREVER
        until = min(begun + allowed, deadline)
        reply: dict[str, Any] | None = None
        idle = interrupted = lost = False
        patience = float(self._settings["iopub_timeout"])
        while reply is None or not idle:
            message = kernel.listen(until - time.monotonic())
            now = time.monotonic()
            if message is not None:
                parent = self._parent(message, request, index)
                if parent != request:
                    if parent in self._answered and _is_reply(message) and index is not None:
                        self._recorder.odd = "a request was answered twice"
                elif message.channel == "iopub":
                    idle = take(message) or idle
                    channels.skim = index is not None and self._recorder.truncated
                    if reply is not None and not interrupted:  # outputs still arrive
                        until = max(until, min(now + patience, begun + allowed))
                elif reply is None and _is_reply(message):
                    reply = self._checked(message, cell, index)
                    self._answered.add(request)
                    until = now + (SHORT if channels.lost_connections > lost_before else patience)
            elif not kernel.alive():
                return reply, self._died(kernel, take, request, index)
            if now < until or (reply is not None and idle):
                continue
            if reply is not None and not interrupted:
                lost = True
                break
            if interrupted:
                return reply, self._hung(kernel, "did not stop when interrupted")
            if index is not None:
                self._note(index, "timeout", self._why_timeout(deadline, begun + allowed))
            if not self._settings["interrupt_on_timeout"]:
                return self._timeout_reply(), self._hung(kernel, "was not to be interrupted")
            kernel.interrupt()
            interrupted, until = True, now + patience
            if reply := self._timeout_reply():
                self._time_reply(cell)
        if lost or channels.lost_connections > lost_before:
            self._lost(cell, index)
        return reply, None

    def _parent(self, message: Any, request: str, index: int | None) -> str | None:
        """Whom a message answers; one that cannot be read is the running cell's."""
        if message.body is None:
            return request
        parent = message.body["parent_header"].get("msg_id")
        assert self._kernel is not None and self._kernel.channels is not None
        known = not parent or parent in self._kernel.channels.sent
        if not known and index is not None and message.body["header"].get("msg_type") != "status":
            self._recorder.odd = "a message answers a request that was never made"
        return parent

    def _checked(self, message: Any, cell: Any, index: int | None) -> dict[str, Any]:
        """A reply's content with the fields that scoring reads, whatever the kernel sent."""
        body, content = message.body, message.body["content"]
        status = content.get("status")
        self._time_reply(cell, body)
        if message.why:
            said = f"The cell raised an error of {marks.size(message.size)}."
            content = {"ename": "OutputTooLarge", "evalue": said}
            status = "error"
        if status == "ok":
            return {"status": "ok"}
        if status != "error" and index is not None:
            self._recorder.odd = f"the reply's status is {str(status)[:40]!r}"
        lines = content.get("traceback")
        return {
            "status": "error",
            "ename": str(content.get("ename", "NoReason")),
            "evalue": str(content.get("evalue", "The kernel gave no reason.")),
            "traceback": [str(line) for line in lines] if isinstance(lines, list) else [],
        }

    def _time_reply(self, cell: Any, body: dict[str, Any] | None = None) -> None:
        if self._recorder.record_timing:
            cell["metadata"].setdefault("execution", {})["shell.execute_reply"] = timestamp(body)

    def _timeout_reply(self) -> dict[str, Any] | None:
        given = self._settings["error_on_timeout"]
        return {**given, "status": "error"} if given else None

    def _why_timeout(self, deadline: float, cell_end: float) -> str:
        if deadline < cell_end:
            allowed = marks.seconds(self._limits.notebook_seconds or 0)
            return f"interrupted: the notebook used up its {allowed}"
        return f"interrupted after {marks.seconds(self._limits.cell_seconds or 0)}"

    def _write_reply(self, cell: Any, reply: dict[str, Any] | None) -> None:
        """An error that the outputs do not show yet, as nbgrader's Execute adds it."""
        if reply is None or reply["status"] != "error":
            return
        shown = (out for out in cell["outputs"] if out["output_type"] == "error")
        if not any(out["ename"] == reply["ename"] for out in shown):
            lines = reply["traceback"] or [
                "ERROR: An error occurred while showtraceback was disabled"
            ]
            output = marks.error(reply["ename"], reply["evalue"])
            output["traceback"] = list(lines)
            cell["outputs"].append(output)

    def _lost(self, cell: Any, index: int | None) -> None:
        """The cell is over and its last outputs did not come: its result cannot be trusted."""
        if index is None:
            return
        said = "Not all that this cell showed has arrived, so it has no result."
        cell["outputs"].append(marks.error("OutputLost", said))
        self._note(index, "output-truncated", "the cell's last outputs did not arrive")

    def _died(
        self, kernel: Kernel, take: Callable[[Any], bool], request: str, index: int | None
    ) -> Fatal:
        """A dead kernel; what it still said is taken in."""
        for _ in range(10_000):
            message = kernel.channels.receive(0.02) if kernel.channels is not None else None
            if message is None:
                break
            if message.channel == "iopub" and self._parent(message, request, index) == request:
                take(message)
        return Fatal("kernel-died", f"The kernel ended while this cell ran{kernel.last_words()}.")

    def _hung(self, kernel: Kernel, how: str) -> Fatal:
        if not kernel.alive():
            return Fatal("kernel-died", f"The kernel ended at this cell{kernel.last_words()}.")
        return Fatal("kernel-hung", f"The kernel {how}, and was ended.")

    # after a fatal cell

    def _recover(self, index: int, cell: Any, fatal: Fatal) -> str | None:
        """Mark the fatal cell and bring a new kernel to its end; why not, where that failed."""
        self._note(index, fatal.kind, fatal.text)
        name = "KernelDied" if fatal.kind == "kernel-died" else "KernelHung"
        mark = marks.error(name, fatal.text)
        cell["execution_count"] = None  # whether the kernel still told it is chance
        cell["outputs"].append(mark)
        self._end(politely=False)
        failed = self._restart()
        after = failed or (
            "It was started anew: the cells above were run again and keep their results, and this "
            "cell was skipped."
        )
        said = f"{fatal.text} {after}"
        mark["evalue"], mark["traceback"] = said, marks.error(name, said)["traceback"]
        if not failed:
            self._note(index, "restarted", after)
            return None
        return f"no kernel was left for it. {failed}"

    def _restart(self) -> str | None:
        """Bring a new kernel to where the fatal cell would have left the old one; or why not."""
        while self._left > 0 and self._restarts < RESTARTS:
            self._restarts += 1
            self._begin()
            budget = REPLAY_SECONDS + REPLAY_FACTOR * sum(self._taken[i] for i in self._ran)
            deadline = time.monotonic() + budget
            failed = self._replay(deadline)
            if failed is None:
                return None
            self._end(politely=False)
            if time.monotonic() >= deadline:
                text = "when the cells above were run again, they took too long"
                self._note(failed, "replay-failed", text)
                return f"It was started anew, but {text}."
            self._ran.remove(failed)
            text = "when it was run again after a restart, it ended the kernel; its result stands"
            self._note(failed, "replay-failed", text)
        if self._left <= 0:
            return "The notebook has no time left."
        return f"It was started anew {RESTARTS} times, and is not started again."

    def _replay(self, deadline: float) -> int | None:
        """Run the earlier cells again, outputs unseen; the cell that failed to, if any."""
        for index in self._ran:
            cell = copy.deepcopy(self.notebook["cells"][index])
            _, fatal = self._execute(cell, self._recorder.take_replayed, deadline, None)
            if fatal is not None or time.monotonic() >= deadline:
                return index
        return None

    def _look_for_tampering(self) -> None:
        """Ask the kernel about itself, now that nothing it does changes a cell any more."""
        if self._kernel is None or not tampering.has_checks(self.notebook):
            return
        run = partial(self.ask, until=time.monotonic() + tampering.SECONDS)
        self.events.extend(
            Event(self.name, None, None, "tampering-suspected", text)
            for text in tampering.suspicions(run)
        )

    def _note(self, index: int, kind: str, text: str) -> None:
        metadata = self.notebook["cells"][index]["metadata"].get("nbgrader")
        name = metadata.get("grade_id") if isinstance(metadata, dict) else None
        name = name if isinstance(name, str) else None
        self.events.append(Event(self.name, index, name, kind, text))


def _is_reply(message: Any) -> bool:
    return message.body is not None and message.body["msg_type"] == "execute_reply"
