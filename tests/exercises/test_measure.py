"""Exercise 3 on its whole way: released, handed in, graded with stock nbgrader."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib.grading.check_assignment import check_assignment
from course_lib.metering import busy_neighbours

ROOT = Path(__file__).resolve().parents[2]
EXERCISES = ROOT / "exercises"
NAME = "03-measure"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The shipped samples, graded once."""
    return check_assignment(NAME, EXERCISES, tmp_path_factory.mktemp("course"), progress=str)


@pytest.fixture(scope="module")
def source():
    return nbformat.read(EXERCISES / "source" / NAME / f"{NAME}.ipynb", as_version=4)


def cell(notebook, name):
    (found,) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name]
    return found


def test_each_sample_gets_exactly_its_points(report):
    got = {graded.sample.name: graded.points for graded in report.graded}
    assert got == {graded.sample.name: graded.sample.points for graded in report.graded}
    assert {"complete", "half-right", "empty"} <= set(got)


def test_the_points_add_up_to_twenty(report):
    for graded in report.graded:
        assert sum(graded.maximum.values()) + graded.by_hand == 20
        assert graded.by_hand == 2


def test_a_reason_stands_wherever_points_are_missing(report):
    for graded in report.graded:
        lost = {name for name, points in graded.points.items() if points < graded.maximum[name]}
        assert set(graded.reasons) == lost
        assert all(len(reason) > 10 for reason in graded.reasons.values())
    (half,) = [graded for graded in report.graded if graded.sample.name == "half-right"]
    assert "three times forward" in half.reasons["hidden-mlp-training-flop"]
    assert "straight line" in half.reasons["check-exponent"]
    assert "too narrow" in half.reasons["hidden-forecast"]


def test_grading_replays_measurements_and_runs_none(report):
    workspace = report.grades.parent
    graded = nbformat.read(workspace / "autograded" / "complete" / NAME / f"{NAME}.ipynb", 4)
    text = "".join(out.get("text", "") for c in graded.cells for out in c.get("outputs", []))
    names = [json.loads(line)["name"] for line in records("complete")]
    for name in names:
        assert f"replayed '{name}'" in text
    after = (workspace / "autograded" / "complete" / NAME / "records.jsonl").read_text()
    assert after.splitlines() == records("complete")


