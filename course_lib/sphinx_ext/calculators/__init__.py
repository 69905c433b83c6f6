"""The book's calculators: a form that runs the course's own Python in the reader's browser.

    ```{calculator} network
    ```

The page holds a plain table of results that were computed at build, and the form inside a
template. ``_static/calculators.js`` opens it; nothing of Python is loaded before that.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from course_lib.facts.tables import near

from .bundle import bundle, put
from .forms.calculator import Calculator
from .forms.every import NAMES, calculator
from .html import form
from .laws import fitted_laws

PYODIDE = "vendor/pyodide"  # below the static files, where deploy/install.py puts it
PLACED = "course-calculators"  # in a page's metadata: its calculators, with the archive they used


class CalculatorNode(nodes.General, nodes.Element):
    """A calculator; every format but HTML has only its children, the table of examples."""


@cache
def every() -> dict[str, Calculator]:
    """The calculators as the page will have them: their laws went through JSON."""
    laws = json.loads(json.dumps(fitted_laws()))
    return {name: calculator(name, laws) for name in NAMES}


class CalculatorDirective(SphinxDirective):
    """One of the calculators, by name."""

    required_arguments = 1
    option_spec = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        """Place the calculator, once a page; an unknown name is an error."""
        name = self.arguments[0]
        if name not in every():
            raise self.error(f"there is no calculator {name!r}. {near(name, every())}")
        placed = self.env.metadata[self.env.docname].setdefault(PLACED, {})
        if name in placed:
            raise self.error(f"the calculator {name!r} stands on this page already")
        placed[name], _ = bundle_once()
        chosen = every()[name]
        node = CalculatorNode("", ids=[f"calculator-{name}"], kind=name)
        self.set_source_info(node)
        node += nodes.paragraph("", "", nodes.strong("", chosen.title))
        node += nodes.paragraph("", chosen.question)
        node += _table(chosen)
        return [node]


def _table(chosen: Calculator) -> nodes.table:
    """The examples, one a row, with the results that were computed at build."""
    width = len(chosen.columns) + 1
    group = nodes.tgroup(cols=width)
    group += [nodes.colspec(colwidth=20) for _ in range(width)]
    group += nodes.thead("", _row(["Example", *chosen.columns]))
    body = nodes.tbody()
    for title, values in chosen.examples():
        found = {row.label: row.text for row in chosen.result(values).rows}
        body += _row([title, *(found.get(column, "–") for column in chosen.columns)])
    group += body
    return nodes.table("", group, classes=["calculator-examples"])


def _row(cells: list[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", cell)) for cell in cells))


def _visit_html(self: HTML5Translator, node: CalculatorNode) -> None:
    chosen = every()[node["kind"]]
    name, _ = bundle_once()
    states = json.dumps([urlencode(values) for _, values in chosen.examples()])
    attributes = {"data-bundle": name, "data-kind": chosen.name, "data-examples": states}
    if size := _megabytes(self.builder.app):
        attributes["data-size"] = f"{size:.0f} MB"
    self.body.append(self.starttag(node, "course-calculator", **attributes) + form(chosen))


def _megabytes(app: Sphinx) -> float:
    """What a browser loads when a calculator is opened; nothing where Pyodide is not installed."""
    homes = (Path(app.confdir, place, PYODIDE) for place in app.config.html_static_path)
    files = (file for home in homes if home.is_dir() for file in home.iterdir())
    return sum(file.stat().st_size for file in files) / 1e6


def _depart_html(self: HTML5Translator, node: CalculatorNode) -> None:
    self.body.append("</course-calculator>\n")


def _pass(self: nodes.NodeVisitor, node: CalculatorNode) -> None:
    """Formats other than HTML write the children only."""


@cache
def bundle_once() -> tuple[str, bytes]:
    """The archive of this build."""
    return bundle()


def _pages(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """The pages that have calculators."""
    return {page: known[PLACED] for page, known in env.metadata.items() if PLACED in known}


def _outdated(app: Sphinx, env: BuildEnvironment, *changes: set[str]) -> list[str]:
    """Pages with a calculator are read again where its Python has changed."""
    pages = _pages(env)
    return [page for page in pages if set(pages[page].values()) != {bundle_once()[0]}]


def _add_files(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    if page in _pages(app.env):
        app.add_css_file("calculators.css")
        app.add_js_file("calculators.js", type="module")


def _put_bundle(app: Sphinx, failure: Exception | None) -> None:
    if failure is None and app.builder.format == "html" and _pages(app.env):
        put(Path(app.outdir) / "_static", *bundle_once())


def setup(app: Sphinx) -> None:
    """Register the directive, its files and the archive that it needs."""
    app.add_node(
        CalculatorNode,
        html=(_visit_html, _depart_html),
        latex=(_pass, _pass),
        text=(_pass, _pass),
        man=(_pass, _pass),
        texinfo=(_pass, _pass),
    )
    app.add_directive("calculator", CalculatorDirective)
    app.connect("html-page-context", _add_files)
    app.connect("env-get-outdated", _outdated)
    app.connect("build-finished", _put_bundle)
