"""What is the instructor's comes back, whatever was done to it."""

import copy
import random

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_lib.grading.guard.reading import read_notebook
from course_lib.grading.guard.restoring import restore


def name_of(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def by_name(notebook):
    return {name_of(cell): cell for cell in notebook.cells if name_of(cell)}


# --- ways to change a notebook, each from a source of chance ---


def drop(cells, rng):
    if cells:
        cells.pop(rng.randrange(len(cells)))


def double(cells, rng):
    if cells:
        cells.insert(rng.randrange(len(cells) + 1), copy.deepcopy(rng.choice(cells)))


def shuffle(cells, rng):
    rng.shuffle(cells)


def extra(cells, rng):
    make = rng.choice([new_code_cell, new_markdown_cell])
    cells.insert(rng.randrange(len(cells) + 1), make(rng.choice(["x = 1", "", "# more"])))


def forget(cells, rng):
    if cells:
        rng.choice(cells).metadata = nbformat.from_dict({})


def retype(cells, rng):
    if not cells:
        return
    cell = rng.choice(cells)
    cell.cell_type = rng.choice(["raw", "markdown", "code", "heading"])


def rewrite(cells, rng):
    if cells:
        rng.choice(cells).source = rng.choice(["", "pass", "assert True", "0.5"])


def mark(cells, rng):
    if cells:
        cell = rng.choice(cells)
        key = rng.choice([*KEYS])
        entry = cell.metadata.setdefault("nbgrader", nbformat.from_dict({}))
        entry[key] = rng.choice(KEYS[key])


def swap(cells, rng):
    marked = [cell for cell in cells if name_of(cell)]
    if len(marked) > 1:
        one, two = rng.sample(marked, 2)
        one.metadata, two.metadata = two.metadata, one.metadata


def tag(cells, rng):
    if cells:
        rng.choice(cells).metadata["tags"] = rng.choice([["skip-execution"], ["a", "b"], "x", 3])


def ids(cells, rng):
    for cell in cells:
        cell["id"] = rng.choice(["same", "", "x" * 99, "<b>", 3])


KEYS = {
    "grade_id": ["test-square", "why", "", "no such", 3, None, ["x"], "\x00"],
    "grade": [True, False, 1, "yes"],
    "solution": [True, False, None],
    "locked": [False, True, 0],
    "task": [True, False, "x"],
    "points": [100, -1, float(7), "many", None, True],
    "checksum": ["0" * 32, "", 5],
    "schema_version": [0, 1, 3, 99, "3", True],
    "cell_type": ["raw", "markdown", 1],
    "comment": ["<script>alert(1)</script>"],
}
CHANGES = [drop, double, shuffle, extra, forget, retype, rewrite, mark, swap, tag, ids]


def changed(notebook, steps, seed):
    """A notebook after a list of changes."""
    rng = random.Random(seed)
    notebook = copy.deepcopy(notebook)
    for step in steps:
        CHANGES[step](notebook.cells, rng)
    notebook.metadata["kernelspec"] = nbformat.from_dict({"name": "bash", "display_name": "B"})
    return notebook


mutations = {
    "steps": st.lists(st.integers(0, len(CHANGES) - 1), max_size=12),
    "seed": st.integers(0, 2**32),
}


def assert_identity(notebook, plan):
    """Every cell that counts is there once, exactly as the gradebook has it."""
    names = [name_of(cell) for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert len(names) == len(set(names))
    cells = by_name(notebook)
    assert set(cells) <= {wanted.name for wanted in plan.cells}
    for wanted in plan.cells:
        if wanted.counts or wanted.locked:
            assert wanted.name in cells
        if wanted.name not in cells:
            continue
        cell, entry = cells[wanted.name], cells[wanted.name].metadata["nbgrader"]
        assert cell.cell_type == wanted.cell_type
        assert entry["grade"] is wanted.grade and entry["solution"] is wanted.solution
        assert entry.get("task", False) is wanted.task
        assert entry["schema_version"] == 3 and entry["checksum"] == wanted.checksum
        assert entry.get("points") == wanted.points
        assert "comment" not in entry
        if wanted.locked:
            assert cell.source == wanted.source and entry["locked"] is True
    assert notebook.metadata["kernelspec"] == plan.kernel()
    assert not any("skip-execution" in cell.metadata.get("tags", []) for cell in notebook.cells)


@settings(max_examples=150)
@given(**mutations)
def test_whatever_is_done_the_graded_cells_are_the_blueprints(honest, plan, steps, seed):
    restored, _ = restore(changed(honest, steps, seed), plan)
    assert_identity(restored, plan)
    nbformat.validate(restored)


@settings(max_examples=100)
@given(**mutations)
def test_restoring_twice_is_restoring_once(honest, plan, steps, seed):
    once, _ = restore(changed(honest, steps, seed), plan)
    twice, changes = restore(once, plan)
    assert twice == once
    assert changes == []


@settings(max_examples=60)
@given(**mutations)
def test_no_text_of_a_student_is_lost(honest, plan, steps, seed):
    before = changed(honest, steps, seed)
    restored, _ = restore(before, plan)
    locked = {wanted.name for wanted in plan.cells if wanted.locked}
    ours = {wanted.source for wanted in plan.cells}
    theirs = [cell.source for cell in before.cells if name_of(cell) not in locked]
    after = [cell.source for cell in restored.cells]
    for source in theirs:
        # A cell that claims to be read-only is the instructor's; every other keeps its text.
        assert source in after or source in ours or source == ""


def test_an_untouched_submission_is_not_changed(release, honest, plan):
    for notebook in (release, honest):
        restored, changes = restore(notebook, plan)
        assert restored == notebook
        assert changes == []


def test_the_submission_itself_is_left_alone(honest, plan):
    before = changed(honest, [0, 1, 7], 5)
    copied = copy.deepcopy(before)
    restore(before, plan)
    assert before == copied


@settings(max_examples=25)
@given(**mutations)
def test_stock_preprocessors_then_find_nothing(honest, plan, db_url, steps, seed):
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        DeduplicateIds,
        OverwriteCells,
        OverwriteKernelspec,
    )

    restored, _ = restore(changed(honest, steps, seed), plan)
    for make in (DeduplicateIds, OverwriteKernelspec, OverwriteCells, CheckCellMetadata):
        step = make(add_missing_cells=True) if make is OverwriteCells else make()
        resources = {"nbgrader": {"db_url": db_url, "assignment": "ps1", "notebook": "p1"}}
        before = copy.deepcopy(restored)
        restored, _ = step.preprocess(restored, resources)
        assert restored == before, make.__name__


@pytest.mark.parametrize("name", ["setup", "test-square", "test-half", "why", "task"])
def test_a_deleted_cell_comes_back_where_it_was(release, plan, name):
    notebook = copy.deepcopy(release)
    notebook.cells = [cell for cell in notebook.cells if name_of(cell) != name]
    restored, changes = restore(notebook, plan)
    wanted = [cell.name for cell in plan.cells]
    assert [name_of(cell) for cell in restored.cells if name_of(cell)] == wanted
    assert changes == [f"{name}: it was deleted; it is back as it was released"]


def test_all_cells_deleted_come_back_in_order(release, plan):
    notebook = copy.deepcopy(release)
    notebook.cells = []
    restored, _ = restore(notebook, plan)
    wanted = [cell.name for cell in plan.cells if cell.counts or cell.locked]
    assert [name_of(cell) for cell in restored.cells] == wanted


def test_a_deleted_answer_stays_away(honest, plan):
    """Its empty form would undo the answer that the student wrote in a new cell."""
    notebook = copy.deepcopy(honest)
    notebook.cells = [cell for cell in notebook.cells if name_of(cell) != "square"]
    notebook.cells.insert(1, new_code_cell("def square(x):\n    return x * x"))
    restored, _ = restore(notebook, plan)
    assert "square" not in by_name(restored)


def test_of_two_answers_the_written_one_counts(release, plan):
    notebook = copy.deepcopy(release)
    index = [name_of(cell) for cell in notebook.cells].index("why")
    answer = copy.deepcopy(notebook.cells[index])
    answer.source = "Because."
    notebook.cells.insert(index + 1, answer)
    restored, changes = restore(notebook, plan)
    assert by_name(restored)["why"].source == "Because."
    assert len(changes) == 1 and "others stay as plain cells" in changes[0]
    assert len(restored.cells) == len(notebook.cells)


def test_of_two_tests_the_first_unchanged_one_counts(honest, plan):
    notebook = copy.deepcopy(honest)
    forged = copy.deepcopy(by_name(notebook)["test-square"])
    forged.source = "pass"
    notebook.cells.insert(0, forged)
    restored, _ = restore(notebook, plan)
    assert "nbgrader" not in restored.cells[0].metadata
    assert restored.cells[0].source == "pass"


def test_a_cell_that_lost_its_metadata_is_known_by_its_source(honest, plan):
    notebook = copy.deepcopy(honest)
    for cell in notebook.cells:
        if name_of(cell) == "test-square":
            del cell.metadata["nbgrader"]
    restored, changes = restore(notebook, plan)
    assert len(restored.cells) == len(notebook.cells)
    assert changes == ["test-square: its metadata was lost; known by its source"]


def test_a_kernel_that_nobody_asked_for_is_removed(honest, plan):
    from dataclasses import replace

    restored, changes = restore(honest, replace(plan, kernelspec="{}"))
    assert "kernelspec" not in restored.metadata
    assert len(changes) == 1


def test_notebooks_before_cell_ids_get_none(honest, plan):
    notebook = copy.deepcopy(honest)
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]
    del notebook.cells[3]
    notebook = read_notebook(nbformat.writes(notebook).encode())
    restored, _ = restore(notebook, plan)
    nbformat.validate(restored)
    assert_identity(restored, plan)
