"""The built book, for tests that read its HTML."""

from pathlib import Path

import pytest

from tests.building import build


@pytest.fixture(scope="session")
def built_book() -> Path:
    """The directory of the built HTML."""
    return build()
