"""`course check-assignment`: one assignment, several, or all; what it prints, how it exits."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.grading.authoring import new_assignment

ROOT = Path(__file__).resolve().parents[2]
RIGHT, WRONG = "04-shapes", "05-areas"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Two assignments, the second with a sample that must get other points than it gets."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "exercises").mkdir()
    shutil.copy(ROOT / "exercises" / "nbgrader_config.py", folder / "exercises")
    for name in (RIGHT, WRONG):
        new_assignment(name, folder / "exercises")
    samples = folder / "exercises" / "samples" / WRONG / "samples.toml"
    text = samples.read_text()
    macs = text.index("[macs.points]")
    samples.write_text(text[:macs] + text[macs:].replace("dense-flop = 0", "dense-flop = 2", 1))
    return folder


def check(course, *names):
    return subprocess.run(
        [sys.executable, "-m", "course_lib.cli", "check-assignment", *names, "--workspace", "out"],
        cwd=course, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_without_a_name_all_are_graded_and_one_wrong_sample_fails(course):
    done = check(course)
    assert done.returncode == 1, done.stderr
    for name in (RIGHT, WRONG):
        assert done.stdout.count(f"{name}: the sample submissions") == 1
        assert (course / "out" / name / "grades.csv").is_file()
        for product in (f"release/{name}/{name}.ipynb", "feedback", "grades.csv"):
            assert f"out/{name}/{product}" in done.stdout
    assert done.stdout.count("must get") == 1


def test_an_unknown_one_is_told_and_the_others_are_graded(course):
    done = check(course, "06-none", RIGHT)
    assert done.returncode == 2
    assert "no assignment '06-none'" in done.stdout.replace("\n", " ")
    assert done.stdout.count(f"{RIGHT}: the sample submissions") == 1
    assert f"{WRONG}: the sample submissions" not in done.stdout


def test_a_course_without_assignments_is_no_success(tmp_path):
    done = check(tmp_path)
    assert done.returncode == 2 and "there is no assignment" in done.stdout
