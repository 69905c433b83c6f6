"""Starts a fork server, asks it for forks, and starts it again where it died.

A fork is a sandbox that stands and waits for an order, as bubblewrap's first process does; what is
said to it then is the same (`sandbox.inside`), and so is the provisioner's other half.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import asdict
from types import TracebackType
from typing import Any

from course_lib.grading.sandbox import protocol, tree
from course_lib.grading.tasks import Limits
from course_lib.grading.warm import preload

START_SECONDS = 180.0  # for a server: it imports PyTorch, maybe on a busy machine
FORK_SECONDS = 60.0  # for an answer
END_SECONDS = 20.0  # for a server to leave after its client has

# All variables that the server starts with: a kernel can read them in ``/proc/self/environ``.
_VARIABLES = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the debugger warns when it is imported
} | preload.SINGLE


class WarmError(RuntimeError):
    """There is no warm kernel; the message says why."""


class ServerUnfit(WarmError):
    """The server could not start, or found that its forks would not do. Cold kernels may."""


class ServerDied(WarmError):
    """The server is gone, its forks with it, and it did not come back."""


def _is_ready(descriptor: int | socket.socket, seconds: float | None) -> bool:
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
            if not _is_ready(self._pidfd, timeout):
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
        Of the server, None where none runs.
    seconds : float or None
        What it took to get ready.
    restarts : int
        How often it was started again.
    """

    def __init__(self, modules: Iterable[str] = preload.DEFAULT) -> None:
        self.modules = tuple(modules)
        self.pid: int | None = None
        self.seconds: float | None = None
        self.restarts = 0
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
        if not sys.platform.startswith("linux"):
            raise ServerUnfit(f"warm kernels need Linux; this is {sys.platform}")
        self._control, there = protocol.pair()
        self._served = 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
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
            fonts = tree.font_list()
            order = {"preload": list(self.modules), "fonts": str(fonts) if fonts else None}
            protocol.send(self._control, order)
            said, _ = self._hear(START_SECONDS)
        except (OSError, ServerDied) as error:
            reason = f"the fork server did not start: {error}; {self._last_words()}"
            self.close()
            raise ServerUnfit(reason) from error
        except BaseException:
            self.close()
            raise
        if "ready" not in said:
            self.close()
            raise ServerUnfit(str(said.get("unfit", said)))
        self.pid, self.seconds = int(said["ready"]), float(said["seconds"])

    def _hear(self, seconds: float) -> tuple[dict[str, Any], list[int]]:
        """The server's next message, with descriptors."""
        assert self._control is not None
        if not _is_ready(self._control, seconds):
            raise ServerDied(f"the fork server has said nothing for {seconds:g} s")
        try:
            return protocol.receive(self._control)
        except (EOFError, protocol.ProtocolError) as error:
            raise ServerDied(f"the fork server is gone ({self._last_words()})") from error

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
        here, there = protocol.pair()
        try:
            with there:
                protocol.send(self._control, {"limits": asdict(limits)}, [there.fileno()])
            said, descriptors = self._hear(FORK_SECONDS)
            if "pid" not in said:
                raise WarmError(f"the fork server refused: {said.get('refused', said)}")
        except OSError as error:
            here.close()
            raise ServerDied(f"the fork server is gone ({self._last_words()})") from error
        except BaseException:
            here.close()
            raise
        self._served += 1
        return Fork(int(said["pid"]), descriptors[0], here)

    def close(self) -> None:
        """End the server, and with it all its forks."""
        self.pid = None
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None


_shared: dict[tuple[int, tuple[str, ...]], ForkServer | ServerUnfit] = {}
_shared_lock = threading.Lock()


def share(modules: Iterable[str] = ()) -> ForkServer:
    """This process's one fork server with these modules, started at the first call.

    No modules: `preload.DEFAULT`. A server that was unfit once is not tried again.

    Raises
    ------
    ServerUnfit
        If there is none, with the reason of the first time.
    """
    key = (os.getpid(), tuple(modules) or preload.DEFAULT)  # a fork of this process has its own
    with _shared_lock:
        if key not in _shared:
            server = ForkServer(key[1])
            try:
                server.start()
            except ServerUnfit as error:
                _shared[key] = error
            else:
                _shared[key] = server
        found = _shared[key]
    if isinstance(found, ServerUnfit):
        raise ServerUnfit(str(found))
    return found


@atexit.register
def close_shared() -> None:
    """Close the servers that `share` started in this process; the next call starts anew."""
    for (pid, _), server in list(_shared.items()):
        if pid == os.getpid() and isinstance(server, ForkServer):
            server.close()
    _shared.clear()
