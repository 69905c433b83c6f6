"""Starts a fork server, asks it for forks, and starts it again where it died.

A fork is a sandbox that stands and waits for an order, as bubblewrap's first process does; what is
said to it then is the same (`sandbox.inside`), and so is the provisioner's other half.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from course_lib.grading.sandbox import protocol, tree
from course_lib.grading.tasks import Limits
from course_lib.grading.warm import preload
from course_lib.grading.warm.fork import (
    END_SECONDS,
    Fork,
    ServerDied,
    WarmError,
    hear,
    is_ready,
    order,
)

START_SECONDS = 180.0  # for a server: it imports PyTorch, maybe on a busy machine
FORK_SECONDS = 60.0  # for an answer
_WAITING = 64  # lines that a server need not have answered yet

# All variables that the server starts with: a kernel can read them in ``/proc/self/environ``.
_VARIABLES = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the debugger warns when it is imported
} | preload.SINGLE


class ServerUnfit(WarmError):
    """The server could not start, or found that its forks would not do. Cold kernels may."""


class ForkServer:
    """A process that has imported what kernels need, and forks them.

    Use it in a ``with`` statement, or `start` and `close` it. Its forks end with it. Where it dies
    (memory, an administrator) the next `fork` starts it again, but never twice in a row.

    Parameters
    ----------
    modules : iterable of str
        What it imports, by name; nothing of them is run.

    Attributes
    ----------
    pid : int or None
        Of the server, None where none runs, or it is not known to be ready.
    seconds : float or None
        What it took to get ready.
    restarts : int
        How often it was started again.
    address : str
        Where other processes of this host's same user can ask it for forks (`Borrowed`), once it
        was begun: a socket's name that is in no file system.
    """

    def __init__(self, modules: Iterable[str] = preload.DEFAULT) -> None:
        self.modules = tuple(modules)
        self.pid: int | None = None
        self.seconds: float | None = None
        self.restarts = 0
        self.address = ""
        self._served = 0
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._log: Any = None

    def __enter__(self) -> ForkServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the server and wait until it is ready.

        Raises
        ------
        ServerUnfit
            If it cannot start here, or its own test fails.
        """
        self.begin()
        try:
            said, _ = hear(self._control, START_SECONDS)
        except ServerDied as error:
            reason = f"the fork server did not start: {error} ({self._last_words()})"
            self.close()
            raise ServerUnfit(reason) from error
        except BaseException:
            self.close()
            raise
        if "ready" not in said:
            self.close()
            raise ServerUnfit(str(said.get("unfit", said)))
        self.pid, self.seconds = int(said["ready"]), float(said["seconds"])

    def begin(self) -> None:
        """Start the server without waiting for it.

        Raises
        ------
        ServerUnfit
            If it cannot start here.
        """
        if not sys.platform.startswith("linux"):
            raise ServerUnfit(f"warm kernels need Linux; this is {sys.platform}")
        self._control, there = protocol.pair()
        self._served = 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.address = f"\0course-forks-{secrets.token_hex(16)}"
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "course_lib.grading.warm.server", str(there.fileno())],
                env=_VARIABLES,
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,  # an interrupt at the terminal is for the client
                cwd="/",
            )
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                listener.bind(self.address)
                listener.listen(_WAITING)  # here: who connects before the server runs waits for it
                fonts = tree.font_list()
                asked = {"preload": list(self.modules), "fonts": str(fonts) if fonts else None}
                protocol.send(self._control, asked, [listener.fileno()])
        except OSError as error:
            reason = f"the fork server did not start: {error}; {self._last_words()}"
            self.close()
            raise ServerUnfit(reason) from error
        except BaseException:
            self.close()
            raise

    def _last_words(self) -> str:
        """How the server ended, and the last line of what it wrote."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - 2000))
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        code = self._process.returncode
        how = "it still runs" if code is None else f"exit status {code}"
        return how + (f": {lines[-1]}" if lines else "")

    def fork(self, limits: Limits = Limits()) -> Fork:  # noqa: B008 - frozen
        """Order a fork: it builds a sandbox with room for the limits, then waits for its order.

        That the sandbox could not be built is said over the fork's channel.

        Raises
        ------
        ServerDied
            If the server is gone, and could not be started again.
        WarmError
            If it refused.
        """
        with self._lock:
            try:
                return self._order(limits)
            except ServerDied as error:
                if not self._served:
                    raise
                self.close()
                self.restarts += 1
                try:
                    self.start()
                except ServerUnfit as unfit:
                    raise ServerDied(f"{error}; it did not come back: {unfit}") from unfit
                return self._order(limits)

    def _order(self, limits: Limits) -> Fork:
        if self._control is None:
            raise ServerDied("the fork server was not started, or is closed")
        try:
            made = order(self._control, limits, FORK_SECONDS)
        except ServerDied as error:
            raise ServerDied(f"{error} ({self._last_words()})") from error
        self._served += 1
        return made

    def close(self) -> None:
        """End the server, and with it all its forks."""
        ready = self.pid is not None or (
            self._control is not None and is_ready(self._control, 0)  # begun, and never asked
        )
        self.pid = None
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            if not ready:
                self._process.send_signal(signal.SIGTERM)  # while it imports, it does not listen
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None


class Borrowed:
    """Another process's fork server, by its address: gives forks, and cannot start or end it.

    Raises
    ------
    ServerDied
        If nobody listens there.
    """

    def __init__(self, modules: Iterable[str], address: str) -> None:
        self.modules = tuple(modules)
        self._patience = START_SECONDS  # for the first answer: the server may still import
        self._lock = threading.Lock()
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._line.connect(address)
        except OSError as error:
            self._line.close()
            raise ServerDied(f"no fork server answers: {error}") from error

    def fork(self, limits: Limits = Limits()) -> Fork:  # noqa: B008 - frozen
        """As `ForkServer.fork`, but a dead server stays dead.

        Raises
        ------
        ServerDied
            If the server is gone.
        WarmError
            If it refused.
        """
        with self._lock:
            made = order(self._line, limits, self._patience)
            self._patience = FORK_SECONDS
            return made

    def close(self) -> None:
        """Hang up; the forks live on."""
        self._line.close()
