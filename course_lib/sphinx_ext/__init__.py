"""The book's Sphinx extension: boxes, compute labels, alt-text gate, cache key."""

from sphinx.application import Sphinx

from . import (
    accessible_html,
    alt_text,
    assets,
    boxes,
    cache_key,
    docstrings,
    jupyter_book,
    page_record,
)

PARTS = (jupyter_book, cache_key, assets, boxes, page_record, alt_text, accessible_html, docstrings)


def setup(app: Sphinx) -> dict:
    """Register every part; each lives in the module that is named after it."""
    for part in PARTS:
        part.setup(app)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
