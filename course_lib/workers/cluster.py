"""Workers of a Dask cluster, by the address of its scheduler."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from course_lib.workers.lost import Lost

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


def on_cluster(
    function: Callable[[Any], Any], items: Iterable[Any], address: str
) -> Iterator[tuple[Any, Any]]:
    """Items with what a function made of them, in the order in which they end.

    The function must not raise. No more items are handed out than there are workers, so that a
    killed one takes no answers along; an item that killed its workers is answered by `Lost`.
    """
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise ImportError(
            "scheduler needs Dask: pip install 'counting-the-cost[cluster]'"
        ) from error

    waiting = iter(items)
    under_way: dict[Any, Any] = {}
    with Client(address, set_as_default=False) as client:
        done = as_completed(loop=client.loop)
        while True:
            workers = len(client.scheduler_info(n_workers=-1)["workers"])
            for item in islice(waiting, max(0, max(1, workers) - len(under_way))):
                future = client.submit(_call_alone, function, item, pure=False)
                under_way[future] = item
                done.add(future)
            if not under_way:
                return
            future = next(done)
            item = under_way.pop(future)
            try:
                answer = future.result()
            except KilledWorker as error:
                answer = Lost(f"its worker was killed: {error}")
            yield item, answer


def _call_alone(function: Callable[[Any], Any], item: Any) -> Any:
    with _one_at_a_time:
        return function(item)
