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
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from tqdm import tqdm

from course_lib.devices import cores
from course_lib.sweeps.runs import Outcome, Run, Task, attempt

ATTEMPTS = 2  # a worker may have been killed for what another one did to the memory
SECONDS_TO_END = 5.0
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
READY = "ready"


@dataclass
class _Worker:
    process: Any
    ready: bool = False
    task: int | None = None  # the one it works on


def run_in_workers(run: Run, tasks: list[Task], workers: int) -> Iterator[tuple[Task, Outcome]]:
    """Tasks and their outcomes, in the order in which they end.

    Raises
    ------
    ValueError
        If the function cannot be sent to another process.
    RuntimeError
        If workers cannot start, or cannot load the function.
    """
    payload = _pack(run)
    waiting, attempts = deque(range(len(tasks))), Counter()
    team: dict[Connection, _Worker] = {}
    try:
        while waiting or _busy(team):
            while len(team) < min(workers, _busy(team) + len(waiting)):
                connection, worker = _start(payload, max(1, cores() // workers))
                team[connection] = worker
            _hand_out(waiting, team, tasks)
            for connection in wait(list(team)):
                worker = team[connection]
                try:
                    message = connection.recv()
                except (EOFError, OSError):
                    code = _leave(team, connection)
                    if not worker.ready:
                        raise RuntimeError(_no_start(code)) from None
                    if worker.task is not None:
                        attempts[worker.task] += 1
                        if attempts[worker.task] < ATTEMPTS:
                            waiting.append(worker.task)
                        else:
                            yield tasks[worker.task], Outcome(problem=_end(code))
                    continue
                if isinstance(message, Outcome):
                    yield tasks[worker.task], message
                elif message != READY:
                    raise RuntimeError(f"a worker cannot load the function: {message}. {_ADVICE}")
                worker.ready, worker.task = True, None
    finally:
        for connection, worker in list(team.items()):
            if worker.task is not None or not worker.ready:
                worker.process.kill()
            _leave(team, connection)


_ADVICE = (
    "Put it into a module that can be imported; for functions of a notebook, install the "
    "extra: pip install 'counting-the-cost[cluster]'"
)


def _pack(run: Run) -> bytes:
    try:
        from cloudpickle import dumps  # takes functions of a notebook along
    except ImportError:
        from pickle import dumps
    try:
        return dumps(run)
    except Exception as error:
        raise ValueError(f"run cannot be sent to a worker: {error}. {_ADVICE}") from error


def _start(payload: bytes, threads: int) -> tuple[Connection, _Worker]:
    context = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads, and hang
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, payload, threads))
    process.start()
    theirs.close()  # so that ours ends when the worker does
    return ours, _Worker(process)


def _busy(team: dict[Connection, _Worker]) -> int:
    return sum(worker.task is not None for worker in team.values())


def _hand_out(waiting: deque[int], team: dict[Connection, _Worker], tasks: list[Task]) -> None:
    for connection, worker in team.items():
        if waiting and worker.ready and worker.task is None:
            try:
                connection.send(tasks[waiting[0]])
            except OSError:  # killed while it had nothing to do: the next wait notices
                continue
            worker.task = waiting.popleft()


def _leave(team: dict[Connection, _Worker], connection: Connection) -> int | None:
    process = team.pop(connection).process
    connection.close()  # which ends a worker that waits for a task
    process.join(SECONDS_TO_END)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        often = ", as happens when memory runs out" if name == "SIGKILL" else ""
        return f"its worker was killed {ATTEMPTS} times ({name}{often})"
    return f"its worker ended {ATTEMPTS} times (exit code {code})"


def _no_start(code: int | None) -> str:
    return (
        f"a worker ended before it began (exit code {code}). A script that sweeps with workers "
        'calls sweep below `if __name__ == "__main__":`, because each worker imports it'
    )


def _serve(connection: Connection, payload: bytes, threads: int) -> None:
    """What a worker does: load the function, then run tasks until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tqdm.set_lock(threading.RLock())  # its own is a semaphore, which a killed worker would leak
    os.environ |= dict.fromkeys(THREADS, str(threads))
    try:
        run = pickle.loads(payload)
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    connection.send(READY)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(attempt(run, task))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
