"""What every calculator is: fields, a computation, examples; and how it answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .fields import Field, InputError, read


@dataclass(frozen=True)
class Row:
    """One line of a result: what it is, the number for people to read, and a remark."""

    label: str
    text: str
    remark: str = ""


@dataclass(frozen=True)
class Result:
    """What a calculator found.

    A sentence, rows, remarks, where each number comes from (a table of texts, its head first), and
    the numbers of a drawing.
    """

    sentence: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    chain: Sequence[Sequence[str]] = ()
    drawing: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Calculator:
    """A form with its computation.

    ``compute`` takes what was typed, read; ``examples`` gives pairs of a name and what is typed,
    and is called at build only. ``columns`` are the rows of a result that the plain table of
    examples shows.
    """

    name: str
    title: str
    question: str
    fields: Sequence[Field]
    compute: Callable[..., Result]
    columns: Sequence[str]
    examples: Callable[[], Sequence[tuple[str, Mapping[str, str]]]]

    def result(self, values: Mapping[str, str]) -> Result:
        """The result for what was typed.

        Raises
        ------
        InputError
            If something typed cannot be used.
        """
        try:
            return self.compute(**read(self.fields, values))
        except InputError:
            raise
        except (ValueError, TypeError, ZeroDivisionError, OverflowError) as error:
            raise InputError(self._blamed(str(error)), str(error)) from error

    def _blamed(self, message: str) -> str:
        """The input that the library's message begins with, or none."""
        named = re.match(r"\w+", message)
        names = {field.name for field in self.fields}
        return named[0] if named and named[0] in names else ""

    def answer(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The result, or what is wrong with which input, as plain content for JSON."""
        try:
            return {"error": None, **asdict(self.result(values))}
        except InputError as error:
            return {"error": str(error), "field": error.field}
