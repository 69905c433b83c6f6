"""`course grade` without its kernels: what is graded, what is left alone, what a person must do."""

import json
import sqlite3
import subprocess
import sys

import pytest

from course_lib.grading import grade as grading
from course_lib.grading.commands import nbgrader
from course_lib.grading.course import CourseError, open_course
from course_lib.grading.grade import Options
from course_lib.grading.journal import Journal
from course_lib.workers import Lost
from tests.grading.faking import contents, copy_of, graded
from tests.grading.guard.damaged import DAMAGED
from tests.grading.guard.material import make_course, released, solved, submit

WRONG = "def square(x):\n    return x + x"


@pytest.fixture(scope="module")
def released_course(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("grade") / "course")


@pytest.fixture
def course(released_course, tmp_path):
    """A course with two submissions: one right, one wrong."""
    folder = copy_of(released_course, tmp_path / "course")
    submit(folder, "ada", solved(released(folder)))
    submit(folder, "bob", solved(released(folder), WRONG))
    return folder


def test_points_are_those_of_the_outputs_and_a_person_reads_the_rest(course):
    rows = graded(course)
    assert {name: (row.state, row.score) for name, row in rows.items()} == {
        "ada": ("graded", 3.0),
        "bob": ("graded", 0.0),
    }
    grades = {
        name: (points, needs) for _, name, points, _, needs in contents(course)["ada"]["grades"]
    }
    assert grades["test-square"] == (2.0, False)
    assert grades["why"] == (None, True)
    assert "autograded/ada/ps1/p1.ipynb" in contents(course)


def test_grading_again_changes_nothing_and_runs_nothing(course, monkeypatch):
    graded(course)
    before = contents(course)
    monkeypatch.setattr("tests.grading.faking.fake_work", None)  # calling it would fail
    rows = graded(course)
    assert {row.state for row in rows.values()} == {"unchanged"}
    assert {name: row.score for name, row in rows.items()} == {"ada": 3.0, "bob": 0.0}
    assert contents(course) == before


def test_what_is_handed_in_again_is_graded_again_and_the_old_verdict_is_kept(course):
    graded(course)
    submit(course, "bob", solved(released(course)))
    rows = graded(course)
    assert (rows["bob"].state, rows["bob"].score, rows["bob"].before) == ("regraded", 3.0, 0.0)
    assert "the submission changed" in rows["bob"].reasons
    assert rows["ada"].state == "unchanged"
    with Journal.held(course / ".grading" / "ps1") as journal:
        scores = [one.verdict["p1"]["test-square"] for one in journal.verdicts("bob")]
    assert scores == [0.0, 2.0]


def test_a_mended_check_regrades_everybody(course):
    graded(course)
    source = course / "source" / "ps1" / "p1.ipynb"
    source.write_text(source.read_text().replace("assert square(3) == 9", "assert square(4) == 16"))
    nbgrader(course, "generate_assignment", "ps1", "--force")
    rows = graded(course)
    assert {row.state for row in rows.values()} == {"regraded"}
    assert all("the assignment changed" in row.reasons for row in rows.values())


def test_an_extension_regrades_the_one_who_got_it(course):
    from nbgrader.api import Gradebook

    graded(course)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "c") as gradebook:
        gradebook.grant_extension("ps1", "ada", days=2)
    rows = graded(course)
    assert {name: row.state for name, row in rows.items()} == {
        "ada": "regraded",
        "bob": "unchanged",
    }
    assert graded(course)["ada"].state == "unchanged"


def test_another_environment_regrades_everybody(course, monkeypatch):
    graded(course)
    monkeypatch.setattr(grading, "installed", lambda: {"Python": "4.0"})
    assert all("the environment changed" in row.reasons for row in graded(course).values())


@pytest.mark.needs("sandbox")
def test_the_process_that_writes_loads_no_library_that_only_kernels_need(course):
    program = (
        "import sys; from course_lib.cli import app\n"
        "sys.argv[1:] = ['grade', 'ps1', '--student', 'ada', '--preload', 'json']\n"
        "try: app()\nexcept SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'pandas', 'scipy', 'matplotlib', 'IPython', 'distributed'}\n"
        "print('loaded', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=course, capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("loaded []\n"), done.stdout + done.stderr


def test_force_regrades_and_student_chooses(course):
    graded(course)
    assert {row.state for row in graded(course, force=True).values()} == {"regraded"}
    assert set(graded(course, student="a*")) == {"ada"}
    assert graded(course, student="nobody") == {}


def test_a_manual_score_survives_regrading(course):
    from nbgrader.api import Gradebook

    graded(course)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "c") as gradebook:
        gradebook.find_grade("why", "p1", "ps1", "ada").manual_score = 2.5
        gradebook.db.commit()
    graded(course, force=True)
    grades = {row[1]: row[3:] for row in contents(course)["ada"]["grades"]}
    assert grades["why"] == (2.5, True)


def test_what_nbgrader_graded_before_is_left_alone(course):
    nbgrader(course, "autograde", "ps1", "--student", "ada")
    rows = graded(course)
    assert rows["ada"].state == "unchanged" and "graded by nbgrader" in rows["ada"].reasons[0]
    assert rows["bob"].state == "graded"
    (course / "submitted" / "bob" / "ps1" / "timestamp.txt").write_text("2030-01-01 00:00:00 UTC")
    assert graded(course, force=True, student="ada")["ada"].state == "regraded"


