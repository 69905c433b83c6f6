"""Laws of `sweep` in one process: order, resuming, and what a failure costs."""

import io
import json
import math
import warnings
from contextlib import redirect_stderr, redirect_stdout
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.sweeps import sweep
from tests.sweeps import runs

law = settings(max_examples=20)
several = st.lists(st.integers(-9, 9), min_size=1, max_size=4, unique=True)


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def once(tmp_path):
    """A sweep of three runs that are written down, and its journal."""
    grid = {"a": [1, 2, 3], "folder": [str(tmp_path)]}
    return partial(sweep, runs.noted, grid, journal=tmp_path / "j.jsonl", progress=False)


# --- the table ---


@law
@given(several, several, st.none() | several)
def test_a_grid_is_run_in_the_order_of_nested_loops(first, second, seeds):
    table = sweep(runs.multiply, {"a": first, "b": second}, seeds=seeds, progress=False)
    expected = [
        {"a": a, "b": b, **({} if seeds is None else {"seed": s}), **runs.multiply(a, b, s or 0)}
        for a in first
        for b in second
        for s in seeds or [None]
    ]
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected))


@law
@given(several, several)
def test_a_list_is_the_grid_written_out(first, second):
    written = [{"a": a, "b": b} for a in first for b in second]
    pd.testing.assert_frame_equal(
        sweep(runs.multiply, written, progress=False),
        sweep(runs.multiply, {"a": first, "b": second}, progress=False),
    )


@law
@given(several, several)
def test_batched_seeds_give_the_same_table(values, seeds):
    pd.testing.assert_frame_equal(
        sweep(runs.multiply_all, {"a": values}, seeds=seeds, batched=True, progress=False),
        sweep(runs.multiply, {"a": values}, seeds=seeds, progress=False),
    )


def test_networks_trained_together_give_the_table_of_one_by_one():
    how = {"seeds": [3, 5, 8], "progress": False}
    one_by_one = sweep(runs.trained, {"width": [2, 4]}, **how)
    together = sweep(runs.trained_all, {"width": [2, 4]}, batched=True, **how)
    pd.testing.assert_frame_equal(one_by_one, together, rtol=1e-4)
    assert one_by_one["loss"].nunique() == 6


def test_settings_with_different_names_leave_gaps():
    table = sweep(runs.multiply, [{"a": 2}, {"a": 3, "b": 4}], seeds=[0], progress=False)
    assert table.columns.tolist() == ["a", "b", "seed", "product", "ratio", "name"]
    assert math.isnan(table["b"][0]) and table["product"].tolist() == [2, 12]


# --- the journal ---


@law
@given(st.floats(0, 1))
def test_a_sweep_goes_on_where_it_was(tmp_path_factory, share):
    """Cut the journal anywhere, also within a line: the rest is run, and nothing else."""
    folder = tmp_path_factory.mktemp("cut")
    again = partial(
        sweep,
        runs.noted,
        {"a": [1, 2, 3], "folder": [str(folder)]},
        seeds=[0, 1],
        journal=folder / "j.jsonl",
        progress=False,
    )
    whole = again()
    content = (folder / "j.jsonl").read_bytes()
    kept = content[: round(share * len(content))]
    (folder / "j.jsonl").write_bytes(kept)
    (folder / "calls").unlink()
    pd.testing.assert_frame_equal(again(), whole)
    assert len(runs.calls(folder)) == 6 - kept.count(b"\n")
    assert (folder / "j.jsonl").read_bytes() == content
    pd.testing.assert_frame_equal(again(), whole)
    assert len(runs.calls(folder)) == 6 - kept.count(b"\n")


def test_a_longer_sweep_adds_to_the_journal(once, tmp_path):
    once()
    longer = {"a": [0, 1, 2, 3, 4], "folder": [str(tmp_path)]}
    table = sweep(runs.noted, longer, journal=tmp_path / "j.jsonl", progress=False)
    assert table["square"].tolist() == [0, 1, 4, 9, 16]
    assert runs.calls(tmp_path) == [f"{a} None" for a in (1, 2, 3, 0, 4)]


