"""What a reader's browser does with the pages: what it loads, shows and hides."""

import gzip
from dataclasses import dataclass, field

import pytest

from tests.building import pages_of
from tests.web.axe import add_axe, objections

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


@dataclass
class Visit:
    """What one page did in a tab of its own: loaded, unfolded, judged, made narrow."""

    asked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    first_bytes: int = 0  # of the first view, each response compressed as a server would
    narrow_width: int = 0
    violations: dict[str, list] = field(default_factory=dict)


@pytest.fixture(scope="module")
def visits(built_book, site, browser) -> dict[str, Visit]:
    """One visit to every page; each takes seconds, so all that can be asked is asked in one."""
    return {name: visited(browser, site + name) for name in pages_of(built_book)}


def visited(browser, address: str) -> Visit:
    """Look at a page as a wide light one, then as a narrow dark one."""
    seen = Visit()
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    tab = context.new_page()
    responses = []
    tab.on("request", lambda request: seen.asked.append(request.url))
    tab.on("response", lambda answer: responses.append(answer))
    tab.on("pageerror", lambda error: seen.problems.append(str(error)))
    visit(tab, address)
    seen.problems += [answer.url for answer in responses if answer.status >= 400]
    seen.first_bytes = sum(
        len(gzip.compress(r.body())) for r in responses if r.ok and r.url.startswith("http")
    )
    tab.evaluate(UNFOLD)
    tab.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
    tab.wait_for_load_state("networkidle")
    add_axe(tab)
    judge(tab, seen, 1280, "light")
    judge(tab, seen, 360, "dark")
    seen.narrow_width = tab.evaluate("() => document.documentElement.scrollWidth")
    context.close()
    return seen


def judge(tab, seen: Visit, width: int, scheme: str) -> None:
    """Run axe at a width and in a colour scheme."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme=scheme)
    shown = "() => document.documentElement.dataset.theme"
    tab.wait_for_function(f"scheme => ({shown})() === scheme", arg=scheme)  # a busy machine is slow
    tab.wait_for_timeout(400)  # the fold's transition; colours are judged at rest
    assert tab.evaluate(shown) == scheme
    if found := objections(tab):
        seen.violations[f"{scheme}, {width} px"] = found


def test_no_request_leaves_the_site(visits, site):
    for name, one in visits.items():
        assert one.asked, f"{name}: the request log is empty"
    elsewhere = {
        name: [url for url in one.asked if not url.startswith((site, "data:", "blob:"))]
        for name, one in visits.items()
    }
    assert not {name: urls for name, urls in elsewhere.items() if urls}


def test_nothing_is_missing_and_no_script_fails(visits):
    assert not {name: one.problems for name, one in visits.items() if one.problems}


def test_axe_finds_nothing_light_and_wide_or_dark_and_narrow(visits):
    assert not {name: one.violations for name, one in visits.items() if one.violations}


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (360, "light")])
def test_axe_finds_nothing_the_other_way_round(built_book, site, new_page, width, scheme):
    tab = new_page(width, scheme)
    violations = {}
    for name in pages_of(built_book):
        visit(tab, site + name)
        tab.evaluate(UNFOLD)
        add_axe(tab)
        one = Visit()
        judge(tab, one, width, scheme)
        if one.violations:
            violations[name] = one.violations
    assert not violations


def test_a_phone_never_scrolls_sideways(visits):
    assert not {name: one.narrow_width for name, one in visits.items() if one.narrow_width > 360}


def test_the_first_view_of_each_page_is_light(visits):
    weights = {name: one.first_bytes for name, one in visits.items()}
    assert min(weights.values()) > 50_000, f"something was not measured: {weights}"
    assert max(weights.values()) < BUDGET_BYTES, weights


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
