"""Every kind of damaged submission gets its verdict, and nothing else is touched."""

import os

import nbformat
import pytest

from course_lib.grading.guard.intake import Intake, take_in
from course_lib.grading.guard.reading import DamagedNotebook, read_notebook
from course_lib.grading.guard.restoring import restore
from tests.grading.guard.damaged import DAMAGED, NOTEBOOK
from tests.grading.guard.test_restoring import assert_identity

IGNORE = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback"]  # nbgrader's


def test_there_are_at_least_thirty_kinds():
    assert len(DAMAGED) >= 30
    assert {one.verdict for one in DAMAGED.values()} == {"graded", "noted", "refused", "missing"}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_gets_its_verdict(name, tmp_path, honest, plan):
    damage = DAMAGED[name]
    damage.write(tmp_path, nbformat.writes(honest).encode())
    taken = take_in(tmp_path, [NOTEBOOK], ignore=IGNORE, max_file_kb=100_000)
    problems = dict(taken.problems)
    restored = None
    if NOTEBOOK in taken.notebooks:
        try:
            restored, _ = restore(read_notebook(taken.notebooks[NOTEBOOK]), plan)
        except DamagedNotebook as error:
            problems[NOTEBOOK] = str(error)
    if damage.verdict == "missing":
        assert taken.missing == (NOTEBOOK,) or "no file" in problems.get(NOTEBOOK, "")
        assert restored is None
    elif damage.verdict == "refused":
        assert damage.says in problems[NOTEBOOK], problems
        assert restored is None
    else:
        assert_identity(restored, plan)
        if damage.told_by != "the guard":
            return
        told = " ".join(problems.values())
        assert (damage.says in told and told) if damage.verdict == "noted" else not told


def test_the_fingerprint_changes_with_anything(tmp_path, honest):
    raw = nbformat.writes(honest).encode()
    seen = set()
    for number, damage in enumerate(DAMAGED.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        damage.write(folder, raw)
        first, second = (take_in(folder, [NOTEBOOK], ignore=IGNORE) for _ in "12")
        assert first.fingerprint == second.fingerprint
        seen.add(first.fingerprint)
    # Three kinds of link to a notebook are one to us: none is followed.
    assert len(seen) >= len(DAMAGED) - 4


def test_a_whole_submission_that_is_a_link_is_not_followed(tmp_path, honest):
    (tmp_path / "real").mkdir()
    nbformat.write(honest, tmp_path / "real" / NOTEBOOK)
    (tmp_path / "link").symlink_to("real")
    taken = take_in(tmp_path / "link", [NOTEBOOK])
    assert "link" in taken.problems[NOTEBOOK] and not taken.notebooks


def test_a_folder_that_is_not_there_is_a_reason(tmp_path):
    taken = take_in(tmp_path / "none", [NOTEBOOK])
    assert isinstance(taken, Intake) and "cannot be read" in taken.problems[NOTEBOOK]


def test_patterns_are_ignored_where_nbgrader_ignores_them(tmp_path):
    from nbgrader.utils import find_all_files

    for name in ("a.pyc", ".a.pyc", "b/__pycache__/c.txt", "feedback/x", "data/feedback.csv", "d"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("x")
    theirs = {os.path.relpath(one, tmp_path) for one in find_all_files(str(tmp_path), IGNORE)}
    assert set(take_in(tmp_path, [], ignore=IGNORE).files) == theirs


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_told(tmp_path):
    (tmp_path / NOTEBOOK).write_text("{}")
    (tmp_path / NOTEBOOK).chmod(0)
    assert "Permission denied" in take_in(tmp_path, [NOTEBOOK]).problems[NOTEBOOK]
