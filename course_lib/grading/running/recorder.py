"""From a kernel's messages to a cell's outputs: as nbclient does it, within a budget.

What a message means (display ids, clearing, widgets) is nbclient's code. This module decides which
messages get that far: well-formed ones, as long as the cell holds less than its budget. The budget
is of what is *held*: an animation that clears its output may go on for ever.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from nbclient.client import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbformat.v4 import new_output

from course_lib.grading.running import marks
from course_lib.grading.running.channels import Channels, Message

PER_MESSAGE = 200  # bytes that an output holds besides its content
KEPT_OF_LARGE = 20_000  # characters of a decisive output that is over the budget
OUTPUTS = frozenset({"stream", "display_data", "execute_result", "error"})
OTHERS = frozenset({"status", "execute_input", "clear_output", "update_display_data"})
SILENT = frozenset({"iopub_welcome", "debug_event", "shutdown_reply", "kernel_info_reply"})

_quiet = logging.getLogger(__name__)
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class _Outlet:
    """What nbclient's Output widget needs of a client: a session, and a way to answer."""

    def __init__(self, budget: int) -> None:
        self.channels: Channels | None = None
        self._left = budget
        self.shell_channel = self

    @property
    def session(self) -> Any:
        assert self.channels is not None
        return self.channels.session

    def send(self, message: dict[str, Any]) -> None:
        # each answer repeats all that the widget holds: a flood would come back as a larger one
        self._left -= len(json.dumps(message["content"], default=str))
        if self._left > 0 and self.channels is not None:
            self.channels.send_message(message)


