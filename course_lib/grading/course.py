"""A course directory as nbgrader sees it: its configuration, its gradebook, who handed in what."""

from __future__ import annotations

import glob
import logging
import os
import re
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IGNORED = ["*.ipynb"]  # of an assignment's source: notebooks come from the gradebook


class CourseError(Exception):
    """The course directory cannot be graded; the message says why and what to do."""


@dataclass(frozen=True)
class Course:
    """One assignment of an nbgrader course.

    ``app`` is nbgrader's own application with the course's configuration; its ``coursedir`` knows
    the layout and the gradebook's address.
    """

    app: Any
    assignment: str

    @property
    def directory(self) -> Any:
        """nbgrader's ``CourseDirectory``."""
        return self.app.coursedir

    @property
    def root(self) -> Path:
        """Where the course is."""
        return Path(self.directory.root)

    @property
    def keeping(self) -> Path:
        """The folder beside the gradebook in which grading keeps its journal and its results."""
        return self.root / ".grading" / self.assignment

    def submitted(self, student: str) -> Path:
        """The folder that a student handed in."""
        step = self.directory.submitted_directory
        return Path(self.directory.format_path(step, student, self.assignment))

    def autograded(self, student: str) -> Path:
        """The folder in which formgrader and feedback look for what was graded."""
        step = self.directory.autograded_directory
        return Path(self.directory.format_path(step, student, self.assignment))

    def students(self, wanted: str = "*") -> list[str]:
        """Who handed in, sorted; ``wanted`` is a glob as nbgrader's ``--student``."""
        step = self.directory.submitted_directory
        pattern = self.directory.format_path(step, wanted, self.assignment)
        name = self.directory.format_path(
            step, "(?P<student>.*)", re.escape(self.assignment), escape=True
        )
        excluded = set(filter(None, self.directory.student_id_exclude.split(",")))
        found = {
            match["student"] for path in glob.glob(pattern) if (match := re.fullmatch(name, path))
        }
        return sorted(found - excluded)

    def source_files(self) -> dict[str, bytes]:
        """What the assignment gives students beside the notebooks: the instructor's copies.

        They overwrite what was handed in, but for those that the course excludes
        (``Autograde.exclude_overwriting``).
        """
        from nbgrader.converters import Autograde
        from nbgrader.utils import find_all_files

        root = self.directory.format_path(self.directory.source_directory, ".", self.assignment)
        excluded = Autograde(coursedir=self.directory, parent=self.app).exclude_overwriting
        kept = set(excluded.get(self.assignment, []))
        paths = find_all_files(root, [*self.directory.ignore, *IGNORED])
        files = {os.path.relpath(path, root): Path(path) for path in paths}
        return {
            Path(name).as_posix(): path.read_bytes()
            for name, path in sorted(files.items())
            if name not in kept
        }


def open_course(directory: Path, assignment: str) -> Course:
    """The course in a directory, as ``nbgrader autograde`` run there would see it.

    Raises
    ------
    CourseError
        If the directory, its configuration, its gradebook or the assignment is not there.
    """
    from nbgrader.api import Gradebook, MissingEntry
    from nbgrader.apps import AutogradeApp
    from sqlalchemy.exc import SQLAlchemyError

    if not directory.is_dir():
        raise CourseError(f"no course directory {str(directory)!r}")
    root = directory.resolve()
    app = AutogradeApp()
    app.raise_config_file_errors = True  # nbgrader would go on without the course's settings
    with chdir(root):
        try:
            app.initialize([], root=str(root))
        except (Exception, SystemExit) as error:
            raise CourseError(
                f"nbgrader cannot read the configuration in {root}: {error}"
            ) from error
    app.log.setLevel(logging.ERROR)
    app.coursedir.assignment_id = assignment
    url = app.coursedir.db_url
    advice = f"`nbgrader generate_assignment {assignment}` in {root} adds it"
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise CourseError(f"there is no gradebook {url}; {advice}")
    try:
        with Gradebook(url, app.coursedir.course_id) as gradebook:
            try:
                gradebook.find_assignment(assignment)
            except MissingEntry:
                known = sorted(one.name for one in gradebook.assignments)
                raise CourseError(
                    f"the gradebook has no assignment {assignment!r}; it has {known}; {advice}"
                ) from None
    except SQLAlchemyError as error:
        raise CourseError(f"the gradebook {url} cannot be opened: {error}") from error
    return Course(app, assignment)
