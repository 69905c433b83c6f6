"""The columns of a fact table as HTML: the unit in the head, numbers that compare at a glance."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from statistics import median
from typing import Any

from course_lib.quantities import si_scale

from .fact_text import digits_of, fixed, power_of_ten, written

Write = Callable[[str, str], str]  # of a number and its row's unit
WIDEST = 30  # characters that a column of words may claim
FEW_DECADES = 10**6  # at most between the ends of a column whose numbers share one prefix


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number by which it is sorted (empty: by its text)."""

    html: str
    number: str = ""

    def as_td(self) -> str:
        """The cell as an element."""
        value = f' data-value="{self.number}"' if self.number else ""
        return f"<td{value}>{self.html}</td>"


@dataclass(frozen=True)
class Column:
    """The HTML of a head, a cell for each row, and the characters that words claim (0: numbers)."""

    head: str
    cells: Sequence[Cell]
    width: int = 0

    def as_th(self) -> str:
        """The head as an element; it keeps a column of words from being squeezed."""
        if not self.width:
            return f'<th scope="col" class="fact-number">{self.head}</th>'
        return f'<th scope="col" style="min-width: calc({self.width}ch + 2rem)">{self.head}</th>'


def column_of(field: dict[str, Any], chosen: Sequence[dict[str, str]]) -> Column:
    """The column that a field describes, for these rows; an interval stands behind its number."""
    name, unit = field["name"], field.get("unit", "")
    if field["type"] not in ("number", "integer") or name == "year":
        cells = [Cell(escape(row[name])) for row in chosen]
        return Column(
            _head(field, ""), cells, min(max(1, *(len(row[name]) for row in chosen)), WIDEST)
        )
    if "unit" in chosen[0] and name == "value":  # each row has a unit of its own
        shown, write = "", _alone
    else:
        shown, write = _shared([row[name] for row in chosen if row[name]], unit)
    cells = []
    for row in chosen:
        texts = [row[name], row.get(f"{name}_low", ""), row.get(f"{name}_high", "")]
        text, *ends = (raised(write(text, row.get("unit", ""))) if text else "" for text in texts)
        if text and all(ends):
            text += f' <span class="fact-ends">[{", ".join(ends)}]</span>'
        cells.append(Cell(text, row[name]))
    return Column(_head(field, shown), cells)


def raised(text: str) -> str:
    """Text as HTML; powers are raised.

    >>> raised("3 × 10^-5 & more")
    '3 × 10<sup>−5</sup> &amp; more'
    """
    minus = "\N{MINUS SIGN}"
    return re.sub(
        r"(?<=\w)\^(-?\d+)",
        lambda power: f"<sup>{power[1].replace('-', minus)}</sup>",
        escape(text),
    )


def _head(field: dict[str, Any], unit: str) -> str:
    head = escape(field.get("title", field["name"]))
    if unit:
        head += f' <span class="fact-unit">({escape(unit)})</span>'
    if "fact" in field:
        head += f" <code>{escape(field['fact'])}</code>"
    return head


def _shared(texts: Sequence[str], unit: str) -> tuple[str, Write]:
    """The unit for the head of a column, and how its numbers are written below it."""
    sizes = [abs(Decimal(text)) for text in texts if Decimal(text)] or [Decimal(1)]
    wide = max(sizes) > FEW_DECADES * min(sizes)
    scale, prefixed = si_scale(float(median(sizes)), unit)
    if scale != 1 and scale < 1e21 and not wide:
        size = Decimal(repr(scale))
        return prefixed, lambda text, _: fixed(Decimal(text) / size, digits_of(text))
    if unit and (max(sizes) >= 10**9 or min(sizes) < Decimal("1e-4")):
        return unit, lambda text, _: power_of_ten(Decimal(text), digits_of(text))
    if wide or max(sizes) >= 10**9 or min(sizes) < Decimal("1e-4"):
        return unit, lambda text, _: _alone(text, "")
    return unit, lambda text, _: fixed(Decimal(text), digits_of(text))


def _alone(text: str, unit: str) -> str:
    return written(Decimal(text), digits_of(text), unit)
