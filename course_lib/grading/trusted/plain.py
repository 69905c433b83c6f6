"""Where plain ``nbgrader autograde`` gets an assignment's checks from, and what was handed in."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

from course_lib.checking.questions import FORECASTS, MOST_EVIDENCE, RECORDS, Evidence
from course_lib.grading.guard.blueprint import Blueprint
from course_lib.grading.trusted.assignment import HandedIn, Trusted, read_trusted
from course_lib.grading.trusted.secret import read_secret


def trust(step: Any, resources: Any) -> tuple[Trusted | None, HandedIn | None]:
    """The checks and the submission that a step of autograding is about.

    `course grade` puts both into ``resources``. Under plain nbgrader they are read from the course
    directory: the evidence from what was handed in, not from the copy that the notebook could
    write to while it ran.
    """
    about = resources["nbgrader"]
    if "trusted" not in about:
        directory = course_directory(step)
        assignment, student = about["assignment"], about["student"]
        blueprint = _blueprint(directory.db_url, assignment)
        about["blueprint"] = blueprint.notebooks[about["notebook"]]
        about["trusted"] = _read(directory.root, assignment, directory.db_url)
        handed_in = directory.format_path(directory.submitted_directory, student, assignment)
        about["handed_in"] = _hand_in(student, Path(handed_in)) if about["trusted"] else None
    return about["trusted"], about["handed_in"]


def course_directory(step: Any) -> Any:
    """nbgrader's ``CourseDirectory``, which one of the objects that a step belongs to has."""
    while step is not None and not hasattr(step, "coursedir"):
        step = step.parent
    return step.coursedir


@functools.cache
def _blueprint(db_url: str, assignment: str) -> Blueprint:
    return Blueprint.from_gradebook(db_url, assignment)


@functools.cache
def _read(root: str, assignment: str, db_url: str) -> Trusted | None:
    blueprint = _blueprint(db_url, assignment)
    cells = [cell for notebook in blueprint.notebooks.values() for cell in notebook.cells]
    return read_trusted(Path(root), assignment, cells, lambda: read_secret()[0])


def _hand_in(student: str, folder: Path) -> HandedIn:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*")):
        if path.is_file() and not path.is_symlink():
            digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    paths = [folder / name for name in (RECORDS, FORECASTS)]
    files = {
        path.name: path.read_bytes()
        for path in paths
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_EVIDENCE
    }
    return HandedIn(student, digest.hexdigest(), Evidence(files))
