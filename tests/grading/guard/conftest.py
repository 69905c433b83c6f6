"""One released assignment for all tests of the guard."""

import pytest

from course_lib.grading.guard.blueprint import Blueprint
from tests.grading.guard.material import make_course, released, solved


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A course directory with a released assignment; do not change it."""
    return make_course(tmp_path_factory.mktemp("guard") / "course")


@pytest.fixture(scope="session")
def db_url(course):
    """The address of its gradebook."""
    return f"sqlite:///{course / 'gradebook.db'}"


@pytest.fixture(scope="session")
def blueprint(db_url):
    """What the gradebook says was released."""
    return Blueprint.from_gradebook(db_url, "ps1")


@pytest.fixture(scope="session")
def plan(blueprint):
    """The blueprint of its only notebook."""
    return blueprint.notebooks["p1"]


@pytest.fixture(scope="session")
def release(course):
    """The released notebook; do not change it."""
    return released(course)


@pytest.fixture(scope="session")
def honest(release):
    """An honest submission; do not change it."""
    return solved(release)
