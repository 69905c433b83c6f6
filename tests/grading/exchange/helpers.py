"""Gradebooks and archives as other systems would have made them."""

import datetime
import io
import zipfile

from nbgrader.api import Gradebook

from course_lib.grading.exchange.people import Student
from course_lib.grading.exchange.scores import Score


def score(name, state="graded", raw=5.0, maximum=10.0, penalty=0.0, **about):
    """A result, as `read_scores` gives it."""
    return Score(Student(name, **about), state, maximum, raw, penalty)


def archive(entries, path=None):
    """A zip with (name or ZipInfo, bytes) in it, as bytes or in a file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in entries:
            packed.writestr(name, data)
    if path is None:
        return out.getvalue()
    path.write_bytes(out.getvalue())
    return path


def gradebook(folder):
    """The gradebook of a course directory."""
    return Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "c")


def give(folder, student, points, *, by_hand=False, late=None, timestamp=None, **about):
    """Enter a student whose every cell gets some of the points; as autograding leaves it."""
    with gradebook(folder) as book:
        book.update_or_create_student(student, **about)
        submission = book.update_or_create_submission("ps1", student)
        submission.timestamp = timestamp
        for notebook in submission.notebooks:
            notebook.late_submission_penalty = late
            left = points
            for grade in notebook.grades:
                grade.auto_score = min(left, grade.max_score)
                left -= grade.auto_score
                grade.needs_manual_grade = by_hand
        book.db.commit()
    (folder / "autograded" / student / "ps1").mkdir(parents=True)


def set_due(folder, when=datetime.datetime(2026, 3, 1, 12)):
    """When ps1 is due, in UTC."""
    with gradebook(folder) as book:
        book.find_assignment("ps1").duedate = when
        book.db.commit()


def extensions(folder):
    """Each student's extension."""
    with gradebook(folder) as book:
        return {one.student_id: one.extension for one in book.find_assignment("ps1").submissions}


def tree(folder):
    """Every file below a folder, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
