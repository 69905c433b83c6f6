"""What a page of the book cost to build: the FLOP of its measured experiments, and its time."""

from __future__ import annotations

import time
from dataclasses import dataclass

from course_lib.devices import describe, fingerprint

MIME_TYPE = "application/vnd.counting-the-cost.page+json"


@dataclass
class _Ledger:
    started: float
    counted_flop: float = 0.0


_ledger = _Ledger(started=time.perf_counter())


def add_flop(flop: float) -> None:
    """Enter work whose FLOP are known."""
    _ledger.counted_flop += flop


def page_record() -> None:
    """Publish what this notebook has cost so far; the last cell of a book page calls it.

    The output has a MIME type of its own, which the book's compute label reads: counted FLOP of
    the measurements that were told theirs (``measure(..., flop=...)``), wall and CPU seconds since
    `course_lib` was first used, and the kind of machine.

    >>> from contextlib import redirect_stdout
    >>> from io import StringIO
    >>> with redirect_stdout(StringIO()):  # outside a notebook the output is printed
    ...     page_record()
    """
    from IPython.display import display

    record = {
        "counted_flop": _ledger.counted_flop,
        "seconds": time.perf_counter() - _ledger.started,
        "cpu_seconds": time.process_time(),
        "machine": describe(fingerprint()),
    }
    display({MIME_TYPE: record}, raw=True)
