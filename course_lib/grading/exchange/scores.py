"""What the gradebook says of one assignment, as data."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.grading.course import Course
from course_lib.grading.exchange.people import Student

STATES = ("graded", "to be judged", "not graded", "nothing handed in")


@dataclass(frozen=True)
class Cell:
    """One graded cell: its points as they count, or None where nobody has given any."""

    notebook: str
    name: str
    score: float | None
    maximum: float
    needs_person: bool


@dataclass(frozen=True)
class Score:
    """One student's result.

    ``state`` is one of `STATES`; ``raw`` is what the cells add up to, ``final`` what remains after
    the late penalty, as nbgrader's own export computes it, and None unless all is graded.
    """

    student: Student
    state: str
    maximum: float
    raw: float | None = None
    penalty: float = 0.0
    seconds_late: float = 0.0
    timestamp: str = ""
    extension_seconds: float = 0.0
    cells: tuple[Cell, ...] = ()

    @property
    def final(self) -> float | None:
        """The points that count."""
        if self.state != "graded" or self.raw is None:
            return None
        return max(0.0, self.raw - self.penalty)


def read_scores(course: Course) -> list[Score]:
    """Every student of the gradebook with the result of the course's assignment, by id."""
    from nbgrader.api import Gradebook

    directory = course.directory
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        assignment = gradebook.find_assignment(course.assignment)
        there = {one.student_id: one for one in assignment.submissions}
        scores = [
            _score(
                student_of(one),
                there.get(one.id),
                assignment.max_score or 0.0,
                sent=course.submitted(one.id).is_dir(),
                graded=course.autograded(one.id).is_dir(),
            )
            for one in gradebook.students
        ]
    return sorted(scores, key=lambda score: score.student.id)


def student_of(one) -> Student:
    """nbgrader's student as data."""
    return Student(
        one.id, one.first_name or "", one.last_name or "", one.email or "", one.lms_user_id or ""
    )


def _score(student: Student, submission, maximum: float, sent: bool, graded: bool) -> Score:
    if submission is None:
        return Score(student, "not graded" if sent else "nothing handed in", maximum)
    grades = [
        (notebook.name, grade)
        for notebook in sorted(submission.notebooks, key=lambda one: one.name)
        for grade in sorted(notebook.grades, key=lambda one: one.name)
    ]
    cells = tuple(
        Cell(name, grade.name, _points(grade), grade.max_score or 0.0, grade.needs_manual_grade)
        for name, grade in grades
    )
    untouched = all(
        grade.auto_score is None and grade.manual_score is None and not grade.extra_credit
        for _, grade in grades
    )
    if untouched and grades and not graded:
        # Without a time or files it is only an extension's place, nothing that a student sent.
        state = "not graded" if sent or submission.timestamp else "nothing handed in"
    else:
        state = "to be judged" if submission.needs_manual_grade else "graded"
    extension = submission.extension
    stamp = submission.timestamp
    return Score(
        student=student,
        state=state,
        maximum=maximum,
        raw=submission.score or 0.0,
        penalty=submission.late_submission_penalty or 0.0,
        seconds_late=submission.total_seconds_late if submission.assignment.duedate else 0.0,
        timestamp=f"{stamp.isoformat(sep=' ', timespec='seconds')} UTC" if stamp else "",
        extension_seconds=extension.total_seconds() if extension else 0.0,
        cells=cells,
    )


def _points(grade) -> float | None:
    given = grade.auto_score is not None or grade.manual_score is not None or grade.extra_credit
    return grade.score if given else None
