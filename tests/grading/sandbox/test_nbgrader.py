"""Stock nbgrader with the sandbox's kernel: one line of configuration, no change elsewhere."""

import nbformat
import pytest

from course_lib.grading.commands import nbgrader
from course_lib.grading.sandbox import kernels

pytestmark = pytest.mark.needs("sandbox")


def make_cell(source: str, grade_id: str, **nbgrader) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata["nbgrader"] = {"schema_version": 3, "grade_id": grade_id, **nbgrader}
    return cell


def test_autograde_runs_submissions_in_the_sandbox(tmp_path):
    course = tmp_path / "course"
    (course / "source" / "ps1").mkdir(parents=True)
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    solution = {"solution": True, "grade": False, "locked": False, "task": False}
    test = {"solution": False, "grade": True, "locked": True, "task": False, "points": 3}
    notebook.cells = [
        make_cell("### BEGIN SOLUTION\nx = 42\n### END SOLUTION", "answer", **solution),
        make_cell("assert x == 42", "test", **test),
    ]
    nbformat.write(notebook, course / "source" / "ps1" / "one.ipynb")
    (course / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'test'\n"
        f"c.ExecutePreprocessor.kernel_name = {kernels.NAME!r}\n"
    )
    # What an installation has: the specification and the entry point.
    kernels.write_specification(tmp_path / "jupyter")
    info = tmp_path / "site" / "sandbox_kernels-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sandbox-kernels\nVersion: 1\n")
    lines = [f"{name} = {value}\n" for name, value in kernels.PROVISIONERS.items()]
    (info / "entry_points.txt").write_text(f"[{kernels._GROUP}]\n{''.join(lines)}")
    environment = {
        "JUPYTER_PATH": str(tmp_path / "jupyter"),
        "PYTHONPATH": str(tmp_path / "site"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
    }
    nbgrader(course, "generate_assignment", "ps1", "--quiet", environment=environment)
    answer = (
        "import os\nx = 42\nopen('left.txt', 'w').write('mine')\n"
        f"seen = os.path.exists({str(course / 'gradebook.db')!r})\nprint(seen, os.getcwd())"
    )
    for student, source in (("ada", answer), ("bob", "x = 0")):
        folder = course / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        handed_in = nbformat.read(course / "release" / "ps1" / "one.ipynb", 4)
        handed_in.cells[0].source = source
        nbformat.write(handed_in, folder / "one.ipynb")
    nbgrader(course, "autograde", "ps1", "--quiet", environment=environment)

    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        scores = {s.student.id: s.score for s in gradebook.assignment_submissions("ps1")}
    assert scores == {"ada": 3.0, "bob": 0.0}
    graded = course / "autograded" / "ada" / "ps1"
    assert (graded / "left.txt").read_text() == "mine"
    shown = nbformat.read(graded / "one.ipynb", 4).cells[0].outputs[0].text
    assert shown.strip() == "False /submission"
