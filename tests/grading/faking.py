"""Grading with kernels that are not there: what a notebook would have done is read off its source.

Everything but the execution is real: intake, guard, journal, gradebook, files.
"""

import json
import os
import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_output

from course_lib.grading import grade as grading
from course_lib.grading.course import open_course
from course_lib.grading.tasks import Result, Task

CORRECT = "x * x"


def fake_work(item):
    """A task's result: every test passes where the submission's answer is right."""
    key, raw = item
    task = Task.from_bytes(raw)
    executed = {}
    for name, data in task.notebooks.items():
        notebook = nbformat.reads(data.decode(), 4)
        right = any(CORRECT in cell.source for cell in notebook.cells[:3])
        for cell in notebook.cells:
            if cell.cell_type == "code":
                graded = cell.metadata.get("nbgrader", {}).get("grade")
                cell.execution_count = 1
                if graded and not right:
                    error = {"ename": "AssertionError", "evalue": "no", "traceback": ["no"]}
                    cell.outputs = [new_output("error", **error)]
        executed[name] = nbformat.writes(notebook).encode()
    return Result(key, executed, dict(task.files), level="none").to_bytes()


def graded(course, **options):
    """Grade a course in this process; the rows by student."""
    real = grading.in_workers
    grading.in_workers = lambda work, items, workers: ((item, fake_work(item)) for item in items)
    try:
        chosen = grading.Options(level="none", **{"patience": 0.0, **options})
        rows = grading.grade(open_course(Path(course), "ps1"), chosen)
    finally:
        grading.in_workers = real
    return {row.student: row for row in rows}


def contents(course):
    """All that formgrader, feedback and export read: the gradebook, ids and times of writing
    excepted, and the graded notebooks.
    """
    from nbgrader.api import Gradebook

    found = {}
    with Gradebook(f"sqlite:///{Path(course) / 'gradebook.db'}", "c") as gradebook:
        for student in gradebook.students:
            for submission in student.submissions:
                found[student.id] = {
                    "timestamp": str(submission.timestamp),
                    "score": submission.score,
                    "grades": sorted(
                        (
                            notebook.name, grade.name, grade.auto_score, grade.manual_score,
                            grade.needs_manual_grade,
                        )
                        for notebook in submission.notebooks
                        for grade in notebook.grades
                    ),
                    "comments": sorted(
                        (notebook.name, comment.name, comment.auto_comment)
                        for notebook in submission.notebooks
                        for comment in notebook.comments
                    ),
                    "penalties": [one.late_submission_penalty for one in submission.notebooks],
                }  # fmt: skip
    for path in sorted((Path(course) / "autograded").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".ipynb":
                data = json.dumps([cell.get("outputs") for cell in json.loads(data)["cells"]])
            found[path.relative_to(course).as_posix()] = data
    return found


def copy_of(course, folder):
    """A course to change."""
    shutil.copytree(course, folder, symlinks=True)
    return folder


def as_nobody():
    """Whether this process is root, for whom permissions do not hold."""
    return os.geteuid() == 0
