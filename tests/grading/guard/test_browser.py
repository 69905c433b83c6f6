"""nbgrader's own pages of what students left behind, in a browser: nothing of theirs acts."""

import copy

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from course_lib.grading.guard.cleaning import clean
from tests.grading.guard.browsing import ATTACKER, TEMPLATES, exporter, visitor
from tests.grading.guard.vectors import VECTORS


@pytest.fixture(scope="module")
def export():
    """See `exporter`."""
    return exporter()


@pytest.fixture
def visit(browser):
    """See `visitor`."""
    with visitor(browser) as look:
        yield look


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
