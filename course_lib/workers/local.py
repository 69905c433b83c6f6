"""Worker processes on this machine, each with its own pipe: a killed one costs only its run.

(The pools of Python's standard library are lost as a whole when one of their workers is killed.)
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from tqdm import tqdm

from course_lib.devices import cores
from course_lib.workers.lost import ATTEMPTS, Lost, how_it_ended

SECONDS_TO_END = 5.0
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
READY = "ready"


@dataclass
class _Item:
    value: Any
    attempts: int = 0


@dataclass
class _Worker:
    process: Any
    ready: bool = False
    item: _Item | None = None  # the one it works on


def in_workers(
    function: Callable[[Any], Any], items: Iterable[Any], workers: int
) -> Iterator[tuple[Any, Any]]:
    """Items with what a function made of them, in the order in which they end.

    The function is called in other processes and must not raise. Items are taken from their
    iterable when a worker is free. An item whose worker is killed twice is answered by `Lost`.

    Raises
    ------
    ValueError
        If the function cannot be sent to another process.
    RuntimeError
        If workers cannot start, or cannot load the function.
    """
    payload = _pack(function)
    waiting = _Waiting(items)
    team: dict[Connection, _Worker] = {}
    try:
        while waiting or _busy(team):
            while len(team) < workers and waiting.at_least(len(team) - _busy(team) + 1):
                connection, worker = _start(payload, max(1, cores() // workers))
                team[connection] = worker
            _hand_out(waiting, team)
            answered = []
            for connection in wait(list(team)):
                worker = team[connection]
                try:
                    message = connection.recv()
                except (EOFError, OSError):
                    code = _leave(team, connection)
                    if not worker.ready:
                        raise RuntimeError(_no_start(code)) from None
                    if worker.item is not None:
                        worker.item.attempts += 1
                        if worker.item.attempts < ATTEMPTS:
                            waiting.again(worker.item)
                        else:
                            answered.append((worker.item.value, Lost(how_it_ended(code))))
                    continue
                if worker.ready:
                    answered.append((worker.item.value, message))
                elif message != READY:
                    raise RuntimeError(f"a worker cannot load the function: {message}. {_ADVICE}")
                worker.ready, worker.item = True, None
            _hand_out(waiting, team)  # they work on while the caller looks at the answers
            yield from answered
    finally:
        for connection, worker in team.items():
            if worker.item is not None or not worker.ready:
                worker.process.kill()
            connection.close()  # of all, before any is waited for: they end beside each other
        for connection in list(team):
            _leave(team, connection)


class _Waiting:
    """Items that no worker has: those to be tried again, then the rest of the iterable."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._taken: deque[_Item] = deque()
        self._rest = iter(items)

    def at_least(self, number: int) -> bool:
        while len(self._taken) < number:
            try:
                self._taken.append(_Item(next(self._rest)))
            except StopIteration:
                return False
        return True

    def __bool__(self) -> bool:
        return self.at_least(1)

    def first(self) -> _Item:
        return self._taken[0]

    def handed_out(self) -> None:
        self._taken.popleft()

    def again(self, item: _Item) -> None:
        self._taken.append(item)


_ADVICE = (
    "Put it into a module that can be imported; for functions of a notebook, install the "
    "extra: pip install 'counting-the-cost[cluster]'"
)


def _pack(function: Callable[[Any], Any]) -> bytes:
    try:
        from cloudpickle import dumps  # takes functions of a notebook along
    except ImportError:
        from pickle import dumps
    try:
        return dumps(function)
    except Exception as error:
        raise ValueError(f"the function cannot be sent to a worker: {error}. {_ADVICE}") from error


def _start(payload: bytes, threads: int) -> tuple[Connection, _Worker]:
    context = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads, and hang
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, payload, threads))
    process.start()
    theirs.close()  # so that ours ends when the worker does
    return ours, _Worker(process)


def _busy(team: dict[Connection, _Worker]) -> int:
    return sum(worker.item is not None for worker in team.values())


def _hand_out(waiting: _Waiting, team: dict[Connection, _Worker]) -> None:
    for connection, worker in team.items():
        if worker.ready and worker.item is None and waiting:
            try:
                connection.send(waiting.first().value)
            except OSError:  # killed while it had nothing to do: the next wait notices
                continue
            worker.item = waiting.first()
            waiting.handed_out()


def _leave(team: dict[Connection, _Worker], connection: Connection) -> int | None:
    process = team.pop(connection).process
    connection.close()  # which ends a worker that waits for a task
    process.join(SECONDS_TO_END)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode


def _no_start(code: int | None) -> str:
    return (
        f"a worker ended before it began (exit code {code}). A script that uses workers "
        'does so below `if __name__ == "__main__":`, because each worker imports it'
    )


def _serve(connection: Connection, payload: bytes, threads: int) -> None:
    """What a worker does: load the function, then take items until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tqdm.set_lock(threading.RLock())  # its own is a semaphore, which a killed worker would leak
    os.environ |= dict.fromkeys(THREADS, str(threads))
    try:
        function = pickle.loads(payload)
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    connection.send(READY)
    while True:
        try:
            item = connection.recv()
        except EOFError:
            return
        connection.send(function(item))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
