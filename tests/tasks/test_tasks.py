"""What all tasks share: a run, grids, the truth, and a recorded sweep that is still right."""

import itertools
import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from course_lib.facts import recorded
from course_lib.sweeps import sweep
from course_lib.tasks import TASKS, recorded_sweep
from course_lib.tasks.task import COLUMNS

TRAINED = {"lexicon", "mnist1d", "teacher_student", "shapes"}
# How far a run may end from the recorded one of the same seed. On another machine other roundings
# grow while a network trains; then it may be as far off as another seed.
TOLERANCES = {
    "zipf": 1e-6, "groups": 1e-4, "spectrum": 1e-4,
    "lexicon": 0.05, "mnist1d": 0.05, "shapes": 0.1, "teacher_student": 0.3,
}  # fmt: skip

every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def settings_of(grid):
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def about(task):
    return recorded(f"task-{task.name}")


def compare(task, settings, seeds):
    """Run settings now, beside what was recorded."""
    now = sweep(
        task.run,
        [setting | {"device": "cpu"} for setting in settings],
        seeds=range(seeds),
        batched=True,
        progress=False,
    ).drop(columns="device")
    key = [*task.full, "seed"]
    both = now.merge(recorded_sweep(task.name), on=key, suffixes=("", "_then"))
    assert len(both) == len(now) == len(settings) * seeds
    np.testing.assert_allclose(both[task.y], both[f"{task.y}_then"], rtol=TOLERANCES[task.name])
    for exact in {"parameters", "training_flop"} & set(now.columns):
        assert (both[exact] == both[f"{exact}_then"]).all(), exact


# --- the surface ---


@every_task
def test_the_live_grid_is_a_part_of_the_full_one(task):
    assert TASKS[task.name] is task and list(task.live) == list(task.full)
    for name, values in task.live.items():
        assert set(values) <= set(task.full[name]) and values
    assert 1 <= task.live_seeds <= task.seeds
    assert set(task.curves) <= set(task.full)


@every_task
def test_the_truth_of_a_setting_is_plain_and_names_its_form(task):
    for setting in settings_of(task.full):
        known = task.truth(**setting)
        assert known["form"]
        assert json.loads(json.dumps(known, allow_nan=False)) == known
        assert known == task.truth(**{name: setting[name] for name in task.curves})


# --- what was recorded ---


@every_task
def test_the_recorded_sweep_is_whole(task):
    rows, told = recorded_sweep(task.name), about(task)
    wanted = [(*s.values(), k) for s in settings_of(task.full) for k in range(task.seeds)]
    assert list(rows[[*task.full, "seed"]].itertuples(index=False, name=None)) == wanted
    assert not rows.isna().any(axis=None)
    numbers = rows.select_dtypes("number").drop(columns="seed")
    assert np.isfinite(numbers).all(axis=None) and (numbers > 0).all(axis=None)
    assert {*task.x, task.y} <= set(rows.columns) <= set(COLUMNS)
    assert told["rows"] == len(rows) and set(told["columns"]) == set(rows.columns)


@every_task
def test_what_is_said_of_it_is_what_the_task_says_today(task):
    told = about(task)
    assert told["settings"] == task.full and told["seeds"] == task.seeds
    assert (tuple(told["x"]), told["y"], tuple(told["curves"])) == (task.x, task.y, task.curves)
    grids = {name: task.full[name] for name in task.curves}
    for known, curve in zip(told["truth"], settings_of(grids), strict=True):
        today = curve | task.truth(**curve)
        assert set(known) == set(today)
        for name, value in today.items():
            same = value if isinstance(value, str) else pytest.approx(value, rel=1e-5)
            assert known[name] == same, name
    assert told["command"] == f"python benchmarks/record_tasks.py --task {task.name}"
    assert datetime.fromisoformat(told["recorded"]) <= datetime.now(UTC)
    assert {"course_lib", "python", "torch", "numpy"} == set(told["versions"]) and told["machine"]


