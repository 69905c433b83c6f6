"""What becomes of an item that nobody has worked on."""

from __future__ import annotations

import signal
from dataclasses import dataclass

ATTEMPTS = 2  # a worker may have been killed for what another one did to the memory


@dataclass(frozen=True)
class Lost:
    """No answer: the worker ended, as often as it was tried."""

    problem: str


@dataclass(frozen=True)
class Refused(Lost):
    """No answer: this worker cannot do such items at all; another one may.

    A function may return it. On a cluster, the item is then given to another worker, and the one
    that refused gets no more.
    """


def how_it_ended(code: int | None) -> str:
    """An exit code of a worker that ended at each attempt, in words.

    >>> how_it_ended(3)
    'its worker ended 2 times (exit code 3)'
    """
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        often = ", as happens when memory runs out" if name == "SIGKILL" else ""
        return f"its worker was killed {ATTEMPTS} times ({name}{often})"
    return f"its worker ended {ATTEMPTS} times (exit code {code})"
