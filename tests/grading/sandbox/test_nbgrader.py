"""Stock ``nbgrader autograde`` with the two lines that the exercises' README shows."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib.grading.commands import NbgraderFailed, nbgrader
from tests.grading.guard.material import make_course, released, solved, submit

pytestmark = pytest.mark.needs("sandbox")

ROOT = Path(__file__).parents[3]
RIGHT = "def square(x):\n    return x * x\n"


def lines_of_the_readme() -> str:
    """The configuration for plain nbgrader, as an instructor would copy it."""
    text = (ROOT / "exercises" / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(
        r"^Plain `nbgrader autograde`.*?\n\n((?:    [^\n]*\n)+)", text, re.M | re.S
    )
    return "".join(line.removeprefix("    ") for line in block.splitlines(keepends=True))


def scores(course: Path) -> dict[str, float]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "c") as gradebook:
        return {one.student.id: one.score for one in gradebook.assignment_submissions("ps1")}


def shown(course: Path, student: str) -> str:
    """What the answer's cell printed."""
    graded = nbformat.read(course / "autograded" / student / "ps1" / "p1.ipynb", 4)
    cells = {one.metadata.get("nbgrader", {}).get("grade_id"): one for one in graded.cells}
    return "".join(output.get("text", "") for output in cells["square"].outputs).strip()


def test_two_lines_put_stock_autograding_into_the_sandbox(tmp_path, monkeypatch):
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    lines = lines_of_the_readme()
    assert len(lines.splitlines()) == 2
    limits = "c.ColdProvisioner.limits = {'memory_bytes': 2**30}\n"
    course = make_course(tmp_path / "course", lines + limits)
    gradebook = str(course / "gradebook.db")
    curious = (
        f"import os, resource\nopen('left.txt', 'w').write('mine')\n"
        f"print(os.path.exists({gradebook!r}), os.getcwd(), os.getuid())\n"
        f"print(resource.getrlimit(resource.RLIMIT_AS)[0])"
    )
    submit(course, "ada", solved(released(course), RIGHT + curious))
    submit(course, "bob", solved(released(course), "def square(x):\n    return 0"))
    skipping = solved(released(course), "def square(x):\n    return 0")
    for cell in skipping.cells:
        cell.metadata["tags"] = ["skip-execution"]  # full points in stock nbgrader
    submit(course, "eve", skipping)
    nbgrader(course, "autograde", "ps1")
    assert scores(course) == {"ada": 3.0, "bob": 0.0, "eve": 0.0}
    assert shown(course, "ada") == f"False /submission 1000\n{2**30}"
    assert (course / "autograded" / "ada" / "ps1" / "left.txt").read_text() == "mine"


@pytest.mark.slow
def test_where_no_sandbox_works_nothing_runs(tmp_path):
    course = make_course(tmp_path / "course", lines_of_the_readme())
    submit(course, "ada", solved(released(course), RIGHT))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "bwrap").chmod(0o755)
    with pytest.raises(NbgraderFailed, match="sandbox"):
        path = f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin"
        nbgrader(course, "autograde", "ps1", environment={"PATH": path})
    assert not (course / "autograded" / "ada" / "ps1" / "p1.ipynb").exists()
