"""A small assignment: what its author wrote, what students got, and its gradebook."""

import copy
import json

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.grading.commands import nbgrader

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def marked(make, name, source, **marks):
    """A cell as its author marks it in nbgrader's toolbar."""
    identity = {"schema_version": 3, "grade_id": name, "grade": False, "solution": False}
    identity |= {"locked": False, "task": False}
    return make(source, metadata={"nbgrader": identity | marks}, id=f"id-{name}")


def source_notebook():
    """Everything that nbgrader knows: read-only, answers, tests, written answers, a task."""
    cells = [
        new_markdown_cell("# Problem <b>set</b>", id="id-title"),
        marked(new_code_cell, "setup", "import math", locked=True),
        marked(
            new_code_cell,
            "square",
            "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION",
            solution=True,
        ),
        marked(
            new_code_cell, "test-square", "assert square(3) == 9", grade=True, locked=True, points=2
        ),
        new_code_cell("square(2)", id="id-free"),
        marked(
            new_code_cell,
            "test-half",
            "sum(square(x) == x * x for x in (1, 2)) / 2",
            grade=True,
            locked=True,
            points=1,
        ),
        marked(new_markdown_cell, "why", "Write here.", grade=True, solution=True, points=3),
        marked(new_markdown_cell, "task", "Do something.", task=True, locked=True, points=4),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


def make_course(folder, config=""):
    """A course directory with the assignment ps1 (one notebook, p1) released."""
    (folder / "source" / "ps1").mkdir(parents=True)
    text = "c = get_config()\nc.CourseDirectory.course_id = 'c'\n" + config
    (folder / "nbgrader_config.py").write_text(text)
    nbformat.write(source_notebook(), folder / "source" / "ps1" / "p1.ipynb")
    nbgrader(folder, "generate_assignment", "ps1", "--create")
    return folder


def released(course):
    """The notebook that students get."""
    return nbformat.read(course / "release" / "ps1" / "p1.ipynb", as_version=4)


def solved(notebook, answer="def square(x):\n    return x * x", why="Because."):
    """The notebook as an honest student hands it in."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name == "square":
            cell.source = answer
        if name == "why":
            cell.source = why
    return notebook


def submit(course, student, notebook, name="p1.ipynb"):
    """Hand a notebook in."""
    folder = course / "submitted" / student / "ps1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(notebook))  # as it is: nbformat would mend it
    return folder
