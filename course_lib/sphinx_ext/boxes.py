"""The book's boxes: predict (its answer folded), try-it, trace-claim, does-not-show."""

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator
from sphinx_design.dropdown import DropdownDirective

logger = logging.getLogger(__name__)

TITLES = {
    "predict": "Predict first",
    "try-it": "Try it",
    "trace-claim": "Trace the claim",
    "does-not-show": "What this does not show",
    "compute-label": "Compute label",
}


class CourseBox(nodes.admonition):
    """An admonition that HTML renders as a named note, and every other format as usual."""


def frame(kind: str, title: list[nodes.Node] | None = None) -> CourseBox:
    """Return an empty box of one of the five kinds, titled with its name and a subject."""
    heading = nodes.title("", "", nodes.Text(TITLES[kind]))
    if title:
        heading += [nodes.Text(": "), *title]
    return CourseBox("", heading, classes=["course-box", f"course-{kind}"])


class BoxDirective(SphinxDirective):
    """A box whose kind is the directive's name; the optional argument says what it is about."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Parse the subject and the body; an empty box is an error."""
        self.assert_has_content()
        subject, messages = (
            self.state.inline_text(self.arguments[0], self.lineno) if self.arguments else ([], [])
        )
        box = frame(self.name, subject)
        self.set_source_info(box)
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box, *messages]


class Predict(BoxDirective):
    """A question whose answer stays folded until the reader opens it."""

    def run(self) -> list[nodes.Node]:
        """As any box, and insist on exactly one answer."""
        result = super().run()
        answers = [
            node
            for node in result[0].findall(nodes.container)
            if "course-answer" in node.get("container_classes", [])
        ]
        if len(answers) != 1:
            logger.warning(
                "a predict box needs exactly one answer, this one has %d",
                len(answers),
                location=result[0],
            )
            self.env.note_reread()
        return result


class Answer(DropdownDirective):
    """The folded part of a predict box, a closed <details>; the optional argument is its label."""

    option_spec: dict = {}

    def run_with_defaults(self) -> list[nodes.Node]:
        """Fold the content under a label that reminds the reader to commit first."""
        self.arguments = self.arguments or ["Written yours down? Open the answer"]
        self.options = {"class-container": ["course-answer"]}
        return super().run_with_defaults()


def _visit_html(self: HTML5Translator, node: CourseBox) -> None:
    name = node[0].astext()
    self.body.append(
        self.starttag(node, "div", CLASS="admonition", role="note", **{"aria-label": name})
    )


def _depart_html(self: HTML5Translator, node: CourseBox) -> None:
    self.body.append("</div>\n")


def setup(app: Sphinx) -> None:
    """Register the node and the directives."""
    app.setup_extension("sphinx_design")
    app.add_node(CourseBox, html=(_visit_html, _depart_html))
    directives: dict[str, type[Directive]] = {
        "predict": Predict,
        "answer": Answer,
        "try-it": BoxDirective,
        "trace-claim": BoxDirective,
        "does-not-show": BoxDirective,
    }
    for name, directive in directives.items():
        app.add_directive(name, directive)
