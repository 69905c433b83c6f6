"""The checks of an assignment in what students get: beside the notebook, to try answers on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.preprocessors import NbGraderPreprocessor

from course_lib.checking.probing import CHECKS
from course_lib.grading.trusted.assignment import FOLDER
from course_lib.grading.trusted.plain import course_directory


class ReleaseChecks(NbGraderPreprocessor):
    """Hand out ``checks/<assignment>.py`` as ``checks.py``; nothing happens where there is none."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Add the file to what is written beside one notebook."""
        assignment = resources["nbgrader"]["assignment"]
        path = Path(course_directory(self).root) / FOLDER / f"{assignment}.py"
        if path.is_file():
            resources.setdefault("outputs", {})[CHECKS] = path.read_bytes()
        return nb, resources
