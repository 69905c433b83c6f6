"""What ``course grade`` says and asks: options, progress, the table at the end."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from course_lib.devices import cores
from course_lib.grading.course import Course, CourseError, open_course
from course_lib.grading.grade import Options, Row, grade
from course_lib.grading.journal import Busy, NoJournal
from course_lib.grading.sandbox.levels import find_level
from course_lib.grading.showing import first_of, state_of
from course_lib.grading.tasks import Limits
from course_lib.grading.trusted.secret import read_secret


def run(
    assignment: str,
    course_dir: Path,
    *,
    timeout: float | None,
    memory_gib: float,
    workers: int | None,
    cold: bool,
    preload: tuple[str, ...],
    unsandboxed: bool,
    as_json: bool,
    scheduler: str | None,
    **options: Any,
) -> int:
    """Grade an assignment and say how it went; the exit code."""
    console = Console(highlight=False)
    errors = Console(stderr=True, highlight=False)
    try:
        course = open_course(course_dir, assignment)
        here = not (unsandboxed or scheduler)  # a cluster's workers find out what they can
        warm = warm_kernels(cold) if here else not (unsandboxed or cold)
        chosen = Options(
            workers=workers or cores(),
            level="none" if unsandboxed else "sandbox",
            warm=warm,
            preload=preload,
            limits=limits_of(course, timeout, memory_gib),
            scheduler=scheduler,
            secret=partial(_secret, errors),
            **options,
        )
        rows = _graded(course, chosen, console, as_json)
    except (CourseError, Busy, NoJournal, ValueError, ImportError) as error:
        errors.print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
        return 2
    except ConnectionError as error:
        said = f"{error}. What was graded until then stands; grade again for the rest"
        errors.print(f"[red]{escape(said)}[/]", soft_wrap=True)
        return 1
    if as_json:
        console.print_json(json.dumps([asdict(row) for row in rows]))
    else:
        console.print(table_of(assignment, rows))
        console.print(summary_of(rows, unsandboxed))
    return 0 if all(row.has_verdict for row in rows) else 1


def _secret(errors: Console) -> bytes:
    secret, made = read_secret()
    if made:
        errors.print(f"[yellow]{escape(made)}[/]", soft_wrap=True)
    return secret


def warm_kernels(cold: bool) -> bool:
    """Whether kernels are forked from a warm one, where this host can sandbox at all.

    Raises
    ------
    CourseError
        If no sandbox works here, or not the one that was asked for.
    """
    found = find_level()
    if refusal := found.refusal():
        raise CourseError(refusal)
    if cold and found.cold is not None:
        raise CourseError(f"cold kernels cannot be sandboxed here: {found.cold}")
    return not cold and found.warm is None


def limits_of(course: Course, timeout: float | None, memory_gib: float) -> Limits:
    """The course's own time for a cell, unless another is asked for."""
    from nbgrader.preprocessors import Execute

    seconds = timeout if timeout is not None else Execute(parent=course.app).timeout
    seconds = seconds if seconds and seconds > 0 else None  # nbgrader's word for no limit
    whole = max(Limits().notebook_seconds or 0, 10 * (seconds or 0))
    return Limits(
        cell_seconds=seconds,
        notebook_seconds=whole,
        cpu_seconds=max(Limits().cpu_seconds, int(whole)),
        memory_bytes=int(memory_gib * 2**30),
    )


def _graded(course: Course, options: Options, console: Console, quiet: bool) -> list[Row]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=quiet) as bar:
        total = len(course.students(options.student))
        line = bar.add_task(f"grading {course.assignment}", total=total)
        return grade(course, options, progress=lambda row: bar.advance(line))


def table_of(assignment: str, rows: list[Row]) -> Table:
    """A line for each submission that needs one: all but those without anything to say."""
    table = Table(title=assignment)
    for column in ("student", "state", "points", "before", "what to know"):
        table.add_column(column, justify="right" if column in ("points", "before") else "left")
    colours = {"failed": "red", "inconclusive": "yellow"}
    for row in rows:
        table.add_row(
            escape(row.student),
            state_of(row.state, colours),
            _points(row.score),
            _points(row.before),
            first_of(row.reasons),
        )
    return table


def summary_of(rows: list[Row], unsandboxed: bool) -> str:
    """How many submissions ended in each state, and what was not safe."""
    counts = {
        state: sum(row.state == state for row in rows) for state in sorted({r.state for r in rows})
    }
    said = ", ".join(f"{number} {state}" for state, number in counts.items())
    warning = "\n[red]Nothing was sandboxed: what students wrote ran with your rights.[/]"
    return (said or "nothing was handed in") + (warning if unsandboxed else "")


def _points(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
