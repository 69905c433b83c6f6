"""An assignment's whole path: release, hand in the samples, grade, feedback, compare."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat

from course_lib.devices import cores
from course_lib.grading.commands import NbgraderFailed, nbgrader
from course_lib.grading.samples import Sample, SampleError, failure, read_samples, write_submission
from course_lib.grading.samples import record as record_sample

MEMORY_GIB = 4.0


@dataclass(frozen=True)
class Graded:
    """One sample after grading: points by cell, and the reasons where points are missing."""

    sample: Sample
    points: dict[str, float]
    maximum: dict[str, float]
    by_hand: float
    reasons: dict[str, str]

    @property
    def as_expected(self) -> bool:
        """Whether every machine-graded cell got exactly the points it should."""
        return self.points == self.sample.points


@dataclass(frozen=True)
class Report:
    """What grading the samples gave, and where its products are."""

    graded: list[Graded]
    student_notebook: Path
    feedback: list[Path]
    grades: Path


def check_assignment(
    name: str,
    course_dir: Path,
    workspace: Path,
    record: bool = False,
    progress: Callable[[str], None] = print,
) -> Report:
    """Release an assignment and grade its sample submissions, in a directory of their own.

    Parameters
    ----------
    name : str
        Of a directory in ``source/``.
    course_dir : Path
        An nbgrader course with ``source/`` and ``samples/``. Nothing in it is changed, but for
        the samples' records when they are made anew.
    workspace : Path
        Made anew: it holds the released notebook, the submissions, a gradebook, feedback and
        ``grades.csv``.
    record : bool
        First run the samples on this machine and keep what they measure.
    progress : callable
        Called with a line about each step.

    Raises
    ------
    SampleError
        If there is no such assignment, a sample is badly described, or nbgrader fails.
    """
    source = course_dir / "source" / name
    if not source.is_dir():
        there = sorted(path.name for path in (course_dir / "source").glob("*/"))
        raise SampleError(f"no assignment {name!r} in {course_dir / 'source'}; there are: {there}")
    notebooks = sorted(source.glob("*.ipynb"))
    if len(notebooks) != 1:
        raise SampleError(f"{source} has {len(notebooks)} notebooks; samples need exactly one")
    samples = read_samples(course_dir / "samples" / name)

    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir(parents=True)
    shutil.copytree(source, workspace / "source" / name)
    shutil.copy(course_dir / "nbgrader_config.py", workspace)

    progress("making the student version")
    _nbgrader(workspace, "generate_assignment", name)
    released = workspace / "release" / name / notebooks[0].name
    for sample in samples:
        if record and sample.records is not None:
            progress(f"measuring {sample.name} on this machine")
            record_sample(sample, notebooks[0], released)
        write_submission(
            sample, notebooks[0], released, workspace / "submitted" / sample.name / name
        )
    for sample in samples:
        progress(f"grading {sample.name}: {sample.about}")
    _grade(workspace, name, progress)
    progress("writing feedback and grades.csv")
    _nbgrader(workspace, "generate_feedback", name)
    _nbgrader(workspace, "export", "--to", "grades.csv")
    page = Path(name) / notebooks[0].with_suffix(".html").name
    return Report(
        graded=[_read_grades(workspace, name, notebooks[0].stem, sample) for sample in samples],
        student_notebook=released,
        feedback=[workspace / "feedback" / sample.name / page for sample in samples],
        grades=workspace / "grades.csv",
    )


def _grade(workspace: Path, name: str, progress: Callable[[str], None]) -> None:
    """Grade as `course grade` does; our own samples also where no sandbox works."""
    from course_lib.grading.command import limits_of
    from course_lib.grading.course import CourseError, open_course
    from course_lib.grading.grade import Options, grade
    from course_lib.grading.sandbox.levels import find_level

    found = find_level()
    if refusal := found.refusal():
        progress(f"these samples are the course's own and are graded without a sandbox. {refusal}")
    try:
        course = open_course(workspace, name)
        options = Options(
            workers=cores(),
            level="none" if found.name == "none" else "sandbox",
            warm=found.warm is None,
            limits=limits_of(course, None, MEMORY_GIB),
        )
        rows = grade(course, options)
    except CourseError as error:
        raise SampleError(str(error)) from error
    if wrong := [row for row in rows if not row.has_verdict]:
        said = "; ".join(f"{row.student}: {', '.join(row.reasons)}" for row in wrong)
        raise SampleError(f"not every sample has a verdict: {said}")


def _nbgrader(workspace: Path, *arguments: str) -> None:
    try:
        nbgrader(workspace, *arguments)
    except NbgraderFailed as error:
        raise SampleError(str(error)) from error


def _read_grades(workspace: Path, assignment: str, notebook: str, sample: Sample) -> Graded:
    from nbgrader.api import Gradebook

    graded = workspace / "autograded" / sample.name / assignment / f"{notebook}.ipynb"
    failures = {
        cell.metadata["nbgrader"]["grade_id"]: failure(cell)
        for cell in nbformat.read(graded, as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    points, maximum, by_hand = {}, {}, 0.0
    with Gradebook(f"sqlite:///{(workspace / 'gradebook.db').resolve()}") as gradebook:
        record = gradebook.find_submission_notebook(notebook, assignment, sample.name)
        for grade in record.grades:
            if grade.cell_type == "code":
                points[grade.name], maximum[grade.name] = grade.auto_score, grade.max_score
            else:
                by_hand += grade.max_score
    reasons = {
        cell: reason or "no error, and not all points"
        for cell, reason in failures.items()
        if cell in points and points[cell] < maximum[cell]
    }
    return Graded(sample, points, maximum, by_hand, reasons)
