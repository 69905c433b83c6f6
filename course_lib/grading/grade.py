"""`grade`: a whole class, in parallel, safe to kill and to start again.

This process reads what was handed in, and is the only one that writes: gradebook, ``autograded/``
and the journal. What students wrote runs elsewhere, and comes back as data.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any, TypeVar

from nbgrader.api import InvalidEntry
from sqlalchemy.exc import OperationalError

from course_lib.checking.probing import CHECKS
from course_lib.checking.questions import Evidence
from course_lib.grading.converting import Converter
from course_lib.grading.course import Course, CourseError
from course_lib.grading.engines import one_engine
from course_lib.grading.environment import installed
from course_lib.grading.guard.blueprint import Blueprint
from course_lib.grading.guard.intake import Intake, take_in
from course_lib.grading.guard.reading import DamagedNotebook, read_notebook
from course_lib.grading.journal import Journal, Key
from course_lib.grading.placing import place
from course_lib.grading.tasks import Limits, Result, Task
from course_lib.grading.trusted.assignment import ChecksError, HandedIn, Trusted, read_trusted
from course_lib.grading.trusted.secret import SecretError, read_secret
from course_lib.grading.warm import sharing
from course_lib.grading.worker import work, work_on_cluster
from course_lib.workers import Lost, check_address, in_workers, on_cluster

PATIENCE = 60.0  # seconds to wait for a gradebook that another program holds
T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """How a class is graded; the defaults are those of the command."""

    student: str = "*"
    force: bool = False
    workers: int = 1
    scheduler: str | None = None
    insecure: bool = False
    level: str = "sandbox"
    warm: bool = True
    preload: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    stock_scores: bool = False
    secret: Callable[[], bytes] = lambda: read_secret()[0]
    patience: float = PATIENCE


@dataclass(frozen=True)
class Row:
    """What became of one submission.

    ``state`` is *graded*, *regraded*, *unchanged* (its verdict stands), *inconclusive* (in the
    gradebook, with parts left to a person) or *failed* (not in the gradebook; grading again tries
    again). ``score`` is the sum of the automatic points.
    """

    student: str
    state: str
    score: float | None = None
    before: float | None = None
    reasons: tuple[str, ...] = ()

    @property
    def has_verdict(self) -> bool:
        """Whether a machine could judge all that a machine should."""
        return self.state in ("graded", "regraded", "unchanged")


@dataclass(frozen=True)
class _Plan:
    student: str
    by: HandedIn
    intake: Intake
    key: Key
    why: str
    seen_before: bool
    task: Task
    problems: dict[str, str]  # by notebook: what a person must judge
    left_out: dict[str, str]  # other files that were not taken


def grade(
    course: Course, options: Options, progress: Callable[[Row], None] = lambda row: None
) -> list[Row]:
    """Grade what was handed in for an assignment, as far as its verdict does not stand already.

    Parameters
    ----------
    course : Course
        From `open_course`.
    options : Options
        How.
    progress : callable
        Called with each row as it comes.

    Returns
    -------
    list of Row
        One for each submission, by student.

    Raises
    ------
    Busy
        If another process grades this assignment.
    NoJournal
        If what is done cannot be kept: no room, no right to write.
    CourseError
        If the course cannot be graded at all.
    ConnectionError
        If the scheduler cannot be reached, or is lost. What was graded until then stands, and
        grading again goes on with the rest.
    ValueError
        If a scheduler beyond this machine has no TLS.
    """
    if options.scheduler is not None:
        check_address(options.scheduler, options.insecure)
    with Journal.held(course.keeping) as journal, one_engine():
        try:
            rows = _Class(course, options, journal).rows(progress)
        finally:
            sharing.close_lent()
        return sorted(rows, key=lambda row: row.student)


class _Class:
    def __init__(self, course: Course, options: Options, journal: Journal) -> None:
        self.course, self.options, self.journal = course, options, journal
        self.blueprint = Blueprint.from_gradebook(
            course.directory.db_url, course.assignment, course.directory.course_id
        )
        self.trusted = self._checks()
        self.converter = Converter(course, self.blueprint, self.trusted, options.stock_scores)
        self.source = course.source_files()
        self.assignment = _fingerprint(
            self.blueprint.fingerprint,
            _contents(self.source),
            options.stock_scores,
            self.trusted and self.trusted.fingerprint,
        )
        self.deadlines = self.converter.deadlines()
        self.execution = self.converter.execution()
        self.installed = installed()
        self.environment = _fingerprint(sys.version, self.installed)

    def _checks(self) -> Trusted | None:
        notebooks = self.blueprint.notebooks.values()
        cells = [cell for notebook in notebooks for cell in notebook.cells]
        try:
            return read_trusted(
                self.course.root, self.course.assignment, cells, self.options.secret
            )
        except (ChecksError, SecretError) as error:
            raise CourseError(str(error)) from error

    def rows(self, progress: Callable[[Row], None]) -> list[Row]:
        rows: list[Row] = []

        def add(row: Row) -> None:
            rows.append(row)
            progress(row)

        plans: dict[str, _Plan] = {}

        def to_run() -> Iterator[tuple[str, bytes]]:
            for student in self.course.students(self.options.student):
                try:
                    plan = self._plan(student)
                except Exception as error:  # one submission never stops the class
                    add(Row(student, "failed", reasons=(f"{type(error).__name__}: {error}",)))
                    continue
                if isinstance(plan, Row):
                    add(plan)
                elif not plan.task.notebooks:
                    add(self._write(plan, None))
                elif kept := self._kept(plan):
                    add(self._write(plan, kept))
                else:
                    plans[plan.task.key] = plan
                    yield plan.task.key, plan.task.to_bytes()

        with closing(self._answers(to_run())) as answers:
            for (key, _), answer in answers:
                add(self._answered(plans.pop(key), answer))
        return rows

    def _answers(self, items: Iterator[tuple[str, bytes]]) -> Iterator[tuple[Any, Any]]:
        if self.options.scheduler is not None:
            there = partial(work_on_cluster, installed_here=self.installed)
            return on_cluster(there, items, self.options.scheduler)
        warm = self.options.warm and self.options.level == "sandbox"
        server = sharing.lend(self.options.preload) if warm else ""
        return in_workers(partial(work, server=server), items, self.options.workers)

    # --- before ---

    def _plan(self, student: str) -> _Plan | Row:
        directory = self.course.directory
        intake = take_in(
            self.course.submitted(student),
            [f"{name}.ipynb" for name in self.blueprint.notebooks],
            ignore=directory.ignore,
            max_file_kb=directory.max_file_size,
        )
        due = _fingerprint(self.assignment, self.deadlines.get(student, self.deadlines[""]))
        key = Key(intake.fingerprint, due, self.environment)
        verdicts = self.journal.verdicts(student)
        there = self.course.autograded(student).is_dir()
        why = ""
        if self.options.force:
            why = "--force"
        elif verdicts and there:
            why = key.changed(verdicts[-1].key)
            if not why and self.journal.unwritten(student, key) is not None:
                why = "its last result was not wholly written"
            if not why:
                last = verdicts[-1]
                state = "inconclusive" if last.inconclusive else "unchanged"
                return Row(student, state, _sum(last.verdict), reasons=last.reasons)
        elif there and self.journal.unwritten(student, key) is None and not self._newer(student):
            return Row(
                student, "unchanged", reasons=("graded by nbgrader before; --force regrades",)
            )
        wanted = {f"{name}.ipynb" for name in self.blueprint.notebooks}
        problems = {name: why for name, why in intake.problems.items() if name in wanted}
        left_out = {name: why for name, why in intake.problems.items() if name not in wanted}
        by = HandedIn(student, intake.fingerprint, Evidence(intake.files))
        notebooks: dict[str, bytes] = {}
        timed: list[dict[str, Any]] = []
        for name, raw in intake.notebooks.items():
            try:
                notebook = read_notebook(raw)
                notebooks[name], to_time = self.converter.sanitise(by, name, notebook)
                timed += [one | {"notebook": name} for one in to_time]
            except DamagedNotebook as error:
                problems[name] = str(error)
            except Exception as error:
                problems[name] = f"it cannot be prepared: {type(error).__name__}: {error}"
        task = Task(
            key=key.of(student),
            notebooks=notebooks,
            files=self._given(intake.files),
            level=self.options.level,
            warm=self.options.warm,
            preload=self.options.preload,
            limits=self._limits(),
            environment={"NBGRADER_EXECUTION": "autograde"},
            execution=self.execution,
            timed=tuple(timed),
        )
        seen = bool(verdicts) or there
        return _Plan(student, by, intake, key, why, seen, task, problems, left_out)

    def _given(self, handed_in: dict[str, bytes]) -> dict[str, bytes]:
        """The files that a kernel sees: without the checks, which say how answers are judged."""
        files = _overwritten(handed_in, self.source)
        if self.trusted is not None:
            files.pop(CHECKS, None)
        return files

    def _limits(self) -> Limits:
        """The kernel's limits, with what the assignment's students must not import."""
        withheld = self.trusted.checks.withheld if self.trusted is not None else ()
        return replace(self.options.limits, withheld=withheld)

    def _newer(self, student: str) -> bool:
        """nbgrader's rule: what was handed in again after it was graded is graded again."""
        old, new = (
            self.course.directory.get_existing_timestamp(str(folder))
            for folder in (self.course.autograded(student), self.course.submitted(student))
        )
        return old is not None and new is not None and new > old

    def _kept(self, plan: _Plan) -> Result | None:
        raw = self.journal.unwritten(plan.student, plan.key)
        return None if raw is None else Result.from_bytes(raw)

    # --- after ---

    def _answered(self, plan: _Plan, answer: bytes | Lost) -> Row:
        if isinstance(answer, Lost):
            return Row(plan.student, "failed", reasons=(answer.problem,))
        result = Result.from_bytes(answer)
        if result.problem is not None:
            return Row(plan.student, "failed", reasons=(result.problem,))
        try:
            self.journal.executed(plan.student, plan.key, answer)
        except OSError as error:
            return Row(plan.student, "failed", reasons=(f"its result cannot be kept: {error}",))
        return self._write(plan, result)

    def _write(self, plan: _Plan, result: Result | None) -> Row:
        verdicts = self.journal.verdicts(plan.student)
        before = _sum(verdicts[-1].verdict) if verdicts else None
        try:
            verdict, undecided, notes = self._enter(plan, result)
            reasons = (*undecided, *notes)
            self.journal.written(plan.student, plan.key, verdict, bool(undecided), reasons)
        except (OSError, OperationalError, InvalidEntry, CourseError) as error:
            said = str(getattr(error, "orig", None) or error)
            kept = "; its result is kept, grading again only writes it" if result else ""
            return Row(plan.student, "failed", reasons=(f"it cannot be written: {said}{kept}",))
        state = "regraded" if plan.seen_before else "graded"
        return Row(
            plan.student,
            "inconclusive" if undecided else state,
            _sum(verdict),
            before,
            (*reasons, *((plan.why,) if plan.why else ())),
        )

    def _enter(
        self, plan: _Plan, result: Result | None
    ) -> tuple[dict[str, dict[str, float | None]], tuple[str, ...], tuple[str, ...]]:
        """Put a verdict into the gradebook; with it, what a person must judge and should know."""
        student, problems = plan.student, dict(plan.problems)
        missing = [name.removesuffix(".ipynb") for name in plan.intake.missing]
        stamp, notes = _timestamp(plan.intake.files.get("timestamp.txt"))
        notes += [f"{name}: {reason}" for name, reason in plan.left_out.items()]
        self._patiently(partial(self.converter.begin, student, stamp, missing))
        finished: dict[str, bytes] = {}
        undecided: list[str] = []
        timings = result.timings if result else {}
        for name, executed in (result.notebooks if result else {}).items():
            try:
                finish = partial(self.converter.finish, plan.by, name, executed, timings)
                graded = self._patiently(finish)
                finished[name] = graded.notebook
                undecided += [f"{name}: {one}" for one in graded.undecided]
                notes += [f"{name}: {one}" for one in graded.flags]
            except (OSError, OperationalError):
                raise
            except Exception as error:
                problems[name] = f"its outputs cannot be judged: {type(error).__name__}: {error}"
        for name, reason in problems.items():
            stem = name.removesuffix(".ipynb")
            finished[name] = self.blueprint.notebooks[stem].stand_in(reason)
            self._patiently(partial(self.converter.leave_to_a_person, student, stem, reason))
        files = result.files if result else plan.task.files
        place(files | finished, self.course.autograded(student), self.converter.set_permissions)
        undecided += [f"{name}: {reason}" for name, reason in problems.items()]
        events = [f"{one.where}: {one.text}" for one in result.events] if result else []
        verdict = self._patiently(partial(self.converter.verdict, student))
        return verdict, tuple(undecided), (*notes, *events)

    def _patiently(self, action: Callable[[], T]) -> T:
        """Wait for a gradebook that another program holds."""
        until = time.monotonic() + self.options.patience
        while True:
            try:
                return action()
            except (OperationalError, InvalidEntry) as error:
                # nbgrader says "invalid entry" also of one that a database did not take just now
                cause = error if isinstance(error, OperationalError) else error.__context__
                if not isinstance(cause, OperationalError):
                    raise
                if "locked" not in str(cause) or time.monotonic() > until:
                    raise cause from None
                time.sleep(0.2)