def test_late_days_are_known_and_a_timestamp_that_is_none_is_told(course):
    when = course / "submitted" / "ada" / "ps1" / "timestamp.txt"
    when.write_text("2020-02-03 04:05:06 UTC")
    (course / "submitted" / "bob" / "ps1" / "timestamp.txt").write_text("yesterday-ish")
    rows = graded(course)
    assert contents(course)["ada"]["timestamp"] == "2020-02-03 04:05:06"
    assert "no time: 'yesterday-ish'" in rows["bob"].reasons[0]
    assert rows["bob"].score == 0.0


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_submission_gets_its_verdict_and_costs_nobody_else(
    name, released_course, tmp_path
):
    course = copy_of(released_course, tmp_path / "course")
    honest = submit(course, "ada", solved(released(course))) / "p1.ipynb"
    folder = course / "submitted" / "eve" / "ps1"
    folder.mkdir(parents=True)
    case = DAMAGED[name]
    case.write(folder, honest.read_bytes())
    rows = graded(course)
    assert (rows["ada"].state, rows["ada"].score) == ("graded", 3.0)
    row = rows["eve"]
    said = "\n".join(row.reasons)
    expected = {
        "graded": ("graded", 3.0), "noted": ("graded", 3.0),
        "refused": ("inconclusive", 0.0), "missing": ("graded", 0.0),
    }[case.verdict]  # fmt: skip
    assert (row.state, row.score) == expected, said
    if case.verdict == "refused" or (case.verdict == "noted" and case.told_by == "the guard"):
        assert case.says in said
    needs = [entry[4] for entry in contents(course)["eve"]["grades"]]
    assert all(needs) if case.verdict == "refused" else True
    if case.verdict == "refused":
        shown = (course / "autograded" / "eve" / "ps1" / "p1.ipynb").read_text()
        assert "could not be graded" in shown


def test_a_worker_that_is_lost_costs_its_submission_only(course, monkeypatch):
    def workers(work, items, number):
        from tests.grading.faking import fake_work

        for index, item in enumerate(items):
            yield item, Lost("its worker was killed") if index == 0 else fake_work(item)

    monkeypatch.setattr(grading, "in_workers", workers)
    rows = grading.grade(open_course(course, "ps1"), Options(level="none"))
    assert [(row.student, row.state) for row in rows] == [("ada", "failed"), ("bob", "graded")]
    assert not rows[0].has_verdict and rows[1].has_verdict
    assert not (course / "autograded" / "ada").exists()
    assert graded(course)["ada"].state == "graded"


def test_a_locked_gradebook_is_waited_for_then_reported_and_nothing_is_lost(course, monkeypatch):
    database = course / "gradebook.db"
    other = sqlite3.connect(database, isolation_level=None)
    original = database.read_bytes()
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CourseError, match="locked"):
        graded(course)
    other.execute("ROLLBACK")

    def workers(work, items, number):  # another program takes it while kernels run
        from tests.grading.faking import fake_work

        for item in items:
            answer = fake_work(item)
            other.execute("BEGIN EXCLUSIVE")
            yield item, answer

    monkeypatch.setattr(grading, "in_workers", workers)
    rows = grading.grade(
        open_course(course, "ps1"), Options(level="none", student="ada", patience=0.0)
    )
    assert rows[0].state == "failed" and "locked" in rows[0].reasons[0]
    assert "grading again only writes it" in rows[0].reasons[0]
    other.execute("ROLLBACK")
    other.close()
    assert database.read_bytes() == original
    monkeypatch.setattr(
        grading, "in_workers", lambda work, items, number: (one for one in [*items][:0])
    )
    [row] = grading.grade(open_course(course, "ps1"), Options(level="none", student="ada"))
    assert (row.state, row.score) == ("graded", 3.0)


def test_a_source_that_shadows_a_folder_wins(course):
    (course / "source" / "ps1" / "data").mkdir()
    (course / "source" / "ps1" / "data" / "table.csv").write_text("given")
    (course / "submitted" / "ada" / "ps1" / "data").write_text("a file")
    assert graded(course)["ada"].state == "graded"
    assert (course / "autograded" / "ada" / "ps1" / "data" / "table.csv").read_text() == "given"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda course: None, "no assignment 'ps9'"),
        (lambda course: (course / "gradebook.db").unlink(), "there is no gradebook"),
        (lambda course: (course / "gradebook.db").write_bytes(b"x" * 5000), "cannot be opened"),
        (lambda course: (course / "nbgrader_config.py").write_text("1 / 0"), "configuration"),
    ],
)
def test_a_course_that_cannot_be_graded_is_told_why(course, change, said):
    change(course)
    with pytest.raises(CourseError, match=said):
        open_course(course, "ps9")


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CourseError, match=r"no course directory .*nowhere"):
        open_course(tmp_path / "nowhere", "ps1")


def command(course, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "course_lib.cli", "grade", *arguments],
        cwd=course, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_grades_with_real_kernels_and_says_how_it_went(course):
    (course / "submitted" / "eve" / "ps1").mkdir(parents=True)
    (course / "submitted" / "eve" / "ps1" / "p1.ipynb").write_text("{")
    done = command(course, "ps1", "--unsandboxed", "--workers", "2", "--json")
    assert done.returncode == 1, done.stderr
    rows = {row["student"]: row for row in json.loads(done.stdout)}
    assert {name: (row["state"], row["score"]) for name, row in rows.items()} == {
        "ada": ("graded", 3.0),
        "bob": ("graded", 0.5),  # one of two values of the second test is right
        "eve": ("inconclusive", 0.0),
    }
    again = command(course, "ps1", "--unsandboxed", "--student", "ada")
    assert again.returncode == 0
    assert "unchanged" in again.stdout and "ran with your rights" in again.stdout
    assert command(course, "ps7", "--unsandboxed").returncode == 2
