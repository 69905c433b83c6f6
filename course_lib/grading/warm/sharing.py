"""Which fork server a process asks: one of its own, or one that the process above it lent.

The grader begins a server while it still reads the class (`lend`), and tells its workers where it
is (`borrow`); so PyTorch is imported once, and its memory is there once. A process that nobody lent
one starts its own at its first kernel, and so does one whose lender's has died.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterable

from course_lib.grading.tasks import Limits
from course_lib.grading.warm import preload
from course_lib.grading.warm.client import Borrowed, ForkServer, ServerUnfit
from course_lib.grading.warm.fork import Fork, ServerDied

_Key = tuple[int, tuple[str, ...]]
_shared: dict[_Key, ForkServer | Borrowed | ServerUnfit] = {}
_lent: dict[_Key, ForkServer] = {}
_offers: dict[tuple[str, ...], str] = {}
_lock = threading.Lock()


def _key(modules: Iterable[str]) -> _Key:
    return os.getpid(), tuple(modules) or preload.DEFAULT  # a fork of this process has its own


def share(modules: Iterable[str] = ()) -> ForkServer | Borrowed:
    """This process's one fork server with these modules, found or started at the first call.

    No modules: `preload.DEFAULT`. A server that was unfit once is not tried again.

    Raises
    ------
    ServerUnfit
        If there is none, with the reason of the first time.
    """
    key = _key(modules)
    with _lock:
        if key not in _shared:
            try:
                _shared[key] = _borrowed(key) or _started(key)
            except ServerUnfit as error:
                _shared[key] = error
        found = _shared[key]
    if isinstance(found, ServerUnfit):
        raise ServerUnfit(str(found))
    return found


def _started(key: _Key) -> ForkServer:
    server = ForkServer(key[1])
    server.start()
    return server


def _borrowed(key: _Key) -> Borrowed | None:
    address = _offers.get(key[1])
    try:
        return Borrowed(key[1], address) if address else None
    except ServerDied:
        return None


def fork(modules: Iterable[str], limits: Limits) -> Fork:
    """A fork of the server that `share` finds; a borrowed one that has died gives way to an own.

    Raises
    ------
    ServerUnfit
        If there is no server.
    WarmError
        If it gave no fork.
    """
    modules = tuple(modules)
    server = share(modules)
    try:
        return server.fork(limits)
    except ServerDied:
        if not isinstance(server, Borrowed):
            raise
    key = _key(modules)
    with _lock:
        if _shared.get(key) is server:
            server.close()
            del _shared[key], _offers[key[1]]
    return share(modules).fork(limits)


def lend(modules: Iterable[str] = ()) -> str:
    """Begin a server for other processes, unless that was done, and wait for nothing.

    Returns
    -------
    str
        Its address for `borrow`; empty where no server can start.
    """
    key = _key(modules)
    with _lock:
        if key not in _lent:
            server = ForkServer(key[1])
            try:
                server.begin()
            except ServerUnfit:  # who needs one tries for himself, and hears why
                return ""
            _lent[key] = server
        return _lent[key].address


def borrow(modules: Iterable[str], address: str) -> None:
    """From now on, `share` asks the server at this address before it starts its own."""
    if address:
        _offers[_key(modules)[1]] = address


def close_lent() -> None:
    """Close the servers that `lend` began in this process."""
    for key in [key for key in _lent if key[0] == os.getpid()]:
        _lent.pop(key).close()


@atexit.register
def close_shared() -> None:
    """Close all servers that this process started or borrowed; the next call starts anew."""
    close_lent()
    for (pid, _), server in list(_shared.items()):
        if pid == os.getpid() and not isinstance(server, ServerUnfit):
            server.close()
    _shared.clear()
    _offers.clear()
