"""The directive `{errata}`: what was corrected in the fact tables, from the tables' history."""

import csv
from collections import defaultdict

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_lib.facts import tables

from .fact_table import note_sources

ARROW = " \N{RIGHTWARDS ARROW} "


class Errata(SphinxDirective):
    """List every correction by table, the newest first."""

    def run(self) -> list[nodes.Node]:
        """Read the history files; a table without a title goes by its name."""
        by_table: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in corrections():
            by_table[row["table"]].append(row)
        note_sources(self, {row["source"] for row in corrections() if row["source"]})
        box = nodes.container(classes=["errata"])
        for table in sorted(by_table, key=lambda name: (name not in tables.described(), name)):
            items = nodes.bullet_list("", *(item_of(row) for row in by_table[table]))
            box += [nodes.rubric("", tables.title(table)), items]
        if not by_table:
            box += nodes.paragraph("", "Nothing has been corrected so far.")
        return [box]


def item_of(row: dict[str, str]) -> nodes.list_item:
    """One correction: when, where, what it was, what it is, why, and by which source."""
    key, column = row["key"], row["column"]
    place = f"{key}.{column}" if key and column else key or column
    text = nodes.paragraph("", f"{row['date']}: ", nodes.literal("", place), nodes.Text(" "))
    if row["old"]:
        text += [nodes.inline("", row["old"], classes=["errata-old"]), nodes.Text(ARROW)]
    reason = row["reason"].rstrip(".")
    text += nodes.strong("", row["new"] or "left out")
    text += nodes.Text(f". {reason[:1].upper()}{reason[1:]}.")
    if row["source"]:
        known = tables.source(row["source"])
        text += nodes.Text(" ")
        if known["url"]:
            text += nodes.reference("", known["short"], refuri=known["url"], internal=False)
        else:
            text += nodes.Text(known["short"])
    return nodes.list_item("", text)


def corrections() -> list[dict[str, str]]:
    """Every row of the history files, the newest first."""
    found = []
    for file in sorted((tables.FOLDER / "history").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".csv"):
            with file.open(encoding="utf-8", newline="") as text:
                found += csv.DictReader(text)
    return sorted(found, key=lambda row: row["date"], reverse=True)


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("errata", Errata)