def test_only_the_missing_seeds_of_a_batch_are_run(tmp_path):
    how = {"batched": True, "journal": tmp_path / "j.jsonl", "progress": False}
    grid = {"a": [1, 2], "folder": [str(tmp_path)]}
    sweep(runs.noted_all, grid, seeds=[1, 3], **how)
    table = sweep(runs.noted_all, grid, seeds=[0, 1, 2, 3], **how)
    assert table["square"].tolist() == [1, 2, 3, 4, 4, 5, 6, 7]
    assert runs.calls(tmp_path) == ["1 [1, 3]", "2 [1, 3]", "1 [0, 2]", "2 [0, 2]"]


def test_the_journal_of_another_function_is_refused_and_left_alone(once, tmp_path):
    once()
    before = (tmp_path / "j.jsonl").read_text()
    with pytest.raises(ValueError, match=r"is the journal of tests\.sweeps\.runs\.noted, not of"):
        sweep(runs.multiply, {"a": [1]}, journal=tmp_path / "j.jsonl", progress=False)
    assert (tmp_path / "j.jsonl").read_text() == before


def test_a_journal_of_two_sweeps_at_once_is_refused(once, tmp_path):
    once()
    (tmp_path / "j.jsonl").write_text((tmp_path / "j.jsonl").read_text() * 2)
    with pytest.raises(ValueError, match="twice"):
        once()


def test_a_file_that_is_no_journal_is_refused_and_left_alone(once, tmp_path):
    (tmp_path / "j.jsonl").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="line 1, is not a run of a sweep"):
        once()
    assert (tmp_path / "j.jsonl").read_text() == "a,b\n1,2\n" and not runs.calls(tmp_path)


@pytest.mark.parametrize("run", [lambda a: {}, partial(runs.multiply, b=2)])
def test_a_function_without_a_name_has_no_journal(run, tmp_path):
    with pytest.raises(ValueError, match="with a name of its own"):
        sweep(run, {"a": [1]}, journal=tmp_path / "j.jsonl", progress=False)
    assert len(sweep(run, {"a": [1]}, progress=False)) == 1


def test_a_journal_in_no_folder_is_refused_before_anything_is_run(tmp_path):
    with pytest.raises(ValueError, match="folder that does not exist"):
        sweep(
            runs.noted,
            {"a": [1], "folder": [str(tmp_path)]},
            journal=tmp_path / "none" / "j.jsonl",
            progress=False,
        )
    assert not runs.calls(tmp_path)


# --- failures ---


def test_an_exception_costs_only_its_run_which_is_tried_again(tmp_path):
    path = tmp_path / "j.jsonl"
    with pytest.warns(UserWarning, match=r"1 of 3 runs failed.*'a': 0.*ZeroDivisionError"):
        table = sweep(runs.inverse, {"a": [2, 0, 4]}, journal=path, progress=False)
    assert table["inverse"].tolist() == pytest.approx([0.5, math.nan, 0.25], nan_ok=True)
    assert table["problem"].tolist()[::2] == ["", ""]
    assert table["problem"][1].startswith("ZeroDivisionError: division by zero (runs.py, line ")
    assert [line["setting"]["a"] for line in lines_of(path)] == [2, 0, 4]
    with pytest.warns(UserWarning, match="1 of 3"):
        sweep(runs.inverse, {"a": [2, 0, 4]}, journal=path, progress=False)
    assert [line["setting"]["a"] for line in lines_of(path)] == [2, 0, 4, 0]


@pytest.mark.parametrize(
    "row, said",
    [
        (None, "returned a NoneType"),
        ({"loss": np.float32(1)}, "float32 is not JSON serializable"),
        ({"loss": math.nan}, "Out of range float"),
        ({"loss": (1, 2)}, "give plain numbers"),
        ({"a": 1}, "'a', which is a column of the sweep already"),
        ({"problem": 1}, "a column of the sweep already"),
    ],
)
def test_a_row_that_is_none_is_a_failure(row, said):
    with pytest.warns(UserWarning, match="1 of 2 runs failed"):
        table = sweep(lambda a: row if a else {"fine": 1.0}, {"a": [0, 1]}, progress=False)
    assert said in table["problem"][1] and table["fine"][0] == 1


