"""A released assignment, once; each test gets a copy that it may change."""

import shutil

import pytest

from tests.grading.guard.material import make_course


@pytest.fixture(scope="session")
def released_course(tmp_path_factory):
    """A course directory with ps1 (one notebook, p1); do not change it."""
    return make_course(tmp_path_factory.mktemp("exchange") / "course")


@pytest.fixture
def folder(released_course, tmp_path):
    """A copy of the course directory."""
    return shutil.copytree(released_course, tmp_path / "course")
