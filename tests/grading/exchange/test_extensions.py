"""Extensions: from a table, never adding up, never half a class."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.grading.course import open_course
from course_lib.grading.exchange.command import run_collect
from course_lib.grading.exchange.extensions import (
    Due,
    Line,
    apply_extensions,
    parse_late,
    plan_extensions,
    read_dues,
)
from course_lib.grading.exchange.people import Student
from course_lib.grading.exchange.tables import ExchangeError, parse_table
from course_lib.grading.exchange.times import DAY, in_utc, zone_named
from tests.grading.exchange.helpers import extensions, set_due

DUE = datetime(2026, 3, 1, 12)
ADA = [Student("ada", email="ada@x.org")]


def plan(lines, behind, **options):
    """Extensions where ada handed in so many days late, for one assignment after the other."""
    dues = [
        Due(f"ps{i}", DUE + 7 * i * DAY, {"ada": DUE + 7 * i * DAY + days * DAY})
        for i, days in enumerate(behind)
    ]
    found = [plan_extensions(lines, one.name, dues, ADA, **options) for one in dues]
    return [one.extensions.get("ada", timedelta(0)) / DAY for one in found]


lateness = st.lists(st.floats(-3, 9), min_size=1, max_size=5)


@given(lateness, st.integers(0, 12), st.floats(0, 5))
def test_no_more_late_days_are_spent_than_there_are(behind, budget, extra):
    given_days = plan([Line("ada", extra_days=extra)], behind, late_days=budget)
    spent = [days - extra for days in given_days]
    assert all(days >= -1e-9 for days in spent)
    assert sum(spent) <= budget + 1e-6
    # A day is spent only where it is needed, and kept only where nothing more is.
    for days, late in zip(spent, behind, strict=True):
        assert days <= max(0, late - extra) + 1
    if sum(spent) < budget - 1e-6:
        assert all(late <= days + extra + 1e-6 for late, days in zip(behind, spent, strict=True))


@given(lateness)
def test_without_a_table_line_or_budget_nobody_gets_anything(behind):
    assert plan([], behind) == [0] * len(behind)


def test_the_longer_of_days_and_until_counts():
    until = Line("ada", extra_days=1, until=DUE + 3 * DAY)
    assert plan([until], [0]) == [3]
    assert plan([Line("ADA@x.org", extra_days=2)], [0]) == [2]
    own = [Line("ada", "ps1", 4), Line("ada", extra_days=1)]
    assert plan(own, [0, 0, 0]) == [1, 4, 1]
    assert plan([Line("ada", late_days=1)], [2, 2], late_days=9) == [1, 0]


def test_times_have_zones():
    berlin = zone_named("Europe/Berlin")
    table = parse_table(b"student,until\nada,2026-03-03\nbob,2026-03-03 10:00\neve,2026-03-03T10Z")
    assert [one.until for one in parse_late(table, berlin)] == [
        datetime(2026, 3, 3, 22, 59, 59),
        datetime(2026, 3, 3, 9),
        datetime(2026, 3, 3, 10),
    ]
    with pytest.raises(ValueError, match="no whole date"):
        in_utc("10:30", UTC)


@pytest.mark.parametrize(
    "text",
    ["who,days\nada,1", "student,extra_days\nada,-1", "student,extra_days\nada,nan",
     "student,extra_days\nada,two", "student,until\nada,soon", "student,late_days\nada,1.5",
     "student,extra_days\nada,1\nada,2", "student,extra_days\n,1"],
)  # fmt: skip
def test_a_table_that_cannot_be_meant_is_refused(text):
    with pytest.raises(ExchangeError, match="table"):
        parse_late(parse_table(text.encode()), UTC)


def test_unknown_people_and_assignments_are_told():
    dues = [Due("ps1", DUE, {"ada": DUE})]
    found = plan_extensions([Line("zoe", extra_days=1)], "ps1", dues, [*ADA, Student("bob")])
    assert found.extensions == {}
    assert "zoe" in found.notes[0]
    waiting = plan_extensions([Line("bob", extra_days=1)], "ps1", dues, [*ADA, Student("bob")])
    assert waiting.extensions == {}
    assert "bob" in waiting.notes[0]
    with pytest.raises(ExchangeError, match="ps9"):
        plan_extensions([Line("ada", "ps9", 1)], "ps1", dues, ADA)
    with pytest.raises(ExchangeError, match="due date"):
        plan_extensions([], "ps1", [Due("ps1", None, {})], ADA)


def hand_in(folder, student, when):
    """A submission on disk with a time."""
    place = folder / "submitted" / student / "ps1"
    place.mkdir(parents=True)
    (place / "timestamp.txt").write_text(f"{when} UTC")


def test_the_gradebook_gets_it_once_however_often(folder, tmp_path, capsys):
    set_due(folder)
    hand_in(folder, "ada", "2026-03-03 11:00:00")
    hand_in(folder, "bob", "2026-03-01 11:00:00")
    table = tmp_path / "late.csv"
    table.write_text("student,extra_days\nada,1\nbob,0\nzoe,3\n")
    for _ in range(2):
        assert run_collect("ps1", folder, late=table, late_days=5) == 0
        assert extensions(folder) == {"ada": timedelta(days=2)}
    said = capsys.readouterr().out
    assert "zoe" in said
    assert "1 late days, 4 are left" in said
    table.write_text("student,extra_days\nada,0\n")
    assert run_collect("ps1", folder, late=table) == 0
    assert extensions(folder) == {"ada": None}


def test_a_fault_in_the_middle_leaves_nobody_extended(folder, monkeypatch):
    set_due(folder)
    for student in ("ada", "bob"):
        hand_in(folder, student, "2026-03-03 11:00:00")
    course = open_course(folder, "ps1")
    dues, students = read_dues(course)
    found = plan_extensions([Line("ada", extra_days=1)], "ps1", dues, students, late_days=1)
    assert set(found.extensions) == {"ada", "bob"}
    broken = found.extensions | {"bob": "two days"}
    with pytest.raises(Exception, match="two days"):
        apply_extensions(course, type(found)(broken, ()))
    assert set(extensions(folder).values()) == {None}
