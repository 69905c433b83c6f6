"""An assignment's whole path: release, hand in the samples, grade, feedback, compare."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from course_lib.devices import cores
from course_lib.grading.commands import NbgraderFailed, nbgrader
from course_lib.grading.mutants import Tried, as_samples, lost, named_mutants, reference_of
from course_lib.grading.releasing import ReleaseError, generate, notebooks_of, prepare
from course_lib.grading.samples import (
    Sample,
    SampleError,
    failure,
    measuring,
    read_equivalents,
    read_samples,
    write_submission,
)
from course_lib.grading.samples import record as record_sample

MEMORY_GIB = 4.0
SECRET = b"of the course's own samples: no secret"


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

    @property
    def wrong(self) -> bool:
        """Whether it must lose points."""
        return any(self.sample.points.get(cell) != most for cell, most in self.maximum.items())


@dataclass(frozen=True)
class Report:
    """What grading the samples gave, and where its products are."""

    graded: list[Graded]
    student_notebook: Path
    feedback: list[Path]
    grades: Path
    mutants: list[Tried] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether every sample got its points, and every change of the reference lost some."""
        return all(one.as_expected for one in self.graded) and all(
            one.right for one in self.mutants
        )


def check_assignment(
    name: str,
    course_dir: Path,
    workspace: Path,
    record: bool = False,
    secret: bytes = SECRET,
    progress: Callable[[str], None] = print,
    mutations: int = 0,
    seed: int = 0,
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
    secret : bytes
        From which hidden inputs are drawn; what a sample gets must not depend on it.
    progress : callable
        Called with a line about each step.
    mutations, seed : int
        How many random changes of the reference solution are graded with the samples, and what
        they are drawn with; see `mutating`.

    Raises
    ------
    SampleError
        If there is no such assignment, a sample is badly described, or nbgrader fails.
    """
    try:
        notebooks = notebooks_of(name, course_dir)
    except ReleaseError as error:
        raise SampleError(str(error)) from error
    if len(notebooks) != 1:
        folder = notebooks[0].parent
        raise SampleError(f"{folder} has {len(notebooks)} notebooks; samples need exactly one")
    samples = read_samples(course_dir / "samples" / name)
    equivalents = read_equivalents(course_dir / "samples" / name)
    mutants = {}
    if mutations:
        reference_of(samples)  # or there is nothing to compare with
        mutants = named_mutants(notebooks[0], equivalents, mutations, seed)

    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir(parents=True)
    prepare(name, course_dir, workspace)

    progress("making the student version")
    try:
        released = generate(name, workspace) / notebooks[0].name
    except ReleaseError as error:
        raise SampleError(str(error)) from error
    if record:
        for sample in measuring(samples):
            progress(f"measuring {sample.name} on this machine")
            record_sample(sample, notebooks[0], released)
    submissions = list(samples)
    if mutants:
        submissions += as_samples(mutants, reference_of(samples), workspace / "mutants")
    for sample in submissions:
        write_submission(
            sample, notebooks[0], released, workspace / "submitted" / sample.name / name
        )
        progress(f"grading {sample.name}: {sample.about}")
    _grade(workspace, name, secret, progress, may_fail=mutants)
    progress("writing feedback and grades.csv")
    without = f"--CourseDirectory.student_id_exclude={','.join(mutants)}"
    _nbgrader(workspace, "generate_feedback", name, *([without] if mutants else []))
    _nbgrader(workspace, "export", "--to", "grades.csv")
    stem = notebooks[0].stem
    tried = []
    if mutants:
        full = _read_points(workspace, name, stem, reference_of(samples).name)
        for submission, mutant in mutants.items():
            less = lost(_read_points(workspace, name, stem, submission), full)
            tried.append(Tried(seed, submission, mutant, less, equivalents.get(mutant.change, "")))
    page = Path(name) / notebooks[0].with_suffix(".html").name
    return Report(
        graded=[_read_grades(workspace, name, stem, sample) for sample in samples],
        student_notebook=released,
        feedback=[workspace / "feedback" / sample.name / page for sample in samples],
        grades=workspace / "grades.csv",
        mutants=tried,
    )


def _grade(
    workspace: Path,
    name: str,
    secret: bytes,
    progress: Callable[[str], None],
    may_fail: Collection[str],
) -> None:
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
            secret=lambda: secret,
        )
        rows = grade(course, options)
    except CourseError as error:
        raise SampleError(str(error)) from error
    if wrong := [row for row in rows if not row.has_verdict and row.student not in may_fail]:
        said = "; ".join(f"{row.student}: {', '.join(row.reasons)}" for row in wrong)
        raise SampleError(f"not every sample has a verdict: {said}")


def _nbgrader(workspace: Path, *arguments: str) -> None:
    try:
        nbgrader(workspace, *arguments)
    except NbgraderFailed as error:
        raise SampleError(str(error)) from error


def _read_grades(workspace: Path, assignment: str, notebook: str, sample: Sample) -> Graded:
    graded = workspace / "autograded" / sample.name / assignment / f"{notebook}.ipynb"
    failures = {
        cell.metadata["nbgrader"]["grade_id"]: failure(cell) or _printed(cell)
        for cell in nbformat.read(graded, as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    maximum, by_hand = {}, 0.0
    with _gradebook(workspace) as gradebook:
        record = gradebook.find_submission_notebook(notebook, assignment, sample.name)
        for grade in record.grades:
            if grade.cell_type == "code":
                maximum[grade.name] = grade.max_score
            else:
                by_hand += grade.max_score
    points = _read_points(workspace, assignment, notebook, sample.name)
    reasons = {
        cell: reason or "no error, and not all points"
        for cell, reason in failures.items()
        if cell in points and (points[cell] or 0.0) < maximum[cell]
    }
    return Graded(sample, points, maximum, by_hand, reasons)


def _printed(cell: Any) -> str:
    """The first line that a cell printed: with a part of the points, that is the reason."""
    texts = [one.text for one in cell.get("outputs", []) if one.output_type == "stream"]
    return next(iter("".join(texts).strip().splitlines()), "")


def _read_points(workspace: Path, assignment: str, notebook: str, student: str) -> dict[str, float]:
    """The automatic points of a submission by cell, as they stand in the gradebook."""
    with _gradebook(workspace) as gradebook:
        record = gradebook.find_submission_notebook(notebook, assignment, student)
        return {one.name: one.auto_score for one in record.grades if one.cell_type == "code"}


def _gradebook(workspace: Path) -> Any:
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{(workspace / 'gradebook.db').resolve()}")
