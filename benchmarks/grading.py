"""A class of import-heavy notebooks: `course grade` in its sandbox beside `nbgrader autograde`.

    python benchmarks/grading.py [--notebooks 40] [--workers 2]

Prints notebooks a second, CPU seconds a notebook and the ratios. Each side grades the same class in
a course of its own, in the same run.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

SETUP = "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\nimport torch"
ANSWER = "def square(x):\n    return x * x"
CHECK = "assert square(torch.tensor(3)) == 9\nassert pd.Series([square(np.float64(2))]).sum() == 4"


def marked(name: str, source: str, **marks: object) -> nbformat.NotebookNode:
    """A cell with nbgrader's marks."""
    identity = {"schema_version": 3, "grade_id": name, "grade": False, "solution": False}
    return new_code_cell(
        source, metadata={"nbgrader": identity | {"locked": False, "task": False} | marks}
    )


def make_class(folder: Path, students: int) -> Path:
    """A course with one assignment, handed in by as many students."""
    source = folder / "source" / "ps1"
    source.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")
    solution = f"### BEGIN SOLUTION\n{ANSWER}\n### END SOLUTION"
    cells = [
        marked("setup", SETUP, locked=True),
        marked("square", solution, solution=True),
        marked("check", CHECK, grade=True, locked=True, points=1),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, source / "p1.ipynb")
    run(folder, "nbgrader", "generate_assignment", "ps1", "--create")
    released = nbformat.read(folder / "release" / "ps1" / "p1.ipynb", as_version=4)
    released.cells[1].source = ANSWER
    for number in range(students):
        target = folder / "submitted" / f"student-{number:04}" / "ps1"
        target.mkdir(parents=True)
        nbformat.write(released, target / "p1.ipynb")
    return folder


def run(folder: Path, *command: str) -> tuple[float, float]:
    """Wall and CPU seconds of a command of this environment; it must succeed."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, check=True,
        capture_output=True,
    )  # fmt: skip
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


def scores(folder: Path) -> list[float]:
    """The points in a course's gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        return [one.score for one in gradebook.find_assignment("ps1").submissions]


def main() -> None:
    """Grade the class three ways and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebooks", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    grade = ("course_lib.cli", "grade", "ps1", "--workers", str(asked.workers))
    ways = {
        "course grade, warm": grade,
        "course grade, cold": (*grade, "--cold"),
        "nbgrader autograde": ("nbgrader", "autograde", "ps1"),
    }
    with tempfile.TemporaryDirectory() as scratch:
        whole = make_class(Path(scratch) / "whole", asked.notebooks)
        taken = {}
        for way, command in ways.items():
            course = Path(shutil.copytree(whole, Path(scratch) / way.replace(" ", "-")))
            taken[way] = run(course, *command)
            assert scores(course) == [1.0] * asked.notebooks, way
    stock, _ = taken["nbgrader autograde"]
    print(f"{asked.notebooks} notebooks that import NumPy, pandas, Matplotlib and PyTorch:")
    for way, (wall, used) in taken.items():
        print(
            f"  {way:20} {asked.notebooks / wall:6.2f} notebooks/s  "
            f"{used / asked.notebooks:5.2f} CPU s a notebook  {stock / wall:5.1f} times stock"
        )


if __name__ == "__main__":
    main()
