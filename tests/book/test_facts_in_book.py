"""Facts on pages: what the role and the tables print, which typed numbers stop a build, errata."""

import re
from decimal import Decimal

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from sphinx.errors import ConfigError

from course_lib.sphinx_ext.fact_text import SPACE, WORDS, shown
from course_lib.sphinx_ext.literals import MOST, exceptions_in
from course_lib.sphinx_ext.typed_numbers import typed_numbers
from tests.building import ROOT
from tests.mini_book import LONG, MiniBook, small_tables_in

pytestmark = pytest.mark.usefixtures("small_tables")

PREFIXES = {"k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18, "m": -3, "µ": -6, "n": -9, "p": -12}
SENTENCE = {
    "gpt_run.energy": "1,287 MWh",
    "gpt_run.energy | kWh": "1.287 million kWh",
    "gpt_run.energy | number": "1,287",
    "gpt_run.co2e": "552.1 tCO2e",
    "gpt_run.parameters": "175 billion",
    "gpt_run.training_flop": "3.14 × 1023 FLOP",  # the power is raised
    "gpt_run.share | %": "34 %",
    "h9.peak": "989.4 TFLOP/s",
    "h9.memory": "80 GB",
    "the energy <gpt_run.energy>": "the energy",
}
WRONG = {
    "gpt_rum.energy": "Near: gpt_run",
    "gpt_run.energie": "It has energy, co2e",
    "gpt_run.energy | kg": "cannot express MWh in 'kg'",
    "rumour.energy": "was not verified",
    "the energy <gpt_run.energy> | kWh": "both words of its own and the form",
}
PLANTED = [
    "It emitted 552 t.",
    "It emitted **552** t.",
    "It emitted $552$ t.",
    "It needs $3.1 \\times 10^{23}$ FLOP.",
    "A rate of 989 TFLOP/s.",
    "All of 1,287 MWh.",
    "A brain draws 20&nbsp;W.",
    "It cost 4.6 million dollars.",
    "It cost \\$4.6 million.",
    "It cost half a billion euros.",
    "It has 175 billion parameters.",
    "It has 138,357,544 parameters.",
    "Up to 73 % of them.",
    "It covers 90 % of the energy.",
    "Between 3 and 60 W.",
    "In 34 days on 1,024 TPU v3 chips.",
    "The same as 1 Wh is 3,700 J.",
    "In a [link of 700 watts](https://example.org).",
    "| a table |\n|---|\n| 65 nm |",
    "## A title of 80 GB",
    ":::{try-it}\nIn a box: 0.429 kgCO2e/kWh.\n:::",
    "```{exercise}\nGPT-3 took 34 days and 1,287 MWh.\n```",
]
HARMLESS = [
    "A 90 % interval covers 90 %; a share is at most 100 %.",
    "1 Wh is 3,600 J, and one MAC is 2 FLOP of 16 bits.",
    "In 1990 and the 1990s, chapter 6 had 12 runs of side 4,096 on H100s.",
    "It took {fact}`gpt_run.energy`, or {fact}`h9.power`.",
    "`552 t` in code, $E = 552\\,\\mathrm{t}$ in a formula, [1] in brackets.",
    "```\n552 t\n```",
    "```{exercise}\nIt sleeps for 20 ms, then computes for 3 hours.\n```",
    "```{fact-table} chips\n```",
    "```{errata}\n```",
]

COMPUTED = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Page

```{code-cell} ipython3
from myst_nb import glue
from IPython.display import Markdown, display
glue("mass", 552.1)
glue("energy", "1,287 MWh")
display(Markdown("It reached 989 TFLOP/s."))
print("20 W")
```

It emitted {glue:text}`mass:.0f` t, in all {glue:text}`energy`.
"""


@pytest.fixture(scope="module")
def small_tables(tmp_path_factory):
    with small_tables_in(tmp_path_factory.mktemp("facts") / "tables") as folder:
        yield folder


@pytest.fixture(scope="module")
def book(tmp_path_factory, small_tables):
    """A book that has the role in each of its forms, two tables and the errata."""
    mini = MiniBook(tmp_path_factory.mktemp("book"))
    roles = "\n".join(f"- {{fact}}`{asked}`" for asked in SENTENCE)
    whole = "```{fact-table} chips\n```\n"
    part = "```{fact-table} milestones\n:filter: MODEL 77\n:columns: year\n:caption: Some\n```\n"
    wide = "```{fact-table} runs\n:filter: gpt_run\n```\n"
    built = mini.build(f"{roles}\n\n{whole}\n{part}\n{wide}\n```{{errata}}\n```\n")
    assert built.status == 0, built.warnings
    return built


@pytest.fixture
def mini(tmp_path):
    return MiniBook(tmp_path)


def soup_of(built, name="index"):
    return BeautifulSoup(built.page(name), "html.parser")


def text_of(element):
    return " ".join(element.get_text().split())


def number_in(text: str) -> Decimal:
    """The number that a sentence shows, in the unit without prefix."""
    first, *rest = text.replace(",", "").replace("−", "-").split(SPACE)
    words = {word: power for power, word in WORDS.items()}
    for part in rest:
        if part.startswith("10^"):
            return Decimal(first).scaleb(int(part[3:]))
        if part in words:
            return Decimal(first).scaleb(words[part])
        if part[0] in PREFIXES and part[1:] in ("FLOP/s", "W"):
            return Decimal(first).scaleb(PREFIXES[part[0]])
    return Decimal(first)


@given(
    digits=st.integers(1, 9999),
    power=st.integers(-12, 24),
    unit=st.sampled_from(["", "FLOP/s", "W", "MWh", "USD/h"]),
    negative=st.booleans(),
)
def test_what_a_sentence_shows_is_the_number_of_the_table(digits, power, unit, negative):
    number = Decimal(-digits if negative else digits).scaleb(power)
    said = shown(str(number), unit)
    assert number_in(said) == number
    assert len(said.split(SPACE)[0]) <= 14, "a number that is hard to read"


def test_the_role_prints_the_number_in_the_form_asked_for(book):
    said = [text_of(value) for value in soup_of(book).select(".fact-value")]
    assert said == list(SENTENCE.values())


def test_the_card_says_what_it_is_how_sure_and_where_it_was_read(book):
    soup = soup_of(book)
    values = soup.select(".fact-value")
    cards = [soup.find(id=value["aria-describedby"]) for value in values]
    assert len({card["id"] for card in cards}) == len(SENTENCE)
    assert all(value["tabindex"] == "0" for value in values)
    energy = cards[0]
    assert text_of(energy) == (
        "GPT-3: Energy 1,287 MWh 1,286.55 to 1,287.45 MWh: 90 % interval of rounding "
        "Authors and Others, 2021, Table 4 (original) 2021, official or measured"
    )
    inside, outside = energy.select("a")
    assert inside["href"].startswith("bibliography.html#")
    assert outside["href"] == "https://example.org/carbon"
    assert "no interval: a count or a rating" in text_of(cards[4])


def test_a_card_has_the_interval_of_the_source(mini):
    built = mini.build("{fact}`t4.power`")
    assert "121 to 200 W: interval of the source" in text_of(
        soup_of(built).select_one("article, body")
    )


def test_sources_of_facts_tables_and_errata_are_in_the_bibliography(book, mini):
    assert "Carbon" in book.page("bibliography") and "Data sheet" in book.page("bibliography")
    for body in ("{fact}`h9.peak`", "```{fact-table} chips\n```", "```{errata}\n```"):
        built = mini.build(body)
        assert built.status == 0, built.warnings
        page = built.page("bibliography")
        assert "Data sheet" in page and "Carbon" not in page, body


@pytest.mark.parametrize(("asked", "reason"), WRONG.items())
def test_a_wrong_request_fails_the_build_every_time(mini, asked, reason):
    for _ in range(2):
        built = mini.build(f"It took {{fact}}`{asked}`.")
        assert built.status != 0
        assert "index.md:3" in built.warnings and reason in built.warnings


@pytest.mark.parametrize(
    "body", ["## Of {fact}`h9.peak`", ":::{try-it} {fact}`h9.peak`\nRun.\n:::"]
)
def test_a_fact_in_a_title_fails_the_build_every_time(mini, body):
    for _ in range(2):
        built = mini.build(body)
        assert built.status != 0 and "none may stand in a title" in built.warnings


def test_a_table_has_units_in_its_heads_and_compares_at_a_glance(book):
    chips = soup_of(book).select(".fact-table")[0]
    assert text_of(chips.caption) == "The chips"
    heads = [text_of(head) for head in chips.select("thead th")]
    assert heads == [
        "Chip",
        "Maker",
        "Peak rate (TFLOP/s) peak",
        "Memory (GB) memory",
        "Power (W) power",
        "Source",
    ]
    rows = [[text_of(cell) for cell in row.select("th, td")] for row in chips.select("tbody tr")]
    assert rows[0] == ["Hopper 9 h9", "North", "989.4", "80", "700", "A Maker, 2024, Table 1"]
    assert rows[2][4] == "192 [121, 200]"
    assert rows[3][2] == ""
    assert chips.select_one("td a")["href"] == "https://example.org/sheet"
    assert [cell.get("data-value") for cell in chips.select("tbody td:nth-child(3)")] == [
        "9.894e14",
        "3.12e14",
        "2.75e14",
        None,
    ]


def test_a_table_is_a_labelled_region_that_the_keyboard_reaches(book):
    soup = soup_of(book)
    for region in soup.select(".fact-table-scroll"):
        assert region["role"] == "region" and region["tabindex"] == "0"
        assert soup.find(id=region["aria-labelledby"]).name == "caption"


def test_a_table_can_be_cut_to_rows_and_columns(book):
    some = soup_of(book).select(".fact-table")[1]
    rows = some.select("tbody tr")
    expected = [n for n in range(LONG) if "77" in f"m{n} {n} {1950 + n % 75}"]
    assert text_of(some.caption) == "Some" and len(rows) == len(expected)
    assert [text_of(head) for head in some.select("thead th")] == ["Year", "Source"]


@pytest.mark.parametrize(
    ("directive", "reason"),
    [
        ("{fact-table} chip", "Near: chips"),
        ("{fact-table} chips\n:columns: name, tdp", "no column 'tdp'"),
        ("{fact-table} chips\n:filter: zeppelin", "no row of chips has 'zeppelin'"),
        ("{fact-table} runs", "was not verified"),
    ],
)
def test_a_wrong_table_fails_the_build(mini, directive, reason):
    built = mini.build(f"```{directive}\n```")
    assert built.status != 0
    assert "index.md:3" in built.warnings and reason in built.warnings


@pytest.mark.parametrize("planted", PLANTED)
def test_a_typed_number_with_a_unit_fails_the_build(mini, planted):
    built = mini.build(planted)
    assert built.status != 0, f"not refused: {planted}"
    assert "is typed: compute it, take it from a fact" in built.warnings
    assert re.search(r"index\.md:\d+", built.warnings)


def test_a_typed_number_fails_the_build_every_time(mini):
    for _ in range(2):
        assert mini.build("It emitted 552 t.").status != 0
    assert mini.build("It emitted {fact}`gpt_run.co2e`.").status == 0


def test_what_is_computed_cited_or_no_fact_builds(mini):
    built = mini.build("\n\n".join(HARMLESS))
    assert built.status == 0, built.warnings


def test_what_a_cell_prints_or_glues_is_no_typed_number(mini):
    mini.write("index", COMPUTED)
    built = mini.build(nb_execution_mode="force")
    assert built.status == 0, built.warnings
    page = text_of(soup_of(built))
    assert "It emitted 552 t, in all 1,287 MWh." in page and "989 TFLOP/s" in page
    mini.write("index", COMPUTED + "\nIt emitted 552 t.\n")
    assert mini.build(nb_execution_mode="force").warnings.count("is typed") == 1


@given(
    number=st.integers(100, 10**6) | st.decimals(100, 1000, places=1),
    unit=st.sampled_from("W kWh MWh t kg GB FLOP TFLOP/s % USD days tCO2e gCO2e/kWh".split()),
    space=st.sampled_from([" ", SPACE, "\N{NARROW NO-BREAK SPACE}"]),
)
def test_every_number_before_a_unit_is_seen_once(number, unit, space):
    [hit] = typed_numbers(f"In all it came to {number:,}{space}{unit} for each.")
    assert hit.text == " ".join(f"{number:,}{space}{unit}".split())


@given(st.text(alphabet="abcdefgh ,.()", max_size=80))
def test_words_alone_are_never_refused(text):
    assert not list(typed_numbers(text))


def exception(text, page="index", reason="given"):
    return f'[[exception]]\npage = "{page}"\ntext = "{text}"\nreason = "{reason}"\n'


def test_an_exception_covers_its_words_on_its_page_and_nothing_else(mini):
    mini.write("literals", exception("have 2 GiB to spend"), ".toml")
    assert mini.build("You have 2 GiB to spend.").status == 0
    built = mini.build("You have 2 GiB to spend, and then 2 GiB.")
    assert built.status != 0 and built.warnings.count("is typed") == 1
    mini.write("literals", exception("have 2 GiB to spend", page="bibliography"), ".toml")
    built = mini.build("You have 2 GiB to spend.")
    assert "is typed" in built.warnings and "is not used" in built.warnings


def test_an_exception_that_is_not_used_fails_the_build_every_time(mini):
    mini.write("literals", exception("have 2 GiB to spend"), ".toml")
    for _ in range(2):
        built = mini.build("You have a budget.")
        assert built.status != 0 and "'have 2 GiB to spend' of index is not used" in built.warnings
    mini.write("literals", "", ".toml")
    assert mini.build("You have a budget.").status == 0


def test_exceptions_are_few_and_have_reasons():
    assert len(exceptions_in(exception("a") * MOST)) == MOST == 20
    with pytest.raises(ConfigError, match="21 exceptions; at most 20"):
        exceptions_in(exception("a") * (MOST + 1))
    for incomplete in (exception("a", reason=" "), '[[exception]]\npage = "a"\ntext = "b"\n'):
        with pytest.raises(ConfigError, match="exception 1 needs page, reason, text"):
            exceptions_in(incomplete)


def test_the_books_exceptions_stand_on_their_pages():
    listed = exceptions_in((ROOT / "book" / "literals.toml").read_text(encoding="utf-8"))
    for each in listed:
        page = (ROOT / f"{each['page']}.md").read_text(encoding="utf-8")
        assert each["text"] in " ".join(page.split())


def test_errata_go_by_table_the_newest_first(book):
    errata = soup_of(book).select_one(".errata")
    assert [text_of(title) for title in errata.select(".rubric")] == ["The chips", "The runs"]
    assert [text_of(item) for item in errata.select("li")] == [
        "2026-03-04: a8.memory_byte 40e9 → 80e9. Another variant. A Maker, 2024",
        "2026-01-02: h9.power_w 350 → 700. That was the older chip. A Maker, 2024",
        "2026-02-03: gpt_run.co2e_t 552 → 552.1. One more digit.",
    ]


def test_without_a_history_there_are_no_errata(mini, small_tables):
    history = small_tables / "history" / "all.csv"
    written = history.read_text(encoding="utf-8")
    history.write_text(written.splitlines()[0] + "\n", encoding="utf-8")
    try:
        assert "Nothing has been corrected so far." in mini.build("```{errata}\n```").page()
    finally:
        history.write_text(written, encoding="utf-8")