def test_the_release_shows_no_solution_and_no_hidden_test(report, source):
    released = report.student_notebook.read_text()
    secret = re.compile(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END", re.DOTALL)
    blocks = [block for c in source.cells for block in secret.findall(c.source)]
    lines = {line.strip() for block in blocks for line in block.splitlines()}
    shared = {"assert reason is None, reason", ""}  # visible checks end so too
    shared |= {line for line in lines if line.startswith(("reason = why_not", "for widths", "]"))}
    assert len(blocks) >= 9
    assert [line for line in lines - shared if json.dumps(line)[1:-1] in released] == []
    assert released.count("YOUR CODE HERE") == 6


def test_feedback_and_grades_are_written(report):
    assert all(page.stat().st_size > 10_000 for page in report.feedback)
    rows = report.grades.read_text().splitlines()
    assert len(rows) == 1 + len(report.graded)


def test_every_graded_cell_is_locked_and_every_answer_is_not(source):
    for c in source.cells:
        mark = c.metadata.get("nbgrader")
        assert mark, f"a cell without nbgrader's mark could be changed: {c.source[:40]!r}"
        assert mark["locked"] != mark["solution"]


def test_cells_stay_short(source):
    for c in source.cells:
        if c.cell_type == "code" and not c.metadata["nbgrader"]["grade"]:
            assert len(c.source.splitlines()) <= 20, c.source[:60]


@pytest.mark.slow
def test_a_busy_machine_changes_no_point(tmp_path):
    for attempt in range(3):
        with busy_neighbours(4):
            report = check_assignment(NAME, EXERCISES, tmp_path / str(attempt), progress=str)
        assert all(graded.as_expected for graded in report.graded)


def test_what_this_machine_measures_gets_full_marks(tmp_path):
    """A student's way on this machine, now: run everything, hand it in."""
    shutil.copytree(EXERCISES, tmp_path / "exercises")
    samples = tmp_path / "exercises" / "samples" / NAME
    described = (samples / "samples.toml").read_text()
    complete = described[described.index("[complete]") : described.index("[half-right]")]
    (samples / "samples.toml").write_text(complete)
    shutil.rmtree(samples / "complete")
    report = check_assignment(
        NAME, tmp_path / "exercises", tmp_path / "course", record=True, progress=str
    )
    (graded,) = report.graded
    assert graded.as_expected, graded.reasons


def records(sample):
    return (EXERCISES / "samples" / NAME / sample / "records.jsonl").read_text().splitlines()


@pytest.mark.parametrize("sample", ["complete", "half-right"])
def test_records_hold_no_names_and_no_paths(sample):
    import getpass
    import socket

    text = "".join(records(sample))
    assert not re.search(r"/(home|root|Users|work|tmp)/", text)
    assert socket.gethostname() not in text
    assert f'"{getpass.getuser()}"' not in text


FORWARD = "lambda widths, batch: "
PAIRS = "for i, o in zip(widths, widths[1:])"
WRONG_FORWARD = {
    f"sum(batch * i * o {PAIRS})": "multiply-accumulates",
    f"sum(2 * i * o {PAIRS})": "batch is missing",
    f"sum(i * o {PAIRS})": "batch is missing",
    f"sum(2 * batch * i * o + batch * o {PAIRS})": "biases",
    f"sum(6 * batch * i * o {PAIRS})": "training",
    "2 * batch * sum(w * w for w in widths)": "inputs by its outputs",
    "12345": "is not 12,345 FLOP",
}
WRONG_TRAINING = {
    f"sum(6 * batch * i * o {PAIRS})": "gradient of the data",
    f"sum(4 * batch * i * o {PAIRS})": "each layer has two",
    f"sum(2 * batch * i * o {PAIRS})": "forward pass alone",
    f"sum(6 * batch * i * o {PAIRS}) - 2 * batch * widths[-2] * widths[-1]": "first layer's",
    f"sum(3 * batch * i * o {PAIRS}) - batch * widths[0] * widths[1]": "multiply-accumulates",
    f"sum(6 * i * o {PAIRS}) - 2 * widths[0] * widths[1]": "batch is missing",
}


@pytest.mark.parametrize(
    ("check", "function", "answer", "said"),
    [("check-mlp-flop", "mlp_flop", *wrong) for wrong in WRONG_FORWARD.items()]
    + [
        ("check-mlp-training-flop", "mlp_training_flop", *wrong) for wrong in WRONG_TRAINING.items()
    ],
)
def test_a_wrong_count_is_told_what_is_wrong(source, check, function, answer, said):
    names = {function: eval(FORWARD + answer)}
    exec("import torch\nfrom course_lib import count", names)
    if check != "check-mlp-flop":  # it uses what the check before it defines
        exec(cell(source, "check-mlp-flop").source.split("\nfor ")[0], names)
    with pytest.raises(AssertionError, match=said):
        exec(cell(source, check).source, names)


def test_the_right_count_passes_and_agrees_with_the_library(source):
    import torch

    from course_lib import count

    names = {"torch": torch, "count": count}
    for name in ("mlp-flop", "mlp-training-flop"):
        exec(cell(source, name).source, names)
    for check in ("check-mlp-flop", "check-mlp-training-flop"):
        exec(cell(source, check).source, names)
    widths, batch = [20, 30, 40, 5], 7
    layers = [torch.nn.Linear(i, o) for i, o in zip(widths, widths[1:], strict=False)]
    work = count(torch.nn.Sequential(*layers), torch.zeros(batch, widths[0]))
    assert names["mlp_flop"](widths, batch) == work.forward_flop
    assert names["mlp_training_flop"](widths, batch) == work.training_flop


FORECASTS = {  # what students write, and what they must hear (None: it is right)
    "law.predict(x_new, level)": None,
    "Forecast((m := law(x_new)), m / 1.3, m * 1.3)": "times as wide",
    "law.predict(x_new, 0.3)": "too narrow",
    "law.predict(x_new, level, of='mean')": "too narrow",
    "fit_power_law(x, y, 'none', direction='grows').predict(x_new, level)": "as wide|overhead",
    "(3.0, 2.0, 1.0)": "low <= median <= high",
    "law(x_new)": "three numbers",
}


@pytest.mark.parametrize(("answer", "said"), FORECASTS.items())
def test_a_forecaster_is_told_what_is_wrong(source, answer, said):
    names = {}
    exec(
        "from course_lib import Forecast, fit_power_law\n"
        "from course_lib.forecasting import forecasting_skill, power_law_problems\n"
        "def forecast(x, y, x_new, level):\n"
        "    law = fit_power_law(x, y, direction='grows')\n"
        f"    return {answer}\n",
        names,
    )
    check = cell(source, "check-forecast").source
    hidden = cell(source, "hidden-forecast").source
    if said is None:
        exec(check, names)
        exec(hidden, names)
    else:
        with pytest.raises((AssertionError, ValueError), match=said):
            exec(check, names)


def test_the_command_prints_the_table_and_fails_where_points_differ(tmp_path):
    shutil.copytree(EXERCISES, tmp_path / "exercises")
    samples = tmp_path / "exercises" / "samples" / NAME / "samples.toml"
    described = samples.read_text()
    empty = described[described.index("[empty]") :]
    samples.write_text(empty.replace("check-large = 0", "check-large = 1"))
    done = subprocess.run(
        [sys.executable, "-m", "course_lib.cli", "check-assignment", NAME, "--workspace", "out"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "empty" in done.stdout
    assert "must get" in done.stdout
    assert "grades.csv" in done.stdout
