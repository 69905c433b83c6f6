"""Busy neighbours on demand: other processes that compute, to see what they do to a measurement."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def busy_neighbours(number: int) -> Iterator[None]:
    """Run ``number`` processes that compute without end while the context is open.

    >>> with busy_neighbours(1):
    ...     total = sum(range(1000))
    """
    if number < 0:
        raise ValueError(f"number is {number}; it must not be negative")
    loop = "while True: pass"
    processes = [subprocess.Popen([sys.executable, "-S", "-c", loop]) for _ in range(number)]
    try:
        time.sleep(0.2 if number else 0.0)  # until they compute
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
