"""Verdicts are made outside the kernel, on values, for inputs that nobody knew before."""

import json

import nbformat
import pytest

from course_lib.grading.commands import nbgrader
from course_lib.grading.course import CourseError
from tests.grading.trusted.material import (
    CHECKS,
    grade_all,
    graded,
    hand_in,
    points,
)

pytestmark = pytest.mark.needs("sandbox")
ALL = {"square": 2.0, "half": 4.0, "count-of-records": 1.0}
CLASS = {
    "right": ({}, ALL),
    "doubles": ({"square-answer": "def square(x): return 2 * x"}, ALL | {"square": 0.0}),
    "half-right": (
        {"half-answer": "def half(x):\n    return x if x % 2 else 1 // 0"},
        ALL | {"half": 2.0},
    ),
    "raises": ({"square-answer": "def square(x): return 1 / 0"}, ALL | {"square": 0.0}),
    "not-a-function": ({"square-answer": "square = 9"}, ALL | {"square": 0.0}),
    "not-defined": ({"square-answer": "pass"}, ALL | {"square": 0.0}),
    "no-number": ({"square-answer": "def square(x): return print"}, ALL | {"square": 0.0}),
    "wrong-count": ({"count-answer": "count = 2"}, ALL | {"count-of-records": 0.0}),
    "numpy": (
        {"square-answer": "import numpy as np\ndef square(x): return np.int64(x) ** 2"},
        ALL,
    ),
    "torch": (
        {"square-answer": "import torch\ndef square(x): return torch.tensor(x) ** 2"},
        ALL,
    ),
    "writes-records": (
        {
            "count-answer": "open('records.jsonl', 'a').write('"
            + json.dumps({"name": "b", "flop": 1.0})
            + "\\n'); count = 2"
        },
        ALL | {"count-of-records": 0.0},
    ),
    "uses-library": (
        {"square-answer": "from course_lib import count as counter\ndef square(x): return x * x"},
        ALL | {"square": 0.0},
    ),
    "leaves": ({"half-answer": "def half(x):\n    import os; os._exit(0)"}, ALL | {"half": 0.0}),
    "hangs": ({"half-answer": "def half(x):\n    while True: pass"}, ALL | {"half": 0.0}),
}


@pytest.fixture(scope="module")
def course(new_course):
    from course_lib.grading.tasks import Limits

    folder = new_course()
    for student, (answers, _) in CLASS.items():
        hand_in(folder, student, answers)
    hand_in(folder, "without-records", records=None)
    hand_in(folder, "damaged-records", records="{")
    rows = grade_all(folder, workers=2, limits=Limits(cell_seconds=5.0))
    return folder, rows


@pytest.mark.parametrize("student", CLASS)
def test_points_are_those_of_the_values(course, student):
    folder, rows = course
    assert points(folder, student) == CLASS[student][1]
    assert rows[student].state == "graded"


def test_a_verdict_says_why(course):
    folder, _ = course
    said = graded(folder, "doubles")["square"].outputs
    assert [one.output_type for one in said] == ["error"]
    assert said[0].evalue == "you doubled; a square is a number times itself"
    assert "ZeroDivisionError" in graded(folder, "raises")["square"].outputs[0].evalue
    assert "2 of 4" in graded(folder, "half-right")["half"].outputs[0].text
    assert "out of reach" in str(graded(folder, "uses-library")["square-answer"].outputs)
    assert (
        "cannot be read" in graded(folder, "damaged-records")["count-of-records"].outputs[0].evalue
    )


def test_what_is_inconclusive_is_left_to_a_person_never_zero(course):
    folder, rows = course
    assert points(folder, "without-records") == ALL | {"count-of-records": None}
    assert rows["without-records"].state == "inconclusive"
    assert (
        "no records came with it"
        in graded(folder, "without-records")["count-of-records"].outputs[0].text
    )


def test_nothing_hidden_is_left_in_what_students_see(course):
    folder, _ = course
    for student in CLASS:
        for name in ALL:
            cell = graded(folder, student)[name]
            assert cell.source.startswith("probe(")
            assert "answers+json" not in json.dumps(cell)


def test_feedback_and_formgrader_take_it(course):
    folder, _ = course
    nbgrader(folder, "generate_feedback", "ps1", "--student", "doubles")
    page = (folder / "feedback" / "doubles" / "ps1" / "p1.html").read_text()
    assert "you doubled; a square is a number times itself" in page


