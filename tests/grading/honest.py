"""nbgrader's own example course, a class of honest students, and what its records say of them."""

import re
import shutil
from datetime import datetime

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_lib.grading.commands import nbgrader

DUE = datetime(2030, 1, 10)
RIGHT = {
    "squares": "def squares(n):\n"
    "    if n < 1:\n        raise ValueError('n must be greater than or equal to 1')\n"
    "    return [i ** 2 for i in range(1, n + 1)]",
    "sum_of_squares": "def sum_of_squares(n):\n    return sum(squares(n))",
    "sum_of_squares_equation": "$\\sum_{i=1}^n i^2$",
    "sum_of_squares_application": "total = sum_of_squares(10)\nprint(total)",
    "part-a": "Because it *adds* what `squares` gives.",
    "part-b": "It takes $n$ steps.",
}
SQUARES, SUM = RIGHT["squares"], RIGHT["sum_of_squares"]
CLASS = {  # what each student wrote instead of the right answer, by cell
    "01-all-right": {},
    "02-nothing": dict.fromkeys(RIGHT),
    "03-half": {"sum_of_squares": None, "part-b": None},
    "04-wrong": {"squares": "def squares(n):\n    return [n]"},
    "05-no-error": {"squares": "def squares(n):\n    return [i * i for i in range(1, n + 1)]"},
    "06-does-not-use-squares": {
        "sum_of_squares": "def sum_of_squares(n):\n    return n * (n + 1) * (2 * n + 1) // 6"
    },
    "07-syntax-error": {"squares": "def squares(n:\n    return"},
    "08-raises": {"sum_of_squares": "def sum_of_squares(n):\n    return 1 / 0"},
    "09-prints": {"squares": SQUARES + "\nfor i in range(2000):\n    print('line', i)"},
    "10-warns-once-on-stderr": {
        "squares": "import sys\n" + SQUARES + "\nprint('a warning', file=sys.stderr)"
    },
    "11-draws": {
        "sum_of_squares_application": "%matplotlib inline\nimport matplotlib.pyplot as plt\n"
        "plt.plot(squares(5));"
    },
    "12-shows-a-table": {
        "sum_of_squares_application": "import pandas as pd\npd.DataFrame({'n': [1], 'sum': [5]})"
    },
    "13-unicode": {"part-a": "Weil λ > 0 – 数学 \U0001f600", "squares": SQUARES},
    "14-only-text": {"squares": None, "sum_of_squares": None, "sum_of_squares_application": None},
    "15-late": {},
    "16-in-time": {},
    "17-own-cells": {},
    "18-own-module": {"squares": "from helper import squares"},
    "19-reads-and-writes-files": {
        "sum_of_squares_application": "open('out.txt', 'w').write(open('data.txt').read() * 2)"
    },
    "20-one-notebook-only": {},
    "21-random": {"sum_of_squares_application": "import random\nrandom.seed(1)\nrandom.random()"},
    "22-html-math-and-markdown": {
        "sum_of_squares_application": "from IPython.display import Markdown, Math, display\n"
        "display(Markdown('**bold**'), Math('x^2'))"
    },
    "23-old-outputs": {},
    "24-checkpoints-and-attachment": {},
}  # fmt: skip


def make_class(folder):
    """The example course of ``nbgrader quickstart`` with ps1 released, and the class's work."""
    from nbgrader.api import Gradebook

    nbgrader(folder.parent, "quickstart", folder.name)
    shutil.rmtree(folder / "submitted", ignore_errors=True)
    config = folder / "nbgrader_config.py"
    text = config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n"
    config.write_text(text)
    nbgrader(folder, "generate_assignment", "ps1", "--force")
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "course101") as gradebook:
        gradebook.find_assignment("ps1").duedate = DUE
        gradebook.db.commit()
    for student, instead in CLASS.items():
        hand_in(folder, student, RIGHT | instead)
    return folder


