"""What the first process inside does while the kernel runs: bury the dead, obey, and keep count.

Limits of Linux hold one process each. What all of them take together is looked at four times a
second here: memory (what they share is counted once), processor time, and the number of files in
the writable places. Whoever goes beyond is ended, all of them, with a reason.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from course_lib.grading.sandbox import protocol
from course_lib.grading.tasks import MIB, Limits

WRITABLE = ("/submission", "/tmp", "/dev/shm")
MOST_FILES = 50_000
SLACK = 64 * MIB  # of memory: a single process at its own limit must see that, not its end
_BETWEEN_LOOKS = 0.25
_PAGE = resource.getpagesize()
_TICKS = os.sysconf("SC_CLK_TCK")


class GoneError(Exception):
    """The grader has left: nothing inside may live on."""


def watch(channel: socket.socket, kernel: int, limits: Limits) -> dict[str, Any]:
    """Reap, obey and keep count until the kernel is gone, then end whatever it left behind.

    Parameters
    ----------
    channel : socket
        To the grader; ``{"signal": N}`` is passed to the kernel, 9 to everything.
    kernel : int
        The kernel's process id.
    limits : Limits

    Returns
    -------
    dict
        ``ended`` (exit status, negative for a signal), ``reason`` (why it was ended, or None),
        ``cpu_seconds`` and ``peak_bytes`` of all processes together.

    Raises
    ------
    GoneError
        If the other end of the channel is closed.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)  # inside, anybody may send them to this process
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    watched = select.poll()
    watched.register(channel, select.POLLIN)
    watched.register(wake, select.POLLIN)
    code, reason, peak, next_look = None, None, 0, 0.0
    while True:
        code = reap(kernel)  # first: it may have ended before the handler was there
        if code is not None:
            break
        if time.monotonic() >= next_look:
            reason, memory = find_excess(limits)
            peak = max(peak, memory)
            next_look = time.monotonic() + _BETWEEN_LOOKS
            if reason is not None:
                os.kill(-1, signal.SIGKILL)
                code = -signal.SIGKILL
                break
        left = max(0.0, next_look - time.monotonic())
        ready = {descriptor for descriptor, _ in watched.poll(left * 1000)}
        if wake in ready:
            os.read(wake, 4096)
        if channel.fileno() in ready:
            _obey(channel, kernel)
    end_all()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code == -signal.SIGXCPU:
        reason = f"a process used all of its {limits.cpu_seconds} seconds of processor time"
    return {
        "ended": code,
        "reason": reason,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": max(peak, usage.ru_maxrss * 1024),
    }


def _obey(channel: socket.socket, kernel: int) -> None:
    try:
        message, _ = protocol.receive(channel)
    except EOFError as error:
        raise GoneError("the grader has left") from error
    number = int(message["signal"])
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1 if number == signal.SIGKILL else kernel, number)


def reap(kernel: int) -> int | None:
    """Bury everything that has ended; return the kernel's exit status if it was among it."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            if found[0] == kernel:
                code = os.waitstatus_to_exitcode(found[1])
    return code


def end_all() -> None:
    """Kill every other process of this PID namespace, until nothing is there."""
    if os.getpid() != 1:
        raise RuntimeError("only the first process of a PID namespace may end all others")
    with contextlib.suppress(ChildProcessError):
        while True:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            os.waitpid(-1, 0)


def find_excess(limits: Limits) -> tuple[str | None, int]:
    """Why all processes together must be ended (or None), and the memory they use, in bytes."""
    own = str(os.getpid())
    processes = [entry for entry in os.listdir("/proc") if entry.isdecimal() and entry != own]
    memory = sum(_read_memory(process) for process in processes)
    if memory > limits.memory_bytes + SLACK:  # may count shared pages twice: look closely
        memory = sum(_read_share(process) for process in processes)
        if memory > limits.memory_bytes + SLACK:
            shown = limits.memory_bytes // MIB
            return f"{len(processes)} processes used more than {shown} MiB of memory", memory
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = usage.ru_utime + usage.ru_stime + sum(map(_read_processor_time, processes))
    if seconds > limits.cpu_seconds:
        return f"all processes used {limits.cpu_seconds} seconds of processor time", memory
    for folder in WRITABLE:
        with contextlib.suppress(OSError):
            held = os.statvfs(folder)
            if held.f_files - held.f_ffree > MOST_FILES:
                return f"more than {MOST_FILES} files in {folder}", memory
    return None, memory


def _read_memory(process: str) -> int:
    """Resident bytes of a process."""
    return _PAGE * int(_read(process, "statm", lambda text: text.split()[1]) or 0)


def _read_share(process: str) -> int:
    """Resident bytes, shared ones divided among those who share them."""

    def find(text: str) -> str:
        return next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:"))

    found = _read(process, "smaps_rollup", find)
    return int(found) * 1024 if found else _read_memory(process)


def _read_processor_time(process: str) -> float:
    """Seconds of a process and of the children that it has buried."""
    fields = _read(process, "stat", lambda text: text.rpartition(")")[2])
    return sum(map(int, fields.split()[11:15])) / _TICKS if fields else 0.0


def _read(process: str, name: str, find: Callable[[str], str]) -> str | None:
    try:
        with open(f"/proc/{process}/{name}", encoding="utf-8", errors="replace") as file:
            return find(file.read())
    except (OSError, IndexError, StopIteration):  # it has just ended
        return None
