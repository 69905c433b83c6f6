"""What a reader does with facts in a browser: cards by pointer, keyboard and finger; tables."""

import pytest

from tests.building import served
from tests.mini_book import LONG, MiniBook, small_tables_in, with_theme
from tests.web.axe import add_axe, objections

FIRST = 250
BODY = """
The training of GPT-3 took {fact}`gpt_run.energy` and emitted {fact}`gpt_run.co2e`.
It has {fact}`gpt_run.parameters` parameters and needed {fact}`gpt_run.training_flop`,
where a chip reaches {fact}`h9.peak` with a memory of {fact}`h9.memory`.

| in a table that scrolls |
|---|
| {fact}`h9.power` |

```{fact-table} chips
```

```{fact-table} milestones
```

## Errata

```{errata}
```

Last words, with {fact}`a fact at the very end <t4.power>`.
"""


@pytest.fixture(scope="module")
def page_address(tmp_path_factory):
    """A page with facts and tables, in the book's looks, served on loopback."""
    directory = tmp_path_factory.mktemp("facts-page")
    with small_tables_in(directory / "tables"):
        built = MiniBook(directory / "book").build(BODY, **with_theme(directory))
    assert built.status == 0, built.warnings
    with served(built.directory) as address:
        yield f"{address}index.html"


@pytest.fixture
def tab(new_page, page_address):
    return opened(new_page(), page_address)


def opened(tab, address):
    tab.goto(address)
    tab.wait_for_load_state("networkidle")
    return tab


def card_of(tab, number=0):
    fact = tab.locator(".fact").nth(number)
    return fact.locator(".fact-value"), fact.locator(".fact-card")


def column(table, number):
    cells = table.locator(f"tbody tr:visible > :nth-child({number})")
    return [text.split("\n")[0].strip() for text in cells.all_inner_texts()]


def inside_window(tab, card):
    box, size = card.bounding_box(), tab.viewport_size
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    return box["x"] >= 0 and box["y"] >= 0 and right <= size["width"] and bottom <= size["height"]


def test_a_card_opens_under_the_pointer_and_stays_while_the_pointer_is_on_it(tab):
    value, card = card_of(tab)
    assert not card.is_visible()
    value.hover()
    assert card.is_visible() and inside_window(tab, card)
    assert "1,286.55 to 1,287.45" in card.inner_text()
    card.hover()
    assert card.is_visible()
    tab.mouse.move(5, 5)
    assert not card.is_visible()


def test_a_card_opens_on_keyboard_focus_and_its_links_follow(tab):
    value, card = card_of(tab)
    value.focus()
    assert card.is_visible()
    for text in ("Authors and Others, 2021", "original"):
        tab.keyboard.press("Tab")
        assert tab.evaluate("() => document.activeElement.textContent") == text
        assert card.is_visible()
    tab.keyboard.press("Tab")
    assert not card.is_visible()
    assert card_of(tab, 1)[1].is_visible()


def test_escape_closes_a_card_and_keeps_the_focus(tab):
    value, card = card_of(tab)
    value.focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Escape")
    assert not card.is_visible()
    assert tab.evaluate("() => document.activeElement.className") == "fact-value"
    tab.keyboard.press("Enter")
    assert card.is_visible()
    tab.keyboard.press("Enter")
    assert not card.is_visible()


def test_escape_closes_a_card_under_the_pointer(tab):
    value, card = card_of(tab)
    value.hover()
    tab.keyboard.press("Escape")
    assert not card.is_visible()
    tab.mouse.move(5, 5)
    value.hover()
    assert card.is_visible()


def test_a_tap_opens_a_card_and_a_tap_elsewhere_closes_it(browser, page_address):
    size = {"width": 390, "height": 800}
    context = browser.new_context(viewport=size, has_touch=True, is_mobile=True)
    try:
        tab = opened(context.new_page(), page_address)
        value, card = card_of(tab)
        for _ in range(2):
            value.tap()
            assert card.is_visible() and inside_window(tab, card)
            tab.locator("article h1").tap(position={"x": 5, "y": 5})
            assert not card.is_visible()
    finally:
        context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_every_card_is_whole_and_leaves_its_number_in_sight(new_page, page_address, width):
    tab = opened(new_page(width), page_address)
    for number in range(tab.locator(".fact").count()):
        value, card = card_of(tab, number)
        value.focus()
        assert inside_window(tab, card), number
        inside, around = value.bounding_box(), card.bounding_box()
        apart = (
            around["y"] >= inside["y"] + inside["height"] - 3
            or around["y"] + around["height"] <= inside["y"] + 3
        )
        assert apart, f"card {number} covers its number"
        on_top = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.fact-card'))"
        assert tab.evaluate(on_top, [around["x"] + 20, around["y"] + 20]), "something covers it"


