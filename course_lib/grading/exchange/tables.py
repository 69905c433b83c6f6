"""Comma-separated tables as learning systems write them: read as they are, written safely."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from pathlib import Path

BOM = "\ufeff"
# Spreadsheets run a cell that begins so (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
LARGEST = 50_000_000  # bytes; a class of thousands has less than a hundredth of it


class ExchangeError(Exception):
    """Nothing was exchanged; the message says why and what to do."""


@dataclass(frozen=True)
class Table:
    """A table's cells as text, and how its file was written.

    ``rows`` are as long as the file had them; ``cell`` gives "" beyond their end.
    """

    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","
    bom: bool = False
    newline: str = "\n"
    name: str = field(default="the table", compare=False)

    def column(self, *names: str) -> int | None:
        """The first column that has one of these names, whatever its capitals."""
        folded = [one.strip().casefold() for one in self.header]
        wanted = [name.casefold() for name in names]
        return next((folded.index(name) for name in wanted if name in folded), None)

    def cell(self, row: list[str], *names: str) -> str:
        """What a row has in a column, without the spaces around; "" if it has none."""
        where = self.column(*names)
        return row[where].strip() if where is not None and where < len(row) else ""

    def text(self) -> str:
        """The table as a file's content, written as the file was."""
        lines = []
        for row in [self.header, *self.rows]:
            out = io.StringIO()
            # Only with this end does csv quote both kinds of line end inside a cell.
            csv.writer(out, delimiter=self.delimiter, lineterminator="\r\n").writerow(row)
            lines.append(out.getvalue().removesuffix("\r\n") + self.newline)
        return (BOM if self.bom else "") + "".join(lines)


def parse_table(raw: bytes, name: str = "the table") -> Table:
    r"""A table from the bytes of a file, with commas or semicolons.

    Raises
    ------
    ExchangeError
        If it is not UTF-8, is no table, or names a column twice.

    >>> parse_table(b"\xef\xbb\xbfa;b\r\n1;2\r\n").rows
    [['1', '2']]
    """
    if len(raw) > LARGEST:
        raise ExchangeError(f"{name} has {len(raw)} bytes; at most {LARGEST} are read")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ExchangeError(f"{name} is not UTF-8: {error}; export it as UTF-8") from None
    bom = text.startswith(BOM)
    text = text.removeprefix(BOM)
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ExchangeError(f"{name} is no table with commas or semicolons: {error}") from None
    if not rows or not any(cell.strip() for cell in rows[0]):
        raise ExchangeError(f"{name} has no line with the names of its columns")
    newline = "\r\n" if first.endswith("\r") else "\n"
    return Table(rows[0], rows[1:], delimiter, bom, newline, name)


def read_table(path: Path) -> Table:
    """A table from a file.

    Raises
    ------
    ExchangeError
        If it cannot be read.
    """
    try:
        return parse_table(path.read_bytes(), str(path))
    except OSError as error:
        raise ExchangeError(f"{path} cannot be read: {error.strerror}") from None


def harmless(text: str | None) -> str:
    """Text that no spreadsheet takes for a formula: one that looks so gets an apostrophe.

    >>> harmless("=cmd|' /C calc'!A0"), harmless("Ada"), harmless(None)
    ("'=cmd|' /C calc'!A0", 'Ada', '')
    """
    text = "" if text is None else str(text).replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def number(value: float | None) -> str:
    """Points as these systems read them: five decimals at most, no exponent; "" for None.

    Raises
    ------
    ValueError
        If it is not finite.

    >>> number(2.5), number(3.0), number(1 / 3), number(None)
    ('2.5', '3', '0.33333', '')
    """
    if value is None:
        return ""
    if not math.isfinite(value):
        raise ValueError(f"value is {value}; points are finite numbers")
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
