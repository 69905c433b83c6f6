"""The wire to one kernel, read by somebody who does not trust what comes over it.

Plain polling and no event loop: a worker runs one notebook at a time, and sleeps until something
arrives. A message that is too large is not looked into, one that is malformed is dropped, and where
ZeroMQ itself piles up what a kernel sends, the connection is made anew.
"""

from __future__ import annotations

import resource
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import DELIM, Session

# A larger message makes ZeroMQ drop the connection before it is read. Far above what a cell may
# show: after that, what the kernel sent until the connection stood again is lost.
LARGEST_MESSAGE = 2**26
PAGE = resource.getpagesize()
JUST_NOW = 5.0
# What this process may hold more than before. ZeroMQ bounds the number of messages that wait and
# the size of a message's frames, but not the number of frames.
MOST_HELD = 2**30
LOOK_AT_MEMORY = 0.1
DEEPEST = 100
CHANNELS = {"shell": zmq.DEALER, "control": zmq.DEALER, "iopub": zmq.SUB}
WAITING_MESSAGES = 256
HEADER_BYTES = 2**16
# Messages that matter even where a cell's budget is used up: they end it, or decide its score.
DECIDING = (b'"status"', b'"error"', b'"execute_result"', b'"clear_output"')


@dataclass(frozen=True)
class Message:
    """Something from the kernel: its channel, the message, and how large it was on the wire.

    ``body`` is None where the message is malformed or was not read; ``why`` says so. Where it is
    "too large", the body has no content.
    """

    channel: str
    body: dict[str, Any] | None
    size: int
    why: str = ""


class Channels:
    """Shell, control and iopub of a kernel.

    Parameters
    ----------
    connection : dict
        What a kernel manager's ``get_connection_info()`` gives.
    output_bytes : int
        A cell's output budget: a larger message is not parsed.
    """

    def __init__(self, connection: dict[str, Any], output_bytes: int) -> None:
        self._most = output_bytes + HEADER_BYTES
        self._connection = connection
        self.session = Session(
            key=connection["key"],
            signature_scheme=connection["signature_scheme"],
            username="grader",
        )
        self._context = zmq.Context()
        self._poller = zmq.Poller()
        self._sockets: dict[str, zmq.Socket] = {}
        self._monitors: dict[str, zmq.Socket] = {}
        self._waiting: deque[Message] = deque()
        self.sent: set[str] = set()
        self.skim = False
        self.lost_connections = 0
        self._hung_up_at = float("-inf")
        self._resident, self._next_look = _resident(), 0.0
        for channel in CHANNELS:
            self._connect(channel)

    def _connect(self, channel: str) -> None:
        kind, connection = CHANNELS[channel], self._connection
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.maxmsgsize = LARGEST_MESSAGE
        socket.rcvhwm = WAITING_MESSAGES
        socket.reconnect_ivl = 20  # the kernel's end may not be there yet
        if kind == zmq.SUB:
            socket.subscribe(b"")
        else:
            socket.identity = self.session.bsession
            socket.sndtimeo = 1000
        if connection.get("curve_publickey"):
            socket.curve_publickey = socket.curve_serverkey = connection["curve_publickey"].encode()
            socket.curve_secretkey = connection["curve_secretkey"].encode()
        monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        socket.connect(_address(connection, channel))
        self._sockets[channel], self._monitors[channel] = socket, monitor
        self._poller.register(socket, zmq.POLLIN)
        self._poller.register(monitor, zmq.POLLIN)

    def send(self, kind: str, content: dict[str, Any], channel: str = "shell") -> str:
        """Send a request, under an id that could not be foreseen.

        Raises
        ------
        zmq.ZMQError
            If the kernel takes no more messages.
        """
        message = self.session.msg(kind, content=content)
        message["header"]["msg_id"] = message["msg_id"] = f"{self.session.session}_{uuid.uuid4()}"
        self.session.send(self._sockets[channel], message)
        self.sent.add(message["msg_id"])
        return message["msg_id"]

    def send_message(self, message: dict[str, Any]) -> None:
        """Send a whole message, or drop it where the kernel takes no more."""
        self.sent.add(message["msg_id"])
        try:
            self._sockets["shell"].send_multipart(self.session.serialize(message), zmq.NOBLOCK)
        except zmq.ZMQError:
            pass

    def receive(self, seconds: float) -> Message | None:
        """The next message, or None after so many seconds, or where the kernel hung up."""
        if not self._waiting:
            self._wait(seconds)
        return self._waiting.popleft() if self._waiting else None

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        ready: dict[Any, int] = {}
        while not ready:
            self._look_at_memory()
            left = max(0.0, until - time.monotonic())
            ready = dict(self._poller.poll(int(1000 * min(left, LOOK_AT_MEMORY)) + (left > 0)))
            if left <= 0:
                break
        for channel, monitor in list(self._monitors.items()):
            if monitor in ready:
                self._hung_up_at = time.monotonic()
                self._connect_again(channel)
                ready.pop(self._sockets[channel], None)
        # what was shown comes before the reply that may end the cell
        for channel in ("iopub", "control", "shell"):
            if self._sockets[channel] in ready:
                self._waiting.extend(self._take(channel))

    def _look_at_memory(self) -> None:
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_AT_MEMORY
            if _resident() - self._resident > MOST_HELD:
                for channel in CHANNELS:
                    self._connect_again(channel)
                self._resident = _resident()

    def _connect_again(self, channel: str) -> None:
        """With a new socket; what waits in the old one is lost, and its memory freed."""
        self._waiting.extend(self._take(channel))
        self.lost_connections += channel == "iopub"
        self._drop(channel)
        self._connect(channel)

    def _drop(self, channel: str) -> None:
        socket, monitor = self._sockets.pop(channel), self._monitors.pop(channel)
        self._poller.unregister(socket)
        self._poller.unregister(monitor)
        socket.disable_monitor()
        socket.close(0)
        monitor.close(0)

    @property
    def hung_up(self) -> bool:
        """Whether the kernel closed a connection just now: it may be gone."""
        return time.monotonic() - self._hung_up_at < JUST_NOW

    def _take(self, channel: str) -> Iterator[Message]:
        """Up to a handful of the messages that are there."""
        for _ in range(32):
            try:
                frames = self._sockets[channel].recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.ZMQError:
                return
            size = sum(len(frame) for frame in frames)
            if self.skim and channel == "iopub" and not _decides(frames):
                yield Message(channel, None, size, "not read")
            else:
                yield self._read(channel, frames, size)

    def _read(self, channel: str, frames: list[zmq.Frame], size: int) -> Message:
        try:
            parts = _parts(frames)
            if size > self._most:
                body, why = self._read_head(parts), "too large"
            else:
                body, why = self.session.deserialize([bytes(part.bytes) for part in parts]), ""
            _check_shape(body)
        except Exception as error:  # whatever a kernel can send, the runner goes on
            return Message(channel, None, size, f"malformed: {type(error).__name__}")
        return Message(channel, body, size, why)

    def _read_head(self, parts: list[zmq.Frame]) -> dict[str, Any]:
        """A message without its content: parsed, JSON can take twenty times its size."""
        if any(len(part) > HEADER_BYTES for part in parts[:3]):
            raise ValueError("the header is too large")
        header, parent = (self.session.unpack(bytes(part.bytes)) for part in parts[1:3])
        named = {"msg_id": header["msg_id"], "msg_type": header["msg_type"]}
        return {"header": header, "parent_header": parent, "metadata": {}, "content": {}, **named}

    def clear(self) -> None:
        """Forget what has arrived."""
        until = time.monotonic() + 0.2
        while self.receive(0) is not None and time.monotonic() < until:
            pass

    def close(self) -> None:
        """Close all sockets; nothing is waited for."""
        for channel in CHANNELS:
            self._drop(channel)
        self._context.term()


