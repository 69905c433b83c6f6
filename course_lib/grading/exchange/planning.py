"""Whose the files of a downloaded archive are, and when they came: all of it as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from course_lib.grading.exchange.archive import Entry, Listing
from course_lib.grading.exchange.naming import PLACES, Placed
from course_lib.grading.exchange.people import (
    Matched,
    Person,
    Student,
    canvas_people,
    match,
    moodle_people,
)
from course_lib.grading.exchange.tables import ExchangeError, Table
from course_lib.grading.exchange.times import in_utc, to_utc
from course_lib.grading.guard.intake import odd_name, printable


@dataclass(frozen=True)
class HandIn:
    """What one student handed in, still packed."""

    student: str
    files: tuple[tuple[str, Entry, int], ...]  # name, entry, which came later
    time: datetime | None = None  # UTC
    notes: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class CollectPlan:
    """What an archive's submissions become, and what does not become one."""

    hand_ins: tuple[HandIn, ...]
    usual: frozenset[str]
    refused: dict[str, str]
    notes: tuple[str, ...]


@dataclass
class _Owner:
    placed: Placed
    files: list[tuple[str, Entry, int]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    late: bool = False


def plan_collect(
    found: Listing,
    system: str,
    students: Sequence[Student],
    given: Table | None = None,
    *,
    zone: tzinfo,
    entry_times: bool = False,
) -> CollectPlan:
    """Whose the files of an archive are, and when they came.

    Parameters
    ----------
    found : Listing
        What is in the archive.
    system : str
        *canvas* or *moodle*.
    students : sequence of Student
        Those of the gradebook.
    given : Table, optional
        Canvas's exported gradebook or Moodle's worksheet: it says who the numbers are.
    zone : tzinfo
        Of times that are written without one.
    entry_times : bool
        Take the archive's own times where no worksheet has one. They are those of the packing in
        many versions, so that the whole class would be late: hence not by default.

    Raises
    ------
    ExchangeError
        If the archive is not one of that system's.
    """
    if system not in PLACES:
        raise ExchangeError(f"--from is {system!r}; it must be one of {', '.join(PLACES)}")
    owners: dict[tuple[str, str], _Owner] = {}
    refused: dict[str, str] = {}
    for entry in found.entries:
        placed = PLACES[system](entry.name)
        if placed is None:
            refused[printable(entry.name)] = f"it has no name as {system} gives"
            continue
        owner = _owner(owners, placed)
        owner.files.append((placed.file, entry, placed.order))
        owner.late |= placed.late
    if found.entries and not owners:
        raise ExchangeError(
            f"nothing in the archive has a name as {system} gives, such as "
            f"{printable(found.entries[0].name)!r}: is it the file of another system, or was it "
            "packed again?"
        )
    for name, reason in found.refused.items():
        placed = PLACES[system](name)
        # Half a submission would be graded as if the other half had never been handed in.
        if placed is not None and (key := (placed.number, _key(placed))) in owners:
            owners[key].refused.append(f"{name}: {reason}")
        else:
            refused[name] = reason
    people = _people(system, given)
    matched = match(people, students)
    hand_ins: list[HandIn] = []
    for owner in owners.values():
        whose, reason = _students(owner.placed, people, matched, students, given)
        notes = ["marked LATE by Canvas, which does not say since when"] if owner.late else []
        time, said = _time(owner, people, given, zone, entry_times)
        notes += said
        shown = printable(f"{owner.placed.owner} ({owner.placed.number or 'no number'})")
        if reason:
            hand_ins.append(HandIn(shown, (), refused=reason))
        for student in whose:
            why = "; ".join(owner.refused) or _odd_student(student)
            hand_ins.append(HandIn(student, tuple(owner.files), time, tuple(notes), why))
    hand_ins = _once(hand_ins)
    usual = frozenset(name for one in hand_ins for name, _, _ in one.files if "/" not in name)
    times = {one.time for one in hand_ins if one.time}
    notes = [_where_times(system, given, entry_times, zone)] if times else []
    if not times and hand_ins:
        notes = ["no times are known, so nobody is late: see --worksheet and --entry-times"]
    return CollectPlan(
        tuple(sorted(hand_ins, key=lambda one: one.student)), usual, refused, tuple(notes)
    )


def _owner(owners: dict[tuple[str, str], _Owner], placed: Placed) -> _Owner:
    return owners.setdefault((placed.number, _key(placed)), _Owner(placed))


def _key(placed: Placed) -> str:
    """A number of Canvas is one person; in Moodle it may also be a team's."""
    return placed.owner.casefold()


def _people(system: str, given: Table | None) -> list[Person]:
    if given is None:
        return []
    return canvas_people(given) if system == "canvas" else moodle_people(given)


def _students(
    placed: Placed,
    people: Sequence[Person],
    matched: Matched,
    students: Sequence[Student],
    given: Table | None,
) -> tuple[list[str], str]:
    """nbgrader's ids for an owner, or why there are none."""
    if given is None:
        if not placed.number:
            return [], f"{placed.owner!r} has no number: give the roster or the worksheet"
        found = match([Person(0, placed.number, ())], students)
        return [found.students.get(0, placed.number)], "; ".join(found.problems)
    rows = [one for one in people if placed.number and one.number == placed.number]
    moodle_team = given.column("Group") is not None
    if rows and moodle_team and not _same_name(rows[0].name, placed.owner):
        rows = []  # a team's number, which happens to be a participant's too
    if not rows and moodle_team:
        rows = [one for one in people if one.group and _same_name(one.group, placed.owner)]
    if not rows:
        return [], f"{given.name} has no row for {placed.owner!r}, number {placed.number or 'none'}"
    problems = [text for text in matched.problems for one in rows if one.shown in text]
    if problems:
        return [], "; ".join(dict.fromkeys(problems))
    return [matched.students.get(one.row) or _own_id(one) for one in rows], ""


def _own_id(person: Person) -> str:
    """The id of somebody whom the gradebook does not know yet."""
    return next(iter(person.ids), "") or person.email or person.number


def _same_name(one: str, other: str) -> bool:
    # Moodle writes underscores of names as spaces and drops what no file may hold.
    plain = [
        "".join(c for c in text.replace("_", " ").casefold() if c.isalnum())
        for text in (one, other)
    ]
    return plain[0] == plain[1] or (not plain[0] and plain[1].startswith("participant"))


def _time(
    owner: _Owner,
    people: Sequence[Person],
    given: Table | None,
    zone: tzinfo,
    entry_times: bool,
) -> tuple[datetime | None, list[str]]:
    if given is not None and given.column("Last modified (submission)") is not None:
        rows = [
            one
            for one in people
            if one.number == owner.placed.number or _same_name(one.group or "-", owner.placed.owner)
        ]
        for one in rows:
            text = given.cell(given.rows[one.row], "Last modified (submission)")
            try:
                when = in_utc(text, zone)
            except ValueError as error:
                return None, [f"the worksheet's time is not taken: {error}"]
            if when is not None:
                return when, []
    times = [entry.time for _, entry, _ in owner.files if entry.time is not None]
    if entry_times and times:
        return to_utc(max(times), zone), []
    return None, []


def _where_times(system: str, given: Table | None, entry_times: bool, zone: tzinfo) -> str:
    worksheet = system == "moodle" and given is not None
    source = "the worksheet's Last modified (submission)" if worksheet else "the archive's entries"
    return f"times are {source}, read in the zone {zone}"


def _odd_student(student: str) -> str:
    reason = odd_name(student)
    if reason is None and (not student or student.startswith(".") or "/" in student):
        reason = "it cannot be a folder's name"
    return f"the student id {printable(student)!r}: {reason}" if reason else ""


def _once(hand_ins: Sequence[HandIn]) -> list[HandIn]:
    """Two submissions of one student are a person's to choose from."""
    found: dict[str, HandIn] = {}
    for one in hand_ins:
        if one.student in found:
            one = replace(one, files=(), refused="the archive has two submissions of this student")
        found[one.student] = one
    return list(found.values())
