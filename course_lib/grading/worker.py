"""What a worker does with one submission: run it, and never raise."""

from __future__ import annotations

import functools
import traceback
from dataclasses import replace

from course_lib.grading.environment import difference, installed
from course_lib.grading.tasks import Event, Result, Task
from course_lib.workers import Apart, Lost, Refused

_unfit: str | None = None  # why this process must not run anything


def work(item: tuple[str, bytes], server: str = "") -> bytes | Refused:
    """Run one task; both it and its result travel as bytes.

    ``server`` is the address of a fork server on this machine that may be asked for warm kernels.
    `Refused` where this host cannot sandbox what it must, with what to allow here.
    """
    from course_lib.grading.running import lane, run
    from course_lib.grading.sandbox.levels import find_level
    from course_lib.grading.sandbox.privileges import PrivilegesError
    from course_lib.grading.warm import sharing

    key, raw = item
    try:
        task = Task.from_bytes(raw)
        sharing.borrow(task.preload, server)
        if task.level == "sandbox":
            _give_up_rights()
        with lane.beside():
            result = run(task)
        if task.timed and result.problem is None:
            from course_lib.grading.running.timing import time_all

            result = replace(result, timings=time_all(task))
        refusal = find_level().refusal() if result.problem and task.level == "sandbox" else None
        return Refused(refusal) if refusal else result.to_bytes()
    except PrivilegesError as error:
        return Refused(str(error))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
        return Result.failed(key, problem).to_bytes()


def _give_up_rights() -> None:
    """Become nobody, for good: what reads students' answers has no rights of root's.

    Raises
    ------
    PrivilegesError
        If that failed, now or before: some rights may be left.
    """
    from course_lib.grading.sandbox import privileges

    global _unfit
    try:
        if _unfit is None:
            privileges.drop()
    except privileges.PrivilegesError as error:
        _unfit = str(error)
    if _unfit is not None:
        raise privileges.PrivilegesError(_unfit)


_apart = Apart(work)


def work_on_cluster(item: tuple[str, bytes], installed_here: dict[str, str]) -> bytes | Lost:
    """`work`, in a process below a cluster's worker.

    To give rights up takes a process without other threads, and it is for good: the worker itself
    serves others afterwards. Where other versions are installed than ``installed_here``, at the
    grader's, the result says so.
    """
    answer = _apart(item)
    other = difference(installed_here, _installed())
    if isinstance(answer, Lost) or not other:
        return answer
    result = Result.from_bytes(answer)
    said = f"it ran where other versions are installed: {other}"
    events = [Event(name, None, None, "other-versions", said) for name in result.notebooks]
    return replace(result, events=(*result.events, *events)).to_bytes()


_installed = functools.cache(installed)