def _overwritten(files: dict[str, bytes], source: dict[str, bytes]) -> dict[str, bytes]:
    """Handed-in files with the instructor's in their place, also where one was a folder's name.

    >>> _overwritten({"data": b"", "a.csv": b"mine"}, {"data/b.csv": b"", "a.csv": b"given"})
    {'data/b.csv': b'', 'a.csv': b'given'}
    """
    folders = {str(parent) for name in source for parent in PurePosixPath(name).parents}
    kept = {
        name: data
        for name, data in files.items()
        if name not in folders
        and not any(str(parent) in source for parent in PurePosixPath(name).parents)
    }
    return {name: data for name, data in kept.items() if name not in source} | source


def _timestamp(raw: bytes | None) -> tuple[str | None, list[str]]:
    """The time in ``timestamp.txt``, and what is wrong with it."""
    from nbgrader.utils import parse_utc

    text = (raw or b"").decode("utf-8", "replace").strip()
    if not text:
        return None, []
    try:
        parse_utc(text)
    except (ValueError, OverflowError):
        return None, [f"timestamp.txt is no time: {text[:60]!r}; a late penalty cannot be known"]
    return text, []


def _fingerprint(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _contents(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}


def _sum(verdict: dict[str, dict[str, float | None]]) -> float:
    return sum(points or 0.0 for cells in verdict.values() for points in cells.values())
