"""nbgrader's own pages of what students left behind, in a browser: nothing of theirs acts."""

import copy
from dataclasses import dataclass, field

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from course_lib.grading.guard.cleaning import clean
from tests.grading.guard.vectors import VECTORS

ATTACKER = "http://attacker.invalid/asked"
PAGE = "http://page.invalid/submissions/1/"
# Stands for jQuery and everything that nbgrader's pages load: any call of it does nothing.
STUB = """
const nothing = new Proxy(function () {}, {
    get: (target, name) => name === Symbol.toPrimitive ? () => "" : nothing,
    apply: () => nothing, construct: () => nothing
});
window.$ = window.jQuery = window.require = nothing;
"""
# Point at everything, focus it, click it; what leads to another page by intent is left alone.
TOUCH = """
for (const one of document.querySelectorAll("*")) {
    for (const kind of ["mouseover", "mouseenter", "focus", "toggle", "pointerdown", "load"])
        one.dispatchEvent(new Event(kind, { bubbles: true }));
    const href = String(one.getAttribute("href") ?? one.getAttribute("xlink:href") ?? "");
    const leads = /^(https?:|mailto:|#|\\/|\\.)/i.test(href.trim());
    if (!leads && !one.closest("nav") && one.click) one.click();
    else if (!leads) one.dispatchEvent(new MouseEvent("click", { bubbles: true }));
}
"""


TEMPLATES = ("feedback", "formgrade")


