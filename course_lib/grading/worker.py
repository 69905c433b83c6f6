"""What a worker does with one submission: run it, and never raise."""

from __future__ import annotations

import traceback

from course_lib.grading.tasks import Result, Task


def work(item: tuple[str, bytes]) -> bytes:
    """Run one task; both it and its result travel as bytes."""
    from course_lib.grading.running import run
    from course_lib.grading.sandbox import privileges

    key, raw = item
    try:
        task = Task.from_bytes(raw)
        if task.level == "sandbox":
            privileges.drop()  # for good: what reads students' answers is nobody from here on
        return run(task).to_bytes()
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
        return Result.failed(key, problem).to_bytes()