@pytest.mark.parametrize("rows", [[{}], {"loss": 1}, [{}, {}, {}]])
def test_a_batch_returns_a_row_for_each_seed(rows):
    with pytest.warns(UserWarning, match="2 of 2 runs failed"):
        table = sweep(lambda a, seeds: rows, {"a": [0]}, seeds=[1, 2], batched=True, progress=False)
    assert table["problem"].str.contains("for 2 seeds; return a list of as many rows").all()


def test_stopping_keeps_what_was_done(tmp_path):
    def run(a):
        if a == 3:
            raise KeyboardInterrupt
        return {"square": a * a}

    path = tmp_path / "j.jsonl"
    with pytest.raises(KeyboardInterrupt) as stopped:
        sweep(run, {"a": [1, 2, 3, 4]}, journal=path, progress=False)
    assert stopped.value.results["square"].tolist() == [1, 4]
    assert "2 runs had ended" in stopped.value.__notes__[0]
    assert [line["row"]["square"] for line in lines_of(path)] == [1, 4]
    with pytest.raises(KeyboardInterrupt) as stopped:
        sweep(run, {"a": [3, 1]}, progress=False)
    assert len(stopped.value.results) == 0


# --- input ---


@pytest.mark.parametrize(
    "settings, how, said",
    [
        ([], {}, "settings is"),
        ({"a": 3}, {}, r"settings\['a'\] is 3"),
        ({"a": []}, {}, r"settings\['a'\] is \[\]"),
        ({"a": "abc"}, {}, r"settings\['a'\] is 'abc'"),
        ([{"a": 1}, {"a": 1}], {}, "in the settings twice"),
        ({"a": [1, 2, 1]}, {"seeds": [0]}, "in the settings twice"),
        ([3], {}, "a setting is 3"),
        ([{3: 1}], {}, "a setting is {3: 1}"),
        ({"a": [np.int64(3)]}, {}, "not JSON serializable"),
        ({"a": [math.inf]}, {}, "Out of range float"),
        ({"a": [(1, 2)]}, {}, "give plain numbers"),
        ({"seed": [1]}, {"seeds": [1]}, "'seed': it is taken"),
        ({"problem": [1]}, {}, "'problem': it is taken"),
        ({"a": [1]}, {"seeds": []}, "seeds is"),
        ({"a": [1]}, {"seeds": [1, 1]}, "seeds is"),
        ({"a": [1]}, {"seeds": [0.5]}, "seeds is"),
        ({"a": [1]}, {"batched": True}, "batched is True without seeds"),
        ({"a": [1]}, {"workers": -1}, "workers is -1"),
        ({"a": [1]}, {"workers": True}, "workers is True"),
        ({"a": [1]}, {"workers": 1, "scheduler": "tcp://127.0.0.1:1"}, "one of the two"),
    ],
)
def test_bad_input_is_told_before_anything_is_run(settings, how, said):
    with pytest.raises(ValueError, match=said):
        sweep(lambda **setting: 1 / 0, settings, progress=False, **how)


def test_a_function_is_needed():
    with pytest.raises(TypeError, match="run is a dict"):
        sweep({}, {"a": [1]})


def test_a_seed_among_the_settings_is_a_name_like_any_other():
    table = sweep(runs.multiply, {"seed": [1, 2], "a": [3]}, progress=False)
    assert table["seed"].tolist() == [1, 2] and table["ratio"].tolist() == [4 / 7, 5 / 7]


def test_a_bar_goes_to_standard_output_and_nothing_to_standard_error(once):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        once(progress=True)
        shown = out.getvalue()
        once()
    assert "3/3" in shown and out.getvalue() == shown and err.getvalue() == ""
