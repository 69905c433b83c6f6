"""Write course_lib/facts/sources.csv from book/references.bib, so that a fact can name its source.

The library is installed without the book; this table is what it knows of the bibliography.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

from pybtex.database import Entry, parse_file
from pybtex.richtext import Text

from course_lib.files import write_whole

ROOT = Path(__file__).resolve().parents[1]
BIBLIOGRAPHY = ROOT / "book" / "references.bib"
TABLE = ROOT / "course_lib" / "facts" / "sources.csv"
COLUMNS = ("key", "short", "year", "title", "url")


def plain(latex: str) -> str:
    """Text of a BibTeX field, without braces and commands."""
    return str(Text.from_latex(latex)).replace("\N{NO-BREAK SPACE}", " ")


def short(entry: Entry) -> str:
    """Authors and year as a reader cites them: one, two, or the first "et al."."""
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [plain(" ".join([*person.prelast_names, *person.last_names])) for person in people]
    if len(names) > 2 or "others" in names:
        names = [f"{names[0]} et al."]
    return f"{' and '.join(names) or plain(entry.fields['title'])}, {entry.fields['year']}"


def address(entry: Entry) -> str:
    """Where the source is found: its DOI before its address."""
    doi = entry.fields.get("doi")
    return f"https://doi.org/{doi}" if doi else entry.fields.get("url", "")


def sources() -> str:
    """The table as text."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for key, entry in sorted(parse_file(str(BIBLIOGRAPHY)).entries.items()):
        fields = entry.fields
        table.writerow([key, short(entry), fields["year"], plain(fields["title"]), address(entry)])
    return text.getvalue()


if __name__ == "__main__":
    write_whole(TABLE, sources())
    sys.stdout.write(f"{TABLE.relative_to(ROOT)} written\n")
