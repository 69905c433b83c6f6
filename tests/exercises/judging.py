"""An exercise's checks tried without a kernel: values go as JSON, as they do in grading."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from course_lib.checking.probing import evaluate
from course_lib.checking.questions import Context, Evidence, Unusable
from course_lib.metering import busy_neighbours

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"
NAMES = sorted(path.name for path in (EXERCISES / "source").iterdir())


def judge(checks, name, value, seed=1, evidence=Evidence()):  # noqa: B008 (frozen)
    """The judgement on an answer to the question of that name."""

    def context():
        return Context(np.random.default_rng(seed), evidence)

    question = checks.questions[name]
    try:
        inputs = json.loads(json.dumps(question.inputs(context())))
    except Unusable:  # nothing is asked
        return question.judge(context(), None)
    answered = json.loads(json.dumps(evaluate(lambda: value, inputs)))
    return question.judge(context(), answered)


def graded_again(course, name, busy=0, workers=2, secret="a secret of these tests", **variables):
    """Automatic points by student and cell, after `course grade` beside so many busy processes."""
    command = [sys.executable, "-m", "course_lib.cli", "grade", name, "--force", "--json"]
    with busy_neighbours(busy) if busy else nullcontext():
        done = subprocess.run(
            [*command, "--workers", str(workers)],
            cwd=course, env=os.environ | {"COURSE_SECRET": secret, **variables},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return automatic_points(course, name)


def automatic_points(course, name):
    """What the gradebook says by student and cell; None where a person must judge."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            one.student.id: {
                grade.name: grade.auto_score
                for notebook in one.notebooks
                for grade in notebook.grades
                if grade.cell_type == "code"
            }
            for one in gradebook.assignment_submissions(name)
        }