def templates():
    """nbgrader's two ways to show a graded notebook, set up as nbgrader does."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.converters import GenerateFeedback
    from nbgrader.server_extensions.formgrader import handlers
    from traitlets.config import Config

    formgrade = Config()
    formgrade.HTMLExporter.template_name = "formgrade"
    formgrade.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    configs = (GenerateFeedback().config, formgrade)
    return {name: HTMLExporter(config=c) for name, c in zip(TEMPLATES, configs, strict=True)}


@pytest.fixture(scope="module")
def export():
    """A function: a notebook as the page that `feedback` or `formgrade` makes of it."""
    exporters = templates()

    def page(notebook, name):
        about = {"notebook": "p1", "score": 1, "max_score": 2, "late_penalty": 0}
        resources = {
            "nbgrader": about,
            "notebook_id": "p1",
            "assignment_id": "ps1",
            "submission_id": "1",
            "base_url": "",
            "index": 0,
            "total": 1,
            "student": "s",
            "last_name": None,
            "first_name": None,
            "notebook_path": "p1",
        }
        notebook = copy.deepcopy(notebook)
        return exporters[name].from_notebook_node(notebook, resources=resources)[0]

    return page


@dataclass
class Seen:
    """What a page did."""

    requests: set[str] = field(default_factory=set)
    dialogs: list[str] = field(default_factory=list)

    @property
    def acted(self):
        return bool(self.dialogs) or any("attacker" in one for one in self.requests)


@pytest.fixture
def visit(browser):
    """A function: what a page asks for and says, when it is opened and everything is touched."""
    context = browser.new_context()
    page = context.new_page()
    now = {"html": "", "seen": Seen()}

    def answer(route):
        url = route.request.url
        if url == PAGE:
            route.fulfill(body=now["html"], content_type="text/html; charset=utf-8")
        elif url.endswith("jquery.min.js"):
            route.fulfill(body=STUB, content_type="text/javascript")
        else:
            now["seen"].requests.add(url)
            route.fulfill(status=204)  # also a page that leads away stays where it is

    def dismiss(dialog):
        now["seen"].dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.route("**/*", answer)

    def look(html):
        seen = Seen()
        now.update(html=html, seen=seen)
        page.goto(PAGE, wait_until="load")
        try:
            page.evaluate(TOUCH)
            page.wait_for_timeout(50)
        except Exception as error:  # the page went away under us: what it asked for is on record
            assert "navigation" in str(error) or "context" in str(error), error
        page.goto("about:blank")
        return seen

    yield look
    context.close()


def notebook_of(cells):
    notebook = new_notebook()
    notebook.cells = [new_markdown_cell("Before."), *copy.deepcopy(cells)]
    notebook.cells.append(new_markdown_cell("After."))
    return notebook


# Inert in these pages already: not shown, escaped by the templates, or meant for what parses HTML
# twice, as a cleaner does.
INERT_ALREADY = {
    "html: formula language with a hidden image",
    "output: widget",
    "output: formula that links",  # needs MathJax, which is not loaded here
    "output: drawing with a script",
    "output: a diagram of links",
    "output: HTML as an object",
    "tags of a cell",
    "a PNG that is a page",
    "attachment that is a page",
}


@pytest.mark.needs("browser")
@pytest.mark.filterwarnings("ignore::UserWarning")  # nbconvert's, of what it cannot show
def test_vectors_act_where_nothing_is_cleaned(export, visit):
    """Else the next test would prove nothing."""
    acted, stopped = set(), set()
    for name, make in VECTORS.items():
        try:
            pages = [export(notebook_of(make(ATTACKER)), template) for template in TEMPLATES]
        except Exception as error:
            assert name.startswith("export stops"), error
            stopped.add(name)
        else:
            acted |= {name} if any(visit(html).acted for html in pages) else set()
    assert set(VECTORS) - acted - stopped == INERT_ALREADY
    assert len(acted) >= 25


@pytest.mark.parametrize("name", VECTORS)
def test_each_vector_is_exported_when_cleaned(export, name):
    html = export(clean(notebook_of(VECTORS[name](ATTACKER)))[0], "feedback")
    assert "After." in html


@pytest.mark.needs("browser")
@pytest.mark.parametrize("template", TEMPLATES)
def test_all_vectors_at_once_are_inert(export, visit, template):
    quiet = visit(export(notebook_of([]), template)).requests
    cells = [cell for make in VECTORS.values() for cell in make(ATTACKER)]
    seen = visit(export(clean(notebook_of(cells))[0], template))
    assert seen.requests <= quiet
    assert seen.dialogs == []


PIECES = r"""
<b> </b> <img src=x: onerror=alert(1)> <!-- --> --!> <svg> </svg> <style> </style> <script>
</script> <math> <mtext> <mglyph> <p <a href=javascript:alert(1)> " ' > < </ <! <? <![ &lt; &quot;
<table> <tr> <td> </table> <title> </title> <textarea> <xmp> ]]> <![CDATA[ <plaintext> <noscript>
<b/onclick=1> <select> <option> <form> <template> <iframe> <desc> <foreignObject> <a title="</a>
` ``` ~~~ mermaid $ $$ \( | --- # > * _ [x](javascript:alert(1)) ![x](http://q) <http://q>
[x]: javascript:alert(1) www.q.invalid \ &#106;avascript: data:text/html,1
""".split()
PIECES += [" ", "\n", "\n\n", "x", "\x00", "\x0c"]
# What a browser makes of a text between two others; not by any parser of ours.
INSPECT = """
texts => texts.map(text => {
    const page = new DOMParser().parseFromString(
        `<div id="here">${text}\n</div><p id="after" title="x">after</p>`, "text/html");
    const after = page.getElementById("after");
    const there = after && after.parentNode === page.body && after.textContent === "after";
    if (!there) return "swallows what follows";
    for (const one of page.getElementById("here").querySelectorAll("*")) {
        if (one.namespaceURI !== "http://www.w3.org/1999/xhtml") return one.namespaceURI;
        if (!allowed.tags.includes(one.localName)) return one.localName;
        for (const { name, value } of one.attributes) {
            if (!allowed.attributes.includes(name)) return `${one.localName} ${name}`;
            if (name === "href" && !/^(https?:\\/\\/|mailto:|#)/i.test(value)) return value;
            if (name === "src" && !/^(data:image\\/(png|gif|jpeg|webp);|\\w[^:]*$)/.test(value))
                return value;
        }
    }
    return "";
})
"""


@pytest.mark.needs("browser")
def test_a_browser_finds_nothing_active_in_what_was_cleaned(browser):
    import json
    import random

    from course_lib.grading.guard.hypertext import MARKDOWN_ATTRIBUTES, MARKDOWN_TAGS, clean_html
    from course_lib.grading.guard.markdown import clean_markdown, render

    rng = random.Random(8)
    texts = ["".join(rng.choices(PIECES, k=rng.randint(1, 14))) for _ in range(1500)]
    made = [clean_html(text) for text in texts]
    made += [render(clean_markdown(text, {})[0], {})[0] for text in texts[:500]]
    attributes = {name for names in MARKDOWN_ATTRIBUTES.values() for name in names} | {"rel"}
    allowed = json.dumps({"tags": [*MARKDOWN_TAGS, "tbody"], "attributes": [*attributes]})
    context = browser.new_context()
    page = context.new_page()
    page.evaluate(f"window.allowed = {allowed}")
    found = page.evaluate(INSPECT, made)
    raw = page.evaluate(INSPECT, texts)
    context.close()
    assert [pair for pair in zip(made, found, strict=True) if pair[1]] == []
    assert sum(map(bool, raw)) > 1000  # the same texts as they were
