"""Points from outputs: numbers mean what they say, and what means nothing is left to a person."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.utils import compute_checksum, determine_grade

from course_lib.grading.guard.scoring import differences, read_number, read_score

MOST = 2.0


def test_cell(*outputs, points=MOST, ran=True):
    """A test that was run and showed something."""
    entry = {"grade_id": "t", "grade": True, "solution": False, "locked": True, "points": points}
    entry |= {"checksum": "0" * 32, "schema_version": 3, "task": False, "cell_type": "code"}
    cell = new_code_cell("check()", metadata={"nbgrader": entry}, outputs=list(outputs))
    cell.execution_count = 1 if ran else None
    return cell


test_cell.__test__ = False


def result(text):
    return new_output("execute_result", data={"text/plain": text}, execution_count=1)


def error(name="AssertionError", value="wrong"):
    return new_output("error", ename=name, evalue=value, traceback=[])


def stderr(text="UserWarning: old\n"):
    return new_output("stream", name="stderr", text=text)


def points(*outputs, **options):
    return read_score(test_cell(*outputs), **options).points


# --- laws ---


@given(st.floats(0, MOST))
def test_a_number_in_range_is_its_points_however_it_is_written(value):
    written = [repr(value), repr(np.float64(value)), repr(np.array(value)), f"Decimal('{value!r}')"]
    for text in written:
        read = points(result(text))
        assert read == pytest.approx(value, abs=1e-7), text  # arrays show eight digits


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers(), st.floats(0, 100))
def test_points_lie_between_zero_and_the_maximum_or_are_a_persons(value, most):
    score = read_score(test_cell(result(repr(value)), points=most))
    assert score.points is None or 0 <= score.points <= most
    assert score.reason


@given(st.text(max_size=40))
def test_any_text_gets_a_verdict(text):
    score = read_score(test_cell(result(text)))
    assert score.points is None or 0 <= score.points <= MOST


@given(st.floats(0, MOST), st.text(alphabet="a #%|\n", max_size=30))
def test_what_is_on_stderr_costs_nothing(value, noise):
    assert points(stderr(noise), result(repr(value))) == points(result(repr(value)))


@given(st.lists(st.sampled_from([stderr(), result("1.5"), result("'x'")]), max_size=4))
def test_an_error_is_always_zero(others):
    for place in range(len(others) + 1):
        assert points(*others[:place], error(), *others[place:]) == 0


@given(st.lists(st.sampled_from([error(), stderr(), result("0.5"), result("'x'")]), max_size=3))
def test_stock_reads_exactly_as_nbgrader(outputs):
    cell = test_cell(*outputs)
    assert read_score(cell, stock=True).points == determine_grade(cell)[0]


@given(
    st.one_of(
        st.just([]),
        st.just([error()]),
        st.floats(0, MOST).map(lambda value: [result(repr(value))]),
        st.just([result("'all right'")]),
    )
)
def test_plain_results_are_read_as_nbgrader_reads_them(outputs):
    assert differences(new_notebook(cells=[test_cell(*outputs)])) == []


@pytest.mark.parametrize(
    "text", ["1" * 10**5, "array(" + "1" * 10**5, "1." * 10**5, "np.int64(" * 10**4]
)
def test_a_long_text_is_read_at_once(text):
    """By a count, not by the clock: a careless pattern would not come back within hours."""
    score = read_score(test_cell(result(text)))
    assert score.points in (None, MOST)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**9))
def test_fractions(over, under):
    value = Fraction(over, under)
    assert read_number(repr(value)) == pytest.approx(float(value))


# --- examples ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5", 0.5),
        ("np.float64(0.5)", 0.5),
        ("np.float32(0.5)", 0.5),
        ("np.int64(0)", 0),
        ("np.uint8(1)", 1),
        ("np.longdouble('0.5')", 0.5),
        ("array(0.5)", 0.5),
        ("array(0.5, dtype=float32)", 0.5),
        ("tensor(0.5000)", 0.5),
        ("tensor(0.5000, dtype=torch.float64)", 0.5),
        ("tensor(0.5000, device='cuda:0')", 0.5),
        ("Fraction(1, 2)", 0.5),
        ("Decimal('0.5')", 0.5),
        ("1e-1", 0.1),
        (" 1 ", 1),
        ("True", MOST),
        ("np.True_", MOST),
        ("False", 0),
        ("np.False_", 0),
        ("2.0000001", MOST),
        ("-1e-9", 0),
        ("-1", 0),
        ("np.float64(-3.5)", 0),
        ("2.1", None),
        ("1000", None),
        ("nan", None),
        ("np.float64(nan)", None),
        ("inf", None),
        ("-inf", None),
        ("'Success!'", MOST),
        ("[<matplotlib.lines.Line2D at 0x7f>]", MOST),
        ("array([0.5])", MOST),
        ("Fraction(1, 0)", MOST),
        ("0.5 points", MOST),
    ],
)
def test_results(text, expected):
    assert points(result(text)) == expected


@pytest.mark.parametrize(
    ("value", "surprise"),
    [
        (np.float64(0.5), MOST),
        (np.int64(0), MOST),
        (math.nan, MOST),
        (-1, MOST),
        (False, MOST),
        (2.0000001, None),
    ],
)
def test_where_nbgrader_reads_otherwise_it_is_told(value, surprise):
    notebook = new_notebook(cells=[test_cell(result(repr(value)))])
    (found,) = differences(notebook)
    assert found.stock == surprise
    assert found.ours != surprise
    assert found.grade_id == "t" and found.reason


def test_a_warning_costs_all_with_nbgrader_and_here_where_that_is_asked():
    assert points(stderr()) == MOST
    assert points(stderr(), stderr_costs=True) == 0
    assert points(stderr(), stock=True) == 0


def test_a_traceback_on_stderr_is_for_a_person():
    said = "Exception in thread Thread-1:\nTraceback (most recent call last):\nAssertionError\n"
    assert points(stderr(said)) is None


def test_a_test_that_was_not_run_is_for_a_person():
    cell = test_cell(ran=False)
    assert read_score(cell).points is None
    assert read_score(cell, stock=True).points == MOST
    assert read_score(test_cell(error(), ran=False)).points == 0


def test_two_results_that_differ_are_for_a_person():
    assert points(result("0.5"), result("2")) is None
    assert points(result("0.5"), result("0.50")) == 0.5


def answer(source, make=new_markdown_cell):
    entry = {"grade_id": "w", "grade": True, "solution": True, "locked": False, "points": MOST}
    cell = make(source, metadata={"nbgrader": entry})
    cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    return cell


@pytest.mark.parametrize("make", [new_markdown_cell, new_code_cell])
def test_an_answer_is_zero_if_untouched_and_else_for_a_person(make):
    cell = answer("Write here.", make)
    assert read_score(cell).points == 0
    cell.source = "Because."
    assert read_score(cell).points is None


def test_what_is_not_graded_is_refused():
    cell = test_cell()
    cell.metadata.nbgrader.grade = False
    with pytest.raises(ValueError, match="grade = False"):
        read_score(cell)


@pytest.mark.parametrize("wrong", [None, math.nan, -1, True, "2"])
def test_points_that_are_no_number_are_refused(wrong):
    with pytest.raises(ValueError, match="points is"):
        read_score(test_cell(points=wrong))
