"""The guard as steps of nbgrader's own autograding.

`RestoreCells` belongs first among ``Autograde.sanitize_preprocessors``, `SafeAutoGrades` where
`SaveAutoGrades` was, `CleanOutputs` last, and trusted verdicts go around `Execute`. `guard` puts
them there.
"""

from __future__ import annotations

from typing import Any

from nbgrader.preprocessors import Execute, NbGraderPreprocessor, SaveAutoGrades
from nbgrader.utils import is_grade
from traitlets import Bool, Unicode
from traitlets import List as ListTrait

from course_lib.grading.guard.blueprint import NotebookBlueprint, read_notebook_blueprint
from course_lib.grading.guard.cleaning import clean
from course_lib.grading.guard.restoring import STEERING_TAGS, restore
from course_lib.grading.guard.scoring import Score, differences, read_score


class RestoreCells(NbGraderPreprocessor):
    """Put back what is the instructor's in a submission, from the gradebook."""

    steering_tags = ListTrait(
        Unicode(),
        default_value=sorted(STEERING_TAGS),
        help="Cell tags that steer execution; a submission loses them.",
    ).tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Restore one notebook; what was put right is logged, and kept in ``resources``."""
        tags = {*STEERING_TAGS, *self.steering_tags}
        restored, changes = restore(nb, _blueprint(resources), tags)
        resources["nbgrader"]["restored"] = changes
        for change in changes:
            self.log.warning("Restored in the submission: %s", change)
        return restored, resources


class SafeAutoGrades(SaveAutoGrades):
    """nbgrader's SaveAutoGrades with points read as `read_score` reads them."""

    stderr_costs = Bool(
        False, help="Whether anything that a test writes to stderr costs all its points."
    ).tag(config=True)

    stock = Bool(False, help="Whether points are read exactly as nbgrader does.").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Enter the points of one notebook; ``resources`` keep the scores and differences."""
        settings = {"stderr_costs": self.stderr_costs}
        self.scores: dict[str, Score] = {
            cell.metadata.nbgrader.grade_id: read_score(cell, stock=self.stock, **settings)
            for cell in nb.cells
            if is_grade(cell)
        }
        resources["nbgrader"]["scores"] = self.scores
        resources["nbgrader"]["differences"] = differences(nb, **settings)
        return super().preprocess(nb, resources)

    def _add_score(self, cell: Any, resources: Any) -> None:
        name = cell.metadata.nbgrader.grade_id
        score = self.scores[name]
        if not score.plain:
            self.log.warning("Cell %s: %s points: %s", name, score.points, score.reason)
        grade = self.gradebook.find_grade(
            name, self.notebook_id, self.assignment_id, self.student_id
        )
        grade.auto_score = score.points
        # As nbgrader: points that a person gave are looked at again.
        grade.needs_manual_grade = grade.manual_score is not None or score.points is None
        self.gradebook.db.commit()


class CleanOutputs(NbGraderPreprocessor):
    """Take away what would act in the browser of whoever looks at the graded notebook."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Clean one notebook; what was taken away is logged, and kept in ``resources``."""
        released = {cell.source for cell in _blueprint(resources).cells}
        cleaned, removed = clean(nb, released)
        resources["nbgrader"]["removed"] = removed
        for line in removed:
            self.log.warning("Removed from what is shown: %s", line)
        return cleaned, resources


def _blueprint(resources: Any) -> NotebookBlueprint:
    about = resources["nbgrader"]
    if "blueprint" in about:  # `course grade` reads it once for a class
        return about["blueprint"]
    return read_notebook_blueprint(about["db_url"], about["assignment"], about["notebook"])


def guard(c: Any) -> None:
    """Put the guard into an nbgrader configuration, after whatever the course set itself.

    Two lines of ``nbgrader_config.py``::

        from course_lib.grading.guard import guard
        guard(c)

    Parameters
    ----------
    c : traitlets.config.Config
        What ``get_config()`` returned.

    >>> from traitlets.config import Config
    >>> c = Config()
    >>> guard(c)
    >>> c.Autograde.sanitize_preprocessors[0].__name__
    'RestoreCells'
    """
    from nbgrader.converters import Autograde, GenerateAssignment

    from course_lib.grading.trusted.releasing import ReleaseChecks

    before = _given(c, Autograde, "sanitize_preprocessors")
    after = _given(c, Autograde, "autograde_preprocessors")
    c.Autograde.sanitize_preprocessors = [RestoreCells, *_without(before, RestoreCells)]
    after = [SafeAutoGrades if named(one, SaveAutoGrades) else one for one in after]
    after = with_verdicts(_without(after, CleanOutputs))
    c.Autograde.autograde_preprocessors = [*after, CleanOutputs]
    release = _without(_given(c, GenerateAssignment, "preprocessors"), ReleaseChecks)
    c.GenerateAssignment.preprocessors = [*release, ReleaseChecks]


def with_verdicts(steps: list[Any]) -> list[Any]:
    """Steps of autograding with trusted verdicts around their `Execute`, where they have one."""
    from course_lib.grading.trusted.preprocessors import ArmProbes, JudgeProbes

    around: list[Any] = []
    for one in _without(_without(steps, ArmProbes), JudgeProbes):
        around += [ArmProbes, one, JudgeProbes] if named(one, Execute) else [one]
    return around


def _given(c: Any, converter: Any, name: str) -> list[Any]:
    """A list of steps as the configuration sets it, or as nbgrader has it."""
    section = converter.__name__
    if section in c and isinstance(c[section].get(name), list):
        return [*c[section][name]]
    return [*getattr(converter, name).default()]


def _without(steps: list[Any], step: type) -> list[Any]:
    return [one for one in steps if not named(one, step)]


def named(one: Any, step: type) -> bool:
    """Whether an entry of a list of steps is this one, given as a class or by its dotted name."""
    return one is step or (isinstance(one, str) and one.rpartition(".")[2] == step.__name__)
