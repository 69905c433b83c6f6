"""nbgrader's two pages of a graded notebook, and a browser that touches everything on them."""

import contextlib
import copy
from dataclasses import dataclass, field

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


def exporter():
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


@contextlib.contextmanager
def visitor(browser):
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
