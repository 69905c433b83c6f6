"""What was released, as the gradebook knows it."""

import nbformat
import pytest
from nbgrader.utils import compute_checksum, is_locked

from course_lib.grading.guard.blueprint import Blueprint, read_notebook_blueprint


def test_it_holds_every_marked_cell_of_the_release_in_order(blueprint, release):
    (plan,) = blueprint.notebooks.values()
    marked = [cell for cell in release.cells if "nbgrader" in cell.metadata]
    assert [cell.name for cell in plan.cells] == [c.metadata.nbgrader.grade_id for c in marked]
    for cell, wanted in zip(marked, plan.cells, strict=True):
        assert cell.metadata.nbgrader == wanted.identity()
        assert (cell.source, cell.cell_type) == (wanted.source, wanted.cell_type)
        assert compute_checksum(cell) == wanted.checksum
        assert is_locked(cell) == wanted.locked
    assert plan.kernel() == release.metadata.kernelspec


def test_one_notebook_is_the_same_alone(blueprint, db_url):
    assert read_notebook_blueprint(db_url, "ps1", "p1") == blueprint.notebooks["p1"]


def test_text_and_back(blueprint):
    copied = Blueprint.from_json(blueprint.to_json())
    assert copied == blueprint
    assert copied.fingerprint == blueprint.fingerprint


def test_any_change_is_another_fingerprint(blueprint):
    texts = [blueprint.to_json()]
    for old, new in (("square(3) == 9", "square(3) == 8"), ("2.0", "3.0"), ("true", "false")):
        assert old in texts[0]
        texts.append(texts[0].replace(old, new, 1))
    assert len({Blueprint.from_json(text).fingerprint for text in texts}) == len(texts)


def test_what_is_not_there_is_told(db_url):
    with pytest.raises(ValueError, match="ps2"):
        Blueprint.from_gradebook(db_url, "ps2")
    with pytest.raises(ValueError, match="p9"):
        read_notebook_blueprint(db_url, "ps1", "p9")


def test_a_stand_in_shows_the_reason_and_every_cell(plan):
    reason = "it is <b>not</b> JSON\nsecond line"
    notebook = nbformat.reads(plan.stand_in(reason).decode(), as_version=4)
    nbformat.validate(notebook)
    assert "    it is <b>not</b> JSON\n    second line" in notebook.cells[0].source
    assert [c.metadata.nbgrader.grade_id for c in notebook.cells[1:]] == [
        c.name for c in plan.cells
    ]
