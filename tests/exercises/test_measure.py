"""Exercise 3 on its whole way: released, handed in, graded; and what its checks say."""

import functools
import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from course_lib.checking.questions import Evidence
from course_lib.grading.check_assignment import check_assignment
from tests.exercises import judging
from tests.exercises.judging import EXERCISES

NAME = "03-measure"
SAMPLES = EXERCISES / "samples" / NAME
COMPLETE = Evidence.of_folder(SAMPLES / "complete")
judge = functools.partial(judging.judge, evidence=COMPLETE)


# --- the whole way ---


def test_grading_replays_measurements_and_runs_none(report):
    workspace = report.grades.parent
    graded = nbformat.read(workspace / "autograded" / "complete" / NAME / f"{NAME}.ipynb", 4)
    text = "".join(out.get("text", "") for c in graded.cells for out in c.get("outputs", []))
    assert "replayed 'mlp-512'" in text and "replayed 'mlp-large'" in text
    after = (workspace / "autograded" / "complete" / NAME / "records.jsonl").read_text()
    assert after == (SAMPLES / "complete" / "records.jsonl").read_text()


def test_what_this_machine_measures_gets_full_marks(tmp_path):
    """A student's way on this machine, now: run everything, hand it in."""
    shutil.copytree(EXERCISES, tmp_path / "exercises")
    samples = tmp_path / "exercises" / "samples" / NAME
    described = (samples / "samples.toml").read_text()
    (samples / "samples.toml").write_text(described[: described.index("[empty]")])
    shutil.rmtree(samples / "complete")
    report = check_assignment(
        NAME, tmp_path / "exercises", tmp_path / "course", record=True, progress=str
    )
    (graded,) = report.graded
    assert graded.as_expected, graded.reasons


