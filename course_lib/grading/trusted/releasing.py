"""What students get beside the notebook: its checks, to try answers on, and word for assistants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.preprocessors import NbGraderPreprocessor

from course_lib.checking.probing import CHECKS
from course_lib.grading.trusted.assignment import FOLDER
from course_lib.grading.trusted.plain import course_directory

AGENTS = "AGENTS.md"  # of a course: how an AI assistant is to help its students


class ReleaseChecks(NbGraderPreprocessor):
    """Hand out ``checks/<assignment>.py`` as ``checks.py``, and ``AGENTS.md``, where they are."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Add the files to what is written beside one notebook."""
        root = Path(course_directory(self).root)
        assignment = resources["nbgrader"]["assignment"]
        for name, path in handed_out(root, assignment).items():
            resources.setdefault("outputs", {})[name] = path.read_bytes()
        return nb, resources


def handed_out(root: Path, assignment: str) -> dict[str, Path]:
    """The course's files that are released beside a notebook, by the name they get there."""
    files = {CHECKS: root / FOLDER / f"{assignment}.py", AGENTS: root / AGENTS}
    return {name: path for name, path in files.items() if path.is_file()}
