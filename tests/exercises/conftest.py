"""One exercise and its parts; the shipped samples of an assignment, graded once for all tests.

A module of tests names its exercise in ``NAME``, or gives a fixture ``exercise`` of its own.
"""

import functools

import nbformat
import pytest

from course_lib.checking.questions import read_checks
from course_lib.grading.check_assignment import check_assignment
from tests.exercises.judging import EXERCISES


@pytest.fixture(scope="session")
def report_of(tmp_path_factory):
    """A function from an assignment's name to the report on its samples."""

    @functools.cache
    def report(name):
        return check_assignment(name, EXERCISES, tmp_path_factory.mktemp(name), progress=str)

    return report


@pytest.fixture(scope="module")
def exercise(request):
    return request.module.NAME


@pytest.fixture(scope="module")
def report(exercise, report_of):
    return report_of(exercise)


@pytest.fixture(scope="module")
def source(exercise):
    """The source notebook, with its solutions."""
    return nbformat.read(EXERCISES / "source" / exercise / f"{exercise}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def checks(exercise):
    return read_checks(EXERCISES / "checks" / f"{exercise}.py")


@pytest.fixture(scope="module")
def inside(checks):
    """The names of the file of checks."""
    return next(iter(checks.questions.values())).ask.__globals__


@pytest.fixture(scope="module")
def reference(source):
    """The names of the notebook after its cells have run, graded ones left out."""
    names = {}
    for cell in source.cells:
        if cell.cell_type == "code" and not cell.metadata["nbgrader"]["grade"]:
            exec(cell.source, names)
    return names