def _address(connection: dict[str, Any], channel: str) -> str:
    separator = ":" if connection["transport"] == "tcp" else "-"
    port = connection[f"{channel}_port"]
    return f"{connection['transport']}://{connection['ip']}{separator}{port}"


def _decides(frames: list[zmq.Frame]) -> bool:
    heads = [bytes(frame.bytes) for frame in frames if len(frame) <= HEADER_BYTES][:8]
    return any(kind in head for head in heads for kind in DECIDING)


def _check_shape(body: dict[str, Any]) -> None:
    """What the rest of the code takes for granted about a message."""
    for part in ("header", "parent_header", "content", "metadata"):
        if not isinstance(body[part], dict):
            raise TypeError(f"{part} is no object")
    for name in ("msg_id", "msg_type"):
        if not isinstance(body["header"][name], str):
            raise TypeError(f"{name} is no text")
    if not isinstance(body["parent_header"].get("msg_id", ""), str):
        raise TypeError("the parent's msg_id is no text")
    _check_depth(body["content"])


def _check_depth(content: Any) -> None:
    """What nests deeper than any display does could not be written as a notebook."""
    level = [content]
    for _ in range(DEEPEST):
        level = [
            inner
            for node in level
            for inner in (node.values() if isinstance(node, dict) else node)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError("the content nests too deep")


def _parts(frames: list[zmq.Frame]) -> list[zmq.Frame]:
    """The frames after the routing ids: signature, header, parent, metadata, content, buffers."""
    for at, frame in enumerate(frames[:8]):
        if len(frame) == len(DELIM) and bytes(frame.bytes) == DELIM:
            return frames[at + 1 :]
    raise ValueError("no delimiter")


def _resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    except (OSError, ValueError, IndexError):
        return 0
