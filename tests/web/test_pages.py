"""What a reader's browser does with the pages: what it loads, shows and hides."""

import gzip

import pytest

from tests.building import ROOT, pages_of

AXE = ROOT / "book" / "node_modules" / "axe-core" / "axe.min.js"
BUDGET_BYTES = 1_050_000  # a chapter of a dozen figures; formulas and icons are half of it
UNFOLD = """() => {
  document.querySelectorAll("details").forEach((folded) => { folded.open = true; });
  document.querySelectorAll("button.toggle-button-hidden").forEach((button) => button.click());
}"""


def visit(tab, address: str) -> None:
    """Load a page, let it finish, formulas included."""
    tab.goto(address)
    tab.wait_for_load_state("networkidle")
    tab.evaluate("() => window.MathJax?.startup?.promise")


def with_selector(book, selector: str) -> list[str]:
    """The pages that hold an element of a class; none would make a test vacuous, so that fails."""
    found = [
        name for name in pages_of(book) if selector in (book / name).read_text(encoding="utf-8")
    ]
    assert found, f"no page of the book has {selector}"
    return found


def compressed_bytes(tab, address: str) -> int:
    """What a first view of a page loads, each response compressed as a server would."""
    responses = []
    tab.on("response", lambda response: responses.append(response))
    visit(tab, address)
    return sum(len(gzip.compress(r.body())) for r in responses if r.ok and r.url.startswith("http"))


def test_no_request_leaves_the_site(built_book, site, new_page):
    tab = new_page()
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    elsewhere = {}
    for name in pages_of(built_book):
        asked.clear()
        visit(tab, site + name)
        tab.evaluate(UNFOLD)
        tab.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
        tab.wait_for_load_state("networkidle")
        others = [url for url in asked if not url.startswith((site, "data:", "blob:"))]
        assert asked, f"{name}: the request log is empty"
        if others:
            elsewhere[name] = others
    assert not elsewhere


def test_nothing_is_missing_and_no_script_fails(built_book, site, new_page):
    tab = new_page()
    problems = []
    tab.on("response", lambda answer: answer.status < 400 or problems.append(answer.url))
    tab.on("pageerror", lambda error: problems.append((tab.url, str(error))))
    for name in pages_of(built_book):
        visit(tab, site + name)
    assert not problems


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(built_book, site, new_page, scheme, width):
    assert AXE.is_file(), "axe-core is not installed: run make test"
    tab = new_page(width, scheme)
    violations = {}
    for name in pages_of(built_book):
        visit(tab, site + name)
        assert tab.evaluate("() => document.documentElement.dataset.theme") == scheme
        tab.evaluate(UNFOLD)
        tab.wait_for_timeout(400)  # the fold's transition; colours are judged at rest
        tab.add_script_tag(path=AXE)
        found = tab.evaluate("() => axe.run()")["violations"]
        if found:
            violations[name] = [
                (v["help"], [n["html"][:160] for n in v["nodes"][:4]]) for v in found
            ]
    assert not violations


def test_a_phone_never_scrolls_sideways(built_book, site, new_page):
    tab = new_page(width=360)
    too_wide = {}
    for name in pages_of(built_book):
        visit(tab, site + name)
        tab.evaluate(UNFOLD)
        width = tab.evaluate("() => document.documentElement.scrollWidth")
        if width > 360:
            too_wide[name] = width
    assert not too_wide


def test_the_answer_stays_hidden_until_it_is_opened_by_keyboard(built_book, site, new_page):
    tab = new_page()
    for name in with_selector(built_book, "course-predict"):
        visit(tab, site + name)
        for box in tab.locator(".course-predict").all():
            summary, answer = box.locator("summary"), box.locator(".sd-summary-content")
            assert box.locator("p").first.is_visible()
            assert not answer.is_visible()
            summary.focus()
            assert tab.evaluate("() => document.activeElement.tagName") == "SUMMARY"
            tab.keyboard.press("Enter")
            assert answer.is_visible()
            tab.keyboard.press("Enter")
            assert not answer.is_visible()


def test_the_answer_is_reached_with_the_tab_key(built_book, site, new_page):
    tab = new_page()
    visit(tab, site + with_selector(built_book, "course-predict")[0])
    for _ in range(200):
        tab.keyboard.press("Tab")
        if tab.evaluate("() => document.activeElement.matches('.course-predict summary')"):
            return
    pytest.fail("200 tabs from the top of the page did not reach the folded answer")


def test_a_solution_is_folded_and_opens_by_keyboard(built_book, site, new_page):
    tab = new_page()
    for name in with_selector(built_book, "solution dropdown"):
        visit(tab, site + name)
        for solution in tab.locator("div.solution.dropdown").all():
            body = solution.locator(".section, section").first
            assert not body.is_visible()
            solution.locator("button.toggle-button").focus()
            tab.keyboard.press("Enter")
            body.wait_for(state="visible")


def test_a_compute_label_is_a_named_note_under_the_title(built_book, site, new_page):
    tab = new_page()
    for name in with_selector(built_book, "course-compute-label"):
        visit(tab, site + name)
        label = tab.get_by_role("note", name="Compute label")
        assert label.is_visible()
        assert "of wall time" in label.inner_text()
        assert label.evaluate("(box) => box.previousElementSibling.tagName") == "H1"


def test_search_finds_a_word_of_the_book(site, new_page):
    tab = new_page()
    tab.goto(site + "search.html?q=roofline")
    result = tab.locator("#search-results li a").first
    result.wait_for(state="visible")
    result.click()
    tab.wait_for_load_state("networkidle")
    assert "roofline" in tab.locator("main").inner_text().lower()


def test_the_first_view_of_each_page_is_light(built_book, site, new_page):
    weights = {name: compressed_bytes(new_page(), site + name) for name in pages_of(built_book)}
    assert min(weights.values()) > 50_000, f"something was not measured: {weights}"
    assert max(weights.values()) < BUDGET_BYTES, weights
