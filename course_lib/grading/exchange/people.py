"""Who a row of another system's table is in this course.

Canvas's gradebook has *ID* (its own number), *SIS User ID* and *SIS Login ID*; Moodle's worksheet
*Identifier* ("Participant 123"), and as the site shows them *Username*, *ID number*, *Email
address*. A student of nbgrader has an id, an email address and the other system's number
(``lms_user_id``). Names never decide: two people may share one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.grading.exchange.tables import ExchangeError, Table


@dataclass(frozen=True)
class Student:
    """A student in the gradebook."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""

    @property
    def name(self) -> str:
        """Last name first, as gradebooks sort; the id where there is no name."""
        both = ", ".join(filter(None, (self.last_name, self.first_name)))
        return both or self.id


@dataclass(frozen=True)
class Person:
    """A row of another system: its own number there, ids that may be ours, an address.

    ``row`` is its place in the table's rows.
    """

    row: int
    number: str
    ids: tuple[str, ...]
    email: str = ""
    name: str = ""
    group: str = ""

    @property
    def shown(self) -> str:
        """How a message names the row."""
        return f"{self.name or 'no name'} ({self.number or ', '.join(self.ids) or 'no id'})"


def canvas_people(table: Table) -> list[Person]:
    """The students of an exported Canvas gradebook, best id first.

    Raises
    ------
    ExchangeError
        If the table is not one.
    """
    if (
        table.column("Student", "LastName") is None
        or table.column("ID") is None
        or table.column("Section") is None
    ):
        raise ExchangeError(
            f"{table.name} is no gradebook that Canvas exported: it needs the columns Student, ID "
            f"and Section, and has {table.header[:8]}"
        )
    found = []
    for place, row in enumerate(table.rows):
        name = table.cell(row, "Student", "LastName")
        one = table.cell(row, "ID")
        ids = (table.cell(row, "SIS Login ID"), table.cell(row, "SIS User ID"))
        # Points Possible, Manual Posting and the test student have no line of their own to fill.
        if "Points Possible" in name or not any((one, *ids)):
            continue
        ids = tuple(filter(None, ids))
        found.append(Person(place, one, ids, next((i for i in ids if "@" in i), ""), name))
    return found


def moodle_people(table: Table) -> list[Person]:
    """The participants of a Moodle grading worksheet, best id first.

    Raises
    ------
    ExchangeError
        If the table is not one.
    """
    missing = [
        name
        for name in ("Identifier", "Grade", "Last modified (grade)")
        if table.column(name) is None
    ]
    if missing:
        raise ExchangeError(
            f"{table.name} is no grading worksheet of a Moodle assignment in English: it has no "
            f"column {missing}, it has {table.header[:12]}; set your language in Moodle to English "
            "and download it again"
        )
    found = []
    for place, row in enumerate(table.rows):
        match = re.search(r"(\d+)$", table.cell(row, "Identifier"))
        if match is None:
            continue
        email = table.cell(row, "Email address")
        ids = (table.cell(row, "Username"), table.cell(row, "ID number"))
        name, group = table.cell(row, "Full name"), table.cell(row, "Group")
        found.append(Person(place, match[1], tuple(filter(None, ids)), email, name, group))
    return found


@dataclass(frozen=True)
class Matched:
    """Which student each row is (by place in the table), and what could not be decided."""

    students: dict[int, str]
    problems: list[str]


def match(people: Sequence[Person], students: Sequence[Student]) -> Matched:
    """Find each row's student; nobody is guessed, and no student is taken twice.

    >>> ada = Student("ada", email="Ada@x.org", lms_user_id="7")
    >>> match([Person(0, "7", ("a.l",)), Person(1, "9", ("bob",))], [ada]).students
    {0: 'ada'}
    """
    known = {student.id: student.id for student in students}
    by_number = _unique((s.lms_user_id, s.id) for s in students)
    by_email = _unique((s.email.casefold(), s.id) for s in students)
    found: dict[int, str] = {}
    problems: list[str] = []
    for person in people:
        hits = {known[one] for one in (*person.ids, person.email) if one in known}
        hits |= {by_number[person.number]} if person.number in by_number else set()
        email = person.email.casefold()
        hits |= {by_email[email]} if email in by_email else set()
        # The other system's bare number is an id of ours only where nothing better is known.
        if not hits and person.number in known and not known_otherwise(person.number, students):
            hits = {person.number}
        if len(hits) > 1:
            problems.append(f"{person.shown} could be any of {sorted(hits)}: left out")
        elif hits:
            found[person.row] = hits.pop()
    shown = {person.row: person.shown for person in people}
    for student in sorted(set(found.values())):
        rows = [row for row, one in found.items() if one == student]
        if len(rows) > 1:
            problems.append(f"{student} fits {[shown[row] for row in rows]}: left out")
            for row in rows:
                del found[row]
    return Matched(found, problems)


def known_otherwise(number: str, students: Sequence[Student]) -> bool:
    """Whether a student with this id has another number in the other system."""
    return any(s.id == number and s.lms_user_id not in ("", number) for s in students)


def _unique(pairs) -> dict[str, str]:
    """A lookup without what is empty or belongs to several."""
    found: dict[str, str | None] = {}
    for key, value in pairs:
        if key:
            found[key] = None if found.get(key, value) != value else value
    return {key: value for key, value in found.items() if value is not None}
