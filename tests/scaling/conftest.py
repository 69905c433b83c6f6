"""The Chinchilla study, fitted once for all tests that look at it."""

import pytest

from course_lib.scaling import fit_chinchilla
from tests.scaling.data import chinchilla_runs


@pytest.fixture(scope="session")
def runs():
    """Parameters, tokens and losses of the 240 runs."""
    return chinchilla_runs()


@pytest.fixture(scope="session")
def hoffmann(runs):
    """The Huber optimum on the 240 runs."""
    return fit_chinchilla(*runs)
