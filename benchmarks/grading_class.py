"""Classes to grade, and what grading one takes; `benchmarks/grading.py` compares."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook

SETUP = "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\nimport torch"
ANSWER = "def square(x):\n    return x * x"
CHECK = "assert square(torch.tensor(3)) == 9\nassert pd.Series([square(np.float64(2))]).sum() == 4"
HEAVY = (SETUP, ANSWER, CHECK)
TRIVIAL = ("import math", ANSWER, "assert square(3) == 9")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LOOK = 0.25  # seconds between two looks at memory


@dataclass(frozen=True)
class Taken:
    """What a command took: wall and CPU seconds, and the largest memory of all its processes.

    ``load`` is the number of processes that wanted to run in the minute before, of others too.
    """

    wall: float
    cpu: float
    peak: int
    load: float


def marked(name: str, source: str, **marks: object) -> nbformat.NotebookNode:
    """A cell with nbgrader's marks."""
    identity = {"schema_version": 3, "grade_id": name, "grade": False, "solution": False}
    return new_code_cell(
        source, metadata={"nbgrader": identity | {"locked": False, "task": False} | marks}
    )


def make_class(folder: Path, students: int, cells: tuple[str, str, str] = HEAVY) -> Path:
    """A course with one assignment of three cells, handed in rightly by as many students."""
    setup, answer, check = cells
    source = folder / "source" / "ps1"
    source.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")
    solution = f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION"
    marks = [
        marked("setup", setup, locked=True),
        marked("square", solution, solution=True),
        marked("check", check, grade=True, locked=True, points=1),
    ]
    nbformat.write(new_notebook(cells=marks, metadata={"kernelspec": KERNEL}), source / "p1.ipynb")
    run(folder, "-m", "nbgrader", "generate_assignment", "ps1", "--create")
    released = nbformat.read(folder / "release" / "ps1" / "p1.ipynb", as_version=4)
    released.cells[1].source = answer
    text = nbformat.writes(released)
    for number in range(students):
        target = folder / "submitted" / f"student-{number:04}" / "ps1"
        target.mkdir(parents=True)
        (target / "p1.ipynb").write_text(text, encoding="utf-8")
    return folder


def some_of(whole: Path, folder: Path, students: int) -> Path:
    """A copy of a class with its first students only; nothing in it is graded."""
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("submitted"))
    for one in sorted((whole / "submitted").iterdir())[:students]:
        shutil.copytree(one, folder / "submitted" / one.name)
    return folder


def run(folder: Path, *arguments: str) -> Taken:
    """What this environment's Python takes to run something; it must succeed."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    load, before = os.getloadavg()[0], _children()
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip
        peak = _watch(process)
        wall = time.perf_counter() - begun
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(arguments)} failed: {said.read()[-2000:]}")
    return Taken(wall, _children() - before, peak, load)


def prepare_otter(folder: Path, check: str) -> None:
    """The same check as otter-grader has it: one test, and what ``otter generate`` makes of it."""
    lines = check.splitlines()
    code = "\n".join([f">>> {line}" for line in lines])
    case = {"code": code, "hidden": False, "locked": False}
    suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
    test = {"name": "check", "points": 1, "suites": [suite]}
    (folder / "tests").mkdir()
    (folder / "tests" / "check.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n")
    run(folder, "-m", "otter", "generate", "-t", "tests", "-o", "autograder.zip")


# otter-grader without containers, one submission after another in one process.
OTTER = """
from pathlib import Path
from otter.api import grade_submission
for one in sorted(Path("submitted").glob("*/ps1/p1.ipynb")):
    result = grade_submission(str(one), ag_path="autograder.zip", quiet=True)
    if result.total != 1.0: raise SystemExit(f"{one}: {result.total} points")
"""


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process; the largest memory of it and all below it that was seen."""
    peak, ended = 0, threading.Event()

    def look() -> None:
        nonlocal peak
        while not ended.wait(LOOK):
            peak = max(peak, _held_by(process.pid))

    looking = threading.Thread(target=look)
    looking.start()
    process.wait()
    ended.set()
    looking.join()
    return peak


def _held_by(pid: int) -> int:
    """Bytes of a process and all below it; pages that several share count once in all."""
    held = 0
    try:
        everyone = [one := psutil.Process(pid), *one.children(recursive=True)]
    except psutil.Error:
        return 0
    for one in everyone:
        try:
            held += one.memory_full_info().pss
        except (psutil.Error, OSError):  # it has just ended, or is closed to this user
            continue
    return held


def scores(folder: Path) -> list[float]:
    """The points in a course's gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        return [one.score for one in gradebook.find_assignment("ps1").submissions]


def own_cpu(cells: tuple[str, ...]) -> tuple[float, float]:
    """CPU seconds of cells alone, in one plain process: the first time, and once all is imported.

    The second is the median of twenty runs, each in names of its own.
    """
    program = (
        "import json, sys, time\n"
        "def once():\n"
        "    names, begun = {}, time.process_time()\n"
        "    for cell in json.loads(sys.argv[1]): exec(cell, names)\n"
        "    return time.process_time() - begun\n"
        "print(once(), sorted(once() for _ in range(20))[10])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(cells)],
        capture_output=True, text=True, check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"},
    )  # fmt: skip
    first, later = map(float, done.stdout.split())
    return first, later
