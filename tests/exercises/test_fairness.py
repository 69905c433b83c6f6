"""The same submissions get the same points however busy the machine is that grades them."""

import itertools
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from course_lib.grading.check_assignment import check_assignment
from course_lib.metering import busy_neighbours

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"
NAME = "03-measure"
KEPT = ("complete", "straight-line", "milliseconds", "unusual-arrays")
GRADINGS = 50

pytestmark = [pytest.mark.slow, pytest.mark.needs("sandbox")]


def points(course):
    """Automatic points by student and cell (None: left to a person)."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            (one.student.id, grade.name): grade.auto_score
            for one in gradebook.assignment_submissions(NAME)
            for notebook in one.notebooks
            for grade in notebook.grades
        }


def test_load_workers_and_threads_change_no_point(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_SECRET", "a secret for fifty gradings")
    report = check_assignment(NAME, EXERCISES, tmp_path / "course", progress=str)
    course = report.grades.parent
    for graded in report.graded:
        if graded.sample.name not in KEPT:
            submitted = course / "submitted" / graded.sample.name / NAME
            submitted.rename(tmp_path / graded.sample.name)
    grade = [sys.executable, "-m", "course_lib.cli", "grade", NAME, "--force", "--json"]
    ways = list(itertools.product((0, 2, 4), (1, 2), (1, 2)))
    found, table = [], {}
    for busy, workers, threads in itertools.islice(itertools.cycle(ways), GRADINGS):
        monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
        with busy_neighbours(busy) if busy else nullcontext():
            done = subprocess.run(
                [*grade, "--workers", str(workers)],
                cwd=course, capture_output=True, text=True, check=False,
            )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        found.append(points(course))
        way = (busy, workers, threads)
        table[way] = table.get(way, 0) + 1
    with capsys.disabled():
        print("\nbusy processes, workers, threads: gradings", table)
    assert len(found) == GRADINGS
    assert all(one == found[0] for one in found)
