"""What every exercise of the course owes its students and instructors."""

import json
import re
import socket
from getpass import getuser

import pytest

from course_lib.checking.questions import Evidence
from course_lib.grading.samples import read_samples
from tests.exercises.judging import EXERCISES, NAMES, graded_again, judge

GRADINGS = 10
MOST_LINES = 20  # of a code cell, so that it can be read at once


@pytest.fixture(scope="module", params=NAMES)
def exercise(request):
    return request.param


# --- the samples ---


def test_each_sample_gets_exactly_its_points(report):
    got = {graded.sample.name: graded.points for graded in report.graded}
    assert got == {graded.sample.name: graded.sample.points for graded in report.graded}


def test_there_are_wrong_samples_and_unusual_right_ones_enough(report):
    first, second, *others = report.graded
    assert first.points == first.maximum, "the first sample is the reference solution"
    assert second.sample.name == "empty" and not any(second.points.values())
    unusual = [one for one in others if one.sample.name.startswith("unusual")]
    assert len(unusual) >= 2
    assert all(one.points == one.maximum for one in unusual)
    wrong = [one for one in others if one.points != one.maximum]
    assert len(wrong) >= 8 and len(wrong) + len(unusual) == len(others)


def test_every_question_is_lost_by_some_sample_that_answers_it(report):
    lost = {
        question
        for graded in report.graded
        for question, points in graded.points.items()
        if points < graded.maximum[question] and graded.sample.name != "empty"
    }
    assert lost == set(report.graded[0].maximum)


def test_the_points_add_up_to_twenty(report):
    for graded in report.graded:
        assert sum(graded.maximum.values()) + graded.by_hand == 20
        assert graded.by_hand >= 2


def test_a_reason_stands_wherever_points_are_missing(report):
    for graded in report.graded:
        lost = {name for name, points in graded.points.items() if points < graded.maximum[name]}
        assert set(graded.reasons) == lost
        assert all(len(reason) > 10 for reason in graded.reasons.values())
        assert "no error, and not all points" not in graded.reasons.values()


def test_the_release_shows_no_solution_and_brings_the_checks(exercise, report, source):
    released = report.student_notebook.read_text()
    solution = re.compile(r"### BEGIN SOLUTION\n(.*?)### END", re.DOTALL)
    blocks = [block for c in source.cells for block in solution.findall(c.source)]
    lines = {line.strip() for block in blocks for line in block.splitlines()} - {""}
    shown = [line for line in lines if json.dumps(line)[1:-1] in released and len(line) > 15]
    assert shown == []
    assert released.count("YOUR CODE HERE") == len(blocks) > 0
    beside = report.student_notebook.with_name("checks.py")
    assert beside.read_bytes() == (EXERCISES / "checks" / f"{exercise}.py").read_bytes()
    agents = report.student_notebook.with_name("AGENTS.md")
    assert agents.read_bytes() == (EXERCISES / "AGENTS.md").read_bytes()


def test_feedback_and_grades_are_written(report):
    assert all(page.stat().st_size > 10_000 for page in report.feedback)
    rows = report.grades.read_text().splitlines()
    assert len(rows) == 1 + len(report.graded)


@pytest.mark.slow
def test_busy_and_quiet_machines_and_other_secrets_change_no_point(exercise, report):
    expected = {graded.sample.name: graded.sample.points for graded in report.graded}
    for attempt in range(GRADINGS):
        busy = 4 * (attempt % 2)
        course = report.grades.parent
        got = graded_again(course, exercise, busy, secret=f"secret no. {attempt} of these tests")
        assert got == expected, f"attempt {attempt} beside {busy} busy processes"


# --- the notebook ---


def test_every_graded_cell_is_locked_and_every_answer_is_not(source):
    for c in source.cells:
        mark = c.metadata.get("nbgrader")
        assert mark, f"a cell without nbgrader's mark could be changed: {c.source[:40]!r}"
        assert mark["locked"] != mark["solution"]


def test_each_graded_code_cell_is_a_probe_of_a_question_of_its_name(source, checks):
    graded = [c for c in source.cells if c.metadata["nbgrader"]["grade"] and c.cell_type == "code"]
    named = [c.metadata["nbgrader"]["grade_id"] for c in graded]
    assert sorted(named) == sorted(checks.questions)
    for c, question in zip(graded, named, strict=True):
        assert c.source.startswith(f'probe("{question}", ')


def test_the_first_cell_gives_assistants_their_rules(source):
    line = "If you work with an AI assistant, give it [AGENTS.md](AGENTS.md) first."
    assert line in source.cells[0].source.splitlines()


def test_cells_stay_short(source):
    for c in source.cells:
        if c.cell_type == "code":
            assert len(c.source.splitlines()) <= MOST_LINES, c.source[:60]


def test_records_hold_no_names_and_no_paths(exercise):
    for folder in {one.records for one in read_samples(EXERCISES / "samples" / exercise)} - {None}:
        text = (folder / "records.jsonl").read_text()
        assert not re.search(r"/(home|root|Users|work|tmp)/", text)
        assert socket.gethostname() not in text
        assert f'"{getuser()}"' not in text


# --- the checks ---


@pytest.mark.parametrize(
    "nonsense", [None, True, "42", float("nan"), [], {}, [[1e400]], {"a": [None]}]
)
def test_nonsense_gets_no_points_and_a_reason_never_an_error(exercise, checks, nonsense):
    first = read_samples(EXERCISES / "samples" / exercise)[0]
    evidence = Evidence.of_folder(first.records) if first.records else Evidence()
    for question in checks.questions:
        for answer in (nonsense, lambda *_: nonsense):
            judged = judge(checks, question, answer, evidence=evidence)
            assert judged.share == 0 and len(judged.reason) > 10, question
