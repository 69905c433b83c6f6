"""nbgrader's own way from a submitted notebook to a graded one, cut in two where it executes.

Stock nbgrader runs the lists ``sanitize_preprocessors`` and ``autograde_preprocessors`` of its
configuration in one process, and the notebook in the middle of the second. Here the middle happens
elsewhere; what comes before and after is nbgrader's, with the course's own configuration.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute, SaveAutoGrades
from nbgrader.utils import parse_utc
from sqlalchemy.exc import SAWarning

from course_lib.grading.course import Course, CourseError
from course_lib.grading.guard.blueprint import Blueprint
from course_lib.grading.guard.preprocessors import (
    CleanOutputs,
    RestoreCells,
    SafeAutoGrades,
    named,
    with_verdicts,
)
from course_lib.grading.running.settings import DEFAULTS
from course_lib.grading.trusted.assignment import HandedIn, Trusted

warnings.filterwarnings("ignore", "Object of type <.*> not in session", SAWarning)  # added later


@dataclass(frozen=True)
class Finished:
    """A graded notebook, the cells that a person must judge (and why), and what to look at."""

    notebook: bytes
    undecided: tuple[str, ...]
    flags: tuple[str, ...]


class Converter:
    """Both halves of nbgrader's autograding for the submissions of one assignment.

    ``trusted`` are the assignment's checks, where it has some. ``stock_scores`` reads points from
    outputs exactly as nbgrader does, and is no choice where checks can leave a cell to a person.
    """

    def __init__(
        self,
        course: Course,
        blueprint: Blueprint,
        trusted: Trusted | None = None,
        stock_scores: bool = False,
    ) -> None:
        if trusted is not None and stock_scores:
            raise CourseError(
                f"{course.assignment} has checks that may leave a cell to a person; nbgrader's own "
                "reading of points would make that full marks: grade without --stock-scores"
            )
        self.course, self._blueprint, self._trusted = course, blueprint, trusted
        self._autograde = Autograde(coursedir=course.directory, parent=course.app)
        after = with_verdicts(self._autograde.autograde_preprocessors)
        middle = next((i for i, one in enumerate(after) if named(one, Execute)), None)
        if middle is None:
            raise CourseError(
                "Autograde.autograde_preprocessors of this course does not execute notebooks"
            )
        before = [RestoreCells, *self._autograde.sanitize_preprocessors, *after[:middle]]
        after = after[middle + 1 :]
        if not stock_scores:
            after = [SafeAutoGrades if named(one, SaveAutoGrades) else one for one in after]
        self._before = self._exporter(before)
        self._after = self._exporter([*after, CleanOutputs])

    def _exporter(self, preprocessors: list[Any]) -> Any:
        exporter = self._autograde.exporter_class(
            parent=self._autograde, config=self._autograde.config
        )
        exporter._preprocessors = []  # as nbgrader does: without nbconvert's own
        for one in dict.fromkeys(preprocessors):
            exporter.register_preprocessor(one)
        return exporter

    def sanitise(self, by: HandedIn, name: str, notebook: Any) -> tuple[bytes, list[Any]]:
        """A submitted notebook with what is not the student's put right, and what is to be timed.

        The second is of `Task.timed`, still without the notebook's name.
        """
        text, about = self._convert(self._before, by, name, notebook)
        return text, about.get("timed", [])

    def finish(
        self, by: HandedIn, name: str, executed: bytes, timings: dict[str, Any] | None = None
    ) -> Finished:
        """An executed notebook with its points in the gradebook and nothing active in it.

        ``timings`` are those of `Result`.
        """
        notebook = nbformat.reads(executed.decode(), 4)
        graded, about = self._convert(self._after, by, name, notebook, timings=timings or {})
        undecided = tuple(
            f"{cell}: {score.reason}"
            for cell, score in about.get("scores", {}).items()
            if score.points is None and not score.plain
        )
        return Finished(graded, undecided, tuple(about["flags"]))

    def _convert(
        self, exporter: Any, by: HandedIn, name: str, notebook: Any, **more: Any
    ) -> tuple[bytes, dict[str, Any]]:
        stem = Path(name).stem
        student = by.student
        directory = self.course.directory
        resources = {
            "unique_key": stem,
            "output_files_dir": f"{stem}_files",
            "metadata": {"name": stem, "path": str(self.course.autograded(student))},
            "nbgrader": {
                "student": student,
                "assignment": self.course.assignment,
                "notebook": stem,
                "db_url": directory.db_url,
                "blueprint": self._blueprint.notebooks[stem],
                "trusted": self._trusted,
                "handed_in": by,
                **more,
            },
        }
        text, resources = exporter.from_notebook_node(notebook, resources=resources)
        return text.encode(), resources["nbgrader"]

    def execution(self) -> dict[str, Any]:
        """The course's own settings of nbgrader's ``Execute``, as far as a run honours them."""
        execute = Execute(parent=self._autograde)
        names = [one for one in DEFAULTS if one != "kernel_name" and execute.has_trait(one)]
        given = {name: getattr(execute, name) for name in names}
        return {name: value for name, value in given.items() if value != DEFAULTS[name]}

    def deadlines(self) -> dict[str, str]:
        """When the assignment is due, for each student who has an extension, and for the others."""
        with self._gradebook() as gradebook:
            found = gradebook.find_assignment(self.course.assignment)
            extended = {
                one.student_id: f"{found.duedate} {one.extension}"
                for one in found.submissions
                if one.extension
            }
            return {"": f"{found.duedate}"} | extended

    def begin(self, student: str, timestamp: str | None, missing: list[str]) -> None:
        """Enter a submission into the gradebook; a notebook that is missing gets zero.

        Raises
        ------
        CourseError
            If the student is unknown, and the course does not let grading add students.
        """
        assignment = self.course.assignment
        with self._gradebook() as gradebook:
            if self._autograde.create_student:
                gradebook.update_or_create_student(student)
            else:
                try:
                    gradebook.find_student(student)
                except MissingEntry:
                    raise CourseError(f"the gradebook has no student {student!r}") from None
            when = {} if timestamp is None else {"timestamp": parse_utc(timestamp)}
            gradebook.update_or_create_submission(assignment, student, **when)
            for name in missing:
                found = gradebook.find_submission_notebook(name, assignment, student)
                for grade in found.grades:
                    grade.auto_score = 0
                    grade.needs_manual_grade = False
            gradebook.db.commit()

    def leave_to_a_person(self, student: str, name: str, reason: str) -> None:
        """Give a notebook that could not be graded no points, and ask for a person's."""
        with self._gradebook() as gradebook:
            found = gradebook.find_submission_notebook(name, self.course.assignment, student)
            for grade in found.grades:
                grade.auto_score = None
                grade.needs_manual_grade = True
            for comment in found.comments:
                comment.auto_comment = reason
            gradebook.db.commit()

    def verdict(self, student: str) -> dict[str, dict[str, float | None]]:
        """The automatic points of a submission in the gradebook, by notebook and cell."""
        with self._gradebook() as gradebook:
            submission = gradebook.find_submission(self.course.assignment, student)
            return {
                notebook.name: {grade.name: grade.auto_score for grade in notebook.grades}
                for notebook in sorted(submission.notebooks, key=lambda one: one.name)
            }

    def _gradebook(self) -> Gradebook:
        return Gradebook(self.course.directory.db_url, self.course.directory.course_id)

    def set_permissions(self, folder: Path) -> None:
        """Those that nbgrader gives to what it graded."""
        mode = int(str(self._autograde.permissions), 8)
        shared = self.course.directory.groupshared
        for path in [folder, *folder.rglob("*")]:
            if path.is_file():
                path.chmod(mode)
            elif shared:
                path.chmod(path.stat().st_mode | 0o2770)
