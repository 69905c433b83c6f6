"""Labelled inputs: what may be typed into each, and how it is read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST = 200  # characters of one input
COUNTS_TO = 10**15
LARGEST, SMALLEST = 1e40, 1e-40


class InputError(ValueError):
    """Something typed that cannot be used; ``field`` is the input that it was typed into."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Field:
    """One labelled input.

    ``kind`` is ``"count"`` (a whole number of at least 1), ``"number"`` (above nought, or from
    nought where ``least`` is 0), ``"counts"`` (several, with commas), ``"choice"`` (one of
    ``choices``, shown as a list), ``"name"`` (a text, with ``choices`` offered). An ``optional``
    one may be left empty. ``only_for`` are the choices of the form's first field with which it is
    shown and read; none: with every one. ``presets`` are what other inputs become when one of the
    choices is taken. One with ``more`` stands in a fold.
    """

    name: str
    label: str
    default: str = ""
    kind: str = "number"
    unit: str = ""
    hint: str = ""
    choices: Sequence[tuple[str, str]] = ()
    only_for: tuple[str, ...] = ()
    optional: bool = False
    more: bool = False
    presets: Mapping[str, Mapping[str, str]] | None = None


def asked(fields: Sequence[Field], values: Mapping[str, str]) -> list[Field]:
    """The fields that are shown and read with these values."""
    chosen = values.get(fields[0].name, fields[0].default)
    return [field for field in fields if not field.only_for or chosen in field.only_for]


def read(fields: Sequence[Field], values: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as numbers and names; an empty optional input is None."""
    return {
        field.name: _read(field, values.get(field.name, field.default))
        for field in asked(fields, values)
    }


def _read(field: Field, typed: str) -> Any:
    text = typed.strip()
    if len(text) > LONGEST:
        raise InputError(field.name, f"{field.label}: at most {LONGEST} characters.")
    if not text:
        if field.optional:
            return None
        raise InputError(field.name, f"{field.label} is empty.")
    if field.kind == "name":
        return text
    if field.kind == "choice":
        if text not in (value for value, _ in field.choices):
            known = ", ".join(value for value, _ in field.choices)
            raise InputError(field.name, f"{field.label} is {text!r}; there is {known}.")
        return text
    if field.kind == "counts":
        return [_count(field, part) for part in text.split(",")]
    return _count(field, text) if field.kind == "count" else _number(field, text)


def _number(field: Field, text: str) -> float:
    """A number as people write it: ``3.14e23``, ``1 024``, ``1,024``."""
    plain = re.sub(r"(?<=\d)[,_\s](?=\d{3}(?!\d))", "", text.strip())
    try:
        value = float(plain)
    except ValueError:
        message = f"{field.label} is {text.strip()!r}; write a number such as 12, 0.5 or 3.14e23."
        raise InputError(field.name, message) from None
    if not math.isfinite(value) or abs(value) > LARGEST or 0 < abs(value) < SMALLEST:
        raise InputError(field.name, f"{field.label} is {text.strip()}; that is no usable number.")
    return value


def _count(field: Field, text: str) -> int:
    value = _number(field, text)
    if value != int(value) or not 1 <= value <= COUNTS_TO:
        shown = f"{field.label} is {text.strip()}"
        raise InputError(field.name, f"{shown}; a whole number from 1 to 10^15 is wanted.")
    return int(value)
