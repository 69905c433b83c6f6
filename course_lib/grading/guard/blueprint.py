"""What an instructor released, as pure data read once from the gradebook."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CellBlueprint:
    """One cell that nbgrader knows: graded, to be solved, a task, or read-only.

    ``locked`` is nbgrader's meaning: the source in the gradebook replaces the student's.
    ``points`` is None unless the cell or the task is worth points.
    """

    name: str
    cell_type: str
    locked: bool
    source: str
    checksum: str | None
    grade: bool
    solution: bool
    task: bool
    points: float | None

    @property
    def counts(self) -> bool:
        """Whether points depend on this cell."""
        return self.grade or self.task

    def identity(self) -> dict[str, Any]:
        """The ``nbgrader`` entry of the cell's metadata, as ``generate_assignment`` writes it."""
        identity: dict[str, Any] = {
            "schema_version": 3,
            "grade_id": self.name,
            "grade": self.grade,
            "solution": self.solution,
            "task": self.task,
            "locked": self.locked,
            "cell_type": self.cell_type,
        }
        if self.checksum is not None:
            identity["checksum"] = self.checksum
        if self.points is not None:
            identity["points"] = self.points
        return identity

    def as_cell(self, cell_id: str | None) -> dict[str, Any]:
        """The cell as it was released; ``cell_id`` is None before notebook format 4.5."""
        cell: dict[str, Any] = {
            "cell_type": self.cell_type,
            "metadata": {"deletable": False, "nbgrader": self.identity()},
            "source": self.source,
        }
        if self.locked:
            cell["metadata"]["editable"] = False
        if self.cell_type == "code":
            cell |= {"execution_count": None, "outputs": []}
        return cell if cell_id is None else cell | {"id": cell_id}


@dataclass(frozen=True)
class NotebookBlueprint:
    """A notebook of an assignment: its kernel (JSON text, or None) and its cells in order."""

    name: str
    kernelspec: str | None
    cells: tuple[CellBlueprint, ...]

    def by_name(self) -> dict[str, CellBlueprint]:
        """The cells by their nbgrader id."""
        return {cell.name: cell for cell in self.cells}

    def kernel(self) -> dict[str, Any] | None:
        """The kernelspec of the released notebook; None where it had none."""
        return json.loads(self.kernelspec) or None if self.kernelspec else None

    def stand_in(self, reason: str) -> bytes:
        """A notebook to show in place of one that cannot be read: the reason, then every cell.

        It is what formgrader needs to let a person enter points.
        """
        told = "**This notebook could not be graded.**\n\n" + _plain(reason)
        first = {"cell_type": "markdown", "metadata": {}, "source": told, "id": "reason"}
        rest = [cell.as_cell(f"cell-{number}") for number, cell in enumerate(self.cells)]
        kernel = self.kernel()
        whole = {
            "cells": [first, *rest],
            "metadata": {} if kernel is None else {"kernelspec": kernel},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")


@dataclass(frozen=True)
class Blueprint:
    """An assignment as it was released: its notebooks by name, without ``.ipynb``.

    >>> cell = CellBlueprint("t", "code", True, "assert x", "0" * 32, True, False, False, 2.0)
    >>> blueprint = Blueprint("ps1", {"p1": NotebookBlueprint("p1", None, (cell,))})
    >>> Blueprint.from_json(blueprint.to_json()) == blueprint
    True
    >>> len(blueprint.fingerprint)
    64
    """

    assignment: str
    notebooks: dict[str, NotebookBlueprint]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content, in hexadecimal: equal for equal blueprints only."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The whole as JSON text, always in the same form."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Blueprint:
        """Undo `to_json`."""
        data = json.loads(text)
        return cls(data["assignment"], {k: _notebook(v) for k, v in data["notebooks"].items()})

    @classmethod
    def from_gradebook(
        cls, db_url: str, assignment: str, course_id: str | None = None
    ) -> Blueprint:
        """Read an assignment from a gradebook, any that nbgrader's SQLAlchemy address names.

        Cells come in the order in which the gradebook returns them, which on SQLite is that of
        the notebook; nbgrader stores no other.

        Raises
        ------
        ValueError
            If the gradebook has no such assignment.
        """
        from nbgrader.api import Gradebook, MissingEntry

        with Gradebook(db_url, course_id) as gradebook:
            try:
                found = gradebook.find_assignment(assignment)
            except MissingEntry as error:
                raise ValueError(f"not in the gradebook: {error}") from error
            stored = sorted(found.notebooks, key=lambda one: one.name)
            return cls(assignment, {one.name: _read_notebook(one) for one in stored})


def read_notebook_blueprint(db_url: str, assignment: str, notebook: str) -> NotebookBlueprint:
    """One notebook's blueprint from a gradebook.

    Raises
    ------
    ValueError
        If the gradebook has no such notebook.
    """
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(db_url) as gradebook:
        try:
            return _read_notebook(gradebook.find_notebook(notebook, assignment))
        except MissingEntry as error:
            raise ValueError(f"not in the gradebook: {error}") from error


def _notebook(entry: dict[str, Any]) -> NotebookBlueprint:
    cells = tuple(CellBlueprint(**cell) for cell in entry["cells"])
    return NotebookBlueprint(entry["name"], entry["kernelspec"], cells)


def _read_notebook(stored: Any) -> NotebookBlueprint:
    graded, tasks = stored.grade_cells, stored.task_cells
    points = {cell.name: float(cell.max_score) for cell in [*graded, *tasks]}
    grade, task = ({cell.name for cell in cells} for cells in (graded, tasks))
    solution = {cell.name for cell in stored.solution_cells}
    cells = tuple(
        CellBlueprint(
            name=cell.name,
            cell_type=cell.cell_type,
            locked=bool(cell.locked),
            source=cell.source or "",
            checksum=cell.checksum,
            grade=cell.name in grade,
            solution=cell.name in solution,
            task=cell.name in task,
            points=points.get(cell.name),
        )
        for cell in stored.source_cells
    )
    return NotebookBlueprint(stored.name, stored.kernelspec, cells)


def _plain(text: str) -> str:
    """Text as an indented block: Markdown shows it as it is."""
    return "\n".join("    " + line for line in text.splitlines())
