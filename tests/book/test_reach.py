"""From the landing page everything is two clicks away: a link, and a place on the page there."""

import re
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

import course_lib
from course_lib.facts import tables
from tests.building import pages_of

LANDING = "book/index.html"


@pytest.fixture(scope="module")
def near(built_book):
    """The landing page and each page that it links to, parsed, by name."""
    home = (built_book / LANDING).parent

    def parsed(path):
        return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")

    pages = {LANDING: parsed(built_book / LANDING)}
    for link in pages[LANDING].select("a[href]"):
        address = urlsplit(link["href"])
        path = (home / unquote(address.path)).resolve()
        if not address.netloc and path.suffix == ".html" and path.is_file():
            name = path.relative_to(built_book.resolve()).as_posix()
            pages.setdefault(name, parsed(path))
    return pages


def places(near):
    """Every place that a second click can reach: an id to which the page itself links."""
    found = set()
    for page in near.values():
        linked = {unquote(a["href"][1:]) for a in page.select('a[href^="#"]')}
        found |= linked & {tag["id"] for tag in page.select("[id]")}
    return found


def test_every_page_of_the_book_is_one_click_away(built_book, near):
    pages = {name for name in pages_of(built_book) if name.startswith("book/")}
    assert len(pages) > 15
    assert pages - set(near) == set()


def test_every_exercise_is_two_clicks_away(near):
    exercises = {
        box["id"]: name for name, page in near.items() for box in page.select("div.exercise[id]")
    }
    chapters = {name for name in near if re.match(r"book/\d\d-", name)}
    assert set(exercises.values()) == chapters
    reached = places(near)
    assert {label for label in exercises if label not in reached} == set()


def test_every_public_function_is_two_clicks_away(near):
    reached = places(near)
    names = {
        f"course_lib.{home}.{name}" for home, all_ in course_lib._HOMES.items() for name in all_
    }
    assert len(names) > 40
    assert {name for name in names if name not in reached} == set()


def test_every_fact_stands_on_a_page_one_click_away(near):
    shown = {
        code.get_text() for page in near.values() for code in page.select(".fact-table th code")
    }
    keys = {
        row["key"]
        for table in tables.described()
        if table != "sources"
        for row in tables.rows(table)
        if row.get("key") and row["verified"] == "yes"
    }
    assert len(keys) > 900
    assert keys - shown == set()
