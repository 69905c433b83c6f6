"""The role `{fact}`: a cited number in a sentence, with its source on hover and keyboard focus.

    {fact}`gpt3_patterson2021.energy`                its value with its unit
    {fact}`gpt3_patterson2021.energy | kWh`          in another unit of the same dimension
    {fact}`gpt3_patterson2021.energy | number`       without the unit
    {fact}`the energy <gpt3_patterson2021.energy>`   other words, the same card

A name that is unknown or not verified is an error of the build. The role cites its source, so the
bibliography has it. The card shows by style sheet alone; `fact-cards.js` places it and lets Escape
close it.
"""

import re
from decimal import Decimal
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole
from sphinx.writers.html5 import HTML5Translator
from sphinxcontrib.bibtex.roles import CiteRole

from course_lib.facts import Fact, fact
from course_lib.facts.lookup import place
from course_lib.facts.tables import source as source_of

from .fact_text import SPACE, digits_of, from_to, in_full, rounded_from, shown, with_powers

logger = logging.getLogger(__name__)

SYNTAX = re.compile(
    r"(?:(?P<words>.+?)\s*<(?P<inner>[^<>]+)>|(?P<name>[^|<>]+?))\s*(?:\|(?P<form>.+))?", re.DOTALL
)


class FactNode(nodes.inline):
    """What the sentence says, followed by the card."""


class FactValue(nodes.inline):
    """The words that are part of the sentence and open the card."""


class FactCard(nodes.inline):
    """What the number is, how sure it is and where it was read."""


class FactRole(SphinxRole):
    """Print one number of the tables and say where it comes from."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the fact up; whatever is wrong with the request is a warning, and -W stops there."""
        try:
            found, words = self._found()
        except (ValueError, TypeError) as problem:
            logger.warning("fact: %s", problem, location=self.get_location(), type="fact")
            self.env.note_reread()
            return [nodes.inline("", self.text)], []
        number = f"fact-{self.env.new_serialno('fact')}"
        value = FactValue("", "", *with_powers(words), card=number)
        citation, messages = CiteRole()(
            "cite:alp", "", found.source, self.lineno, self.inliner, {}, []
        )
        card = FactCard(
            "", "", *card_of(found, citation, source_of(found.source)["url"]), ids=[number]
        )
        return [FactNode("", "", value, card)], messages

    def _found(self) -> tuple[Fact, str]:
        asked = SYNTAX.fullmatch(self.text.strip())
        if asked is None:
            raise ValueError(f"{self.text!r} is not a name; write h200.bf16_dense, see {__name__}")
        found = fact((asked["inner"] or asked["name"]).strip())
        words, form = asked["words"], (asked["form"] or "").strip()
        if words and form:
            raise ValueError(f"{self.text!r} has both words of its own and the form {form!r}")
        if words or not form:
            return found, words or shown(found.text, found.unit)
        if form == "number":
            return found, shown(found.text, "")
        return found, shown(converted(found, form), form)


def converted(found: Fact, unit: str) -> str:
    """The number in another unit of the same dimension, with as many digits as it has."""
    value = Decimal(repr(found.to(unit).value))
    return str(round(value, digits_of(found.text) - 1 - value.adjusted()) if value else value)


def card_of(found: Fact, citation: list[nodes.Node], address: str) -> list[nodes.Node]:
    """The card's lines: title, value in full, interval, source, date and kind."""
    source: list[nodes.Node] = [*citation]
    if found.locator:
        source.append(nodes.Text(f", {found.locator}"))
    if address:
        outside = nodes.reference("", "original", refuri=address, internal=False)
        outside["classes"].append("fact-original")
        source += [nodes.Text(" ("), outside, nodes.Text(")")]
    kind = "an estimate from outside" if found.estimated else "official or measured"
    _, row, field = place(found.name)
    lines = [
        ("title", [nodes.Text(found.title[:1].upper() + found.title[1:])]),
        ("exact", with_powers(in_full(found.text, found.unit))),
        ("interval", with_powers(spread_of(found, row, field))),
        ("source", source),
        ("kind", [nodes.Text(f"{found.date}, {kind}" if found.date else kind)]),
    ]
    result: list[nodes.Node] = []
    for name, content in lines:
        result.append(nodes.inline("", "", *content, classes=[f"fact-{name}"]))
        result.append(nodes.Text(" "))  # between the lines where there is no style sheet
    return result[:-1]


def spread_of(found: Fact, row: dict[str, str], field: dict[str, Any]) -> str:
    """The interval in words: the source's own, or what rounding leaves, or none."""
    ends = [row.get(f"{field['name']}_{end}", "") for end in ("low", "high")]
    if any(ends):
        level = row.get("interval_level")
        named = f"{100 * float(level):g}{SPACE}% interval" if level else "interval of the source"
        kind = row.get("interval_kind") or named
        return f"{from_to(*(shown(end or found.text, found.unit) for end in ends))}: {kind}"
    is_count = not found.unit and Decimal(found.text).as_tuple().exponent == 0
    if found.low == found.high or is_count:
        return "no interval: a count or a rating"
    return f"{rounded_from(found)}: 90{SPACE}% interval of rounding"


def _check_titles(app: Sphinx, doctree: nodes.document) -> None:
    """A title is repeated in contents and names, where a card would be in the way."""
    for title in doctree.findall(nodes.title):
        if any(title.findall(FactNode)):
            logger.warning("fact: none may stand in a title", location=title, type="fact")
            app.env.note_reread()


def _visit_fact(self: HTML5Translator, node: FactNode) -> None:
    self.body.append('<span class="fact">')


def _visit_value(self: HTML5Translator, node: FactValue) -> None:
    opens = f'role="button" tabindex="0" aria-describedby="{node["card"]}"'
    self.body.append(f'<span class="fact-value" {opens}>')


def _visit_card(self: HTML5Translator, node: FactCard) -> None:
    self.body.append(f'<span class="fact-card" id="{node["ids"][0]}">')


def _depart(self: HTML5Translator, node: nodes.Element) -> None:
    self.body.append("</span>")


def setup(app: Sphinx) -> None:
    """Register the role and its nodes."""
    app.add_node(FactNode, html=(_visit_fact, _depart))
    app.add_node(FactValue, html=(_visit_value, _depart))
    app.add_node(FactCard, html=(_visit_card, _depart))
    app.add_role("fact", FactRole())
    app.connect("doctree-read", _check_titles)