class Recorder(NotebookClient):
    """Writes messages into the cells of a notebook.

    Parameters
    ----------
    notebook : NotebookNode
    output_bytes : int
        What a cell may hold; all widgets together may hold the same.
    settings : dict
        Of `settings.complete`.
    """

    def __init__(self, notebook: Any, output_bytes: int, settings: dict[str, Any]) -> None:
        super().__init__(
            notebook,
            log=_quiet,
            record_timing=settings["record_timing"],
            store_widget_state=settings["store_widget_state"],
        )
        self.kc = _Outlet(4 * output_bytes)
        self._budget = output_bytes
        self._widgets_held = 0
        self.clear_before_next_output = False

    def connect(self, channels: Channels) -> None:
        """Answer over these channels, and forget what belonged to the kernel before."""
        self.kc.channels = channels
        self.output_hook_stack.clear()
        self.comm_objects.clear()

    def begin(self, cell: Any, index: int) -> None:
        """Empty a cell for what it is about to show."""
        if self.record_timing:
            cell["metadata"]["execution"] = {}
        cell["outputs"] = []
        self.clear_before_next_output = False
        self.truncated = False
        self.odd: str | None = None
        self._cell, self._index = cell, index
        self._held = self._elsewhere = 0

    def take(self, message: Message) -> bool:
        """Record a message that belongs to the cell; whether it was its last."""
        body = message.body
        if body is None:
            if message.why == "not read":
                self._truncate()
            else:
                self.odd = f"a message was {message.why}"
            return False
        kind = body["msg_type"]
        if message.why:
            self._truncate()
            self._stand_in(kind, message.size)
            return False
        try:
            if kind.startswith("comm"):
                self._take_comm(body, message.size)
            elif kind == "update_display_data":
                self._take_update(body, message.size)
            elif kind in OUTPUTS:
                self._take_output(body, message.size)
            elif kind in OTHERS:
                _check_count(body["content"])
                self.process_message(body, self._cell, self._index)
            elif kind not in SILENT:
                self.odd = f"the kernel sent a message of unknown kind {kind[:40]!r}"
        except CellExecutionComplete:
            return True
        except Exception as error:  # a message's content is the student's: it must not end the run
            self.odd = f"a message of kind {kind[:40]!r} was refused: {type(error).__name__}"
        return False

    def _take_output(self, body: dict[str, Any], size: int) -> None:
        _check_count(body["content"])
        if not self.truncated and not self._fits(body, size + PER_MESSAGE):
            self._truncate()
        if not self.truncated:
            self.process_message(body, self._cell, self._index)
        elif small := self._shortened(body):
            self.process_message(small, self._cell, self._index)

    def _take_update(self, body: dict[str, Any], size: int) -> None:
        if self.truncated or not self._fits(body, 0, size):
            self._truncate()
        else:
            self.process_message(body, self._cell, self._index)

    def _fits(self, body: dict[str, Any], new: int, each: int | None = None) -> bool:
        """Whether the cell may hold so many bytes more, and as many for each place it updates."""
        each = new if each is None else each
        name = (body["content"].get("transient") or {}).get("display_id")
        places = self._display_id_map.get(name, {}) if name else {}
        here = new + each * len(places.get(self._index, ()))
        # other cells' outputs are not seen by a recount: what goes there stays on the bill
        self._elsewhere += each * sum(len(at) for cell, at in places.items() if cell != self._index)
        self._held += here
        if self._held + self._elsewhere > self._budget:
            self._held = _held_by(self._cell["outputs"]) + here
        return self._held + self._elsewhere <= self._budget

    def _take_comm(self, body: dict[str, Any], size: int) -> None:
        _check_count(body["content"])
        self._widgets_held += size + PER_MESSAGE
        if self._widgets_held > self._budget:
            self._widgets_held = size + PER_MESSAGE + len(json.dumps(self.widget_state))
            self._widgets_held += sum(
                len(json.dumps(list(held.values()))) for held in self.widget_buffers.values()
            )
        if self._widgets_held > self._budget:
            self._truncate()
        else:
            self.process_message(body, self._cell, self._index)

    def _truncate(self) -> None:
        if not self.truncated:
            self.truncated = True
            text = f"output cut off here: a cell may show {marks.size(self._budget)}"
            self._cell["outputs"].append(marks.note(text))

    def _stand_in(self, kind: str, size: int) -> None:
        """Something in the place of a decisive output that is too large to be read."""
        said = f"an output of {marks.size(size)}"
        if kind == "error":
            self._cell["outputs"].append(marks.error("OutputTooLarge", f"The cell raised {said}."))
        elif kind == "execute_result":
            self._cell["outputs"].append(
                new_output(kind, {"text/plain": f"<{said}>"}, execution_count=None)
            )

    def _shortened(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """Of an output beyond the budget, what decides the cell's score; once for each kind."""
        kind, content = body["msg_type"], body["content"]
        held = self._cell["outputs"]
        if kind == "stream" and content.get("name") == "stderr":
            if any(out.get("name") == "stderr" for out in held):
                return None
            content = {"name": "stderr", "text": str(content.get("text"))[:KEPT_OF_LARGE]}
        elif any(out["output_type"] == kind for out in held):
            return None
        elif kind == "error":
            content = {
                "ename": str(content.get("ename"))[:200],
                "evalue": str(content.get("evalue"))[:KEPT_OF_LARGE],
                "traceback": [str(content.get("traceback"))[-KEPT_OF_LARGE:]],
            }
        elif kind == "execute_result":
            text = str(content["data"].get("text/plain", ""))[:KEPT_OF_LARGE]
            content = content | {"data": {"text/plain": text}, "metadata": {}}
        else:
            return None
        return body | {"content": content}

    def take_replayed(self, message: Message) -> bool:
        """Of a cell that runs again: only its widgets live on in the new kernel."""
        body = message.body
        if body is None:
            return False
        if body["msg_type"] == "status":
            return body["content"].get("execution_state") == "idle"
        if body["msg_type"].startswith("comm"):
            self.take(message)
        return False

    def finish(self) -> None:
        """Write the widgets' state into the notebook's metadata."""
        try:
            self.set_widgets_metadata()
        except Exception:  # made of what kernels sent: a state that cannot be written is left out
            self.nb["metadata"].pop("widgets", None)


def _check_count(content: dict[str, Any]) -> None:
    count = content.get("execution_count")
    whole = isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**53
    if not whole and count is not None:
        raise ValueError("execution_count is no count")


def _held_by(outputs: list[Any]) -> int:
    return sum(len(json.dumps(output)) + PER_MESSAGE for output in outputs)
