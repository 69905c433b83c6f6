"""Points from what a graded cell produced, and where nbgrader itself reads otherwise.

nbgrader reads partial credit from the text of a cell's last expression. Under NumPy 2 that text is
``np.float64(0.5)``, which it cannot read and takes for full marks; the same for ``nan`` and ``-1``.
Anything on stderr costs all points. Here plain numbers mean what they say, and what means nothing
is left to a person.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

HAIR = 1e-6  # of the maximum: what rounding may add to it, or take below zero

# Each digit can be read in one way only, so that a long text takes no longer than its length.
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)"
_PLAIN = re.compile(_NUMBER)
_NUMPY = re.compile(rf"(?:np|numpy)\.(?:u?int|float|longdouble|half)\w*\('?({_NUMBER})'?\)")
_ZERO_DIMENSIONAL = re.compile(rf"(?:array|tensor)\(({_NUMBER})(?:, [\w.]+=[\w.:'<>]+)*\)")
_FRACTION = re.compile(r"Fraction\((-?\d{1,30}), (\d{1,30})\)")
_DECIMAL = re.compile(rf"Decimal\('({_NUMBER})'\)", re.IGNORECASE)
_TRUTH = {
    "True": True,
    "False": False,
    "np.True_": True,
    "np.False_": False,
    "array(True)": True,
    "array(False)": False,
    "tensor(True)": True,
    "tensor(False)": False,
}


@dataclass(frozen=True)
class Score:
    """Points of one cell, and why. ``points`` None: a machine cannot say, a person must.

    ``plain`` is true where the reading cannot surprise: passed, failed, a number in range, or a
    cell that was always meant for a person.
    """

    points: float | None
    reason: str
    plain: bool = True


@dataclass(frozen=True)
class Difference:
    """A cell that nbgrader itself would score otherwise; ``stock`` None: left to a person."""

    grade_id: str
    stock: float | None
    ours: float | None
    reason: str
    stock_reason: str


def read_score(cell: Any, *, stock: bool = False, stderr_costs: bool = False) -> Score:
    """The points of a graded cell that was executed.

    Parameters
    ----------
    cell : NotebookNode
        With nbgrader's metadata as the blueprint has it, and the outputs of its run.
    stock : bool
        Read it exactly as nbgrader 0.9.6 does.
    stderr_costs : bool
        Whether anything on stderr costs all points, as with nbgrader.

    Returns
    -------
    Score
        Full marks where the cell raised nothing and showed no number; the number, where it lies
        between zero and the maximum; zero for an error, ``False`` or a number below zero; a
        person's decision for NaN, an infinity, a number above the maximum, two different results,
        a traceback on stderr, and a test that was not run.

    Raises
    ------
    ValueError
        If the cell is not graded or its points are no number.
    """
    from nbgrader.utils import is_grade

    if not is_grade(cell):
        raise ValueError("cell is not a graded cell: its nbgrader metadata says grade = False")
    return _read_stock(cell) if stock else _read(cell, stderr_costs)


def differences(notebook: Any, *, stderr_costs: bool = False) -> list[Difference]:
    """The graded cells of an executed notebook that nbgrader itself would score otherwise."""
    from nbgrader.utils import is_grade

    found = []
    for cell in filter(is_grade, notebook.cells):
        ours, theirs = read_score(cell, stderr_costs=stderr_costs), _read_stock(cell)
        if ours.points != theirs.points:
            name = cell.metadata.nbgrader.grade_id
            found.append(Difference(name, theirs.points, ours.points, ours.reason, theirs.reason))
    return found


def _read_stock(cell: Any) -> Score:
    from nbgrader.utils import determine_grade

    try:
        points, _ = determine_grade(cell)
    except (ValueError, KeyError) as error:
        return Score(None, f"nbgrader stops at this submission: {error}", plain=False)
    return Score(points, "as nbgrader reads it")


def _read(cell: Any, stderr_costs: bool) -> Score:
    most = _maximum(cell)
    entry = cell.metadata.nbgrader
    if entry.get("solution", False):
        return _read_answer(cell)
    if cell.cell_type != "code":
        return Score(None, "for a person to read")
    if cell.execution_count is None and cell.source.strip():
        return (
            Score(None, "this test was not run", plain=False)
            if not _errors(cell)
            else _failed(cell)
        )
    if _errors(cell):
        return _failed(cell)
    said = _stderr(cell)
    if said and stderr_costs:
        return Score(0.0, "it wrote to stderr")
    if "Traceback (most recent call last)" in said:
        return Score(None, "it raised nothing, but a traceback is on stderr", plain=False)
    return _read_results(cell, most)


def _maximum(cell: Any) -> float:
    points = cell.metadata.nbgrader.get("points")
    number = isinstance(points, int | float) and not isinstance(points, bool)
    if not (number and math.isfinite(points) and points >= 0):
        raise ValueError(f"points is {points!r}; allowed is a finite number of at least 0")
    return float(points)


def _read_answer(cell: Any) -> Score:
    from nbgrader.utils import compute_checksum

    if cell.metadata.nbgrader.get("checksum") == compute_checksum(cell):
        return Score(0.0, "not answered")
    return Score(None, "for a person to read")


def _outputs(cell: Any, kind: str) -> list[Any]:
    """The outputs of one type; a kernel may have sent anything."""
    outputs = cell.outputs if isinstance(cell.outputs, list) else []
    return [one for one in outputs if isinstance(one, dict) and one.get("output_type") == kind]


def _errors(cell: Any) -> list[Any]:
    return _outputs(cell, "error")


def _failed(cell: Any) -> Score:
    error = _errors(cell)[0]
    said = f"{error.get('ename', '')}: {error.get('evalue', '')}".strip(": \n")
    return Score(0.0, said.splitlines()[0][:200] if said else "it raised an error")


def _stderr(cell: Any) -> str:
    streams = [one for one in _outputs(cell, "stream") if one.get("name") == "stderr"]
    return "".join(_text(one.get("text", "")) for one in streams)


def _read_results(cell: Any, most: float) -> Score:
    texts = [_shown(output) for output in _outputs(cell, "execute_result")]
    scores = [_points(text, most) for text in texts]
    if not scores:
        return Score(most, "passed")
    if len({score.points for score in scores}) > 1:
        said = ", ".join(text[:40] for text in texts[:4])
        return Score(None, f"it shows {len(scores)} results that differ: {said}", plain=False)
    return scores[0]


def _shown(output: Any) -> str:
    data = output.get("data")
    return _text(data.get("text/plain", "") if isinstance(data, dict) else "").strip()


def _text(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _points(text: str, most: float) -> Score:
    """The points that the text of a result stands for."""
    if text in _TRUTH:
        return Score(most, "True: passed") if _TRUTH[text] else Score(0.0, "False", plain=False)
    value = read_number(text)
    shown = text[:60]
    if value is None:
        return Score(most, f"passed; its result is no number: {shown!r}", plain=False)
    if not math.isfinite(value):
        return Score(None, f"its result is {shown}", plain=False)
    hair = HAIR * max(most, 1.0)
    if value > most + hair:
        return Score(None, f"{shown} is more than the maximum of {most:g}", plain=False)
    if value > most:
        return Score(most, f"{shown}: the maximum, but for rounding", plain=False)
    if value < -hair:
        return Score(0.0, f"{shown} is below zero: no points", plain=False)
    return Score(max(value, 0.0), f"{value:g} of {most:g}")


def read_number(text: str) -> float | None:
    """The number that a Python or NumPy text stands for, or None.

    >>> [read_number(text) for text in ("0.5", "np.float64(0.5)", "array(0.5)", "Fraction(1, 2)")]
    [0.5, 0.5, 0.5, 0.5]
    >>> read_number("tensor(0.5000, dtype=torch.float64)")
    0.5
    >>> read_number("half"), read_number("[0.5]")
    (None, None)
    """
    if _PLAIN.fullmatch(text):
        return float(text)
    for form in (_NUMPY, _ZERO_DIMENSIONAL, _DECIMAL):
        if found := form.fullmatch(text):
            return float(found[1])
    found = _FRACTION.fullmatch(text)
    return float(Fraction(int(found[1]), int(found[2]))) if found and int(found[2]) else None
