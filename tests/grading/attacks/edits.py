"""Forged scores that start in the notebook's file, or reach out of the kernel: all prevented."""

from __future__ import annotations

from typing import Any

from tests.grading.attacks.forgery import RIGHT, WRONG, Forgery, Notebook


def _graded(notebook: Notebook) -> list[dict[str, Any]]:
    cells = notebook["cells"]
    return [cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade")]


def skip_execution(notebook: Notebook) -> None:
    """Tag the tests so that nbclient leaves them out."""
    for cell in _graded(notebook):
        cell["metadata"]["tags"] = ["skip-execution"]


def expect_errors(notebook: Notebook) -> None:
    """Tag the tests so that their errors are welcome."""
    for cell in _graded(notebook):
        cell["metadata"]["tags"] = ["raises-exception"]


def empty_tests(notebook: Notebook) -> None:
    """Write nothing where the tests were."""
    for cell in _graded(notebook):
        cell["source"] = ""


def unlock_tests(notebook: Notebook) -> None:
    """Call the test cells a solution: their text is then the student's."""
    for cell in _graded(notebook):
        cell["source"] = "True"
        cell["metadata"]["nbgrader"] |= {"locked": False, "solution": True}


def delete_tests(notebook: Notebook) -> None:
    """Hand in without tests."""
    graded = _graded(notebook)
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in graded]


def raise_points(notebook: Notebook) -> None:
    """Make the tests worth more."""
    for cell in _graded(notebook):
        cell["metadata"]["nbgrader"]["points"] = 1000


def make_markdown(notebook: Notebook) -> None:
    """Turn the tests into text, which cannot fail."""
    for cell in _graded(notebook):
        cell["cell_type"] = "markdown"
        cell["metadata"]["nbgrader"]["cell_type"] = "markdown"
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def duplicate_tests(notebook: Notebook) -> None:
    """Repeat a test cell with another text."""
    cells = notebook["cells"]
    for cell in _graded(notebook):
        copy = {**cell, "source": "True", "metadata": dict(cell["metadata"])}
        copy.pop("id", None)
        cells.insert(cells.index(cell), copy)


def other_kernel(notebook: Notebook) -> None:
    """Ask for a kernel in which the tests mean something else."""
    notebook["metadata"]["kernelspec"] = {"name": "bash", "display_name": "", "language": "bash"}


def odd_schema(notebook: Notebook) -> None:
    """Say that the cells are of a version of nbgrader's that is still to come."""
    for cell in _graded(notebook):
        cell["metadata"]["nbgrader"]["schema_version"] = 99


def swap_tests(notebook: Notebook) -> None:
    """Give a test's name to a cell of one's own, and the test another name."""
    for cell in _graded(notebook):
        cell["metadata"]["nbgrader"]["grade_id"] += "-old"
        cell["metadata"]["nbgrader"]["grade"] = False


def tests_first(notebook: Notebook) -> None:
    """Move the tests before the answer, with a right one of one's own before them."""
    graded = _graded(notebook)
    others = [cell for cell in notebook["cells"] if cell not in graded]
    notebook["cells"] = [*graded, *others]


def prefilled(notebook: Notebook) -> None:
    """Hand in with the results of a run that went well."""
    for cell in _graded(notebook):
        cell["execution_count"] = 1
        data = {"text/plain": "1.0"}
        result = {"output_type": "execute_result", "data": data, "metadata": {}}
        cell["outputs"] = [{**result, "execution_count": 1}]


EDITS = [
    Forgery("skip-tag", "tags the tests to be left out", edit=skip_execution),
    Forgery(
        "expect-errors-tag",
        "tags the tests as expected to fail",
        edit=expect_errors,
        stock="resisted",
    ),
    Forgery("empty-tests", "empties the test cells", edit=empty_tests, stock="resisted"),
    Forgery("unlock-tests", "declares the tests a solution", edit=unlock_tests, stock="resisted"),
    Forgery("delete-tests", "deletes the test cells", edit=delete_tests, stock="resisted"),
    Forgery(
        "duplicate-tests",
        "repeats test cells with harmless ones",
        edit=duplicate_tests,
        stock="stopped",
    ),
    Forgery("odd-schema", "claims a format to come", edit=odd_schema, stock="stopped"),
    Forgery("raise-points", "raises the points", edit=raise_points, stock="resisted"),
    Forgery("tests-to-text", "turns tests into text", edit=make_markdown, stock="resisted"),
    Forgery("other-kernel", "asks for another kernel", edit=other_kernel, stock="resisted"),
    Forgery("swap-tests", "renames the tests", edit=swap_tests, stock="resisted"),
    Forgery("tests-first", "runs the tests before the answer", edit=tests_first, stock="resisted"),
    Forgery("prefilled", "hands in with results", edit=prefilled, stock="resisted"),
]

_SQL = "import sqlite3\nbook = sqlite3.connect('$course/gradebook.db', timeout=5)\n"
_LATER = (
    "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {code!r}],\n"
    "    start_new_session=True, stdin=-3, stdout=-3, stderr=-3)\n"
)

