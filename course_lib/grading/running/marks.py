"""What a student and a grader read in a cell that the kernel could not finish."""

from __future__ import annotations

from typing import Any

from nbformat.v4 import new_output


def error(name: str, said: str) -> Any:
    """An error output, as if the cell had raised; the text shows in feedback.

    >>> error("KernelDied", "The kernel ended.").traceback
    ['\\x1b[0;31mKernelDied\\x1b[0m: The kernel ended.']
    """
    return new_output(
        "error", ename=name, evalue=said, traceback=[f"\x1b[0;31m{name}\x1b[0m: {said}"]
    )


def note(text: str) -> Any:
    """A line of ordinary output: it is shown, and scores nothing."""
    return new_output("stream", name="stdout", text=f"\n[{text}]\n")


def size(number: int) -> str:
    """Bytes as people write them.

    >>> size(4 * 2**20), size(1500)
    ('4 MiB', '1500 bytes')
    """
    return f"{number / 2**20:.3g} MiB" if number >= 2**20 else f"{number} bytes"


def seconds(number: float) -> str:
    """Seconds as people write them.

    >>> seconds(30.0), seconds(1), seconds(0.25)
    ('30 seconds', '1 second', '0.25 seconds')
    """
    return f"{number:.3g} second{'' if number == 1 else 's'}"
