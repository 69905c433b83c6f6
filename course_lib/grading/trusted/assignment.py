"""An assignment's checks beside its secret: which cells are armed, and with what."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.checking.probing import asking
from course_lib.checking.questions import (
    Checks,
    Context,
    Evidence,
    Judgement,
    Unusable,
    packed,
    read_checks,
)
from course_lib.checking.timed import Timed
from course_lib.grading.guard.blueprint import CellBlueprint
from course_lib.grading.trusted import secret as secrets

FOLDER = "checks"


class ChecksError(Exception):
    """Checks and notebook do not fit each other, or cannot be read; the message says where."""


@dataclass(frozen=True)
class HandedIn:
    """Whose work is judged: student, a fingerprint of all that was handed in, and the evidence."""

    student: str
    fingerprint: str
    evidence: Evidence


@dataclass(frozen=True)
class Trusted:
    """The checks of one assignment, the secret of its hidden inputs, and a name for both."""

    assignment: str
    checks: Checks
    secret: bytes
    fingerprint: str

    def arm(self, cell: CellBlueprint, by: HandedIn) -> tuple[str, dict[str, Any] | None]:
        """What the kernel runs for a graded cell: values for this student's hidden inputs.

        A question that lacks evidence asks for nothing: its verdict is known already. One that is
        timed also has what a worker needs for that, an entry of `Task.timed`.
        """
        try:
            wanted = self.checks.questions[cell.name].wanted(self._context(cell.name, by))
        except Unusable:
            return "", None
        expression = probed(cell) or ""
        to_time = wanted.order(cell.name, expression) if isinstance(wanted, Timed) else None
        return asking(cell.name, expression, packed(wanted)), to_time

    def judge(
        self, name: str, by: HandedIn, answered: object, measured: dict[str, Any] | None = None
    ) -> Judgement:
        """The verdict on what a kernel returned; where a check itself fails, a person judges.

        ``measured`` is the worker's account of a timed question, if it was timed.
        """
        try:
            return self.checks.questions[name].judge(self._context(name, by), answered, measured)
        except Exception as error:
            said = f"the check itself failed: {type(error).__name__}: {error}"
            return Judgement(None, "this is left to a person", flags=(f"{name}: {said}",))

    def _context(self, name: str, by: HandedIn) -> Context:
        drawn = secrets.draw(self.secret, self.assignment, by.student, by.fingerprint, name)
        return Context(drawn, by.evidence)


def read_trusted(
    root: Path, assignment: str, cells: Iterable[CellBlueprint], secret: Callable[[], bytes]
) -> Trusted | None:
    """The checks of an assignment in a course directory; None where it has none.

    ``secret`` is called only where there are checks.

    Raises
    ------
    ChecksError
        If they cannot be read, or if questions and graded cells do not correspond.
    """
    path = root / FOLDER / f"{assignment}.py"
    if not path.is_file():
        return None
    try:
        checks = read_checks(path)
    except Exception as error:
        raise ChecksError(f"{path} cannot be used: {type(error).__name__}: {error}") from error
    probing = {cell.name for cell in cells if cell.grade and probed(cell) is not None}
    if without := sorted(probing - set(checks.questions)):
        raise ChecksError(f"{path} has no question for the cells {without}")
    if unasked := sorted(set(checks.questions) - probing):
        raise ChecksError(
            f"{path} has the questions {unasked}, and no graded cell says "
            f"probe({unasked[0]!r}, ...) under that name"
        )
    found = secret()
    name = hashlib.sha256(path.read_bytes()).hexdigest() + secrets.fingerprint(found)
    return Trusted(assignment, checks, found, name)


def probed(cell: CellBlueprint) -> str | None:
    """The expression that a graded cell hands to `probe`, or None if it does not call it.

    >>> source = "probe('a', f)  # 1 point"
    >>> probed(CellBlueprint("a", "code", True, source, "", True, False, False, 1.0))
    'f'
    """
    if cell.cell_type != "code":
        return None
    try:
        body = ast.parse(cell.source).body
    except SyntaxError:
        return None
    calls = [one.value for one in body if isinstance(one, ast.Expr) and _is_probe(one.value)]
    if len(calls) != 1 or len(body) != 1:
        return None
    name, value = calls[0].args  # type: ignore[attr-defined]
    if not (isinstance(name, ast.Constant) and name.value == cell.name):
        return None
    return ast.get_source_segment(cell.source, value)


def _is_probe(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "probe"
        and len(node.args) == 2
        and not node.keywords
    )
