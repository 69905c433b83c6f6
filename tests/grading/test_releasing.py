"""What a student receives: complete, without solutions, the same each time."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from course_lib import __version__
from course_lib.grading.authoring import new_assignment
from course_lib.grading.releasing import (
    ReleaseError,
    assignments,
    for_the_cloud,
    generate,
    prepare,
    released_files,
    zipped,
)

ROOT = Path(__file__).resolve().parents[2]
NAME = "04-shapes"
SOLUTION = "return 2 * rows * inputs * outputs"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    for file in ("nbgrader_config.py", "AGENTS.md"):
        shutil.copy(ROOT / "exercises" / file, folder)
    new_assignment(NAME, folder)
    (folder / "source" / NAME / "table.csv").write_text("a,b\n1,2\n")
    return folder


@pytest.fixture(scope="module")
def files(course):
    return released_files(NAME, course)


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def command(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "course_lib.cli", "release", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_all_that_belongs_beside_the_notebook_is_released(course, files):
    assert set(files) == {f"{NAME}.ipynb", "checks.py", "AGENTS.md", "table.csv"}
    assert files["checks.py"] == (course / "checks" / f"{NAME}.py").read_bytes()
    assert files["AGENTS.md"] == (ROOT / "exercises" / "AGENTS.md").read_bytes()


def test_no_solution_is_released(course, files):
    assert SOLUTION in (course / "source" / NAME / f"{NAME}.ipynb").read_text()
    notebook = files[f"{NAME}.ipynb"].decode()
    assert SOLUTION not in notebook and "A model answer" not in notebook
    assert notebook.count("YOUR CODE HERE") == 1 and notebook.count("YOUR ANSWER HERE") == 1


def test_it_is_what_nbgrader_releases_to_a_class(course, files, tmp_path):
    prepare(NAME, course, tmp_path)
    folder = generate(NAME, tmp_path)
    assert (tmp_path / "gradebook.db").is_file()
    given = {path.relative_to(folder).as_posix(): data for path, data in everything(folder).items()}
    assert given == files


def test_a_course_without_a_word_to_assistants_releases_none(course, tmp_path):
    shutil.copytree(course, tmp_path / "course")
    (tmp_path / "course" / "AGENTS.md").unlink()
    assert "AGENTS.md" not in released_files(NAME, tmp_path / "course")


def test_the_course_stays_as_it_is_and_a_second_release_is_the_same(course, files):
    before = everything(course)
    again = released_files(NAME, course)
    assert everything(course) == before
    assert zipped(NAME, again) == zipped(NAME, files)


def test_the_zip_unpacks_into_a_folder_of_the_assignment_s_name(files):
    with zipfile.ZipFile(io.BytesIO(zipped(NAME, files))) as archive:
        found = {one.filename: archive.read(one) for one in archive.infolist()}
    assert found == {f"{NAME}/{path}": data for path, data in files.items()}


def test_an_unknown_assignment_is_told_what_there_is(course):
    assert assignments(course) == [NAME]
    with pytest.raises(ReleaseError, match=rf"'05-else'.*\['{NAME}'\]"):
        released_files("05-else", course)


def test_in_the_cloud_only_a_cell_without_a_mark_is_added(files):
    changed = for_the_cloud(NAME, files, "https://github.com/owner/a-course.git")
    assert {path: data for path, data in changed.items() if not path.endswith(".ipynb")} == {
        path: data for path, data in files.items() if not path.endswith(".ipynb")
    }
    new = nbformat.reads(changed[f"{NAME}.ipynb"].decode(), as_version=4)
    nbformat.validate(new)
    added = new.cells.pop(1)
    assert new == nbformat.reads(files[f"{NAME}.ipynb"].decode(), as_version=4)
    assert added.cell_type == "code" and "nbgrader" not in added.metadata
    assert f"git+https://github.com/owner/a-course@v{__version__}" in added.source
    assert (
        f"https://raw.githubusercontent.com/owner/a-course/exercises-v{__version__}/notebooks/{NAME}"
        in added.source
    )
    assert all(path in added.source for path in files if not path.endswith(".ipynb"))


def test_where_the_course_is_installed_the_added_cell_does_nothing(files, tmp_path):
    changed = for_the_cloud(NAME, files, "https://github.com/owner/a-course")
    cell = nbformat.reads(changed[f"{NAME}.ipynb"].decode(), as_version=4).cells[1].source
    program = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell\n"
        "sys.exit(not InteractiveShell.instance().run_cell(sys.stdin.read()).success)"
    )
    (here := tmp_path / "here").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program], input=cell, cwd=here, text=True, capture_output=True,
        env=os.environ | {"IPYTHONDIR": str(tmp_path / "ipython")}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert [*here.iterdir()] == []


@pytest.mark.parametrize("address", ["", "https://example.org/a/b", "https://github.com/a"])
def test_only_a_repository_on_github_will_do(files, address):
    with pytest.raises(ReleaseError, match="no repository of the form"):
        for_the_cloud(NAME, files, address)


def test_the_command_writes_folders_or_zips(course, files, tmp_path):
    done = command("--course-dir", course, "--to", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert everything(tmp_path / "out" / NAME) == {
        tmp_path / "out" / NAME / path: data for path, data in files.items()
    }
    done = command(NAME, "--course-dir", course, "--to", "out", "--zip", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / f"{NAME}.zip").read_bytes() == zipped(NAME, files)


def test_the_command_says_what_it_cannot_release(course, tmp_path):
    done = command("05-else", "--course-dir", course, "--to", "out", cwd=tmp_path)
    assert done.returncode == 2 and "05-else" in done.stdout
    assert not (tmp_path / "out").exists()
