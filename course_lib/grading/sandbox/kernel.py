"""An IPython kernel on sockets that listen already; the program that a cold sandbox runs.

The grader made the sockets in a private folder of its own and listens on them; the kernel gets
their descriptors. So no folder exists that both could write to, and a client that connects before
the kernel runs waits for it. The program starts outside the submission's folder, isolated (``-I``),
and lets modules from there be imported only once it runs: no file in it gets under its start.

``python -I kernel.py DESCRIPTOR``: from the descriptor comes what to do, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import zmq
from ipykernel.heartbeat import Heartbeat
from ipykernel.kernelapp import IPKernelApp

# No history file in a folder that goes away, nothing read from the working folder.
ARGUMENTS = (
    "--HistoryManager.hist_file=:memory:",
    "--InteractiveShellApp.ignore_cwd=True",
    "--log-level=CRITICAL",
)


class SandboxKernelApp(IPKernelApp):
    """ipykernel's application with a connection and listening sockets that it was given.

    ``connection`` is what a connection file holds; ``listeners`` maps its ports to descriptors.
    """

    name = "ipython-kernel"
    connection: Mapping[str, Any] = {}
    listeners: Mapping[int, int] = {}

    def init_connection_file(self) -> None:
        """Take the connection as it came, not from a file."""
        self.load_connection_info(dict(self.connection))

    def write_connection_file(self, **kwargs: Any) -> None:
        """Write nothing: the client knows."""

    def _bind_socket(self, s: zmq.Socket[Any], port: int) -> int:
        s.use_fd = self.listeners[port]
        s.bind(f"{self.transport}://{self.ip}-{port}")  # names it only: the descriptor is bound
        return port

    def init_control(self, context: zmq.Context[Any]) -> None:
        """Leave out the debugger's way to the shell socket: its path is not in the sandbox."""
        super().init_control(context)
        endpoint = self.debug_shell_socket.last_endpoint.rstrip(b"\0")
        if endpoint:
            self.debug_shell_socket.disconnect(endpoint.decode())

    def init_heartbeat(self) -> None:
        """Beat on the listening socket."""
        self.heartbeat = _Heartbeat(zmq.Context(), (self.transport, self.ip, self.hb_port))
        self.heartbeat.descriptor = self.listeners[self.hb_port]
        self.heartbeat.start()


class _Heartbeat(Heartbeat):
    descriptor = -1

    def _bind_socket(self) -> None:
        self.socket.use_fd = self.descriptor
        self.socket.bind(f"{self.transport}://{self.ip}-{self.port}")


def allow_own_modules() -> None:
    """Let a notebook import the modules beside it, but Python's own first, as IPython does."""
    folders = [index for index, path in enumerate(sys.path) if path.endswith("-packages")]
    sys.path.insert(min(folders, default=len(sys.path)), "")


def main(descriptor: int) -> None:
    """Run until the kernel is shut down."""
    with open(descriptor, encoding="utf-8") as pipe:
        order = json.load(pipe)
    sys.argv = ["ipykernel_launcher", *order["arguments"]]
    SandboxKernelApp.connection = order["connection"]
    SandboxKernelApp.listeners = {int(port): fd for port, fd in order["listeners"].items()}
    for listener in SandboxKernelApp.listeners.values():
        os.set_inheritable(listener, False)
    app = SandboxKernelApp.instance()
    app.initialize([*ARGUMENTS, *order["arguments"]])
    os.chdir(order["folder"])
    app.shell.starting_dir = order["folder"]
    allow_own_modules()
    app.start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
