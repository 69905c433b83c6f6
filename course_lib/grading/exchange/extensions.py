"""Extensions and late days from a table, into the gradebook.

The table has a column *student* (id, email address or the other system's number) and any of
*assignment* (empty: every one), *extra_days*, *until* (a time, or a date to its end) and
*late_days* (this student's budget over all assignments). A budget is spent in the order of due
dates, a day for each day begun, before any penalty; what is left over is there for the next.
Everything is computed anew from the table and the times of submission, so that doing it again
changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from course_lib.grading.course import Course
from course_lib.grading.exchange.people import Person, Student, match
from course_lib.grading.exchange.scores import student_of
from course_lib.grading.exchange.tables import ExchangeError, Table
from course_lib.grading.exchange.times import DAY, in_utc

MOST_DAYS = 3650
COLUMNS = ("student", "assignment", "extra_days", "until", "late_days")


@dataclass(frozen=True)
class Line:
    """One line of the table; ``until`` is in UTC."""

    student: str
    assignment: str = ""
    extra_days: float = 0.0
    until: datetime | None = None
    late_days: int | None = None


@dataclass(frozen=True)
class Due:
    """An assignment: when it is due, and when who handed it in (all in UTC)."""

    name: str
    due: datetime | None
    handed_in: Mapping[str, datetime | None]


@dataclass(frozen=True)
class ExtensionPlan:
    """The whole extension of each student (none where it is zero), and what to know."""

    extensions: dict[str, timedelta]
    notes: tuple[str, ...]


def parse_late(table: Table, zone: tzinfo) -> list[Line]:
    """The lines of a table.

    Raises
    ------
    ExchangeError
        That names every line that cannot be read.
    """
    unknown = [name for name in table.header if name.strip().casefold() not in COLUMNS]
    if table.column("student") is None or unknown:
        raise ExchangeError(
            f"{table.name} has the columns {table.header}; it needs student, and may have "
            f"{', '.join(COLUMNS[1:])}"
        )
    lines, wrong, seen = [], [], set()
    for number, row in enumerate(table.rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            line = _line(table, row, zone)
            if (line.student, line.assignment) in seen:
                raise ValueError(f"{line.student!r} has two lines for the same assignment")
            seen.add((line.student, line.assignment))
            lines.append(line)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
    if wrong:
        raise ExchangeError(f"{table.name} cannot be read: {'; '.join(wrong[:10])}")
    return lines


def _line(table: Table, row: list[str], zone: tzinfo) -> Line:
    student = table.cell(row, "student")
    if not student:
        raise ValueError("it names no student")
    extra = _number(table.cell(row, "extra_days") or "0", "extra_days")
    budget = table.cell(row, "late_days")
    if budget and not budget.isdecimal():
        raise ValueError(f"late_days is {budget!r}; it must be a whole number of days")
    until = in_utc(table.cell(row, "until"), zone, end_of_day=True)
    late = int(_number(budget, "late_days")) if budget else None
    return Line(student, table.cell(row, "assignment"), extra, until, late)


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MOST_DAYS:
        raise ValueError(f"{name} is {text!r}; it must be a number of days from 0 to {MOST_DAYS}")
    return value


def plan_extensions(
    lines: Sequence[Line],
    assignment: str,
    assignments: Sequence[Due],
    students: Sequence[Student],
    late_days: int | None = None,
) -> ExtensionPlan:
    """What each student's extension of an assignment is.

    Parameters
    ----------
    lines : sequence of Line
        From `parse_late`.
    assignment : str
        The one to extend.
    assignments : sequence of Due
        All of the course: a budget was spent on earlier ones.
    students : sequence of Student
        Everybody known.
    late_days : int, optional
        Everybody's budget in days; a line's own comes first.

    Raises
    ------
    ExchangeError
        If the assignment has no due date, or the table names an assignment that is not there.
    """
    due = {one.name: one for one in assignments}
    if assignment not in due or due[assignment].due is None:
        raise ExchangeError(
            f"{assignment!r} has no due date in the gradebook, so nothing can be late; set it in "
            "formgrader, or with --duedate of nbgrader db assignment add"
        )
    if odd := sorted({line.assignment for line in lines} - {"", *due}):
        raise ExchangeError(f"the table names the assignments {odd}; there are {sorted(due)}")
    people = [
        Person(place, line.student, (line.student,), line.student)
        for place, line in enumerate(lines)
    ]
    whose = {}
    notes: list[str] = []
    for person in people:  # one by one: a student may have a line for each assignment
        found = match([person], students)
        notes += found.problems
        whose |= found.students
    unknown = sorted({line.student for place, line in enumerate(lines) if place not in whose})
    if unknown:
        notes.append(f"nobody is called {', '.join(unknown)}: left out")
    of: dict[str, list[Line]] = {}
    for place, student in whose.items():
        of.setdefault(student, []).append(lines[place])
    extensions = {}
    here = due[assignment].handed_in
    everyone = here if late_days is not None else [one for one in of if one in here]
    for student in sorted(everyone):
        extensions[student] = _extension(
            of.get(student, []), student, assignment, assignments, late_days, notes
        )
    absent = sorted(set(of) - set(here))
    if absent:
        notes.append(
            f"handed in nothing yet, so no extension is kept: {', '.join(absent)}; run this again "
            "when they have"
        )
    return ExtensionPlan(extensions, tuple(dict.fromkeys(notes)))


def _extension(
    lines: Sequence[Line],
    student: str,
    assignment: str,
    assignments: Sequence[Due],
    late_days: int | None,
    notes: list[str],
) -> timedelta:
    left = late_days or 0
    for line in lines:
        left = left if line.late_days is None else line.late_days
    ordered = [one for one in assignments if one.due is not None]
    ordered.sort(key=lambda one: (one.due, one.name))
    for one in ordered:
        granted = _granted(lines, one)
        time = one.handed_in.get(student)
        behind = (time - one.due - granted) / DAY if time is not None else 0.0
        needed = max(0, math.ceil(behind))
        spent = min(needed, left)
        left -= spent
        if one.name == assignment:
            if spent:
                notes.append(f"{student} spends {spent} late days, {left} are left")
            if needed > spent and (spent or late_days):
                notes.append(f"{student} is {needed - spent} days later than the late days cover")
            return granted + spent * DAY
    raise AssertionError("the assignment is among those with a due date")


def _granted(lines: Sequence[Line], one: Due) -> timedelta:
    """The longest extension that a line gives; its own line before one for every assignment."""
    own = [line for line in lines if line.assignment == one.name]
    given = [timedelta(0)]
    for line in own or [line for line in lines if not line.assignment]:
        given.append(timedelta(days=line.extra_days))
        if line.until is not None:
            given.append(line.until - one.due)
    return max(given)


# --- the gradebook ---


def read_dues(course: Course) -> tuple[list[Due], list[Student]]:
    """Every assignment with its times, and everybody who is known or has handed this one in.

    Of this assignment the times are those in ``submitted/``, which grading will enter.
    """
    from nbgrader.api import Gradebook

    directory = course.directory
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        students = {one.id: student_of(one) for one in gradebook.students}
        dues = []
        for one in gradebook.assignments:
            times = {each.student_id: each.timestamp for each in one.submissions}
            if one.name == course.assignment:
                # A place that an earlier run made, and nothing else, is no submission.
                times = {who: when for who, when in times.items() if when is not None}
                times |= {who: _submitted(course, who) for who in course.students()}
            dues.append(Due(one.name, one.duedate, times))
    for who in course.students():
        students.setdefault(who, Student(who))
    return dues, [*students.values()]


def _submitted(course: Course, student: str) -> datetime | None:
    folder = str(course.submitted(student))
    try:
        return course.directory.get_existing_timestamp(folder)
    except (ValueError, OverflowError):
        return None


def apply_extensions(course: Course, plan: ExtensionPlan) -> int:
    """Write extensions to the gradebook, all or none; how many changed.

    A student or a submission that is not there yet is added, as grading would.
    """
    from nbgrader.api import Gradebook, MissingEntry

    directory, name = course.directory, course.assignment
    changed = 0
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        for student, extension in plan.extensions.items():
            try:
                gradebook.find_student(student)
            except MissingEntry:
                gradebook.update_or_create_student(student)
            try:
                gradebook.find_submission(name, student)
            except MissingEntry:
                if extension:
                    gradebook.update_or_create_submission(name, student)
        # `grant_extension` sets this very attribute, but commits after each student: a fault in
        # the middle would leave half a class extended.
        try:
            for student, extension in plan.extensions.items():
                try:
                    submission = gradebook.find_submission(name, student)
                except MissingEntry:
                    continue
                if (submission.extension or timedelta(0)) != extension:
                    submission.extension = extension or None
                    changed += 1
            gradebook.db.commit()
        except BaseException:
            gradebook.db.rollback()
            raise
    return changed
