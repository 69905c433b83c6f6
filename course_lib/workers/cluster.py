"""Workers of a Dask cluster, by the address of its scheduler."""

from __future__ import annotations

import ipaddress
import logging
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from course_lib.workers.lost import Lost, Refused

LOOK_EVERY = 5.0  # seconds between looks at who is there
NOBODY_SECONDS = 12.0  # without any worker, after which it is said: one may be starting again
LOGS = ("distributed", "distributed.client")
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
    killed one takes no answers along; its item is given to another worker, and one that killed
    several is answered by `Lost`. A worker that answers `Refused` gets no more items; the answer
    counts only where all workers refuse. Where there is no worker, one is waited for, and a warning
    says so.

    Raises
    ------
    ConnectionError
        If the scheduler cannot be reached, or is lost on the way.
    ImportError
        If Dask is not installed, or a worker lacks what the function needs.
    """
    waiting = iter(items)
    with _client(address) as client:
        team = _Team(client, address, function)
        while True:
            room = team.look()
            taken = [*islice(chain(team.given_back(), waiting), room)]
            for item in taken:
                if team.refusal is None:
                    team.hand_out(item)
                else:
                    yield item, team.refusal
            if team.under_way:
                yield from team.wait()
            elif not taken:
                return


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(
            "scheduler needs Dask: pip install 'counting-the-cost[cluster]'"
        ) from error
    try:
        client = Client(address, set_as_default=False)
    except OSError as error:
        raise ConnectionError(f"no scheduler answers at {address}: {error}") from error
    except TypeError as error:  # what Dask says where it has no certificates
        raise ValueError(
            f"scheduler {address} needs TLS certificates, and Dask's configuration names none "
            f"({error}). Set distributed.comm.tls in ~/.config/dask/distributed.yaml, or "
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ..__CLIENT__CERT and ..__CLIENT__KEY"
        ) from error
    kept = {name: logging.getLogger(name).level for name in LOGS}
    for name in LOGS:  # what goes wrong is raised
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with client:
            yield client
    finally:
        for name, level in kept.items():
            logging.getLogger(name).setLevel(level)


class _Team:
    """Workers of a cluster: who is there, what they work on, who has refused."""

    def __init__(self, client: Any, address: str, function: Callable[[Any], Any]) -> None:
        self.under_way: dict[Any, tuple[Any, set[str]]] = {}  # by future: an item, who may do it
        self.refusal: Refused | None = None  # where nobody is left who would do anything
        self._client, self._address, self._function = client, address, function
        self._ended: SimpleQueue[Any] = SimpleQueue()
        self._again: deque[Any] = deque()
        self._fit: set[str] = set()
        self._refusals: dict[str, Refused] = {}
        self._seen = time.monotonic()  # when a worker was there
        self._said = False  # that none is

    def look(self) -> int:
        """See who is there; how many more items can be handed out."""
        if self._client.status != "running":  # it would try to connect again for long
            raise self._is_lost()
        try:
            there = set(self._client.scheduler_info(n_workers=-1)["workers"])
        except (OSError, KeyError) as error:
            raise self._is_lost() from error
        self._say_if_nobody(bool(there))
        self._refusals = {name: said for name, said in self._refusals.items() if name in there}
        self._fit = there - set(self._refusals)
        nobody_left = there and not self._fit
        self.refusal = next(iter(self._refusals.values())) if nobody_left else None
        for future, (item, allowed) in list(self.under_way.items()):
            if allowed and not allowed & there:
                del self.under_way[future]
                future.cancel()
                self._again.append(item)
        return max(0, max(1, len(self._fit)) - len(self.under_way))

    def _say_if_nobody(self, there: bool) -> None:
        now = time.monotonic()
        if there:
            self._seen, self._said = now, False
        elif not self._said and now - self._seen > NOBODY_SECONDS:
            self._said = True
            warnings.warn(
                f"the scheduler at {self._address} has no workers; one is waited for. Start some "
                f"(`dask worker {self._address}`), or stop with Ctrl-C: what is done stays",
                RuntimeWarning,
                stacklevel=2,
            )

    def given_back(self) -> Iterator[Any]:
        """Items that their worker did not do."""
        while self._again:
            yield self._again.popleft()

    def hand_out(self, item: Any) -> None:
        """Have an item done, by anybody who has not refused another one."""
        only = self._fit if self._refusals else set()
        from dask import config

        with config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            future = self._client.submit(
                _call_alone, self._function, item, pure=False, workers=sorted(only) or None
            )
        self.under_way[future] = item, only
        future.add_done_callback(self._ended.put)

    def wait(self) -> Iterator[tuple[Any, Any]]:
        """The next item with its answer; none where it is time to look, or it must be done again.

        Raises
        ------
        ConnectionError
        ImportError
        """
        from distributed import KilledWorker

        try:
            future = self._ended.get(timeout=LOOK_EVERY)
            item, _ = self.under_way.pop(future)
        except (Empty, KeyError):
            return
        if future.cancelled():
            raise self._is_lost()
        try:
            worker, answer = future.result()
        except KilledWorker as error:
            yield item, Lost(f"its worker was killed: {error}")
        except ImportError as error:
            raise ImportError(
                f"a worker of the cluster lacks what it needs: {error}. Install there what is "
                "installed here"
            ) from error
        else:
            if isinstance(answer, Refused):
                self._refusals[worker] = answer
                self._again.append(item)
            else:
                yield item, answer

    def _is_lost(self) -> ConnectionError:
        return ConnectionError(f"the scheduler at {self._address} is gone")


def _call_alone(function: Callable[[Any], Any], item: Any) -> tuple[str, Any]:
    """What a function makes of an item, with the name of the worker where this runs."""
    from distributed import get_worker

    with _one_at_a_time:
        return get_worker().contact_address, function(item)