REACHING = [
    Forgery(
        "answer-from-source",
        "runs the instructor's own answer",
        "import json\nfor cell in json.load(open('$course/source/ps1/p1.ipynb'))['cells']:\n"
        "    if 'def square' in cell['source']: exec(cell['source'])\n"
        "    elif 'def square' in ''.join(cell['source']): exec(''.join(cell['source']))\n",
    ),
    Forgery(
        "answer-from-neighbour",
        "runs another student's answer",
        "import json\n"
        "for cell in json.load(open('$course/submitted/ada/ps1/p1.ipynb'))['cells']:\n"
        "    if 'def square' in ''.join(cell['source']): exec(''.join(cell['source']))\n",
    ),
    Forgery(
        "write-own-score",
        "enters points into the gradebook while it is graded",
        WRONG + _SQL + "book.execute('''UPDATE grade SET manual_score = 1 WHERE notebook_id IN (\n"
        "    SELECT n.id FROM submitted_notebook n JOIN submitted_assignment a\n"
        "    ON n.assignment_id = a.id WHERE a.student_id = 'write-own-score')''')\n"
        "book.commit()",
    ),
    Forgery(
        "write-later",
        "leaves a process behind that enters points when it has been graded",
        WRONG
        + _LATER.format(
            code="import sqlite3, time\nfor _ in range(200):\n    time.sleep(0.1)\n"
            "    book = sqlite3.connect('$course/gradebook.db', timeout=5)\n"
            "    book.execute('''UPDATE grade SET manual_score = 1 WHERE notebook_id IN (\n"
            "        SELECT n.id FROM submitted_notebook n JOIN submitted_assignment a\n"
            "        ON n.assignment_id = a.id WHERE a.student_id = 'write-later')''')\n"
            "    book.commit(); book.close()\n"
        ),
    ),
    Forgery(
        "write-at-exit",
        "enters points when its kernel ends",
        WRONG + "import atexit\n@atexit.register\ndef forge():\n    import sqlite3\n"
        "    book = sqlite3.connect('$course/gradebook.db', timeout=5)\n"
        "    book.execute('''UPDATE grade SET manual_score = 1 WHERE notebook_id IN (\n"
        "        SELECT n.id FROM submitted_notebook n JOIN submitted_assignment a\n"
        "        ON n.assignment_id = a.id WHERE a.student_id = 'write-at-exit')''')\n"
        "    book.commit()",
    ),
    Forgery(
        "raise-maximum",
        "makes the tests worth more in the gradebook",
        RIGHT + "\n" + _SQL + "book.execute('UPDATE grade_cells SET max_score = 50')\n"
        "book.commit()",
        earned=6.0,
        stock="stopped",
    ),
    Forgery(
        "spoil-others",
        "enters zeros for everybody",
        WRONG + _SQL + "book.execute('UPDATE grade SET manual_score = 0')\nbook.commit()",
        stock="spoiled",
    ),
    Forgery(
        "spoil-neighbours-files",
        "overwrites what others handed in",
        WRONG + "import glob\nfor path in glob.glob('$course/submitted/z*/ps1/p1.ipynb'):\n"
        "    open(path, 'w').write('{}')",
        stock="spoiled",
    ),
    Forgery(
        "spoil-tests",
        "changes the tests of everybody who is graded later, in the gradebook",
        WRONG + _SQL + "book.execute(\"UPDATE source_cell SET source = 'assert False' \"\n"
        "    \"WHERE name LIKE 'test-%'\")\nbook.commit()",
        stock="spoiled",
    ),
    Forgery(
        "end-grader",
        "ends the process that grades",
        WRONG + "import os\nos.kill(os.getppid(), 9)",
        stock="stopped",
    ),
    Forgery(
        "end-gradebook",
        "deletes the gradebook",
        WRONG + "import os\nos.unlink('$course/gradebook.db')",
        stock="stopped",
    ),
    Forgery(
        "lock-gradebook",
        "locks the gradebook, from a process that stays",
        WRONG
        + _LATER.format(
            code="import sqlite3, time\n"
            "book = sqlite3.connect('$course/gradebook.db', isolation_level=None)\n"
            "book.execute('BEGIN EXCLUSIVE')\ntime.sleep(30)"
        )
        + "import time\ntime.sleep(1)",
        stock="stopped",
    ),
    Forgery(
        "end-kernel",
        "ends the kernel before the tests",
        WRONG + "import os\nos._exit(0)",
        stock="resisted",
    ),
    Forgery(
        "end-kernel-in-test",
        "ends the kernel when a test asks",
        "def square(x):\n    import os\n    os._exit(0)",
        stock="resisted",
    ),
    Forgery(
        "leave-in-test",
        "says that all is done when a test asks",
        "def square(x):\n    raise SystemExit(0)",
        stock="resisted",
    ),
    Forgery(
        "plant-verdict",
        "writes a verdict of its own where `course grade` keeps them",
        WRONG + "import os\nos.makedirs('$course/.grading/ps1/results', exist_ok=True)\n"
        "open('$course/.grading/ps1/journal.jsonl', 'a').write('{}\\n')",
        stock="resisted",
    ),
    Forgery(
        "hand-in-verdict",
        "hands in a journal and a gradebook beside the notebook",
        files={"journal.jsonl": "{}\n", "gradebook.db": "SQLite format 3", ".grading": "x"},
        stock="resisted",
    ),
]
