"""What ``course export`` and ``course collect`` say, and the codes with which they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Shown
from sqlalchemy.exc import SQLAlchemyError

from course_lib.files import write_whole
from course_lib.grading.course import Course, CourseError, open_course
from course_lib.grading.exchange.archive import listing, open_archive
from course_lib.grading.exchange.collect import Collected, collect
from course_lib.grading.exchange.export import export
from course_lib.grading.exchange.extensions import (
    apply_extensions,
    parse_late,
    plan_extensions,
    read_dues,
)
from course_lib.grading.exchange.planning import plan_collect
from course_lib.grading.exchange.scores import read_scores, student_of
from course_lib.grading.exchange.tables import ExchangeError, Table, read_table
from course_lib.grading.exchange.times import zone_named
from course_lib.grading.guard.intake import printable
from course_lib.grading.showing import first_of, state_of


def run_export(
    assignment: str,
    course_dir: Path,
    *,
    to: str,
    output: Path | None = None,
    roster: Path | None = None,
    worksheet: Path | None = None,
    column: str | None = None,
    missing_zero: bool = False,
) -> int:
    """Write an assignment's scores for another system; the exit code."""

    def action(console: Console) -> int:
        course = open_course(course_dir, assignment)
        given = _given(to, roster, worksheet)
        target = output or Path(f"{assignment}-{to}.csv")
        source = roster or worksheet
        if source is not None and target.exists() and target.samefile(source):
            raise ExchangeError(f"--output {target} is the file that was given: name another")
        done = export(
            read_scores(course), assignment, to, given, column=column, missing_zero=missing_zero
        )
        write_whole(target, done.text)
        console.print(f"{done.written} scores in {escape(str(target))}", soft_wrap=True)
        for note in done.notes:
            console.print(f"[yellow]{escape(printable(note))}[/]", soft_wrap=True)
        return 0

    return _guarded(action)


def run_collect(
    assignment: str,
    course_dir: Path,
    archive: Path | None = None,
    *,
    source: str | None = None,
    roster: Path | None = None,
    worksheet: Path | None = None,
    late: Path | None = None,
    late_days: int | None = None,
    timezone: str = "UTC",
    entry_times: bool = False,
    force: bool = False,
) -> int:
    """Unpack a class's submissions and enter its extensions; the exit code."""

    def action(console: Console) -> int:
        course = open_course(course_dir, assignment)
        zone = zone_named(timezone)
        if archive is None and late is None and late_days is None:
            raise ExchangeError("there is nothing to do: name an ARCHIVE, --late or --late-days")
        lines = parse_late(read_table(late), zone) if late is not None else []
        extending = bool(lines) or late_days is not None
        if extending:  # what is wrong with the table is said before anything is unpacked
            plan_extensions(lines, assignment, *read_dues(course), late_days)
        rows: list[Collected] = []
        refused: dict[str, str] = {}
        if archive is not None:
            if source is None:
                raise ExchangeError("say with --from canvas or --from moodle whose archive it is")
            given = _given(source, roster, worksheet)
            students, expected = _known(course)
            with open_archive(archive) as opened:
                found = listing(opened)
            plan = plan_collect(found, source, students, given, zone=zone, entry_times=entry_times)
            rows, refused = collect(course, archive, plan, expected, force=force), plan.refused
            console.print(_shown(assignment, rows))
            for note in (*plan.notes, *(f"{name}: {why}" for name, why in refused.items())):
                console.print(f"[yellow]{escape(printable(note))}[/]", soft_wrap=True)
        if extending:
            dues, everyone = read_dues(course)
            extensions = plan_extensions(lines, assignment, dues, everyone, late_days)
            changed = apply_extensions(course, extensions)
            given_to = sum(bool(one) for one in extensions.extensions.values())
            console.print(f"{given_to} extensions in the gradebook, {changed} of them changed")
            if changed:
                console.print("penalties follow when these submissions are graded again (--force)")
            for note in extensions.notes:
                console.print(f"[yellow]{escape(printable(note))}[/]", soft_wrap=True)
        return 1 if refused or any(row.state == "refused" for row in rows) else 0

    return _guarded(action)


def _guarded(action: Callable[[Console], int]) -> int:
    console = Console(highlight=False)
    try:
        return action(console)
    except (CourseError, ExchangeError, SQLAlchemyError, OSError, ValueError) as error:
        said = str(getattr(error, "orig", None) or error)
        Console(stderr=True, highlight=False).print(f"[red]{escape(said)}[/]", soft_wrap=True)
        return 2


def _given(system: str, roster: Path | None, worksheet: Path | None) -> Table | None:
    """The other system's own file: Canvas's is a roster, Moodle's a worksheet."""
    wrong = {"canvas": worksheet, "moodle": roster}.get(system, roster or worksheet)
    if wrong is not None:
        fits = {"canvas": "--roster", "moodle": "--worksheet"}.get(system, "neither")
        raise ExchangeError(f"{wrong} does not go with {system!r}: that takes {fits}")
    path = roster or worksheet
    return None if path is None else read_table(path)


def _known(course: Course) -> tuple[list, list[str]]:
    from nbgrader.api import Gradebook

    directory = course.directory
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        names = [one.name for one in gradebook.find_assignment(course.assignment).notebooks]
        return [student_of(one) for one in gradebook.students], sorted(names)


def _shown(assignment: str, rows: list[Collected]) -> Shown:
    table = Shown(title=assignment)
    for column in ("student", "state", "what to know"):
        table.add_column(column)
    colours = {"refused": "red", "kept": "yellow"}
    for row in rows:
        table.add_row(escape(row.student), state_of(row.state, colours), first_of(row.notes))
    return table