def test_the_command_prints_the_table_and_fails_where_points_differ(tmp_path):
    shutil.copytree(EXERCISES, tmp_path / "exercises")
    samples = tmp_path / "exercises" / "samples" / NAME / "samples.toml"
    described = samples.read_text()
    empty = described[described.index("[empty]") : described.index("[no-records]")]
    samples.write_text(empty.replace("large = 0", "large = 1"))
    done = subprocess.run(
        [sys.executable, "-m", "course_lib.cli", "check-assignment", NAME, "--workspace", "out"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "must get" in done.stdout
    assert "grades.csv" in done.stdout


# --- the notebook ---


def test_the_notebook_measures_what_the_checks_expect(source, checks):
    """Sizes stand in both: students see them, and the grader does not take the students' word."""
    names = {}
    setup = next(c for c in source.cells if c.metadata["nbgrader"]["grade_id"] == "setup")
    exec(setup.source, names)
    given = checks.questions["sweep"].ask.__globals__
    assert names["SIZES"] == given["SIZES"]
    assert names["LARGE"] == given["LARGE"]


# --- the checks ---


FORWARD = "lambda widths, batch: "
PAIRS = "for i, o in zip(widths, widths[1:])"
ATTENTION = "lambda tokens, width, batch: "
WRONG = {
    "mlp-flop": {
        f"{FORWARD} sum(batch * i * o {PAIRS})": "multiply-accumulates",
        f"{FORWARD} sum(2 * i * o {PAIRS})": "batch is missing",
        f"{FORWARD} sum(i * o {PAIRS})": "batch is missing",
        f"{FORWARD} sum(2 * batch * i * o + batch * o {PAIRS})": "biases",
        f"{FORWARD} sum(6 * batch * i * o {PAIRS})": "training",
        f"{FORWARD} 2 * batch * sum(w * w for w in widths)": "inputs by its outputs",
        f"{FORWARD} None": "no number",
        f"{FORWARD} True": "no number",
        f"{FORWARD} float('nan')": "no number",
        f"{FORWARD} 2.5 * sum(2 * batch * i * o {PAIRS})": "2.5 times",
    },
    "mlp-training-flop": {
        f"{FORWARD} sum(6 * batch * i * o {PAIRS})": "the data's gradient",
        f"{FORWARD} sum(2 * batch * i * o {PAIRS})": "forward pass alone",
        f"{FORWARD} sum(3 * batch * i * o {PAIRS}) - batch * widths[0] * widths[1]": "accumulates",
        f"{FORWARD} sum(6 * i * o {PAIRS}) - 2 * widths[0] * widths[1]": "batch is missing",
    },
    "attention-flop": {
        f"{ATTENTION} batch * (4 * tokens * width**2 + 2 * tokens**2 * width)": "accumulates",
        f"{ATTENTION} 8 * tokens * width**2 + 4 * tokens**2 * width": "batch is missing",
        f"{ATTENTION} batch * 8 * tokens * width**2": "tokens with tokens",
        f"{ATTENTION} batch * 4 * tokens**2 * width": "four projections",
        f"{ATTENTION} batch * (6 * tokens * width**2 + 4 * tokens**2 * width)": "output has",
        f"{ATTENTION} batch * (8 * tokens * width**2 + 2 * tokens**2 * width)": "two products",
        f"{ATTENTION} batch * (8 * width**2 + 4 * tokens * width)": "one token",
    },
    "steady-seconds": {
        "lambda times: sum(times) / len(times)": "mean of all",
        "lambda times: times[0]": "first call",
        "sum": "sum of all",
        "max": "slowest|first call",
        "lambda times: 0.5 * min(times)": "times a call",
    },
    "attainable": {
        "lambda f, m, p, b: (m / f, min(p, f / m * b))": "bytes per FLOP",
        "lambda f, m, p, b: (f / m, max(p, f / m * b))": "quicker than the peak",
        "lambda f, m, p, b: (f / m, p)": "this is the peak",
        "lambda f, m, p, b: (f / m, f / m * b)": "quicker than the peak",
        "lambda f, m, p, b: 1": "two numbers",
    },
}
WRONG_ANSWERS = [
    (name, answer, said) for name, answers in WRONG.items() for answer, said in answers.items()
]


@pytest.mark.parametrize(("name", "answer", "said"), WRONG_ANSWERS)
def test_a_wrong_answer_is_told_what_is_wrong_whatever_the_inputs(checks, name, answer, said):
    for seed in range(5):
        judged = judge(checks, name, eval(answer), seed)
        assert judged.share == 0
        assert re.search(said, judged.reason), judged.reason


def test_a_network_with_one_layer_tells_training_mistakes_apart_from_the_right_answer(checks):
    right = "lambda w, b: 6 * b * sum(i * o for i, o in zip(w, w[1:])) - 2 * b * w[0] * w[1]"
    assert all(
        judge(checks, "mlp-training-flop", eval(right), seed).share == 1 for seed in range(9)
    )


def test_the_right_counts_agree_with_the_library(source, checks):
    import torch

    from course_lib import count

    names = {"torch": torch}
    for c in source.cells:
        name = c.metadata["nbgrader"]["grade_id"]
        if name in ("mlp-flop-answer", "mlp-training-flop-answer", "attention-flop-answer"):
            exec(c.source, names)
    widths, batch = [20, 30, 40, 5], 7
    layers = [torch.nn.Linear(i, o) for i, o in zip(widths, widths[1:], strict=False)]
    work = count(torch.nn.Sequential(*layers), torch.zeros(batch, widths[0]))
    assert names["mlp_flop"](widths, batch) == work.forward_flop
    assert names["mlp_training_flop"](widths, batch) == work.training_flop
    attention = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    sequences = torch.zeros(2, 5, 12)
    counted = count(attention, sequences, sequences, sequences)
    assert names["attention_flop"](5, 12, 2) == counted.forward_flop


FORECASTS = {  # what students write, and what they must hear (None: it is right)
    "law.predict(x_new, level)": None,
    "(m := law(x_new), m / 1.6, m * 1.6)": "times as wide",
    "law.predict(x_new, 0.3)": "too narrow",
    "law.predict(x_new, level, of='mean')": "too narrow",
    "(3.0, 2.0, 1.0)": "low <= median <= high",
    "(law(x_new),)": "three numbers",
    "1 // 0": "ZeroDivisionError",
}


@pytest.mark.parametrize(("answer", "said"), FORECASTS.items())
def test_a_forecaster_is_told_what_is_wrong(checks, answer, said):
    names = {}
    exec(
        "import numpy as np\nfrom course_lib import fit_power_law\n"
        "def forecast(x, y, x_new, level):\n"
        "    away = np.log(x) - np.log(x).mean()\n"
        "    direction = 'grows' if away @ np.log(y) > 0 else 'falls'\n"
        "    law = fit_power_law(x, y, direction=direction)\n"
        f"    said = {answer}\n"
        "    return said if isinstance(said, tuple) else (said.median, said.low, said.high)\n",
        names,
    )
    judged = judge(checks, "forecast", names["forecast"])
    assert judged.share == (1 if said is None else 0), judged.reason
    assert (said or "") in judged.reason


def changed(**changes):
    """The complete evidence with some records changed or (None) taken away."""
    records = {name: dict(record) for name, record in COMPLETE.records.items()}
    for name, change in changes.items():
        name = name.replace("_", "-")
        if change is None:
            del records[name]
        else:
            change(records[name])
    lines = "".join(json.dumps(record) + "\n" for record in records.values())
    return Evidence({**COMPLETE.files, "records.jsonl": lines.encode()})


def claimed(kind):
    sizes = {"matmul": 8, "mlp": 9, "attention": 9}
    names = [name for name in COMPLETE.records if name.startswith(f"{kind}-")]
    names = [name for name in names if not name.endswith("large")]
    assert len(names) == sizes[kind]
    return [min(COMPLETE.records[name]["samples"]["cpu_seconds"]) for name in names]


def test_claims_follow_from_the_recorded_samples(checks):
    y = {kind: claimed(kind) for kind in ("matmul", "mlp", "attention")}
    assert judge(checks, "sweep", y).share == 1
    assert judge(checks, "sweep", y | {"mlp": [1.01 * one for one in y["mlp"]]}).share == 2 / 3
    assert judge(checks, "sweep", {"mlp": y["mlp"]}).share == 1 / 3
    assert judge(checks, "sweep", [1, 2]).share == 0
    judged = judge(checks, "sweep", y, evidence=changed(mlp_64=None))
    assert judged.share == 2 / 3 and "no recorded samples named mlp-64" in judged.reason

    def cold(record):
        record["warmup_samples"] = {clock: [] for clock in record["warmup_samples"]}

    judged = judge(checks, "sweep", y, evidence=changed(mlp_64=cold))
    assert judged.share == 2 / 3 and "without warm-up" in judged.reason


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (b"{", "cannot be read"),
        (b'{"name": "mlp-64"}\n', "no recorded samples"),
        (b"\xff\xfe", "cannot be read"),
        (b'{"name": "matmul-64", "samples": 3}\n', "is damaged"),
    ],
)
def test_damaged_records_cost_what_rests_on_them_and_say_so(checks, damage, said):
    judged = judge(checks, "sweep", {}, evidence=Evidence({"records.jsonl": damage}))
    assert judged.share == 0 and said in judged.reason


def test_samples_that_nobody_measured_are_flagged_and_not_zeroed(checks):
    def invent(record):
        least = min(record["samples"]["cpu_seconds"])
        count = len(record["samples"]["cpu_seconds"])
        even = [least * (1 + 0.0001 * n) for n in range(count)]
        record["samples"] = record["samples"] | {"cpu_seconds": even, "seconds": even}

    y = {kind: claimed(kind) for kind in ("matmul", "mlp", "attention")}
    names = [f"mlp_{size}" for size in (32, 48, 64, 96)]
    judged = judge(checks, "sweep", y, evidence=changed(**dict.fromkeys(names, invent)))
    assert judged.share == 1 and judged.flags
    assert judge(checks, "sweep", y).flags == ()
