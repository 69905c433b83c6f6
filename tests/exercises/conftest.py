"""The shipped samples of an assignment, graded once for all tests."""

import functools

import pytest

from course_lib.grading.check_assignment import check_assignment
from tests.exercises.judging import EXERCISES


@pytest.fixture(scope="session")
def report_of(tmp_path_factory):
    """A function from an assignment's name to the report on its samples."""

    @functools.cache
    def report(name):
        return check_assignment(name, EXERCISES, tmp_path_factory.mktemp(name), progress=str)

    return report
