"""What is exported: the right cell of the right line, and not another."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.grading.course import open_course
from course_lib.grading.exchange.command import run_export
from course_lib.grading.exchange.export import export
from course_lib.grading.exchange.people import Person, Student, match
from course_lib.grading.exchange.scores import read_scores
from course_lib.grading.exchange.tables import (
    FORMULA,
    ExchangeError,
    Table,
    harmless,
    number,
    parse_table,
)
from tests.grading.exchange.helpers import give, gradebook, score

CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,ps1 (91),ps2 (92),Final Score
,,,,,Manual Posting,,
    Points Possible,,,,,10.00,5.00,(read only)
"Lovelace, Ada",101,S1,ada,"A, and B",,4,12
"Babbage, Charles",102,S2,charles,A,3.00,EX,8
"Hopper, Grace",103,S3,grace,A,EX,,
"Nobody, Known",104,S4,nobody,A,1,,
"Student, Test",,,,A,,,
""".replace("\n", "\r\n")

MOODLE = """\ufeffIdentifier,Full name,Email address,Status,Grade,Maximum Grade,\
Grade can be changed,Last modified (submission),Last modified (grade),Feedback comments
Participant 11,Ada Lovelace,ada@x.org,Submitted for grading,,10.00,Yes,\
"Wednesday, 10 June 2026, 2:14 PM",-,"Good, so far"
Participant 12,Charles Babbage,charles@x.org,Submitted for grading,2.00,10.00,No,-,-,
Participant 13,Grace Hopper,GRACE@x.org,No submission,,10.00,Yes,-,-,
"""

text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
points = st.floats(0, 1e4).map(lambda value: round(value, 5))
ids = st.text("abcdefghij0123456789@.", min_size=1, max_size=8)


def cells(of):
    return list(csv.reader(io.StringIO(of.removeprefix("\ufeff"), newline="")))


@given(st.lists(st.lists(text, min_size=2, max_size=4), min_size=1), st.sampled_from(",;"))
def test_a_table_is_read_back_as_it_was_written(rows, delimiter):
    table = Table(["a", "b"], rows, delimiter, bom=True)
    again = parse_table(table.text().encode())
    assert again.header == table.header
    assert again.rows == rows


@given(text)
def test_no_text_cell_is_a_formula(cell):
    assert not harmless(cell).lstrip(" ").startswith(FORMULA)
    assert harmless(cell).endswith(cell)


@given(points)
def test_points_are_read_back(value):
    written = number(value)
    assert "e" not in written
    assert float(written) == pytest.approx(value, abs=1e-5)


@given(st.dictionaries(ids, points, min_size=1, max_size=6))
def test_every_score_comes_back_from_canvas_and_only_its_column_changes(given_points):
    scores = [score(name, raw=value, maximum=1e4) for name, value in given_points.items()]
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "other (1)", "hw (2)"]
    rows = [
        ["=SUM(A1)", f"x{place}", "", name, "s", "7", ""]
        for place, name in enumerate(reversed(given_points))
    ]
    table = Table(header, rows)
    done = parse_table(export(scores, "hw", "canvas", table).text.encode())
    assert {row[3]: float(row[6]) for row in done.rows} == pytest.approx(given_points, abs=1e-5)
    assert [row[:6] for row in done.rows] == [row[:6] for row in rows]


@given(
    st.lists(st.builds(Student, ids, email=ids, lms_user_id=ids), unique_by=lambda one: one.id),
    st.lists(st.tuples(ids, ids, ids), max_size=6),
)
def test_no_student_is_matched_twice(students, raw):
    people = [Person(i, one, (login,), mail) for i, (one, login, mail) in enumerate(raw)]
    found = match(people, students).students
    assert len(set(found.values())) == len(found)
    assert set(found.values()) <= {one.id for one in students}


def test_a_row_that_fits_two_students_is_left_out_and_told():
    found = match([Person(0, "7", ("bob",))], [Student("ada", lms_user_id="7"), Student("bob")])
    assert found.students == {}
    assert "ada" in found.problems[0]


def test_canvas_gets_its_own_file_back_with_one_column_filled():
    scores = [
        score("ada", raw=7.5, penalty=1.0),
        score("charles", "to be judged"),
        score("grace", raw=9.0),
        score("zoe", raw=1.0),
    ]
    done = export(scores, "ps1", "canvas", parse_table(CANVAS.encode()))
    before, after = cells(CANVAS), cells(done.text)
    assert done.text.startswith("\ufeff")
    assert done.text.count("\r\n") == CANVAS.count("\r\n")
    assert [row[5] for row in after] == [
        "ps1 (91)", "Manual Posting", "10.00", "6.5", "", "EX", "1", "",
    ]  # fmt: skip
    assert [row[:5] + row[6:] for row in after] == [row[:5] + row[6:] for row in before]
    said = "\n".join(done.notes)
    assert "a person must judge: 1 (charles)" in said
    assert "blank now: 1 (charles)" in said
    assert "excused there, left so: 1 (grace)" in said
    assert "not in the file: 1 (zoe)" in said
    assert "Nobody, Known (104)" in said
    assert done.written == 1


