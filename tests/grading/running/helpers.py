"""Notebooks for the runner, and what came of them."""

import json

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.grading.running import run
from course_lib.grading.tasks import Limits, Task
from tests.grading.running.local import local_kernels

PYTHON = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
QUICK = Limits(cell_seconds=20, notebook_seconds=60)


def notebook(*cells):
    """Of code cells, or whatever cells are given as such."""
    made = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    return new_notebook(cells=made, metadata=PYTHON)


def text(said):
    return new_markdown_cell(said)


def graded(name, source):
    """A test cell as a sanitised notebook has it."""
    mark = {"grade_id": name, "grade": True, "solution": False, "points": 1, "schema_version": 3}
    return new_code_cell(source, metadata={"nbgrader": mark})


def as_bytes(made):
    return nbformat.writes(made).encode()


def task(*cells, files=None, limits=QUICK, name="one.ipynb", **rest):
    notebooks = {name: as_bytes(notebook(*cells))}
    return Task("key", notebooks, files or {}, level="none", limits=limits, **rest)


def run_cells(*cells, kernels=local_kernels, **rest):
    """The result of a task of one notebook, and its executed cells."""
    result = run(task(*cells, **rest), kernels)
    return result, cells_of(result)


def cells_of(result, name="one.ipynb"):
    return json.loads(result.notebooks[name])["cells"]


def errors(cell):
    return [out["ename"] for out in cell["outputs"] if out["output_type"] == "error"]


def shown(cell):
    """All stream text of a cell."""
    streams = (out for out in cell["outputs"] if out["output_type"] == "stream")
    return "".join(part for out in streams for part in out["text"])


def kinds(result):
    return [event.kind for event in result.events]
