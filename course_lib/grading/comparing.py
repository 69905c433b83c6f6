"""What ``course similarity`` compares, and the table that it shows; it only reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_lib.grading.course import Course, CourseError, open_course
from course_lib.grading.guard.blueprint import Blueprint
from course_lib.grading.guard.intake import printable, take_in
from course_lib.grading.guard.reading import DamagedNotebook, read_notebook
from course_lib.grading.samples import SampleError, read_answers, read_samples, solution_cells
from course_lib.grading.similarity import Pair, alike

Cells = dict[str, str]


@dataclass
class Works:
    """The solutions of a class, those that are public, what was handed out, and what is missing."""

    handed_in: dict[str, Cells] = field(default_factory=dict)
    public: dict[str, Cells] = field(default_factory=dict)
    given: Cells = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def run(assignment: str, course_dir: Path, at_least: float, as_json: bool) -> int:
    """Compare a class's submissions and say which are alike; the exit code."""
    console = Console(highlight=False)
    try:
        works = read_works(open_course(course_dir, assignment))
        pairs = alike(works.handed_in, works.public, works.given, at_least)
    except (CourseError, SampleError, ValueError) as error:
        Console(stderr=True).print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
        return 2
    if as_json:
        found = {"pairs": [asdict(pair) for pair in pairs], "notes": works.notes}
        console.print_json(json.dumps(found))
        return 0
    console.print(table_of(assignment, pairs))
    for note in works.notes:
        console.print(escape(note), soft_wrap=True)
    console.print(
        f"{len(works.handed_in)} submissions and {len(works.public)} public solutions compared. "
        "Likeness is no proof of copying, and no points depend on it: read both, then ask."
    )
    return 0


def table_of(assignment: str, pairs: list[Pair]) -> Table:
    """A line for each pair."""
    table = Table(title=f"{assignment}: solutions that are alike")
    for column in ("one", "other", "share", "evidence", "cells"):
        table.add_column(column, justify="right" if column in ("share", "evidence") else "left")
    for pair in pairs:
        names = (escape(printable(name)) for name in (pair.first, pair.second))
        cells = escape(", ".join(pair.cells))
        table.add_row(*names, f"{pair.share:.0%}", f"{pair.evidence:.1f}", cells)
    return table


def read_works(course: Course) -> Works:
    """What was handed in for an assignment, its public solutions, and what students were given.

    Public are the solutions of the source notebooks and the answers of the sample submissions.

    Raises
    ------
    SampleError
        If the samples cannot be read.
    ValueError
        If the gradebook has no such assignment.
    """
    directory = course.directory
    blueprint = Blueprint.from_gradebook(directory.db_url, course.assignment, directory.course_id)
    works = Works()
    names: dict[str, list[str]] = {}
    for notebook, released in blueprint.notebooks.items():
        code = [cell for cell in released.cells if cell.cell_type == "code"]
        names[notebook] = [cell.name for cell in code if cell.solution]
        works.given |= {f"{notebook}/{cell.name}": cell.source for cell in code}
    for student in course.students():
        works.handed_in[student] = _handed_in(course, student, names, works.notes)
    works.public = _public(course, names)
    return works


def _handed_in(
    course: Course, student: str, names: Mapping[str, list[str]], notes: list[str]
) -> Cells:
    expected = {f"{notebook}.ipynb": notebook for notebook in names}
    taken = take_in(
        course.submitted(student),
        list(expected),
        ignore=course.directory.ignore,
        max_file_kb=course.directory.max_file_size,
    )
    cells: Cells = {}
    for file, notebook in expected.items():
        if file not in taken.notebooks:
            notes.append(f"{printable(student)}: there is no {file} to compare")
            continue
        try:
            read = read_notebook(taken.notebooks[file])
        except DamagedNotebook as error:
            notes.append(f"{printable(student)}: {file} is not compared: {error}")
            continue
        for cell in read.cells:
            name = _name(cell)
            if cell.cell_type == "code" and name in names[notebook]:
                key = _key(notebook, name, names)
                cells[key] = "\n".join(filter(None, [cells.get(key), cell.source]))
    return cells


def _public(course: Course, names: Mapping[str, list[str]]) -> dict[str, Cells]:
    """The solutions that anyone can read, by a name that no student has."""
    directory = course.directory
    source = Path(directory.format_path(directory.source_directory, ".", course.assignment))
    reference: Cells = {}
    for notebook, wanted in names.items():
        path = source / f"{notebook}.ipynb"
        if path.is_file():
            solved = solution_cells(nbformat.read(path, as_version=4))
            reference |= {
                _key(notebook, name, names): solved[name] for name in wanted if name in solved
            }
    public = {"(reference solution)": reference}
    samples = course.root / "samples" / course.assignment
    if (samples / "samples.toml").is_file():
        for sample in read_samples(samples):
            if sample.answers is not None:
                answers = read_answers(sample.answers)
                public[f"(sample {sample.name})"] = {
                    _key(notebook, name, names): answers[name]
                    for notebook, wanted in names.items()
                    for name in wanted
                    if name in answers
                }
    return {name: cells for name, cells in public.items() if cells}


def _name(cell: Any) -> str | None:
    mark = cell.metadata.get("nbgrader", {})
    return mark.get("grade_id") if isinstance(mark, dict) else None


def _key(notebook: str, cell: str, names: Mapping[str, list[str]]) -> str:
    """A cell's name, with that of its notebook where there are several."""
    return cell if len(names) == 1 else f"{notebook}/{cell}"
