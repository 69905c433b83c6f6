"""What the tests of this folder share."""

from tests.grading.loops import no_running_loop  # noqa: F401
