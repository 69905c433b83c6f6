"""The book's Sphinx extension: boxes, compute labels, alt-text gate, cache key."""

from sphinx.application import Sphinx

from . import accessible_html, alt_text, boxes, cache_key, jupyter_book, page_record


def setup(app: Sphinx) -> dict:
    """Register every part; each lives in the module that is named after it."""
    for part in (jupyter_book, cache_key, boxes, page_record, alt_text, accessible_html):
        part.setup(app)
    return {
        "version": "1",
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
