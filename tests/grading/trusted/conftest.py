"""A released course, copied for each test that grades in it."""

import itertools
import shutil

import pytest

from tests.grading.loops import no_running_loop  # noqa: F401
from tests.grading.trusted.material import make_course


@pytest.fixture(scope="session")
def new_course(tmp_path_factory):
    """`new_course()` copies the released course into a folder of its own."""
    released = make_course(tmp_path_factory.mktemp("trusted") / "course")
    numbers = itertools.count()

    def copy():
        return shutil.copytree(released, released.parent / f"course-{next(numbers)}")

    return copy
