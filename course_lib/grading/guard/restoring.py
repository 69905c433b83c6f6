"""The instructor's part of a submitted notebook, put back as it was released.

What is the student's stays: sources of solution cells, extra cells, the order of cells. What is the
instructor's comes from the blueprint: which cell is graded, for how many points, its type, the
source of read-only cells, the kernel.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from course_lib.grading.guard.blueprint import CellBlueprint, NotebookBlueprint
from course_lib.grading.guard.reading import tidy, unused

# nbclient obeys them: a test that is skipped, or may fail, would count as passed.
STEERING_TAGS = frozenset({"skip-execution", "raises-exception"})


def restore(
    notebook: Any, blueprint: NotebookBlueprint, steering_tags: Iterable[str] = STEERING_TAGS
) -> tuple[Any, list[str]]:
    """A submitted notebook with everything that is not the student's as it was released.

    Parameters
    ----------
    notebook : NotebookNode
        From `read_notebook`; it is not changed.
    blueprint : NotebookBlueprint
        What was released.
    steering_tags : iterable of str
        Cell tags that steer execution and are taken away.

    Returns
    -------
    NotebookNode
        The restored notebook. An untouched submission comes back equal.
    list of str
        What was put right, in words.

    Raises
    ------
    DamagedNotebook
        If the notebook has no valid shape.
    """
    restored, changes = tidy(copy.deepcopy(notebook)), []
    _restore_kernel(restored, blueprint, changes)
    _remove_tags(restored, frozenset(steering_tags), changes)
    owners = _choose(restored.cells, blueprint, changes)
    for index, cell in enumerate(restored.cells):
        if index in owners:
            _restore_cell(cell, owners[index], changes)
        elif "nbgrader" in cell.metadata:
            name = _name(cell)
            if name is None or name not in blueprint.by_name():
                changes.append(f"cell {index + 1}: nbgrader metadata of no released cell, removed")
            del cell.metadata["nbgrader"]
    _bring_back(restored, blueprint, owners, changes)
    return restored, changes


def _restore_kernel(notebook: Any, blueprint: NotebookBlueprint, changes: list[str]) -> None:
    kernel = blueprint.kernel()
    found = notebook.metadata.get("kernelspec")
    if kernel is None and found is not None:
        del notebook.metadata["kernelspec"]
        changes.append(f"the kernel {found['name']!r} was not asked for, removed")
    elif kernel is not None and found != kernel:
        notebook.metadata["kernelspec"] = type(notebook)(kernel)
        had = found["name"] if found else None
        if had != kernel.get("name"):
            changes.append(f"the kernel was {had!r}; it is {kernel.get('name')!r} again")


def _remove_tags(notebook: Any, steering: frozenset[str], changes: list[str]) -> None:
    for index, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags", [])
        steered = [tag for tag in tags if tag in steering]
        if steered:
            cell.metadata["tags"] = [tag for tag in tags if tag not in steering]
            changes.append(f"cell {index + 1}: the tags {steered} steer execution, removed")


def _name(cell: Any) -> str | None:
    entry = cell.metadata.get("nbgrader")
    name = entry.get("grade_id") if entry is not None else None
    return name if isinstance(name, str) else None


def _choose(
    cells: list[Any], blueprint: NotebookBlueprint, changes: list[str]
) -> dict[int, CellBlueprint]:
    """Which cell of the submission is which cell of the blueprint, by its place."""
    claims: dict[str, list[int]] = {}
    for index, cell in enumerate(cells):
        name = _name(cell)
        if name is not None:
            claims.setdefault(name, []).append(index)
    owners: dict[int, CellBlueprint] = {}
    for wanted in blueprint.cells:
        claimed = claims.get(wanted.name, [])
        if len(claimed) > 1:
            changes.append(
                f"{wanted.name}: there were {len(claimed)} of it; the others stay as plain cells"
            )
        if claimed:
            owners[_original(cells, claimed, wanted)] = wanted
    for wanted in blueprint.cells:
        if wanted.name not in claims and wanted.locked:
            adopted = _unmarked(cells, wanted, owners)
            if adopted is not None:
                owners[adopted] = wanted
                changes.append(f"{wanted.name}: its metadata was lost; known by its source")
    return owners


def _original(cells: list[Any], claimed: list[int], wanted: CellBlueprint) -> int:
    """The cell that was there before its copies.

    Read-only: the first with the released source, else the first; a copy is pasted below its
    original, and the source is put back anyway. An answer: the first that is not the released
    text, since an answer is worth more than the empty form that was copied from it.
    """
    untouched = [index for index in claimed if cells[index].source == wanted.source]
    if wanted.locked:
        return (untouched or claimed)[0]
    answered = [index for index in claimed if index not in untouched]
    return (answered or claimed)[0]


def _unmarked(
    cells: list[Any], wanted: CellBlueprint, owners: Mapping[int, CellBlueprint]
) -> int | None:
    """A cell without metadata that is, word for word, a read-only one (other editors drop it)."""
    if not wanted.source.strip():
        return None
    for index, cell in enumerate(cells):
        known = index in owners or "nbgrader" in cell.metadata
        if not known and (cell.cell_type, cell.source) == (wanted.cell_type, wanted.source):
            return index
    return None


def _restore_cell(cell: Any, wanted: CellBlueprint, changes: list[str]) -> None:
    if cell.cell_type != wanted.cell_type:
        changes.append(f"{wanted.name}: it was a {cell.cell_type} cell, not {wanted.cell_type}")
        _change_type(cell, wanted.cell_type)
    if wanted.locked and cell.source != wanted.source:
        cell.source = wanted.source
        changes.append(f"{wanted.name}: its read-only source was changed")
    entry = cell.metadata.get("nbgrader")
    if not _same(entry, wanted):
        cell.metadata["nbgrader"] = type(cell)(wanted.identity())
        if entry is not None:
            changes.append(f"{wanted.name}: its nbgrader metadata was changed")


def _same(entry: Mapping[str, Any] | None, wanted: CellBlueprint) -> bool:
    """Whether metadata means the same; releases differ in what they leave out."""
    if entry is None:
        return False
    identity = wanted.identity()
    optional = {"task": False, "cell_type": wanted.cell_type}
    found = {**optional, **entry}
    if isinstance(found.get("locked"), bool) and (wanted.grade or wanted.solution):
        found["locked"] = wanted.locked  # nbgrader does not ask there
    if type(found.get("points")) is int and found["points"] == identity.get("points"):
        found["points"] = identity["points"]
    # True is 1 to ==, but not to nbgrader's schema.
    return found == identity and all(type(found[key]) is type(identity[key]) for key in identity)


def _change_type(cell: Any, cell_type: str) -> None:
    cell.cell_type = cell_type
    if cell_type == "code":
        cell.outputs, cell.execution_count = [], None
        cell.pop("attachments", None)
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _bring_back(
    notebook: Any,
    blueprint: NotebookBlueprint,
    owners: dict[int, CellBlueprint],
    changes: list[str],
) -> None:
    """Put missing cells after the nearest earlier cell of the blueprint that is there.

    A cell that only takes a solution stays away: its empty form would undo an answer that the
    student wrote elsewhere, and it is worth no points.
    """
    from nbformat import from_dict

    taken = {cell["id"] for cell in notebook.cells if "id" in cell}
    with_ids = notebook.nbformat_minor >= 5
    present = {wanted.name: notebook.cells[index] for index, wanted in owners.items()}
    before: Any = None
    for wanted in blueprint.cells:
        cell = present.get(wanted.name)
        if cell is None:
            if not (wanted.counts or wanted.locked):
                continue
            cell_id = unused(f"restored-{wanted.name}"[:48], taken) if with_ids else None
            taken.add(cell_id or "")
            cell = from_dict(wanted.as_cell(cell_id))
            place = 0 if before is None else _index(notebook.cells, before) + 1
            notebook.cells.insert(place, cell)
            changes.append(f"{wanted.name}: it was deleted; it is back as it was released")
        before = cell


def _index(cells: list[Any], wanted: Any) -> int:
    return next(index for index, cell in enumerate(cells) if cell is wanted)
