"""The directive `{fact-table}`: one table of the facts, whole or in part, with units and sources.

    ```{fact-table} accelerators
    :columns: name, date, bf16_dense_flop_per_s, tdp_w
    :filter: nvidia
    :caption: Chips by NVIDIA
    ```

Without options it has every column that is no bookkeeping, and the table's own title. `filter`
keeps the rows that hold all of its words. `fact-tables.js` makes the table sortable and filterable;
without scripts it is a plain table.
"""

from collections.abc import Iterable
from html import escape

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinxcontrib.bibtex.citation_target import CitationTarget
from sphinxcontrib.bibtex.roles import CitationRef

from course_lib.facts import tables

from .fact_cells import WIDEST, Column, column_of, raised

logger = logging.getLogger(__name__)

BOOKKEEPING = set(
    "key unit interval_level source locator second_source second_value verified verified_where "
    "notes".split()
)


class FactTable(SphinxDirective):
    """Print a table of the facts."""

    required_arguments = 1
    option_spec = {
        "columns": directives.unchanged_required,
        "filter": directives.unchanged_required,
        "caption": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Read the table and write it as HTML; a wrong name is a warning, and -W stops there."""
        table = self.arguments[0]
        try:
            chosen = rows_with(table, self.options.get("filter", ""))
            columns = columns_of(table, chosen, self.options.get("columns", ""))
        except ValueError as problem:
            logger.warning("fact-table: %s", problem, location=self.get_location(), type="fact")
            self.env.note_reread()
            return []
        note_sources(self, {row["source"] for row in chosen if row.get("source")})
        caption = self.options.get("caption") or tables.title(table)
        number = f"fact-table-{self.env.new_serialno('fact-table')}"
        html = html_table(number, caption, columns, chosen)
        return [nodes.raw("", html, format="html")]


def note_sources(directive: SphinxDirective, sources: Iterable[str]) -> None:
    """Put sources into the bibliography, as if the directive's page cited them."""
    domain = directive.env.get_domain("cite")
    for source in sorted(sources):
        if source not in domain.bibdata.data.entries:
            logger.warning(
                "%s: the bibliography has no %s",
                directive.name,
                source,
                location=directive.get_location(),
            )
            directive.env.note_reread()
        target = [CitationTarget(source, "", "")]
        line = directive.lineno
        domain.citation_refs.append(CitationRef("", directive.env.docname, line, target))


def rows_with(table: str, words: str) -> list[dict[str, str]]:
    """The rows that hold every one of the words, in any column; one not verified is refused."""
    found = [
        row
        for row in tables.rows(table)
        if all(word in " ".join(row.values()).lower() for word in words.lower().split())
    ]
    if not found:
        raise ValueError(f"no row of {table} has {words!r}")
    for row in found:
        if row.get("verified", "yes") != "yes":
            raise ValueError(f"a row of {table} was not verified: {', '.join(row.values())[:80]}")
    return found


def columns_of(table: str, chosen: list[dict[str, str]], names: str) -> list[Column]:
    """The columns asked for, else those that say something."""
    described = {field["name"]: field for field in tables.fields(table)}
    ends = {f"{name}_{end}" for name in described for end in ("low", "high")}
    if names:
        wanted = [name.strip() for name in names.split(",")]
        for name in wanted:
            if name not in described:
                raise ValueError(f"{table} has no column {name!r}. {tables.near(name, described)}")
    else:
        wanted = [
            name
            for name in described
            if name not in BOOKKEEPING | ends and any(row[name] for row in chosen)
        ]
    return [column_of(described[name], chosen) for name in wanted]


def html_table(number: str, caption: str, columns: list[Column], chosen: list[dict]) -> str:
    """The table in HTML, in a region that scrolls in itself and can be reached by keyboard."""
    sourced = any(row.get("source") for row in chosen)
    heads = "".join(column.as_th() for column in columns)
    if sourced:
        heads += Column("Source", [], WIDEST).as_th()
    lines = []
    for index, row in enumerate(chosen):
        first, *others = [column.cells[index] for column in columns]
        key = f" <code>{escape(row['key'])}</code>" if row.get("key") else ""
        cells = [f'<th scope="row">{first.html}{key}</th>', *(cell.as_td() for cell in others)]
        if sourced:
            cells.append(f"<td>{_source(row)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
    return (
        f'<div class="fact-table"><div class="fact-table-scroll" role="region" tabindex="0" '
        f'aria-labelledby="{number}">\n<table>\n<caption id="{number}">{raised(caption)}</caption>'
        f"\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{''.join(lines)}</tbody>\n</table>\n"
        "</div></div>\n"
    )


def _source(row: dict[str, str]) -> str:
    known = tables.source(row["source"])
    name = escape(known["short"])
    if known["url"]:
        name = f'<a href="{escape(known["url"])}">{name}</a>'
    locator = row.get("locator", "")
    return f"{name}, {escape(locator)}" if locator else name


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("fact-table", FactTable)
