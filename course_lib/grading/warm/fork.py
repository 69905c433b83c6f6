"""One fork of a fork server, and how one is ordered."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
from dataclasses import asdict
from types import TracebackType
from typing import Any

from course_lib.grading.sandbox import protocol
from course_lib.grading.tasks import Limits

END_SECONDS = 20.0  # for a fork that was killed, or a server whose client has left, to end


class WarmError(RuntimeError):
    """There is no warm kernel; the message says why."""


class ServerDied(WarmError):
    """The server is gone, its forks with it, and it did not come back."""


def is_ready(descriptor: int | socket.socket, seconds: float | None) -> bool:
    """Whether there is something to read, or an end, within so many seconds."""
    poll = select.poll()  # `select` knows no descriptor above 1023
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


class Fork:
    """One fork, with the face of a `subprocess.Popen`: its keeper, and the way to what it keeps.

    Attributes
    ----------
    pid : int
        Of the keeper, outside the namespaces. All inside ends with it.
    channel : socket
        To the first process inside, which waits for an order, and says how the kernel ended.
    returncode : int or None
        None while the keeper runs, then 0: there is no more to know here.
    """

    def __init__(self, pid: int, pidfd: int, channel: socket.socket) -> None:
        self.pid = pid
        self.channel = channel
        self.returncode: int | None = None
        self._pidfd = pidfd

    def poll(self) -> int | None:
        """None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Raises
        ------
        subprocess.TimeoutExpired
            If it has not come after so many seconds.
        """
        if self.returncode is None:
            if not is_ready(self._pidfd, timeout):
                raise subprocess.TimeoutExpired("fork", timeout or 0.0)
            os.close(self._pidfd)
            self.returncode = 0
        return self.returncode

    def kill(self) -> None:
        """End the keeper, and with it everything inside, at once."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self) -> None:
        """End it, and let go of it."""
        self.kill()
        self.wait(END_SECONDS)
        self.channel.close()

    def __enter__(self) -> Fork:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "returncode", 0) is None:  # nobody holds it: nobody can end it later
            self.kill()
            os.close(self._pidfd)


def hear(line: socket.socket, seconds: float) -> tuple[dict[str, Any], list[int]]:
    """The server's next message, with descriptors.

    Raises
    ------
    ServerDied
        If none comes.
    """
    if not is_ready(line, seconds):
        raise ServerDied(f"the fork server has said nothing for {seconds:g} s")
    try:
        return protocol.receive(line)
    except (EOFError, OSError, protocol.ProtocolError) as error:
        raise ServerDied("the fork server is gone") from error


def order(line: socket.socket, limits: Limits, seconds: float) -> Fork:
    """Ask the server at the other end of a line for a fork, and wait for so many seconds.

    Raises
    ------
    ServerDied
        If it does not answer.
    WarmError
        If it refused.
    """
    here, there = protocol.pair()
    try:
        with there:
            protocol.send(line, {"limits": asdict(limits)}, [there.fileno()])
        said, descriptors = hear(line, seconds)
        if "pid" not in said:
            raise WarmError(f"the fork server refused: {said.get('refused', said)}")
    except OSError as error:
        here.close()
        raise ServerDied("the fork server is gone") from error
    except BaseException:
        here.close()
        raise
    return Fork(int(said["pid"]), descriptors[0], here)
