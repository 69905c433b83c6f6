"""The built book on loopback, and pages of it in a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.building import build, served


@pytest.fixture(scope="session")
def built_book() -> Path:
    """The directory of the built HTML."""
    return build()


@pytest.fixture(scope="session")
def site(built_book: Path) -> Iterator[str]:
    """The address of the book, served on loopback."""
    with served(built_book) as address:
        yield address


@pytest.fixture
def new_page(browser) -> Iterator[Callable]:
    """`new_page(width=1280, scheme="light")` opens a tab with cache and storage of its own."""
    contexts = []

    def open_tab(width: int = 1280, scheme: str = "light"):
        size = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=size, color_scheme=scheme))
        return contexts[-1].new_page()

    yield open_tab
    for context in contexts:
        context.close()
