"""Accept the settings that Jupyter Book passes for extensions this book leaves out.

With them declared here, plain Sphinx builds the same configuration without Jupyter Book.
"""

from sphinx.application import Sphinx

PASSED_ON = ("comments_config", "use_jupyterbook_latex", "use_multitoc_numbering")


def setup(app: Sphinx) -> None:
    """Declare each setting that nobody else has declared; an undeclared one would be a warning."""
    for name in PASSED_ON:
        if name not in app.config:
            app.add_config_value(name, None, "", [bool, dict])
