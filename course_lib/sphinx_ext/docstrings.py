"""Keep napoleon off properties: it takes what stands before a colon there for a type."""

from sphinx.application import Sphinx

BEFORE_NAPOLEON, AFTER_NAPOLEON = 400, 600


def setup(app: Sphinx) -> None:
    """Remember a property's docstring before napoleon's turn, and put it back after."""
    as_written: dict[str, list[str]] = {}

    def remember(app: Sphinx, what: str, name: str, *rest: object) -> None:
        if what == "property":
            as_written[name] = list(rest[-1])

    def restore(app: Sphinx, what: str, name: str, *rest: object) -> None:
        if name in as_written:
            rest[-1][:] = as_written.pop(name)

    if "sphinx.ext.autodoc" in app.extensions:
        app.connect("autodoc-process-docstring", remember, priority=BEFORE_NAPOLEON)
        app.connect("autodoc-process-docstring", restore, priority=AFTER_NAPOLEON)
