"""What the fork server and its client say to each other: JSON messages, with descriptors beside.

They hold the two ends of a socket pair that keeps the borders of messages. It has no name in the
file system, so nobody else can connect, and a server whose client has died (even by ``kill -9``)
sees the end of the stream and leaves.
"""

from __future__ import annotations

import array
import json
import os
import socket
from typing import Any

LARGEST = 128 * 1024  # bytes of a message; Linux's default buffer of a socket holds more
MOST_DESCRIPTORS = 16
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")  # a kernel's sockets, in this order


class ProtocolError(Exception):
    """The other side said something that is not of this protocol; the message says what."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends; a message sent to one is received whole from the other."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(end: socket.socket, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
    """Send one message; the receiver gets its own copies of the descriptors.

    Raises
    ------
    ValueError
        If the message is too large.
    OSError
        If the other side is gone.

    Examples
    --------
    >>> here, there = pair()
    >>> send(here, {"do": "fork"}, [here.fileno()])
    >>> message, (copy,) = receive(there)
    >>> message, os.path.sameopenfile(copy, here.fileno())
    ({'do': 'fork'}, True)
    >>> os.close(copy), here.close(), there.close()
    (None, None, None)
    """
    data = json.dumps(message, separators=(",", ":")).encode("ascii")
    if len(data) > LARGEST:
        raise ValueError(f"message has {len(data)} bytes; allowed are {LARGEST}")
    rights = array.array("i", descriptors or [])
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if rights else []
    end.sendmsg([data], ancillary, socket.MSG_NOSIGNAL)


def receive(end: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """One message and the descriptors that came with it, closed on exec.

    Raises
    ------
    EOFError
        If the other side is gone.
    ProtocolError
        If what came is no message; descriptors that came with it are closed.
    """
    item = array.array("i").itemsize
    try:
        data, ancillary, flags, _ = end.recvmsg(
            LARGEST, socket.CMSG_SPACE(MOST_DESCRIPTORS * item), socket.MSG_CMSG_CLOEXEC
        )
    except ConnectionResetError as error:
        raise EOFError("the other side is gone") from error
    descriptors = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(payload[: len(payload) - len(payload) % item])
    try:
        if not data:
            raise EOFError("the other side is gone")
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise ProtocolError(f"a message was cut: over {LARGEST} bytes, or too many descriptors")
        try:
            message = json.loads(data)
        except ValueError as error:
            raise ProtocolError(f"a message is no JSON: {error}") from error
        if not isinstance(message, dict):
            raise ProtocolError(f"a message is a {type(message).__name__}; it must be an object")
    except (EOFError, ProtocolError):
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return message, list(descriptors)
