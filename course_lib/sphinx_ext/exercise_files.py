"""The students' notebooks for download, beside the pages of the exercises.

`course release` makes them, as it does for a class, in a process of its own: nbgrader configures
what it is loaded into. What it made is kept beside the built book until the exercise, its checks or
what releases it has changed.
"""

import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from .cache_key import hash_of
from .exercise_page import exercise_pages

RELEASING = Path(__file__).resolve().parents[1] / "grading"
COURSE = ("AGENTS.md", "nbgrader_config.py")


def state_of(name: str, course: Path) -> str:
    """A short hash of all that a released exercise is made of."""
    own = [course / "source" / name, course / "checks" / f"{name}.py"]
    files = [path for path in (*own, *(course / file for file in COURSE)) if path.exists()]
    return hash_of([*files, RELEASING], f"nbgrader {_nbgrader()}")


def _nbgrader() -> str:
    try:
        return version("nbgrader")
    except PackageNotFoundError:
        return "absent"


def released(names: list[str], course: Path, kept: Path) -> dict[str, Path]:
    """The zip of each exercise, made anew where something has changed.

    Parameters
    ----------
    names : list of str
        Of directories in the course's ``source/``.
    course : Path
        The nbgrader course.
    kept : Path
        Where zips are kept; those of other states are deleted.

    Raises
    ------
    ExtensionError
        If one cannot be released.
    """
    zips = {name: kept / state_of(name, course) / f"{name}.zip" for name in names}
    for old in kept.glob("*/"):
        if old not in {path.parent for path in zips.values()}:
            shutil.rmtree(old)
    if missing := [name for name in names if not zips[name].is_file()]:
        made = kept / "new"
        release(missing, course, made)
        for name in missing:
            zips[name].parent.mkdir(parents=True, exist_ok=True)
            (made / f"{name}.zip").replace(zips[name])
        made.rmdir()
    return zips


def release(names: list[str], course: Path, to: Path) -> None:
    """Let `course release` write a zip of each exercise into a folder."""
    command = ["release", *names, "--course-dir", str(course), "--to", str(to), "--zip"]
    done = subprocess.run(
        [sys.executable, "-m", "course_lib.cli", *command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise ExtensionError(f"the exercises cannot be released for download:\n{said}")


def _put(app: Sphinx, failure: Exception | None) -> None:
    pages = exercise_pages(app.env) if failure is None and app.builder.format == "html" else {}
    if not pages:
        return
    course = Path(app.srcdir, app.config.course_exercises)
    zips = released(sorted(set(pages.values())), course, Path(app.outdir).parent / ".released")
    for page, name in pages.items():
        place = (Path(app.outdir) / page).parent
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(zips[name], place / f"{name}.zip")


def setup(app: Sphinx) -> None:
    """Put the zips into the built site when it is finished."""
    app.connect("build-finished", _put)
