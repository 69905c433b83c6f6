"""A small course whose questions are judged outside the student's interpreter."""

import copy

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.grading.commands import nbgrader
from course_lib.grading.course import open_course
from course_lib.grading.grade import Options, grade
from course_lib.grading.sandbox.levels import find_level
from tests.grading.guard.material import KERNEL, marked

SECRET = b"a secret of these tests"
CHECKS = '''"""Checks of ps1."""

from course_lib.checking import Calls, Judgement, question

WITHHELD = ("course_lib.counting",)


@question
def square(context):
    numbers = [int(n) for n in context.rng.integers(3, 10**6, size=4)]
    answers = yield Calls([(n,) for n in numbers])
    for number, got in zip(numbers, answers):
        if got == 2 * number:
            return "you doubled; a square is a number times itself"
        if got != number * number:
            return "a square is a number times itself"


@question
def half(context):
    start = int(context.rng.integers(1, 10**6))
    answers = yield Calls([(start + n,) for n in range(4)], keep_errors=True)
    right = sum(got == start + n for n, got in enumerate(answers))
    return Judgement(right / 4, f"{right} of 4")


@question
def count_of_records(context):
    value = yield
    if not context.records:
        return Judgement(None, "no records came with it")
    if value != len(context.records):
        return f"{len(context.records)} records were handed in"
'''
ANSWERS = {
    "square-answer": "def square(x):\n    return x * x",
    "half-answer": "def half(x):\n    return x",
    "count-answer": "count = 1",
}
RECORDS = '{"name": "a", "flop": 1.0}\n'


def make_course(folder):
    """A course directory with checks and one released notebook."""
    (folder / "source" / "ps1").mkdir(parents=True)
    (folder / "checks").mkdir()
    (folder / "checks" / "ps1.py").write_text(CHECKS)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")
    cells = [marked(new_code_cell, "setup", "from course_lib.checking import probe", locked=True)]
    for name, variable, points in (("square", "square", 2), ("half", "half", 4)):
        stub = f"def {variable}(x):\n    raise NotImplementedError"
        cells.append(marked(new_code_cell, f"{name}-answer", stub, solution=True))
        test = f"probe({name!r}, {variable})"
        cells.append(marked(new_code_cell, name, test, grade=True, locked=True, points=points))
    cells.append(marked(new_code_cell, "count-answer", "count = None", solution=True))
    test = "probe('count-of-records', count)  # 1 point"
    cells.append(marked(new_code_cell, "count-of-records", test, grade=True, locked=True, points=1))
    cells.append(new_markdown_cell("The end.", id="id-end"))
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, folder / "source" / "ps1" / "p1.ipynb")
    nbgrader(folder, "generate_assignment", "ps1", "--create")
    return folder


def hand_in(course, student, answers=ANSWERS, records=RECORDS, own=()):
    """Hand in the release with answers in its cells, and with cells of one's own at the start."""
    notebook = copy.deepcopy(nbformat.read(course / "release" / "ps1" / "p1.ipynb", 4))
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = (ANSWERS | dict(answers)).get(name, cell.source)
    notebook.cells[1:1] = [new_code_cell(source) for source in own]
    folder = course / "submitted" / student / "ps1"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "p1.ipynb")
    if records is not None:
        (folder / "records.jsonl").write_text(records)


def grade_all(course, warm=True, secret=SECRET, **options):
    """The rows of `course grade`, by student."""
    level = "none" if find_level().name == "none" else "sandbox"
    rows = grade(
        open_course(course, "ps1"),
        Options(level=level, warm=warm, secret=lambda: secret, **options),
    )
    return {row.student: row for row in rows}


def points(course, student):
    """The automatic points in the gradebook, by cell."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        found = gradebook.find_submission_notebook("p1", "ps1", student)
        return {grade.name: grade.auto_score for grade in found.grades}


def graded(course, student):
    """The cells of the graded notebook, by name."""
    notebook = nbformat.read(course / "autograded" / student / "ps1" / "p1.ipynb", 4)
    named = {c.metadata.get("nbgrader", {}).get("grade_id"): c for c in notebook.cells}
    return {name: cell for name, cell in named.items() if name}
