"""Runs on a Dask cluster, by the address of its scheduler."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from course_lib.sweeps.runs import Outcome, Run, Task, attempt

_one_at_a_time = threading.Lock()  # PyTorch's random numbers and threads belong to the process


def check_address(address: str, insecure: bool) -> None:
    """Refuse a scheduler that whoever reaches it could use to run programs.

    >>> check_address("tcp://127.0.0.1:8786", insecure=False)
    >>> check_address("tls://cluster.example:8786", insecure=False)
    """
    if not isinstance(address, str):
        raise TypeError(
            f"scheduler is a {type(address).__name__}; give its address, for example "
            "cluster.scheduler_address"
        )
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme in ("tls", "wss") or insecure or _is_loopback(parts.hostname or ""):
        return
    raise ValueError(
        f"scheduler is {address!r}: without TLS, whoever reaches a Dask cluster can run programs "
        "on it. Give a tls:// address, or insecure=True if the network is closed to others"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def run_on_cluster(run: Run, tasks: list[Task], address: str) -> Iterator[tuple[Task, Outcome]]:
    """Tasks and their outcomes, in the order in which they end.

    No more are handed out than there are workers, so that a killed one takes no results along.
    """
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise ImportError(
            "scheduler needs Dask: pip install 'counting-the-cost[cluster]'"
        ) from error

    waiting = list(reversed(tasks))
    under_way: dict[Any, Task] = {}
    with Client(address, set_as_default=False) as client:
        done = as_completed(loop=client.loop)
        while waiting or under_way:
            workers = len(client.scheduler_info(n_workers=-1)["workers"])
            while waiting and len(under_way) < max(1, workers):
                task = waiting.pop()
                future = client.submit(_attempt_alone, run, task, pure=False)
                under_way[future] = task
                done.add(future)
            future = next(done)
            task = under_way.pop(future)
            try:
                outcome = future.result()
            except KilledWorker as error:
                outcome = Outcome(problem=f"its worker was killed: {error}")
            yield task, outcome


def _attempt_alone(run: Run, task: Task) -> Outcome:
    with _one_at_a_time:
        return attempt(run, task)
