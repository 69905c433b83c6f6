r"""Text of outputs without control sequences other than colours.

An escape sequence can set a terminal's title, fill its clipboard or hide what it prints, when an
instructor looks at a log; and an incomplete colour, ``\x1b[38m``, stops nbconvert's export.
"""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[([0-9;]*)m")
_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)"  # OSC and other strings
    r"|\x9b[0-?]*[ -/]*[@-~]"  # CSI in one character
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SIMPLE = {*range(10), *range(21, 30), *range(30, 38), 39, *range(40, 48), 49}
_SIMPLE |= {*range(90, 98), *range(100, 108)}


def clean_text(text: str) -> str:
    r"""Text in which only complete colours are left of its escape sequences.

    >>> clean_text("\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2Jgone \x1b[38m")
    '\x1b[31mred\x1b[0m  gone '
    """
    return _CONTROL.sub("", _SEQUENCE.sub(_only_colour, text))


def _only_colour(match: re.Match[str]) -> str:
    colour = _COLOUR.fullmatch(match[0])
    return match[0] if colour and _complete(colour[1]) else ""


def _complete(numbers: str) -> bool:
    parts = numbers.split(";")
    if len(parts) > 16 or any(len(part) > 3 for part in parts):
        return False
    left = [int(part or 0) for part in parts]
    while left:
        first = left.pop(0)
        if first in (38, 48):
            size = {5: 2, 2: 4}.get(left[0] if left else -1)
            if size is None or len(left) < size or max(left[:size]) > 255:
                return False
            del left[:size]
        elif first not in _SIMPLE:
            return False
    return True