def hand_in(course, student, answers):
    """What one student hands in: the release with answers, and what goes with it."""
    folder = course / "submitted" / student / "ps1"
    shutil.copytree(course / "release" / "ps1", folder)
    for path in sorted(folder.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if answers.get(name) is not None:
                cell.source = answers[name]
        if student.startswith("17"):
            notebook.cells.insert(1, new_markdown_cell("My *own* notes."))
            notebook.cells.append(new_code_cell("print('the end')"))
        if student.startswith("23"):
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.execution_count = 7
                    cell.outputs = [nbformat.v4.new_output("stream", text="old\n")]
            notebook.metadata["language_info"] = {"name": "python", "version": "3.6.1"}
        nbformat.write(notebook, path)
    if student.startswith("15"):
        (folder / "timestamp.txt").write_text("2030-01-12 12:00:00.000000 UTC")
    if student.startswith("16"):
        (folder / "timestamp.txt").write_text("2030-01-09 23:00:00 CET")
    if student.startswith("18"):
        (folder / "helper.py").write_text(SQUARES)
    if student.startswith("19"):
        (folder / "data.txt").write_text("some data\n")
    if student.startswith("20"):
        (folder / "problem2.ipynb").unlink()
    if student.startswith("24"):
        (folder / ".ipynb_checkpoints").mkdir()
        (folder / ".ipynb_checkpoints" / "problem1-checkpoint.ipynb").write_text("{}")
        (folder / "figures").mkdir()
        (folder / "figures" / "sketch.png").write_bytes((folder / "jupyter.png").read_bytes())


def records(course):
    """Every field of the gradebook that formgrader and export read, ids excepted, by place."""
    from nbgrader.api import Gradebook

    found = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "course101") as gradebook:
        for submission in gradebook.find_assignment("ps1").submissions:
            who = submission.student.id
            for field in ("timestamp", "extension", "total_seconds_late", "score", "max_score",
                          "needs_manual_grade", "late_submission_penalty"):  # fmt: skip
                found[who, field] = getattr(submission, field)
            for notebook in submission.notebooks:
                place = (who, notebook.name)
                for field in ("late_submission_penalty", "score", "failed_tests"):
                    found[(*place, field)] = getattr(notebook, field)
                for grade in notebook.grades:
                    for field in ("auto_score", "manual_score", "extra_credit", "score",
                                  "needs_manual_grade", "cell_type"):  # fmt: skip
                        found[(*place, grade.name, field)] = getattr(grade, field)
                for comment in notebook.comments:
                    for field in ("auto_comment", "manual_comment"):
                        found[(*place, comment.name, field)] = getattr(comment, field)
        for student in gradebook.students:
            for field in ("first_name", "last_name", "email", "score", "lms_user_id"):
                found["student", student.id, field] = getattr(student, field)
    return found


CHANGING = [
    (r"ipykernel_\d+[/\\]\d+\.py", "ipykernel.py"),
    (r"0x[0-9a-f]+", "0x"),
    (r'(id|href)="#?[0-9a-f-]{36}"', r"\1"),
    (r' id="cell-id=[0-9a-f]+"', ""),  # of a student's own cell: chance
    (r"(?s)<style[^>]*>.*?</style>", ""),  # of a table: written anew, from the rules allowed
    (r"\s+", " "),
    (r"> <", "><"),
]


def feedback(course):
    """The feedback pages by name, less what is chance: numbers of processes, addresses, ids."""
    pages = {}
    for path in sorted((course / "feedback").rglob("*.html")):
        text = path.read_text()
        for pattern, instead in CHANGING:
            text = re.sub(pattern, instead, text)
        pages[path.relative_to(course).as_posix()] = text
    return pages


def files(course):
    """Names and permissions in ``autograded/``, and the bytes of what is no notebook."""
    return {
        path.relative_to(course).as_posix(): (
            oct(path.stat().st_mode),
            None if path.suffix == ".ipynb" else path.read_bytes(),
        )
        for path in sorted((course / "autograded").rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts  # these hold the time
    }
