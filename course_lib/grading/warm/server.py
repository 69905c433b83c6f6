"""The fork server: ``python -I -m course_lib.grading.warm.server DESCRIPTOR``, started by `client`.

It holds one end of a socket pair, by descriptor. The first message says what to import, and brings
a listening socket; the server drops root's rights, imports, tries itself, and answers whether it is
fit. After that each message orders a fork: the client's own, and those of other processes of the
same user, which come through the listening socket. It ends when its client does.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

from course_lib.grading.sandbox import filter, limits, privileges, protocol, tree
from course_lib.grading.tasks import Limits
from course_lib.grading.warm import forked, preload

SELF_TEST_SECONDS = 30.0
_CREDENTIALS = struct.Struct("3i")  # process, user, group


class Server:
    """Forks on request, and buries what has ended."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.listener: socket.socket | None = None
        self.lines = [control]
        self.forks: dict[int, int] = {}  # descriptor of a fork (pidfd) to its process id

    def prepare(self, modules: list[str]) -> None:
        """Import everything that a kernel and a course need, then freeze it.

        Raises
        ------
        preload.Unfit
            If a module cannot be imported, or leaves this process unable to fork.
        """
        preload.import_all([*preload.KERNEL, *modules])
        filter.program()  # these remember what they found, for all forks
        limits.has_cuda()
        tree.mounts(Limits())
        preload.settle()
        preload.check_fit()
        gc.collect()
        gc.freeze()  # forks then share these objects: collecting garbage touches none of them

    def test_itself(self) -> None:
        """Build a sandbox in a fork, and compute in it on two threads.

        Raises
        ------
        preload.Unfit
            If that fails, or has not ended in `SELF_TEST_SECONDS`.
        """
        here, channel = protocol.pair()
        with here:
            pidfd = self.fork(channel.detach(), Limits(), test=True)[1]
            ended = bool(select.select([pidfd], [], [], SELF_TEST_SECONDS)[0])
            if not ended:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            self.bury(pidfd)
            said = _read_all(here)
        if failed := said.get("failed"):
            raise preload.Unfit(f"no sandbox could be built: {failed}")
        if not ended:
            raise preload.Unfit(
                f"a convolution on two threads did not end in {SELF_TEST_SECONDS:g} s in a fork: "
                "a preloaded module has used PyTorch, not only imported it"
            )
        if said.get("ended") != 0:
            raise preload.Unfit(f"the self-test in a fork failed: {said or 'no word from it'}")

    def fork(self, channel: int, limits: Limits, test: bool = False) -> tuple[int, int]:
        """Make one fork; its process id and a descriptor of it.

        ``channel`` is the fork's end of a pair: it is closed here.
        """
        preload.check_fit()
        pid = os.fork()
        if pid == 0:
            try:
                for end in (*self.lines, self.listener):
                    if end is not None:
                        end.detach()  # closed by number; its object must not close another's
                forked.enter(channel, limits, test)
            finally:
                os._exit(forked.FAILED)
        os.close(channel)
        pidfd = os.pidfd_open(pid)
        self.forks[pidfd] = pid
        return pid, pidfd

    def bury(self, pidfd: int) -> None:
        """Forget a fork that has ended, or is about to."""
        os.waitpid(self.forks.pop(pidfd), 0)
        os.close(pidfd)

    def serve(self) -> None:
        """Answer orders until the client is gone; its forks go with the server."""
        doors = [] if self.listener is None else [self.listener]
        while True:
            ready, _, _ = select.select([*doors, *self.lines, *self.forks], [], [])
            for entry in ready:
                if entry in self.forks:
                    self.bury(entry)
                elif entry in doors:
                    self._let_in(entry)
                elif not self._answer(entry):
                    if entry is self.control:
                        return
                    self.lines.remove(entry)
                    entry.close()

    def _let_in(self, listener: socket.socket) -> None:
        """Take a new line, if it is of a process of the same user, or of root."""
        line, _ = listener.accept()
        credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        if _CREDENTIALS.unpack(credentials)[1] in (os.getuid(), 0):
            self.lines.append(line)
        else:
            line.close()

    def _answer(self, line: socket.socket) -> bool:
        """Carry an order out; whether the one who gave it is still there."""
        try:
            order, (channel,) = protocol.receive(line)
            wanted = Limits(**order["limits"])
        except (EOFError, OSError, protocol.ProtocolError, KeyError, TypeError, ValueError):
            return False  # it has left, or is no client
        try:
            pid, pidfd = self.fork(channel, wanted)
        except (preload.Unfit, OSError) as error:
            with contextlib.suppress(OSError):
                os.close(channel)
            return _say(line, {"refused": str(error)})
        return _say(line, {"pid": pid}, [pidfd])


def _say(line: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> bool:
    try:
        protocol.send(line, message, [*descriptors])
    except OSError:  # its fork, if there is one, ends when it finds that nobody orders
        return False
    return True


@contextlib.contextmanager
def _home(fonts: str | None) -> Iterator[None]:
    """A home that is there while modules are imported: some write in it."""
    with tempfile.TemporaryDirectory(prefix="course-") as home:
        os.environ["HOME"] = os.environ["MPLCONFIGDIR"] = home
        if fonts is not None:
            shutil.copy(fonts, home)
        yield
    _look_for_fonts_in(fonts)


def _look_for_fonts_in(fonts: str | None) -> None:
    """Let `tree.font_list` find the client's list of fonts, or none."""
    os.environ["MPLCONFIGDIR"] = os.path.dirname(fonts) if fonts else os.devnull


def _read_all(end: socket.socket) -> dict[str, Any]:
    """What messages that are there already say together."""
    said: dict[str, Any] = {}
    with contextlib.suppress(EOFError):
        while select.select([end], [], [], 0)[0]:
            said |= protocol.receive(end)[0]
    return said


def main(arguments: list[str]) -> int:
    """Serve the client at the other end of a descriptor; 0 when it has left."""
    control = socket.socket(fileno=int(arguments[0]))
    os.set_inheritable(control.fileno(), False)
    start = time.monotonic()
    server = Server(control)
    try:
        order, descriptors = protocol.receive(control)
        server.listener = socket.socket(fileno=descriptors[0])
        _look_for_fonts_in(order["fonts"])
        privileges.drop()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and leave no home behind
        with _home(order["fonts"]):
            server.prepare(order["preload"])
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        server.test_itself()
    except EOFError:
        return 0
    except (preload.Unfit, OSError, RuntimeError) as error:
        protocol.send(control, {"unfit": str(error)})
        return 1
    ready = {"ready": os.getpid(), "user": os.getuid(), "seconds": time.monotonic() - start}
    if _say(control, ready):
        server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
