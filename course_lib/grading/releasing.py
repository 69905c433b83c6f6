"""What students receive of an assignment: made by nbgrader in a folder of its own, so that neither
the course nor its gradebook is touched.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

from course_lib.grading.commands import NbgraderFailed, nbgrader
from course_lib.grading.trusted.releasing import handed_out
from course_lib.publishing import BRANCH, folder_of, place_of, requirement

CONFIG = "nbgrader_config.py"
MIDNIGHT = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say: the same files, the same zip
INSTALL = """\
# Where the course is not installed (as in Colab): install it, and fetch what belongs beside this.
from importlib.util import find_spec
from urllib.request import urlretrieve

if find_spec("course_lib") is None:
    %pip install --quiet "{requirement}"
    for name in {beside}:
        urlretrieve(f"{raw}/{{name}}", name)"""


class ReleaseError(Exception):
    """An assignment cannot be released; the message says why."""


def assignments(course_dir: Path) -> list[str]:
    """The names of a course's assignments, sorted."""
    return sorted(path.name for path in (course_dir / "source").glob("*/"))


def notebooks_of(name: str, course_dir: Path) -> list[Path]:
    """The notebooks of an assignment, sorted.

    Raises
    ------
    ReleaseError
        If there is no such assignment, or it has no notebook.
    """
    source = course_dir / "source" / name
    if not name or not source.is_dir():
        there = assignments(course_dir)
        raise ReleaseError(f"no assignment {name!r} in {source.parent}; there are: {there}")
    notebooks = sorted(source.glob("*.ipynb"))
    if not notebooks:
        raise ReleaseError(f"{source} has no notebook")
    return notebooks


def prepare(name: str, course_dir: Path, workspace: Path) -> None:
    """Copy what nbgrader needs of one assignment into a workspace."""
    shutil.copytree(course_dir / "source" / name, workspace / "source" / name)
    shutil.copy(course_dir / CONFIG, workspace)
    for path in handed_out(course_dir, name).values():
        place = workspace / path.relative_to(course_dir)
        place.parent.mkdir(exist_ok=True)
        shutil.copy(path, place)


def generate(name: str, workspace: Path, *options: str) -> Path:
    """Let nbgrader make the students' version in a prepared workspace; the folder that it wrote.

    ``--no-db`` among the options leaves out the gradebook, which changes nothing in the version.

    Raises
    ------
    ReleaseError
        If nbgrader fails.
    """
    try:
        nbgrader(workspace, "generate_assignment", name, *options)
    except NbgraderFailed as error:
        raise ReleaseError(str(error)) from error
    return workspace / "release" / name


def released_files(name: str, course_dir: Path) -> dict[str, bytes]:
    """What a student receives, by path relative to the assignment's folder.

    Parameters
    ----------
    name : str
        Of a directory in ``source/``.
    course_dir : Path
        An nbgrader course. Nothing in it is changed.

    Returns
    -------
    dict of bytes
        The notebook without solutions, its checks as ``checks.py``, ``AGENTS.md``, and what else
        the assignment's folder holds.

    Raises
    ------
    ReleaseError
        If there is no such assignment, or nbgrader fails.
    """
    notebooks_of(name, course_dir)
    with tempfile.TemporaryDirectory() as scratch:
        prepare(name, course_dir, Path(scratch))
        folder = generate(name, Path(scratch), "--no-db")
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


def zipped(name: str, files: dict[str, bytes]) -> bytes:
    """One folder as a zip; the same files give the same bytes, whenever and wherever it is made.

    >>> zipped("a", {"x": b"1", "y": b"2"}) == zipped("a", {"y": b"2", "x": b"1"})
    True
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{name}/{path}", MIDNIGHT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # else Windows would write other bytes
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return packed.getvalue()


def for_the_cloud(name: str, files: dict[str, bytes], repository: str) -> dict[str, bytes]:
    """The same files, but each notebook begins by installing the course where it is missing.

    Parameters
    ----------
    name : str
        Of the assignment.
    files : dict of bytes
        As `released_files` gives them.
    repository : str
        On GitHub, ``https://github.com/OWNER/NAME``. The course comes from its tag of this
        version, what belongs beside the notebook from its branch of this version's notebooks.

    Raises
    ------
    ReleaseError
        If the repository is not on GitHub.
    """
    place = place_of(repository)
    if place is None:
        raise ReleaseError(f"{repository!r} is no repository of the form https://github.com/A/B")
    source = INSTALL.format(
        requirement=requirement(place),
        raw=f"https://raw.githubusercontent.com/{place}/{BRANCH}/{folder_of(name)}",
        beside=[path for path in files if not path.endswith(".ipynb")],
    )
    changed = dict(files)
    for path, data in files.items():
        if path.endswith(".ipynb"):
            notebook = nbformat.reads(data.decode(), as_version=4)
            notebook.cells.insert(1, new_code_cell(source, id="install"))
            changed[path] = (nbformat.writes(notebook) + "\n").encode()
    return changed