@every_task
def test_nothing_recorded_is_better_than_what_is_irreducible(task):
    for curve, rows in curves_of(task):
        floor = task.truth(**curve).get("irreducible", 0.0)
        at = rows.groupby([name for name in task.full if name not in task.curves])[task.y]
        assert (at.mean() + 3 * at.std() / at.count() ** 0.5 > floor).all()
        if task.name != "groups":  # there, a seed may be luckier than the limit
            assert (rows[task.y] > floor).all()


@every_task
def test_more_is_better(task):
    """Over the whole reach of each thing that grows, the mean falls."""
    for _, rows in curves_of(task):
        for x in task.x:
            others = [name for name in task.x if name != x]
            groups = [rows] if not others else [part for _, part in rows.groupby(others)]
            for part in groups:
                mean = part.groupby(x)[task.y].mean()
                assert len(mean) >= 4 and mean.iloc[-1] < mean.iloc[0]


def curves_of(task):
    rows = recorded_sweep(task.name)
    if not task.curves:
        return [({}, rows)]
    return [
        (dict(zip(task.curves, values, strict=True)), part)
        for values, part in rows.groupby(list(task.curves))
    ]


def slope(rows, x, y):
    mean = rows.groupby(x)[y].mean()
    return np.polyfit(np.log(mean.index), np.log(mean), 1)[0]


def test_the_recorded_slopes_are_near_the_truth():
    for curve, rows in curves_of(TASKS["zipf"]):
        known = TASKS["zipf"].truth(**curve)
        large = rows[rows["samples"] >= 100]
        assert slope(large, "samples", "error") == pytest.approx(known["exponent"], rel=0.04)
    slopes = {
        curve["dimensions"]: slope(rows, "parameters", "loss")
        for curve, rows in curves_of(TASKS["teacher_student"])
    }
    assert slopes[4] == pytest.approx(-0.80, abs=0.01)  # theory: -1
    assert slopes[8] == pytest.approx(-0.66, abs=0.01)  # theory: -.5


def test_the_recorded_mlp_is_near_a_power_law_and_the_cnn_is_not():
    worst = {}
    for curve, rows in curves_of(TASKS["mnist1d"]):
        mean = rows.groupby("samples")["error"].mean()
        x, y = np.log(mean.index), np.log(mean)
        line = np.polyfit(x, y, 1)
        worst[curve["model"]] = abs(np.polyval(line, x) - y).max()
        if curve["model"] == "mlp":
            assert line[0] == pytest.approx(-0.29, abs=0.01)
    assert worst["mlp"] < 0.1 < 0.2 < worst["cnn"]


def test_the_recorded_surface_of_the_spectrum_has_its_irreducible_loss():
    rows = recorded_sweep("spectrum")
    mean = rows.groupby(["width", "samples"])["loss"].mean().unstack()
    assert (mean.diff(axis=1).iloc[:, 1:] < 0).all(axis=None)
    assert (mean.diff(axis=0).iloc[1:, -1] < 0).all()


@pytest.mark.parametrize("name", TASKS)
def test_a_live_part_agrees_with_what_was_recorded(name):
    task = TASKS[name]
    if name in TRAINED:
        compare(task, settings_of(task.live)[:1], 1)
    else:
        compare(task, settings_of(task.live), task.live_seeds)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TRAINED))
def test_the_whole_live_part_agrees_with_what_was_recorded(name):
    task = TASKS[name]
    compare(task, settings_of(task.live), task.live_seeds)


def test_an_unknown_sweep_is_named():
    for name in ("spectra", None):
        with pytest.raises(ValueError, match="recorded are groups, lexicon, mnist1d"):
            recorded_sweep(name)


def test_the_files_are_small():
    tables = [recorded_sweep(name) for name in TASKS]
    assert all(isinstance(table, pd.DataFrame) for table in tables)
    assert sum(len(table.to_csv(index=False)) for table in tables) < 300_000
