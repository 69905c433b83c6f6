"""Running a task: its notebooks cell by cell, where nothing that a cell does can end the others."""

from course_lib.grading.running.run import run

__all__ = ["run"]