def test_the_name_of_a_number_is_its_text_and_the_card_describes_it(tab):
    value, card = card_of(tab)
    assert value.get_attribute("aria-describedby") == card.get_attribute("id")
    assert tab.get_by_role("button", name="1,287 MWh", exact=True).count() == 1


def test_without_scripts_cards_open_and_tables_are_whole(browser, page_address):
    context = browser.new_context(java_script_enabled=False)
    try:
        tab = context.new_page()
        tab.goto(page_address)
        value, card = card_of(tab)
        value.hover()
        assert card.is_visible()
        assert tab.locator(".fact-table input").count() == 0
        assert tab.locator(".fact-table").nth(1).locator("tbody tr:visible").count() == LONG
    finally:
        context.close()


def test_a_table_is_sorted_by_a_key_press_in_both_directions(tab):
    table = tab.locator(".fact-table").first
    head = table.get_by_role("button", name="Peak rate")
    head.focus()
    tab.keyboard.press("Enter")
    assert column(table, 3) == ["275", "312", "989.4", ""]
    cell = table.locator("thead th").nth(2)
    assert cell.get_attribute("aria-sort") == "ascending"
    tab.keyboard.press("Enter")
    assert column(table, 3) == ["989.4", "312", "275", ""], "what is empty stays last"
    assert cell.get_attribute("aria-sort") == "descending"
    assert table.get_by_role("status").inner_text() == "4 rows, sorted by Peak rate, descending"
    table.get_by_role("button", name="Chip").click()
    assert column(table, 1) == ["Ampere 8", "Hopper 9", "Tensor 4", "Zebra 1"]
    assert cell.get_attribute("aria-sort") is None
    assert table.locator("[aria-sort]").count() == 1


def test_words_filter_a_table_and_the_count_is_announced(tab):
    table = tab.locator(".fact-table").first
    field = table.get_by_label("Filter the rows")
    field.fill("south PAGE")
    assert column(table, 1) == ["Tensor 4", "Zebra 1"]
    assert table.get_by_role("status").inner_text() == "2 of 4 rows"
    field.fill("zeppelin")
    assert column(table, 1) == []
    assert table.get_by_role("status").inner_text() == "0 of 4 rows"
    field.fill("")
    assert len(column(table, 1)) == 4


def test_a_long_table_shows_its_first_rows_and_finds_the_others(tab):
    table = tab.locator(".fact-table").nth(1)
    rows, status = table.locator("tbody tr:visible"), table.get_by_role("status")
    assert rows.count() == FIRST
    assert status.inner_text() == f"{LONG:,} rows, the first {FIRST} shown"
    table.get_by_label("Filter the rows").fill(f"m{LONG - 1}")
    assert rows.count() == 1 and status.inner_text() == f"1 of {LONG:,} rows"
    table.get_by_label("Filter the rows").fill("")
    table.get_by_role("button", name="Year").click()
    assert column(table, 2) == sorted(str(1950 + n % 75) for n in range(LONG))[:FIRST]
    table.get_by_role("button", name="Show all").click()
    assert rows.count() == LONG
    focused = "() => document.activeElement.matches('.fact-table-scroll')"
    assert tab.evaluate(focused), "the focus would be lost with the button"


def test_a_phone_scrolls_the_table_and_never_the_page(new_page, page_address):
    tab = opened(new_page(360), page_address)
    assert tab.evaluate("() => document.documentElement.scrollWidth") == 360
    region = tab.locator(".fact-table-scroll").first
    assert region.evaluate("(box) => box.scrollWidth > box.clientWidth")
    region.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("() => document.querySelector('.fact-table-scroll').scrollLeft > 0")
    first = region.locator("tbody th").first.bounding_box()
    assert abs(first["x"] - region.bounding_box()["x"]) < 3, "the row's name scrolled away"


def test_nothing_is_asked_of_another_host(new_page, page_address):
    tab, asked, errors = new_page(), [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    opened(tab, page_address)
    card_of(tab)[0].hover()
    site = page_address.removesuffix("index.html")
    loaded = {url.removeprefix(f"{site}_static/").partition("?")[0] for url in asked}
    assert {"facts.css", "fact-cards.js", "fact-tables.js"} <= loaded
    assert not [url for url in asked if not url.startswith((site, "data:"))]
    assert not errors


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_with_a_card_open_and_a_table_sorted(
    new_page, page_address, scheme, width
):
    tab = opened(new_page(width, scheme), page_address)
    assert tab.evaluate("() => document.documentElement.dataset.theme") == scheme
    tab.locator(".fact-table").first.get_by_role("button", name="Chip").click()
    card_of(tab)[0].focus()
    assert card_of(tab)[1].is_visible()
    add_axe(tab)
    assert not objections(tab, {"include": ["article"]})
