"""The fork server: ``python -I -m course_lib.grading.warm.server DESCRIPTOR``, started by `client`.

It holds one end of a socket pair, by descriptor. The first message says what to import; the server
drops root's rights, imports, tries itself, and answers whether it is fit. After that each message
orders a fork. It ends when its client does.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from course_lib.grading.sandbox import filter, limits, privileges, protocol, tree
from course_lib.grading.tasks import Limits
from course_lib.grading.warm import forked, preload

SELF_TEST_SECONDS = 30.0


class Server:
    """Forks on request, and buries what has ended."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
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
                self.control.detach()  # closed by number; its object must not close another's
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
        while True:
            ready, _, _ = select.select([self.control, *self.forks], [], [])
            for pidfd in [entry for entry in ready if entry is not self.control]:
                self.bury(pidfd)
            if self.control in ready:
                try:
                    order, descriptors = protocol.receive(self.control)
                except EOFError:
                    return
                self._answer(order, descriptors)

    def _answer(self, order: dict[str, Any], descriptors: list[int]) -> None:
        try:
            (channel,) = descriptors
            pid, pidfd = self.fork(channel, Limits(**order["limits"]))
        except (preload.Unfit, OSError) as error:
            with contextlib.suppress(OSError):
                os.close(channel)
            protocol.send(self.control, {"refused": str(error)})
        else:
            protocol.send(self.control, {"pid": pid}, [pidfd])


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
        order, _ = protocol.receive(control)
        _look_for_fonts_in(order["fonts"])
        privileges.drop()
        with _home(order["fonts"]):
            server.prepare(order["preload"])
        server.test_itself()
    except EOFError:
        return 0
    except (preload.Unfit, OSError, RuntimeError) as error:
        protocol.send(control, {"unfit": str(error)})
        return 1
    ready = {"ready": os.getpid(), "user": os.getuid(), "seconds": time.monotonic() - start}
    protocol.send(control, ready)
    with contextlib.suppress(BrokenPipeError):
        server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
