"""The book's Sphinx extension: boxes, labels, facts, calculators, exercises, gates, cache key."""

from sphinx.application import Sphinx

from . import (
    accessible_html,
    alt_text,
    assets,
    boxes,
    cache_key,
    calculators,
    docstrings,
    errata,
    exercise_files,
    exercise_page,
    fact_table,
    facts_role,
    jupyter_book,
    literals,
    page_record,
)

PARTS = (
    jupyter_book,
    cache_key,
    assets,
    boxes,
    page_record,
    facts_role,
    fact_table,
    errata,
    calculators,
    exercise_page,
    exercise_files,
    literals,
    alt_text,
    accessible_html,
    docstrings,
)


def setup(app: Sphinx) -> dict:
    """Register every part; each lives in the module that is named after it."""
    for part in PARTS:
        part.setup(app)
    return {"env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}
