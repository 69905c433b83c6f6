"""An exercise's checks tried without a kernel: values go as JSON, as they do in grading."""

import json
from pathlib import Path

import numpy as np

from course_lib.checking.probing import evaluate
from course_lib.checking.questions import Context, Evidence, Unusable

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
