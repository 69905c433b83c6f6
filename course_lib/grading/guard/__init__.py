"""Grading's guard: what comes from a student is read, restored, scored and shown without trust."""

from __future__ import annotations

from typing import Any


def guard(c: Any) -> None:
    """Put the guard into an nbgrader configuration; see `preprocessors.guard`."""
    from course_lib.grading.guard import preprocessors

    preprocessors.guard(c)
