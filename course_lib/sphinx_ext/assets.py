"""Load the facts' style sheet and scripts; let a changed file reach the built site.

Sphinx copies static files only in a build that writes a page. Their state is kept here as a setting
that HTML pages depend on, so a change of a style sheet, script or picture writes the pages anew;
nothing is read or executed for it, and no clean build is needed.
"""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from .cache_key import hash_of

FACTS_STYLE = "facts.css"
FACTS_SCRIPTS = ("fact-cards.js", "fact-tables.js")


def setup(app: Sphinx) -> None:
    """Load the facts' files; declare `course_assets_state`, which is never set by hand."""
    app.add_config_value("course_assets_state", "", "html", [str])
    app.connect("config-inited", _note_state)
    app.add_css_file(FACTS_STYLE)
    for script in FACTS_SCRIPTS:
        app.add_js_file(script, defer="defer")


def _note_state(app: Sphinx, config: Config) -> None:
    places = (Path(app.confdir, place) for place in config.html_static_path)
    config.course_assets_state = hash_of([place for place in places if place.exists()])
