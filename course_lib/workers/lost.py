"""What becomes of an item whose worker was killed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lost:
    """No answer: the worker ended, as often as it was tried."""

    problem: str
