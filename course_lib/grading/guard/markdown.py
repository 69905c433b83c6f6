"""Markdown cells that are shown, made from Markdown that may hold any HTML.

A cell that nbconvert turns into inert HTML stays as it was written. Any other is changed in the
source: its tags become text, its addresses harmless; if that does not help, the whole text is shown
as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from course_lib.grading.guard.hypertext import clean_latex, markdown_html_is_inert

LONGEST = 2_000_000  # characters of a cell: pictures may be written into it
# Characters that mean something. nbconvert's time grows with the square of their number.
_MARKS = re.compile(r"[\[\]\\<>`$|*_~!(]")
MOST_MARKS = 5_000
# One transparent pixel, shown where an attachment is missing: nbconvert stops there otherwise.
NOTHING = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)
_IMAGE = re.compile(r"!(?=\[[^\]]*\]\(\s*<?https?:)", re.IGNORECASE)
_ADDRESS = re.compile(r"(\]\(\s*|^\s{0,3}\[[^\]]+\]:\s*)(?!https?:|mailto:|#|attachment:)[^\s)]*")
_TAG = re.compile(r"(?:<[a-zA-Z/!?][^<>`]*>)+(?!`)|<(?=[a-zA-Z/!?])")
_FENCE = re.compile(r"`{3,}|~{3,}")


def clean_markdown(
    source: str, attachments: Mapping[str, Any], trusted: bool = False
) -> tuple[str, list[str]]:
    """A Markdown source that shows and does nothing, and what was done to it.

    ``trusted`` text, the instructor's own, is never changed.
    """
    simple = len(source) <= LONGEST and len(_MARKS.findall(source)) <= MOST_MARKS
    if trusted or (simple and is_inert(source, attachments)):
        return source, []
    calmer = _TAG.sub(_as_text, clean_latex(source))
    calmer = _ADDRESS.sub(r"\1#removed", _IMAGE.sub("", calmer))
    if simple and is_inert(calmer, attachments):
        return calmer, ["active HTML, links or formulas in Markdown, now shown as text"]
    longest = max((len(run) for run in _FENCE.findall(source)), default=2)
    fence = "`" * max(3, longest + 1)
    told = "[this text could not be shown as Markdown; it is shown as it was typed]"
    typed = f"{told}\n\n{fence}\n{source[:LONGEST]}\n{fence}"
    if is_inert(typed, attachments):
        return typed, ["Markdown that could not be made harmless, shown as it was typed"]
    return told, ["Markdown that could not be made harmless, left out"]


def _as_text(tags: re.Match[str]) -> str:
    """Tags as code on one line, where nothing is a link, a heading or a tag any more."""
    return "&lt;" if tags[0] == "<" else f"`{' '.join(tags[0].split())}`"


def is_inert(source: str, attachments: Mapping[str, Any]) -> bool:
    """Whether nbconvert makes of it HTML that does nothing, and does not fail on it."""
    try:
        html, _ = render(source, attachments)
    except Exception:  # whatever stops the renderer would stop the feedback of the class
        return False
    return markdown_html_is_inert(html)


def render(source: str, attachments: Mapping[str, Any]) -> tuple[str, set[str]]:
    """The HTML that nbgrader's templates show of it, and the attachments that it names."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    named = _Named(attachments)
    # A copy would forget who asked: nbconvert keeps the mapping that it is given.
    renderer = IPythonRenderer(escape=False, attachments=named)
    return MarkdownWithMath(renderer=renderer).render(source), named.asked


class _Named(dict):
    """Attachments of which every one is there; the names that were asked for are remembered."""

    def __init__(self, attachments: Mapping[str, Any]) -> None:
        super().__init__(attachments)
        self.asked: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return True

    def __missing__(self, name: str) -> dict[str, str]:
        return {"image/png": NOTHING}
