"""A process that does one thing, item by item, for another one that must stay as it is.

A worker of a cluster has threads, serves others too, and is known to its scheduler. What gives up
its rights for good, or may be killed for what it does to the memory, happens below it instead.
"""

from __future__ import annotations

import importlib
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from course_lib.workers.lost import ATTEMPTS, Lost, how_it_ended

IDLE_SECONDS = 600.0  # after which the process ends, and frees what it holds
_PROGRAM = f"import sys; from {__name__} import main; main(sys.argv[1], int(sys.argv[2]))"


class Apart:
    """Calls a function in one other process, which is started when it is needed.

    Not for several threads at a time. The process ends with this one.

    Parameters
    ----------
    function : callable
        Of a module that can be imported; must not raise.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._name = f"{function.__module__}:{function.__qualname__}"
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def __call__(self, item: Any) -> Any:
        """What the function makes of an item, or `Lost` if its process ends twice meanwhile."""
        if self._process is not None and self._process.poll() is not None:
            self._leave()  # it had nothing to do for long
        code = None
        for _ in range(ATTEMPTS):
            connection = self._connection or self._start()
            try:
                connection.send(item)
                return connection.recv()
            except (EOFError, OSError):
                code = self._leave()
        return Lost(how_it_ended(code))

    def _start(self) -> Connection:
        here, there = socket.socketpair()
        with there:
            command = [sys.executable, "-c", _PROGRAM, self._name, str(there.fileno())]
            self._process = subprocess.Popen(
                command,
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt at the terminal is for the caller
            )
        self._connection = Connection(here.detach())
        return self._connection

    def _leave(self) -> int | None:
        """Let go of the process; its exit code."""
        process, self._process = self._process, None
        if self._connection is not None:
            self._connection.close()  # with which it ends, if it has not yet
            self._connection = None
        return None if process is None else process.wait()


def main(name: str, descriptor: int) -> None:
    """Call a function with what comes through a descriptor, until the other end is closed."""
    connection = Connection(descriptor)
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_end_with, args=(descriptor,), daemon=True).start()
    module, _, function = name.partition(":")
    call = getattr(importlib.import_module(module), function)
    while connection.poll(IDLE_SECONDS):
        connection.send(call(connection.recv()))


def _end_with(descriptor: int) -> None:
    """End this process, whatever it does, when the other end is closed."""
    hung_up = select.poll()
    hung_up.register(descriptor, 0)  # which leaves what is always told: the end
    hung_up.poll()
    os._exit(1)
