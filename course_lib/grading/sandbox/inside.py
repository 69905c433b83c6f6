"""The first process in a cold kernel's sandbox; bubblewrap starts it, by its path, without `site`.

Its standard input is a channel to the grader. From there comes an order with descriptors: the
stream of the submission's files, and the sockets that the kernel listens on. It copies the files
into the sandbox's own memory, starts the kernel, watches it, and at the end sends the files back.
All other processes inside are its children, and end with it; it ends with the grader.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

if __name__ == "__main__":  # no `site`, so no course_lib either: it lies four folders up
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from course_lib.grading.sandbox import carrying, protocol, watching
from course_lib.grading.sandbox import limits as process_limits
from course_lib.grading.sandbox.tree import SUBMISSION
from course_lib.grading.tasks import Limits

Order = dict[str, Any]
FAILED = 97  # exit status where the kernel was never started
_MOST_WORDS = 4000  # bytes of what the kernel said on its own standard error
_PR_SET_DUMPABLE, _PR_GET_NO_NEW_PRIVS, _PR_GET_SECCOMP = 4, 39, 21


def main() -> NoReturn:
    """Be the first process of a cold kernel's sandbox."""
    serve(socket.socket(fileno=os.dup(0)), become_kernel)


def serve(channel: socket.socket, become: Callable[[Order, list[int], int], NoReturn]) -> NoReturn:
    """Do what the grader orders through a channel; never returns.

    Parameters
    ----------
    channel : socket
        Made by `protocol.pair`. The order comes with descriptors: the stream of files, and the
        sockets to listen on. Answers are ``{"started": pid, "left_out": {name: reason}}`` or
        ``{"failed": reason}``, and at the end what `watching.watch` returns, with ``words``; then
        the files follow.
    become : callable
        Runs in the child that is to be the kernel, with the order, the listening sockets'
        descriptors, and the descriptor of a file for whatever the kernel says on standard error.
        Must not return.
    """
    try:
        check_confinement()
        order, (stream_number, *listeners) = protocol.receive(channel)
        stream = socket.socket(fileno=stream_number)
        limits = Limits(**order["limits"])
        caps = carrying.Caps(limits.file_bytes, limits.disk_bytes)
        known, left_out = take_in(stream, caps)
        words = open_words()
        kernel = os.fork()
        if kernel == 0:
            channel.close()
            stream.close()
            become(order, listeners, words)
        for listener in listeners:
            os.close(listener)
        protocol.send(channel, {"started": kernel, "left_out": left_out})
        ended = watching.watch(channel, kernel, limits)
        protocol.send(channel, ended | {"words": read_words(words)})
        carrying.send_folder(stream, Path(SUBMISSION), caps, known)
        os._exit(0)
    except (EOFError, watching.GoneError, BrokenPipeError):
        os._exit(0)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            protocol.send(channel, {"failed": f"{type(error).__name__}: {error}"[:2000]})
        os._exit(FAILED)


def check_confinement() -> None:
    """Make sure that bubblewrap has done what it was asked for.

    Raises
    ------
    RuntimeError
        If this process has a right that it must not have.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    held = [line for line in status if line.startswith("Cap") and int(line.split()[1], 16)]
    interfaces = {name for _, name in socket.if_nameindex()}
    missing = [
        *(["a PID namespace"] if os.getpid() != 1 else []),
        *(["no new privileges"] if libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 else []),
        *(["a system call filter"] if libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) != 2 else []),
        *(["no network"] if interfaces - {"lo"} else []),
        *(["no capabilities"] if held else []),
        *(["a read-only root"] if os.access("/", os.W_OK) else []),
    ]
    # The kernel has the same user: it must not look in here, nor at what is open here.
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        missing.append("a closed first process")
    if missing:
        raise RuntimeError(f"the sandbox lacks {', '.join(missing)}")


def take_in(
    stream: socket.socket, caps: carrying.Caps
) -> tuple[dict[str, tuple[int, int, int]], dict[str, str]]:
    """Copy the submission in; say what is there, and what was left out with the reason.

    Raises
    ------
    OSError
        If a file was refused. Links, pipes and the like are left out instead.
    """
    refused = carrying.receive_folder(stream, Path(SUBMISSION), caps)
    for name, reason in refused.items():
        if reason != carrying.NOT_REGULAR:
            raise OSError(f"the submission's {name!r} {reason}")
    known = {
        name: carrying.identify(status) for name, status in carrying.list_files(Path(SUBMISSION))
    }
    return known, refused


def become_kernel(order: Order, listeners: list[int], words: int) -> NoReturn:
    """Become the kernel's program, with nothing of this process left open."""
    try:
        os.setsid()
        # It is no secret, and must be able to write its own entries below /proc.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
        told, telling = os.pipe()
        start = {
            "connection": order["connection"],
            "listeners": dict(zip(order["ports"], listeners, strict=True)),
            "arguments": order["arguments"],
            "folder": SUBMISSION,
        }
        os.write(telling, json.dumps(start).encode())
        os.close(telling)
        null = os.open(os.devnull, os.O_RDWR)
        for number, source in ((0, null), (1, words), (2, words)):
            os.dup2(source, number)
        _keep_only({0, 1, 2, told, *listeners})
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("500")  # where memory runs out, the kernel goes first, not the grader
        process_limits.set_resources({k: tuple(v) for k, v in order["resources"].items()})
        os.chdir("/")
        program = [order["python"], "-I", "-B", str(Path(__file__).with_name("kernel.py"))]
        os.execve(program[0], [*program, str(told)], order["environment"])
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    os._exit(FAILED)


def _keep_only(kept: set[int]) -> None:
    for entry in os.listdir("/proc/self/fd"):
        if int(entry) in kept:
            os.set_inheritable(int(entry), True)
        else:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(int(entry))


def open_words() -> int:
    """A file without a name for what the kernel's program writes to standard error."""
    path = "/tmp/.words"
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    return number


def read_words(number: int) -> str:
    """The last of it, as plain characters."""
    size = os.fstat(number).st_size
    last = os.pread(number, _MOST_WORDS, max(0, size - _MOST_WORDS))
    return last.decode("ascii", "backslashreplace")


def check() -> NoReturn:
    """Only look whether the sandbox holds; exit status 0 if it does."""
    try:
        check_confinement()
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{error}\n".encode())
    os._exit(FAILED)


if __name__ == "__main__":
    check() if sys.argv[1:] == ["--check"] else main()
