"""One number of the cited tables, by name, with its unit, its interval and its source."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from statistics import NormalDist
from typing import Any

from course_lib.facts.tables import described, fields, near, row_title, rows, source
from course_lib.quantities import LEVEL, Estimate


@dataclass(frozen=True, eq=False)
class Fact(Estimate):
    """A published number: an `Estimate` that knows where it was read.

    Attributes
    ----------
    source : str
        Citation key, in ``book/references.bib``.
    locator : str
        Where in the source: a table, a page, a section.
    date : str
        Of the fact where its row has one, else the year of the source.
    estimated : bool
        Whether the source itself estimates it from outside; else it is official or measured.
    title : str
        What the number is, in words.
    text : str
        The number as it stands in the table.

    Notes
    -----
    The interval is the source's own where the table has it, brought from its level to 90 % as of a
    normal distribution (a range stays as it is); else what rounding leaves: 90 % of one unit of the
    last printed digit, or nothing for counts. Arithmetic gives a plain `Estimate`.
    """

    source: str = ""
    locator: str = ""
    date: str = ""
    estimated: bool = False
    title: str = ""
    text: str = ""


def fact(name: str) -> Fact:
    """Look up one number of the cited tables.

    Parameters
    ----------
    name : str
        ``"row.column"``: the row's key and the column's short name, as the book's appendix lists
        them; the key alone where a row holds one number.

    Returns
    -------
    Fact

    Raises
    ------
    TypeError
        If the name is not a string.
    ValueError
        If there is no such number (the message offers near names), or it was not verified.

    Notes
    -----
    See the appendix of the book for all tables.

    Examples
    --------
    >>> peak = fact("h200.bf16_dense")
    >>> print(peak.value / 1e12, peak.unit, peak.source)
    989.4 FLOP/s nvidia2024h200
    >>> fact("h200.bf16")
    Traceback (most recent call last):
    ...
    ValueError: name is 'h200.bf16'; h200 of accelerators has no 'bf16'. It has ...
    """
    table, row, field = place(name)
    if row["verified"] != "yes":
        raise ValueError(f"{name} was not verified ({row['verified_where']}): it may not be used")
    return _fact(name, table, row, field)


def place(name: str) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Where a number stands: its table, its row, and the field that describes its column.

    Raises
    ------
    TypeError, ValueError
        As `fact`; whether the number was verified is not asked.

    >>> table, row, field = place("h200.bf16_dense")
    >>> table, row[field["name"]]
    ('accelerators', '9.894e14')
    """
    if not isinstance(name, str):
        raise TypeError(f"name is a {type(name).__name__}; give a string such as 'h200.bf16_dense'")
    key, _, column = name.partition(".")
    if key not in _index():
        raise ValueError(f"name is {name!r}; there is no row {key!r}. {near(key, _index())}")
    table, row = _index()[key]
    columns = {field["fact"]: field for field in fields(table) if "fact" in field}
    if not column and len(columns) == 1:
        [column] = columns
    filled = [short for short, field in columns.items() if row[field["name"]]]
    if column not in filled:
        raise ValueError(
            f"name is {name!r}; {key} of {table} has no {column or 'single number'!r}. "
            f"It has {', '.join(filled)}"
        )
    return table, row, columns[column]


def fact_names(table: str | None = None) -> list[str]:
    """Every name that `fact` knows, or those of one table.

    >>> "h200.bf16_dense" in fact_names("accelerators")
    True
    """
    return [
        f"{key}.{field['fact']}"
        for key, (home, row) in _index().items()
        if table in (None, home) and row["verified"] == "yes"
        for field in fields(home)
        if "fact" in field and row[field["name"]]
    ]


@cache
def _index() -> dict[str, tuple[str, dict[str, str]]]:
    """The table and the row of every key."""
    return {
        row["key"]: (table, row)
        for table in described()
        if table != "sources"
        for row in rows(table)
        if "key" in row
    }


def _fact(name: str, table: str, row: dict[str, str], field: dict[str, Any]) -> Fact:
    text = row[field["name"]]
    value = float(text)
    spread = 0.0 if field.get("exact") else rounding(text)
    ends = [row.get(f"{field['name']}_{end}") for end in ("low", "high")]
    low, high = (
        value + _widening(row) * (float(end) - value) if end else value + sign * spread
        for sign, end in zip((-1, 1), ends, strict=True)
    )
    return Fact(
        value,
        low,
        high,
        unit=row["unit"] if "unit" in row else field.get("unit", ""),
        basis="published",
        name=name,
        source=row["source"],
        locator=row["locator"],
        date=row.get("date") or source(row["source"])["year"],
        estimated=row.get("estimate") == "yes",
        title=_title(table, row, field),
        text=text,
    )


def _widening(row: dict[str, str]) -> float:
    """From the level of a row's interval to 90 %, in standard deviations."""
    if not row.get("interval_level"):
        return 1.0
    ours, theirs = (
        NormalDist().inv_cdf((1 + level) / 2) for level in (LEVEL, float(row["interval_level"]))
    )
    return ours / theirs


def _title(table: str, row: dict[str, str], field: dict[str, Any]) -> str:
    """What a number is: the row's title, and the column's where a row holds several numbers."""
    of_row = ", ".join(row[column] for column in row_title(table) if row[column])
    several = sum("fact" in each for each in fields(table)) > 1
    return f"{of_row}: {field['title']}" if several else of_row


def rounding(text: str) -> float:
    """Half the width of the 90 % interval that rounding to the last printed digit leaves.

    >>> f"{rounding('4.05e22'):.3g}", rounding("1287")
    ('4.5e+19', 0.45)
    """
    return LEVEL * 0.5 * 10.0 ** Decimal(text).as_tuple().exponent
