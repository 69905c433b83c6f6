"""Mutants of the reference solution as submissions of a class, and what grading them showed."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat

from course_lib.grading.mutating import Mutant, draw, mutants_of
from course_lib.grading.samples import Sample, SampleError

CAUGHT, EQUIVALENT, MISSED = "caught", "equivalent", "NOT CAUGHT"
DISPROVED = "CAUGHT, THOUGH DECLARED EQUIVALENT"
COLUMNS = ("seed", "mutant", "change", "points lost", "verdict")


@dataclass(frozen=True)
class Tried:
    """A mutant after grading.

    Attributes
    ----------
    seed : int
        It was drawn with.
    name : str
        Of its submission.
    mutant : Mutant
    lost : dict of float or None
        What it lost against the reference in each cell that gave it less; None where a person
        must judge.
    reason : str
        Why it changes nothing, as its author declared it; empty where nothing is declared.
    """

    seed: int
    name: str
    mutant: Mutant
    lost: dict[str, float | None]
    reason: str = ""

    @property
    def verdict(self) -> str:
        """Whether the checks told it from the reference."""
        if self.lost:
            return DISPROVED if self.reason else CAUGHT
        return EQUIVALENT if self.reason else MISSED

    @property
    def right(self) -> bool:
        """Whether the verdict is what it should be: the checks see every true change."""
        return self.verdict in (CAUGHT, EQUIVALENT)

    def row(self) -> tuple[str, ...]:
        """What to say of it, under `COLUMNS`."""
        lost = ", ".join(
            f"{cell} {'to a person' if points is None else format(points, 'g')}"
            for cell, points in self.lost.items()
        )
        verdict = f"{self.verdict}: {self.reason}" if self.reason else self.verdict
        return str(self.seed), self.name, self.mutant.change, lost or "none", verdict


def reference_of(samples: list[Sample]) -> Sample:
    """The sample that is the reference solution, with nothing changed.

    Raises
    ------
    SampleError
        If there is none.
    """
    for sample in samples:
        if sample.base == "reference" and sample.answers is None:
            return sample
    raise SampleError("mutations need a sample with base 'reference' and no answers of its own")


def named_mutants(
    source: Path, declared: Mapping[str, str], number: int, seed: int
) -> dict[str, Mutant]:
    """Random mutants of a source notebook's solutions, by the name of their submission.

    Parameters
    ----------
    source : Path
        The notebook with solutions.
    declared : mapping of str
        Changes that change nothing, with the reason: one that does not exist is refused.
    number, seed : int
        As for `mutating.draw`.

    Raises
    ------
    SampleError
        If a declared change is no mutation of this notebook's.
    """
    cells = code_solutions(nbformat.read(source, as_version=4))
    possible = {one.change for name, text in cells.items() for one in mutants_of(name, text)}
    if unknown := sorted(set(declared) - possible):
        raise SampleError(
            f"[mutations.equivalent] of samples.toml declares {unknown[0]!r}, which is no mutation "
            f"of {source.name}; it has {len(possible)}, in the cells {sorted(cells)}"
        )
    return {
        f"mutant-{index:03d}": mutant
        for index, mutant in enumerate(draw(cells, number, seed), start=1)
    }


def as_samples(mutants: Mapping[str, Mutant], reference: Sample, folder: Path) -> list[Sample]:
    """Mutants as samples that hand in the reference's records.

    Their cells are kept as answers files in a folder, which is made.
    """
    folder.mkdir(parents=True)
    samples = []
    for name, mutant in mutants.items():
        answers = folder / f"{name}.py"
        answers.write_text(f"# %% {mutant.cell}\n{mutant.source}\n", encoding="utf-8")
        samples.append(replace(reference, name=name, about=mutant.change, answers=answers))
    return samples


def code_solutions(notebook: Any) -> dict[str, str]:
    """The sources of a notebook's solution cells of plain Python, with nbgrader's markers."""
    cells = {}
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and mark.get("solution"):
            try:
                ast.parse(cell.source)
            except SyntaxError:  # IPython's own commands
                continue
            cells[mark["grade_id"]] = cell.source
    return cells


def lost(
    got: Mapping[str, float | None], reference: Mapping[str, float | None]
) -> dict[str, float | None]:
    """What a submission lost in each cell against the reference.

    >>> lost({"a": 1.0, "b": 0.0, "c": None}, {"a": 1.0, "b": 2.0, "c": 1.0})
    {'b': 2.0, 'c': None}
    """
    less: dict[str, float | None] = {}
    for cell, full in reference.items():
        points = got.get(cell)
        if points is None and full is not None:
            less[cell] = None
        elif points is not None and full is not None and points < full:
            less[cell] = full - points
    return less


def log_of(assignment: str, tried: list[Tried]) -> str:
    """The log of a run: tab-separated, one line a mutant."""
    rows = [COLUMNS, *(one.row() for one in tried)]
    lines = ["\t".join(word.replace("\t", " ") for word in row) for row in rows]
    return f"# {assignment}: {summary_of(tried)}\n" + "\n".join(lines) + "\n"


def summary_of(tried: list[Tried]) -> str:
    """How many of the mutants ended how."""
    verdicts = [one.verdict for one in tried]
    counts = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
    said = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
    return f"{len(tried)} mutations of the reference solution: {said}"
