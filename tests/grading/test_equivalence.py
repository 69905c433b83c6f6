"""For honest submissions `course grade` leaves what stock nbgrader leaves, field by field."""

import subprocess
import sys

import pytest

from course_lib.grading.commands import nbgrader
from tests.grading.faking import copy_of
from tests.grading.honest import CLASS, feedback, files, make_class, records

pytestmark = pytest.mark.needs("sandbox")


def grade(course, *options):
    done = subprocess.run(
        [sys.executable, "-m", "course_lib.cli", "grade", "ps1", "--workers", "2", *options],
        cwd=course, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The class graded by stock nbgrader, and by `course grade` reading points as stock and not."""
    folder = make_class(tmp_path_factory.mktemp("honest") / "course101")
    courses = {name: copy_of(folder, folder.parent / name) for name in ("ours", "default")}
    nbgrader(folder, "autograde", "ps1")
    grade(courses["ours"], "--stock-scores")
    grade(courses["default"])
    return {"stock": folder, **courses}


def different(one, other):
    return {
        key: (one.get(key, "nothing"), other.get(key, "nothing"))
        for key in one.keys() | other.keys()
        if one.get(key, "nothing") != other.get(key, "nothing")
    }


def test_the_class_is_large_and_mixed(graded):
    assert len(CLASS) >= 20
    found = records(graded["stock"])
    scores = {found[name, "score"] for name in CLASS}
    assert len(scores) >= 4 and max(scores) == 3.0 and min(scores) == 0.0
    assert found["15-late", "total_seconds_late"] > 0


def test_every_field_of_the_gradebook_is_equal(graded):
    assert different(records(graded["stock"]), records(graded["ours"])) == {}


def test_the_same_files_lie_in_autograded(graded):
    assert different(files(graded["stock"]), files(graded["ours"])) == {}


def test_feedback_is_equal(graded):
    pages = []
    for name in ("stock", "ours"):
        nbgrader(graded[name], "generate_feedback", "ps1")
        pages.append(feedback(graded[name]))
    assert len(pages[0]) == 2 * len(CLASS) - 1
    assert list(different(*pages)) == []


def test_by_default_only_a_warning_on_stderr_is_read_otherwise(graded):
    changed = different(records(graded["stock"]), records(graded["default"]))
    assert {key[0] for key in changed} <= {"10-warns-once-on-stderr", "student"}