SPY = "inputs = []\ndef square(x):\n    print('asked', x)\n    inputs.append(x)\n    return x * x"


def seen(course, student):
    """What a submission was asked, from a cell of its own at the end of its answers."""
    return graded(course, student)["count-answer"].outputs[0].text


@pytest.fixture(scope="module")
def spied(new_course):
    folder = new_course()
    spy = {"square-answer": SPY, "count-answer": "print(inputs); count = 1"}
    hand_in(folder, "ada", spy)
    hand_in(folder, "bob", spy)
    hand_in(folder, "cyd", spy, own=["# another notebook"])
    grade_all(folder)
    return folder


def test_inputs_differ_by_student_and_submission(spied):
    assert len({seen(spied, student) for student in ("ada", "bob", "cyd")}) == 3


def test_the_same_submission_gets_the_same_inputs_and_another_secret_others(spied):
    before = seen(spied, "ada")
    grade_all(spied, force=True)
    assert seen(spied, "ada") == before
    rows = grade_all(spied, secret=b"another secret of the course")
    assert rows["ada"].state == "regraded" and seen(spied, "ada") != before


def test_a_mended_check_regrades_and_keeps_the_old_verdict(spied):
    path = spied / "checks" / "ps1.py"
    path.write_text(path.read_text().replace("Judgement(right / 4", "Judgement(0.5 * right / 4"))
    row = grade_all(spied, student="ada")["ada"]
    assert (row.state, row.before, row.score) == ("regraded", 7.0, 5.0)
    assert "the assignment changed" in row.reasons


def test_a_check_that_fails_leaves_the_cell_to_a_person(new_course):
    folder = new_course()
    path = folder / "checks" / "ps1.py"
    path.write_text(CHECKS.replace("right / 4", "right / 0"))
    hand_in(folder, "ada")
    row = grade_all(folder)["ada"]
    assert points(folder, "ada") == ALL | {"half": None}
    assert row.state == "inconclusive"
    assert any("the check itself failed: ZeroDivisionError" in reason for reason in row.reasons)


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ("import nonsense_that_is_not_there", "cannot be used: ModuleNotFoundError"),
        (CHECKS.replace("def half", "def hlaf"), "no question for the cells ['half']"),
        (CHECKS + "\n\n@question\ndef more(context):\n    yield\n", "has the questions ['more']"),
        ("x = 1", "no function marked with @question"),
    ],
)
def test_checks_that_do_not_fit_stop_grading_before_it_begins(new_course, checks, said):
    folder = new_course()
    hand_in(folder, "ada")
    (folder / "checks" / "ps1.py").write_text(checks)
    with pytest.raises(CourseError, match="checks") as stopped:
        grade_all(folder)
    assert said in str(stopped.value)
    assert not (folder / "autograded").exists()


def test_plain_nbgrader_with_the_guard_judges_too(new_course):
    folder = new_course()
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write("from course_lib.grading.guard import guard\nguard(c)\n")
    hand_in(folder, "ada")
    hand_in(folder, "bob", CLASS["doubles"][0])
    nbgrader(
        folder, "autograde", "ps1", environment={"COURSE_SECRET": "a secret for plain nbgrader"}
    )
    assert points(folder, "ada") == ALL
    assert points(folder, "bob") == ALL | {"square": 0.0}
    assert graded(folder, "bob")["square"].source == "probe('square', square)"


@pytest.mark.needs("sandbox")
def test_plain_nbgrader_withholds_what_would_answer_and_keeps_the_limits(new_course):
    folder = new_course()
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write("from course_lib.grading.guard import guard\nguard(c, sandbox=True)\n")
        config.write("c.ColdProvisioner.limits = {'memory_bytes': 2**30}\n")
    own = """
import resource
try:
    import course_lib.counting
except ImportError as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_AS)[0])
"""
    hand_in(folder, "ada", own=[own])
    nbgrader(
        folder, "autograde", "ps1", environment={"COURSE_SECRET": "a secret for plain nbgrader"}
    )
    assert points(folder, "ada") == ALL
    notebook = nbformat.read(folder / "autograded" / "ada" / "ps1" / "p1.ipynb", 4)
    said = notebook.cells[1].outputs[0].text
    assert "course_lib.counting is out of reach here" in said and str(2**30) in said


def test_stock_scores_are_refused(new_course):
    with pytest.raises(CourseError, match="without --stock-scores"):
        grade_all(new_course(), stock_scores=True)
