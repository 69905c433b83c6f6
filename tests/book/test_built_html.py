"""What stands in the built HTML of every page."""

import re
from urllib.parse import urlsplit

from bs4 import BeautifulSoup

from tests.building import pages_of

LOADING_RELATIONS = set(
    "stylesheet preload modulepreload prefetch preconnect dns-prefetch icon manifest".split()
)
IMAGES = "img, svg[role=img], object"


def soups(book):
    """Every page, parsed, by name."""
    return {
        name: BeautifulSoup((book / name).read_text(encoding="utf-8"), "html.parser")
        for name in pages_of(book)
    }


def spoken(image) -> str:
    """What a screen reader says of an image."""
    return (image.get("alt") or image.get("aria-label") or "").strip()


def is_elsewhere(address: str) -> bool:
    """Whether an address names a host; relative and data addresses do not."""
    return bool(urlsplit(address).netloc)


def test_every_image_has_alternative_text(built_book):
    images = [(n, image) for n, soup in soups(built_book).items() for image in soup.select(IMAGES)]
    assert images, "the book has no image at all"
    assert not [(name, str(image)[:200]) for name, image in images if not spoken(image)]


def test_no_page_asks_for_a_file_of_another_host(built_book):
    for name, soup in soups(built_book).items():
        sources = [tag["src"] for tag in soup.select("[src]")]
        links = [link for link in soup.select("link[href]") if LOADING_RELATIONS & set(link["rel"])]
        addresses = sources + [link["href"] for link in links]
        assert addresses
        assert not [address for address in addresses if is_elsewhere(address)], name


def test_no_style_sheet_asks_for_a_file_of_another_host(built_book):
    sheets = list(built_book.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = sheet.read_text(encoding="utf-8")
        addresses = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')\s;]+)", text)
        assert not [address for address in addresses if is_elsewhere(address)], sheet.name


def test_every_numbered_chapter_carries_its_compute_label(built_book):
    chapters = {
        name: soup for name, soup in soups(built_book).items() if re.match(r"book/\d\d-", name)
    }
    assert chapters
    for name, soup in chapters.items():
        title, label = soup.select_one("article h1"), soup.select(".course-compute-label")
        assert re.match(r"\d+\. ", title.get_text()), name
        assert len(label) == 1, name


def test_no_page_record_shows_on_a_page(built_book):
    for name, soup in soups(built_book).items():
        assert "vnd.counting-the-cost" not in soup.get_text(), name


def test_the_site_opens_on_the_landing_page(built_book):
    assert "book/index.html" in (built_book / "index.html").read_text(encoding="utf-8")
