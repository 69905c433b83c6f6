"""Grading's guard: what comes from a student is read, restored, scored and shown without trust."""

from __future__ import annotations

from typing import Any


def guard(c: Any, sandbox: bool = False) -> None:
    """Put the guard into an nbgrader configuration; see `preprocessors.guard`.

    Parameters
    ----------
    c : traitlets.config.Config
        What ``get_config()`` returned.
    sandbox : bool
        Whether plain ``nbgrader autograde`` also runs each notebook in a sandboxed kernel. Where
        none can be built, nothing is graded. (``course grade`` has its own, in any course.) Limits
        are those of `course_lib.grading.tasks.Limits`, as far as a kernel knows them: of memory,
        processes, files and processor time; ``c.ColdProvisioner.limits`` changes some.
    """
    from course_lib.grading.guard import preprocessors

    preprocessors.guard(c)
    if sandbox:
        from course_lib.grading.sandbox import kernels

        kernels.offer()
        c.ExecutePreprocessor.kernel_name = kernels.NAME
