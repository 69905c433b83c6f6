"""What a fork of the server does: build the sandbox around itself, then be a kernel in it.

Three processes, since only a child of the process that leaves a PID namespace is in the new one:

- the *keeper*, the fork itself: leaves the namespaces, starts the first process in them, waits;
- *PID 1* of the new ones: builds the root, gives up all rights, takes the submission in, starts the
  kernel, watches it, and at the end sends the folder back, just as a cold sandbox's first process;
- the *kernel*, which is all that a student's code can touch.

Each dies with the one above it. Whatever fails before the kernel runs ends the fork, and the client
is told the reason: there is no way on without the sandbox.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from course_lib.grading.sandbox import filter, inside, protocol, tree, watching
from course_lib.grading.sandbox import limits as process_limits
from course_lib.grading.tasks import Limits
from course_lib.grading.warm import preload, reseed, root, system

FAILED = inside.FAILED
_SIGNAL_ENDED = 128  # a keeper's exit status where a signal ended PID 1, above the signal's number


def enter(descriptor: int, limits: Limits, test: bool = False) -> NoReturn:
    """Become a keeper; called in a fresh fork of the server, does not return.

    Parameters
    ----------
    descriptor : int
        Of the channel to the client.
    limits : Limits
    test : bool
        Run the server's own test in the sandbox instead of what the client orders.
    """
    channel = socket.socket(fileno=descriptor)
    try:
        signal.set_wakeup_fd(-1)
        keep_only({descriptor})
        os.setsid()
        _leave_namespaces()
        alive, held = os.pipe()  # `held` closes when the keeper ends
        child = os.fork()
        if child == 0:
            os.close(held)
            _be_first(channel, alive, limits, test)
        os.close(alive)
        channel.close()
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else _SIGNAL_ENDED - code)
    except BaseException as error:
        _fail(channel, error)


def keep_only(kept: set[int]) -> None:
    """Close everything else: a fork must not hold what is the server's; 0 to 2 become /dev/null."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for entry in os.listdir("/proc/self/fd"):
        if int(entry) > 2 and int(entry) not in kept:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(int(entry))


def _leave_namespaces() -> None:
    user, group = os.getuid(), os.getgid()
    system.unshare(list(system.NEW))
    system.die_with_parent(signal.SIGKILL)  # after: leaving a user namespace forgets it
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{tree.USER} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{tree.USER} {group} 1")


def _be_first(channel: socket.socket, alive: int, limits: Limits, test: bool) -> NoReturn:
    """Be PID 1 of the new namespaces: the counterpart of `inside.main`."""
    try:
        system.die_with_parent(signal.SIGKILL)
        if select.select([alive], [], [], 0)[0]:  # the keeper ended before that held
            os._exit(FAILED)
        os.close(alive)
        root.build(tree.mounts(limits))
        system.raise_loopback()
        socket.sethostname(tree.HOST_NAME)
        system.drop_capabilities()
        filter.load()
        if test:
            _answer_test(channel, limits)
        process_limits.check_room(limits)
        inside.serve(channel, become_kernel)
    except BaseException as error:
        _fail(channel, error)


def become_kernel(order: dict[str, Any], listeners: list[int], words: int) -> NoReturn:
    """Run the kernel in this process, as the last of the three."""
    code = 1
    try:
        os.setsid()
        system.set_dumpable(True)  # no secret, and it must write its own entries below /proc
        for standard in (1, 2):
            os.dup2(words, standard)
        os.close(words)
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("500")  # where memory runs out, the kernel goes first, not the grader
        os.environ.clear()
        os.environ.update(order["environment"])
        reseed.reseed()
        preload.use_threads(os.environ)
        wanted = {name: tuple(pair) for name, pair in order["resources"].items()}
        process_limits.set_resources(wanted)
        from course_lib.grading.warm import kernel

        ports = dict(zip(order["ports"], listeners, strict=True))
        kernel.run(order["connection"], ports, order["arguments"], tree.SUBMISSION)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode("ascii", "backslashreplace"))
    finally:
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()  # what os._exit leaves out, and the end of a kernel runs
        for standard in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                standard.flush()
        os._exit(code & 0xFF)


def _answer_test(channel: socket.socket, limits: Limits) -> NoReturn:
    """Compute on two threads, in the sandbox: the server's own test."""
    inside.check_confinement()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            process_limits.apply(limits)
            reseed.reseed()
            convolve()
            code = 0
        finally:
            os._exit(code)
    protocol.send(channel, watching.watch(channel, child, limits))
    os._exit(0)


def convolve() -> None:
    """What hangs for ever if the server has run an operation of PyTorch's before it forked.

    Raises
    ------
    ArithmeticError
        If the result is wrong.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return
    torch.set_num_threads(2)
    image, weights = torch.ones(4, 8, 32, 32), torch.ones(8, 8, 3, 3)
    middle = torch.nn.functional.conv2d(image, weights, padding=1)[0, 0, 16, 16].item()
    if middle != 8 * 9:
        raise ArithmeticError(f"a convolution of ones gave {middle}, not 72")


def _fail(channel: socket.socket, error: BaseException) -> NoReturn:
    """End the fork, and say why."""
    with contextlib.suppress(BaseException):
        protocol.send(channel, {"failed": f"{type(error).__name__}: {error}"[:2000]})
    os._exit(FAILED)
