"""Plain `nbgrader autograde` of a class, with the guard's two lines in its configuration."""

import copy

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook

from course_lib.grading.commands import nbgrader
from tests.grading.guard.material import make_course, released, solved, submit

TWO_LINES = "from course_lib.grading.guard import guard\nguard(c)\n"


def cell_of(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course after one run: its directory and what nbgrader said."""
    course = make_course(tmp_path_factory.mktemp("autograde") / "course", TWO_LINES)
    release = released(course)
    honest = solved(release)
    submit(course, "honest", honest)
    submit(course, "wrong", solved(release, "def square(x):\n    return 2 * x"))

    pasted = copy.deepcopy(honest)  # this stops the class without the guard
    pasted.cells.append(copy.deepcopy(cell_of(pasted, "test-square")))
    submit(course, "pasted", pasted)

    future = copy.deepcopy(honest)  # this too
    cell_of(future, "test-square").metadata.nbgrader.schema_version = 99
    submit(course, "future", future)

    skipping = solved(release, "def square(x):\n    return 2 * x")
    for cell in skipping.cells:
        cell.metadata["tags"] = ["skip-execution"]
    submit(course, "skipping", skipping)

    numpy = solved(release, "import numpy as np\ndef square(x):\n    return np.float64(x * x)")
    cell = new_code_cell("import warnings\nwarnings.simplefilter('always')")
    numpy.cells.insert(1, cell)
    cell = cell_of(numpy, "square")
    cell.source += " if not warnings.warn('slow') else 0"
    submit(course, "warning", numpy)

    scripted = copy.deepcopy(honest)
    scripted.cells.append(
        new_code_cell("from IPython.display import HTML\nHTML('<b onclick=\"x()\">bold</b>')")
    )
    submit(course, "scripted", scripted)

    folder = submit(course, "broken", honest)
    (folder / "p1.ipynb").write_text("{")
    done = nbgrader(course, "autograde", "ps1", check=False)
    return course, done.stderr


@pytest.fixture(scope="module")
def scores(graded):
    """Automatic points by student and cell; None for who has no graded submission."""
    found = {}
    with Gradebook(f"sqlite:///{graded[0] / 'gradebook.db'}") as gradebook:
        for submission in gradebook.assignment_submissions("ps1"):
            (notebook,) = submission.notebooks
            found[submission.student.id] = {g.name: g.auto_score for g in notebook.grades}
    return found


@pytest.mark.parametrize(
    ("student", "square", "half"),
    [
        ("honest", 2, 1),
        ("wrong", 0, 0.5),
        ("pasted", 2, 1),
        ("future", 2, 1),
        ("skipping", 0, 0.5),
        ("warning", 2, 1),
        ("scripted", 2, 1),
    ],
)
def test_points(scores, student, square, half):
    found = scores[student]
    assert (found["test-square"], found["test-half"]) == (square, half)
    assert found["why"] is None and found["task"] is None


def test_a_broken_file_costs_only_itself(graded):
    course, said = graded
    graded_students = {path.name for path in (course / "autograded").iterdir()}
    assert "broken" not in graded_students
    assert len(graded_students) == 7
    assert "student 'broken'" in said


def test_what_was_put_right_is_said(graded):
    assert "the tags ['skip-execution'] steer execution, removed" in graded[1]
    assert "test-square: there were 2 of it" in graded[1]


def test_what_is_shown_is_inert(graded):
    path = graded[0] / "autograded" / "scripted" / "ps1" / "p1.ipynb"
    shown = nbformat.read(path, as_version=4).cells[-1].outputs[0].data["text/html"]
    assert shown == "<b>bold</b>"
