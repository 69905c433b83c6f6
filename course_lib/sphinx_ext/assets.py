"""Let a changed style sheet, script or picture reach the built site without a clean build.

Sphinx copies static files only in a build that writes a page. Their state is kept here as a setting
that HTML pages depend on, so a change writes them all anew; nothing is read or executed for it.
"""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from .cache_key import hash_of


def setup(app: Sphinx) -> None:
    """Declare `course_assets_state`, which is computed and never set by hand."""
    app.add_config_value("course_assets_state", "", "html", [str])
    app.connect("config-inited", _note_state)


def _note_state(app: Sphinx, config: Config) -> None:
    places = (Path(app.confdir, place) for place in config.html_static_path)
    config.course_assets_state = hash_of([place for place in places if place.exists()])
