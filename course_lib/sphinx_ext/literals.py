"""Gate: no number with a unit is typed in prose; it is computed on the page or comes from a fact.

What counts as such a number is said in `typed_numbers`. The gate reads what the page says after it
was parsed: code, formulas, facts, citations, computed output and the library's own docstrings are
not prose. Exceptions, at most 20, stand with their reasons in `book/literals.toml`:

    [[exception]]
    page = "book/notation"
    text = "at least the words around the number, as the page has them"
    reason = "why this is no fact and cannot be computed"

Pages that match `course_literals_skip` are not read: they say what students are asked and answer.
"""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ConfigError
from sphinx.util import logging

from .facts_role import FactNode
from .places import nearest_with_line
from .typed_numbers import Typed, typed_numbers

logger = logging.getLogger(__name__)

MOST = 20
WORDS = {"page", "text", "reason"}
NOT_PROSE = (
    nodes.literal,
    nodes.literal_block,
    nodes.math_block,
    nodes.raw,
    nodes.comment,
    nodes.citation,
    nodes.citation_reference,
    nodes.system_message,
    addnodes.desc,
    FactNode,
)
COMPUTED = {  # classes of written text
    "pasted-text", "output", "course-compute-label", "errata", "calculator-examples",
}  # fmt: skip
GAP = "\N{OBJECT REPLACEMENT CHARACTER}"  # stands for what is not prose
BARE_NUMBER = re.compile(
    r"(?:\d(?:[\d.]|\{?,\}?)*)?(?:\s*\\(?:times|cdot)\s*)?(?:10\^\{?-?\d+\}?)?"
)


def setup(app: Sphinx) -> None:
    """Read the exceptions, check each page once it has been read, then look for unused ones."""
    app.add_config_value("course_literals", "book/literals.toml", "", [str])
    app.add_config_value("course_literal_exceptions", [], "env", [list])
    app.add_config_value("course_literals_skip", [], "env", [list])
    app.connect("config-inited", _read_exceptions)
    app.connect("doctree-read", _check_page)
    app.connect("env-purge-doc", _forget_page)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", _check_exceptions)


def exceptions_in(text: str) -> list[dict[str, str]]:
    """The exceptions of a file; too many, or one that is incomplete, is a ConfigError."""
    listed = tomllib.loads(text).get("exception", [])
    if len(listed) > MOST:
        raise ConfigError(f"literals: {len(listed)} exceptions; at most {MOST} are allowed")
    for number, exception in enumerate(listed, start=1):
        if set(exception) != WORDS or not all(map(str.strip, exception.values())):
            raise ConfigError(f"literals: exception {number} needs {', '.join(sorted(WORDS))}")
    return listed


def prose_of(block: nodes.Node) -> str:
    """The text of a paragraph, with a mark where something else stands.

    A formula that is nothing but a number stays: a unit may follow it.
    """
    if isinstance(block, nodes.Text):
        return block.astext()
    if isinstance(block, nodes.math):
        number = block.astext().strip()
        if not BARE_NUMBER.fullmatch(number):
            return GAP
        return re.sub(r"\\(?:times|cdot)", "×", number).replace("{,}", ",")
    cites = isinstance(block, addnodes.pending_xref) and block["refdomain"] == "cite"
    if cites or isinstance(block, NOT_PROSE) or COMPUTED & set(block.get("classes", [])):
        return GAP
    return "".join(prose_of(child) for child in block.children)


def is_block(node: nodes.Node) -> bool:
    """Whether a node is the outermost one that holds running text, outside computed output."""
    if not isinstance(node, nodes.TextElement) or isinstance(node.parent, nodes.TextElement):
        return False
    while node is not None:
        if isinstance(node, NOT_PROSE) or node.get("nb_element") == "cell_code_output":
            return False
        if COMPUTED & set(node.get("classes", [])):
            return False
        node = node.parent
    return True


def belongs_to_exercise(node: nodes.Node | None) -> bool:
    """Whether a node stands in an exercise or in its solution."""
    while node is not None:
        if {"exercise", "solution"} & set(node.get("classes", [])):
            return True
        node = node.parent
    return False


def _read_exceptions(app: Sphinx, config: Config) -> None:
    path = Path(app.srcdir, config.course_literals)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    config.course_literal_exceptions = exceptions_in(text)


def _check_page(app: Sphinx, doctree: nodes.document) -> None:
    page = app.env.docname
    if any(fnmatch(page, pattern) for pattern in app.config.course_literals_skip):
        return
    listed = [e for e in app.config.course_literal_exceptions if e["page"] == page]
    used = _used(app.env).setdefault(page, set())
    for block in doctree.findall(is_block):
        text = " ".join(prose_of(block).split())
        for hit in typed_numbers(text, given=belongs_to_exercise(block)):
            excused = [e["text"] for e in listed if _covers(e["text"], text, hit)]
            used.update(excused)
            if not excused:
                logger.warning(
                    "%r is typed: compute it, take it from a fact, or give %s a reason for it",
                    hit.text,
                    app.config.course_literals,
                    location=nearest_with_line(block),
                    type="literal",
                )
                app.env.note_reread()  # or the next incremental build would pass


def _covers(phrase: str, text: str, hit: Typed) -> bool:
    spans = (match.span() for match in re.finditer(re.escape(phrase), text))
    return any(start <= hit.start and hit.end <= end for start, end in spans)


def _check_exceptions(app: Sphinx, env: BuildEnvironment) -> None:
    for exception in app.config.course_literal_exceptions:
        page, text = exception["page"], exception["text"]
        if text not in _used(env).get(page, set()):
            logger.warning("literals: the exception %r of %s is not used", text, page)


def _used(env: BuildEnvironment) -> dict[str, set[str]]:
    if not hasattr(env, "course_literals_used"):
        env.course_literals_used = {}
    return env.course_literals_used


def _forget_page(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    _used(env).pop(page, None)


def _merge(app: Sphinx, env: BuildEnvironment, pages: set[str], other: BuildEnvironment) -> None:
    _used(env).update({page: words for page, words in _used(other).items() if page in pages})
