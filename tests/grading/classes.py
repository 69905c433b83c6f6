"""A small class that is really graded, and what came of it, less what is chance."""

import json
import os
import re
import subprocess
import sys

from tests.grading.faking import contents
from tests.grading.guard.material import make_course, released, solved, submit
from tests.grading.honest import CHANGING

SQUARE = "def square(x):\n    return x * x"
ANSWERS = {
    "ada": SQUARE,
    "bob": "def square(x):\n    return x + x",
    "cid": "def square(x):\n    return 1 / 0",
    "dan": SQUARE + "\nprint('dan was here')\nopen('made.txt', 'w').write('by dan')",
    "eve": SQUARE,
}
POINTS = {"ada": 3.0, "bob": 0.5, "cid": 0.0, "dan": 3.0, "eve": 0.0}


def make_class(folder, pause=0.0):
    """Right, wrong, an error, a file, a damaged one; each takes so many seconds more."""
    make_course(folder)
    for student, answer in ANSWERS.items():
        wait = f"\nimport time\ntime.sleep({pause})" if pause else ""
        submit(folder, student, solved(released(folder), answer + wait))
    (folder / "submitted" / "eve" / "ps1" / "p1.ipynb").write_text("{")
    return folder


def outcome(course):
    """`contents`, without numbers of processes."""
    found = contents(course)
    for name, held in found.items():
        if name.endswith(".ipynb"):
            for pattern, instead in CHANGING[:2]:
                held = re.sub(pattern, instead, held)
            found[name] = held
    return found


def course_grade(course, *options, prefix=(), **variables):
    """``course grade ps1`` as a program that runs."""
    command = [sys.executable, "-m", "course_lib.cli", "grade", "ps1", "--json"]
    return subprocess.Popen(
        [*prefix, *command, "--preload", "json", *map(str, options)],
        cwd=course, env=os.environ | variables, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def graded(course, *options, **how):
    """Its rows by student, its exit code, and what it said besides."""
    program = course_grade(course, *options, **how)
    out, err = program.communicate(timeout=300)
    return rows_of(out), program.returncode, err


def rows_of(out):
    return {row["student"]: row for row in json.loads(out)} if out.strip() else {}
