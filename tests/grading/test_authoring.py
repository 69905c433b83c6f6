"""A new assignment works at once, and nothing is written where it cannot be."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib.grading.authoring import CannotMake, new_assignment
from course_lib.grading.check_assignment import check_assignment
from course_lib.grading.mutants import CAUGHT

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "exercises" / "nbgrader_config.py"


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    folder.mkdir()
    shutil.copy(CONFIG, folder)
    return folder


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_what_is_written_is_whole(course):
    files = new_assignment("04-shapes", course)
    assert all(file.is_file() for file in files)
    assert {str(file.relative_to(course)) for file in files} < set(everything(course))
    notebook = nbformat.read(course / "source" / "04-shapes" / "04-shapes.ipynb", 4)
    nbformat.validate(notebook)
    assert "04-shapes" in notebook.cells[0].source
    marks = [cell.metadata.nbgrader for cell in notebook.cells]
    assert [mark.grade_id for mark in marks if mark.grade] == ["dense-flop", "reflection"]


def test_it_follows_the_rules_of_style(course):
    new_assignment("04-shapes", course)
    (course / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    notebook = "source/04-shapes/04-shapes.ipynb"
    for command in (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "checks", "samples"],
        ["nbstripout", "--verify", notebook],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=course, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name", ["", "a+b", "../up", "a/b", ".hidden", "-x", "two words", "a\n", "x" * 65, "Ä"]
)
def test_a_bad_name_is_refused(course, name):
    before = everything(course)
    with pytest.raises(CannotMake, match="cannot be the name"):
        new_assignment(name, course)
    assert everything(course) == before


@pytest.mark.parametrize("there", ["source/ps1", "checks/ps1.py", "samples/ps1"])
def test_nothing_is_overwritten(course, there):
    path = course / there
    path.parent.mkdir()
    path.write_text("mine") if path.suffix else path.mkdir()
    before = everything(course)
    with pytest.raises(CannotMake, match=f"{there} is there already"):
        new_assignment("ps1", course)
    assert everything(course) == before


def test_a_folder_that_is_no_course_is_refused(tmp_path):
    with pytest.raises(CannotMake, match=r"no nbgrader_config\.py"):
        new_assignment("ps1", tmp_path)
    assert everything(tmp_path) == []


def test_what_cannot_be_finished_is_taken_back(course):
    (course / "samples").write_text("a file where a folder should be")
    before = everything(course)
    with pytest.raises(CannotMake, match="could not be written"):
        new_assignment("ps1", course)
    assert everything(course) == before


@pytest.mark.slow
@pytest.mark.needs("sandbox")
def test_its_samples_get_their_points_and_every_mutant_is_caught(course, tmp_path):
    new_assignment("04-shapes", course)
    report = check_assignment("04-shapes", course, tmp_path / "out", mutations=99, seed=5)
    assert {one.sample.name: one.as_expected for one in report.graded} == dict.fromkeys(
        ["reference", "empty", "macs", "loops"], True
    )
    assert [one.sample.name for one in report.graded if one.wrong] == ["empty", "macs"]
    said = {one.sample.name: one.reasons.get("dense-flop") for one in report.graded}
    assert "FLOP are twice that" in said["macs"]
    assert {one.verdict for one in report.mutants} == {CAUGHT}
    assert len(report.mutants) == 11  # all there are
