"""Mend, on every page, what other extensions write and an accessibility checker objects to."""

from sphinx.application import Sphinx

REPLACEMENTS = {
    # pandas leaves the corner of a table empty; a header that heads nothing is read out as one
    "<th></th>": "<td></td>",
    # docutils uses a role that ARIA has withdrawn, inside a list that may only hold list items
    'role="doc-biblioentry"': 'role="listitem"',
    # myst-nb gives the fold of a code cell a name other than the text it shows
    '<summary aria-label="Toggle hidden content">': "<summary>",
}


def setup(app: Sphinx) -> None:
    """Mend each page just before it is put into its template."""
    app.connect("html-page-context", _mend)


def mended(body: str) -> str:
    """Return the HTML with every replacement made."""
    for wrong, right in REPLACEMENTS.items():
        body = body.replace(wrong, right)
    return body


def _mend(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    if "body" in context:
        context["body"] = mended(context["body"])
