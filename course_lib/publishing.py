"""Where a release of the course lies on GitHub: its tag, and its branch of students' notebooks.

Standard library only.
"""

from __future__ import annotations

import re

from course_lib import __version__

BRANCH = f"exercises-v{__version__}"  # what Colab, Binder and Codespaces open
_REPOSITORY = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")


def place_of(repository: str) -> str | None:
    """``OWNER/NAME`` of a repository on GitHub, or None for another address.

    >>> place_of("https://github.com/owner/a-course.git"), place_of("https://example.org/a/b")
    ('owner/a-course', None)
    """
    found = _REPOSITORY.fullmatch(repository)
    return found[1] if found else None


def requirement(place: str) -> str:
    """What pip installs: the course as its tag of this version has it."""
    return f"counting-the-cost @ git+https://github.com/{place}@v{__version__}"


def folder_of(exercise: str) -> str:
    """Where an exercise's notebook, and what belongs beside it, lie in the branch."""
    return f"notebooks/{exercise}"
