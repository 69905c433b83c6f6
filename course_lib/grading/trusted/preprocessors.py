"""Trusted verdicts as steps of nbgrader's autograding, right before and right after `Execute`."""

from __future__ import annotations

import base64
from typing import Any

from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor

from course_lib.checking.probing import MIME
from course_lib.checking.questions import Judgement
from course_lib.grading.guard.blueprint import CellBlueprint
from course_lib.grading.trusted.assignment import Trusted
from course_lib.grading.trusted.plain import trust


class ArmProbes(NbGraderPreprocessor):
    """Give each cell that calls `probe` the hidden inputs of this submission.

    What is to be timed besides is put into ``resources``, for whoever can time it. The kernel that
    plain nbgrader is about to start is told which modules to withhold.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Arm one notebook."""
        trusted, by = trust(self, resources)
        timed = resources["nbgrader"]["timed"] = []
        if trusted is not None:
            settings = self.config.ColdProvisioner
            withheld = {"withheld": trusted.checks.withheld}
            settings.limits = {**settings.get("limits", {}), **withheld}
            for cell, released in _probing(nb, resources, trusted):
                cell.source, to_time = trusted.arm(released, by)
                timed += [to_time] if to_time else []
        return nb, resources


class JudgeProbes(NbGraderPreprocessor):
    """Judge what the armed cells returned, and write the verdicts as the cells' outcomes."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Judge one executed notebook; what an instructor should look at is in ``resources``."""
        trusted, by = trust(self, resources)
        timings = resources["nbgrader"].get("timings", {})
        flags: list[str] = []
        if trusted is not None:
            for cell, released in _probing(nb, resources, trusted):
                shown = _answers(cell)
                if len(shown) > 1:
                    flags.append(f"{released.name}: the cell showed {len(shown)} answers")
                answered, measured = shown[-1] if shown else None, timings.get(released.name)
                judged = trusted.judge(released.name, by, answered, measured)
                flags += judged.flags
                _write(cell, released, judged, "" if shown else _why_nothing(cell))
        resources["nbgrader"]["flags"] = flags
        for flag in flags:
            self.log.warning("To look at: %s", flag)
        return nb, resources


def _probing(nb: Any, resources: Any, trusted: Trusted) -> list[tuple[Any, CellBlueprint]]:
    """The graded cells of a notebook that have a question, with what was released."""
    released = resources["nbgrader"]["blueprint"].by_name()
    found = []
    for cell in nb.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in trusted.checks.questions and name in released and cell.cell_type == "code":
            found.append((cell, released[name]))
    return found


def _answers(cell: Any) -> list[Any]:
    """What a cell showed in the form of answers, oldest first."""
    return [
        output["data"][MIME]
        for output in cell.outputs
        if output.get("output_type") == "display_data" and MIME in (output.get("data") or {})
    ]


def _why_nothing(cell: Any) -> str:
    """The error with which a cell ended, in a line."""
    errors = [one for one in cell.outputs if one.get("output_type") == "error"]
    return f"{errors[-1].get('evalue', '')}".strip().partition("\n")[0][:300] if errors else ""


def _write(cell: Any, released: CellBlueprint, judged: Judgement, ended: str) -> None:
    """Put a verdict where nbgrader reads it: an error for no points, a number for a part."""
    cell.source = released.source
    if cell.execution_count is None:
        cell.execution_count = 0  # it is judged, whether it ran or not
    reason = f"{judged.reason} ({ended})" if ended else judged.reason
    count, share = cell.execution_count, judged.share
    if share == 0:
        told = f"Not yet: {reason}"
        cell.outputs = [new_output("error", ename="NotYet", evalue=reason, traceback=[told])]
    elif share == 1:
        cell.outputs = [_said(f"Right. {reason}")]
    else:
        points = float("nan") if share is None else share * (released.points or 0.0)
        number = new_output("execute_result", {"text/plain": repr(points)}, execution_count=count)
        first = f"In part: {reason}" if share is not None else f"Left to a person: {reason}"
        cell.outputs = [_said(first), number]
    if judged.plot:
        picture = base64.b64encode(judged.plot).decode("ascii")
        cell.outputs.insert(0, new_output("display_data", {"image/png": picture}))


def _said(text: str) -> Any:
    return new_output("stream", name="stdout", text=f"{text.rstrip()}\n")
