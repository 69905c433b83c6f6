"""What the tables of `course grade` and `course collect` have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape

from course_lib.grading.guard.intake import printable

MOST_SHOWN = 6  # lines of one submission; --json of `course grade` has all


def state_of(state: str, colours: Mapping[str, str]) -> str:
    """A state in its colour, where it has one.

    >>> state_of("failed", {"failed": "red"}), state_of("graded", {"failed": "red"})
    ('[red]failed[/]', 'graded')
    """
    return f"[{colours[state]}]{state}[/]" if state in colours else state


def first_of(lines: Sequence[str]) -> str:
    r"""The first lines for a cell of a table, each fit for a terminal, and how many are left out.

    >>> print(first_of(["a\x07b"]))
    a\x07b
    >>> first_of(["line"] * 9).splitlines()[-1]
    'and 3 more'
    """
    shown = [printable(line) for line in lines[:MOST_SHOWN]]
    if len(lines) > MOST_SHOWN:
        shown.append(f"and {len(lines) - MOST_SHOWN} more")
    return escape("\n".join(shown))
