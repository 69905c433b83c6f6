"""What questions ask of an answer before they judge it. Answers are untrusted: any JSON, or arrays.

Examples
--------
>>> numbers([1, 2.5], 2), numbers([1, "2.5"], 2), is_number(True)
([1, 2.5], None, False)
>>> why_not_count(6, 12, [(6, "you counted multiply-accumulates (MACs)")], "this layer")
'you counted multiply-accumulates (MACs)'
>>> why_not_count(4, 12, [], "this layer")
'for this layer your count is 0.333 times the right one'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

LARGEST = float(np.finfo(float).max)


def is_number(got: Any) -> bool:
    """Whether an answer is one finite number; True and False are none.

    >>> is_number(1e300), is_number(float("nan")), is_number(10**400)
    (True, False, False)
    """
    # compared, not converted: JSON carries integers that no float can hold
    return isinstance(got, int | float) and not isinstance(got, bool) and abs(got) <= LARGEST


def numbers(got: Any, count: int) -> list[float] | None:
    """An answer as a list of so many finite numbers, or None if it is something else."""
    got = got.tolist() if isinstance(got, np.ndarray) else got
    right = isinstance(got, list) and len(got) == count and all(map(is_number, got))
    return got if right else None


def why_not_count(
    got: Any, right: int, mistakes: Iterable[tuple[float, str]], asked: str
) -> str | None:
    """What a wrong count most likely is, or None if it is right.

    Parameters
    ----------
    got
        The answer.
    right : int
        The right count, above zero.
    mistakes : iterable of (float, str)
        What usual mistakes would count, and what to say of them; the first that fits is said.
    asked : str
        What was counted, in words that give no input away.
    """
    if not is_number(got):
        return f"for {asked} your function returned no number"
    if got == right:
        return None
    return next(
        (said for value, said in mistakes if value == got),
        f"for {asked} your count is {got / right:.3g} times the right one",
    )


def first_wrong(answers: Sequence[Any], judged: Callable[[int, Any], str | None]) -> str | None:
    """The first reason that ``judged(place, answer)`` gives, or None where it gives none."""
    reasons = (reason for reason in map(judged, range(len(answers)), answers) if reason)
    return next(reasons, None)
