"""One process at a time reads a file and adds to it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PATIENCE = 10.0  # seconds; an entry takes milliseconds to write


@contextmanager
def alone(path: str | Path) -> Iterator[None]:
    """Hold a file against other processes; it is made if need be.

    The lock is flock on the file itself, which ends with the process. Where there is none, it is a
    file ``<path>.lock`` beside it. A file that cannot be written is not held: nobody adds to it.

    Raises
    ------
    TimeoutError
        If a lock file does not go away.
    """
    path = Path(path)
    if path.exists() and not os.access(path, os.W_OK):
        yield
    elif fcntl is not None:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    else:
        lock = path.with_name(path.name + ".lock")
        _make(lock)
        try:
            yield
        finally:
            lock.unlink()


def _make(lock: Path) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            return
        except (FileExistsError, PermissionError):  # Windows: the other one is being deleted
            if time.monotonic() > give_up:
                raise TimeoutError(
                    f"{lock} is there for {PATIENCE:g} s; if no other program is writing, delete it"
                ) from None
            time.sleep(0.01)
