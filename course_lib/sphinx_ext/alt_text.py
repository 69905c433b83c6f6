"""Gate: every image has alternative text that says what a reader who cannot see it should know."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from .places import nearest_with_line

logger = logging.getLogger(__name__)

RAW_IMAGE_WITHOUT_ALT = re.compile(r"<img\b(?![^>]*\balt=([\"'])\s*[^\"'\s])", re.IGNORECASE)


def setup(app: Sphinx) -> None:
    """Check each page once it has been read."""
    app.connect("doctree-read", _check_page)


def lacks_alt(node: nodes.Node) -> bool:
    """Say whether a node is an image without alternative text, or raw HTML that holds one."""
    if isinstance(node, nodes.image):
        return not node.get("alt", "").strip()
    is_raw_html = isinstance(node, nodes.raw) and "html" in node.get("format", "")
    return is_raw_html and RAW_IMAGE_WITHOUT_ALT.search(node.astext()) is not None


def _check_page(app: Sphinx, doctree: nodes.document) -> None:
    for node in doctree.findall(lacks_alt):
        logger.warning(
            "an image has no alt text: state its finding (a computed figure: mystnb, image, alt)",
            location=nearest_with_line(node),
        )
        app.env.note_reread()  # or the next incremental build would pass