def test_another_name_of_the_column_is_asked_for():
    table = parse_table(CANVAS.encode())
    with pytest.raises(ExchangeError, match=r"--column.*ps2 \(92\)"):
        export([score("ada")], "homework", "canvas", table)
    done = export([score("ada")], "homework", "canvas", table, column="ps2")
    assert cells(done.text)[3][6] == "5"
    with pytest.raises(ExchangeError, match="no gradebook that Canvas"):
        export([score("ada")], "ps1", "canvas", Table(["Name", "ps1 (3)"], []))


def test_canvas_without_a_roster_needs_its_numbers():
    with pytest.raises(ExchangeError, match=r"(?s)1 \(ada\).*--roster"):
        export([score("ada")], "ps1", "canvas")
    done = export([score("ada", lms_user_id="7", last_name="=1+1")], "ps1", "canvas")
    assert cells(done.text)[2] == ["'=1+1", "7", "", "ada", "", "5"]


def test_moodle_gets_its_own_worksheet_back():
    scores = [score("ada", email="ada@x.org"), score("charles", lms_user_id="12")]
    scores.append(score("grace", "nothing handed in", email="grace@x.org"))
    table = parse_table(MOODLE.encode())
    blank = cells(export(scores, "ps1", "moodle", table).text)
    zero = cells(export(scores, "ps1", "moodle", table, missing_zero=True).text)
    assert [row[4] for row in blank] == ["Grade", "5", "2.00", ""]
    assert [row[4] for row in zero] == ["Grade", "5", "2.00", "0"]
    assert [row[:4] + row[5:] for row in blank] == [row[:4] + row[5:] for row in cells(MOODLE)]


def test_a_worksheet_in_another_language_is_refused_with_the_way_out():
    german = MOODLE.replace("Grade,", "Bewertung,")
    with pytest.raises(ExchangeError, match="English"):
        export([score("ada")], "ps1", "moodle", parse_table(german.encode()))


def test_nobody_known_is_refused():
    with pytest.raises(ExchangeError, match="none of the 2 people"):
        export([score("zoe")], "ps1", "moodle", parse_table(MOODLE.encode()))


def test_the_gradebook_gives_what_nbgrader_would(folder):
    give(folder, "ada", 3.0, late=1.0, email="ada@x.org", first_name="Ada")
    give(folder, "bob", 2.0, by_hand=True)
    with_nothing = folder / "submitted" / "eve" / "ps1"
    with_nothing.mkdir(parents=True)
    with gradebook(folder) as book:
        for name in ("eve", "zoe"):
            book.update_or_create_student(name)
    found = {one.student.id: one for one in read_scores(open_course(folder, "ps1"))}
    assert {name: (one.state, one.final) for name, one in found.items()} == {
        "ada": ("graded", 2.0),
        "bob": ("to be judged", None),
        "eve": ("not graded", None),
        "zoe": ("nothing handed in", None),
    }
    assert {one.name for one in found["ada"].cells} == {"test-square", "test-half", "why", "task"}
    table = cells(export(list(found.values()), "ps1", "csv").text)
    assert len(table) == 5
    assert len({len(row) for row in table}) == 1
    assert "p1/test-square" in table[0]


def test_the_command_writes_whole_files_and_says_what_is_wrong(folder, tmp_path, capsys):
    give(folder, "ada", 3.0)
    give(folder, "charles", 3.0, by_hand=True)
    roster = tmp_path / "roster.csv"
    roster.write_bytes(CANVAS.encode())
    out = tmp_path / "out.csv"
    assert run_export("ps1", folder, to="canvas", roster=roster, output=out) == 0
    assert cells(out.read_text(encoding="utf-8"))[3][5] == "3"
    assert "charles" in capsys.readouterr().out
    before = out.read_bytes()
    assert run_export("ps1", folder, to="moodle", roster=roster, output=out) == 2
    assert run_export("ps1", folder, to="canvas", roster=roster, output=roster) == 2
    assert run_export("nope", folder, to="csv", output=out) == 2
    assert run_export("ps1", folder, to="blackboard", output=out) == 2
    assert out.read_bytes() == before
