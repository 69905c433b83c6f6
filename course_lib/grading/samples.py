"""Sample submissions of an assignment: from the source notebook and a few replaced cells.

A sample is not kept as a notebook of its own: it is the released notebook with answers in its
solution cells, so that it follows every change of the assignment. What it measured is kept.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

RECORD_FILES = ("records.jsonl", "forecasts.jsonl")
MUTATIONS = "mutations"  # the one table of samples.toml that is no sample


class SampleError(Exception):
    """Something is wrong with how an assignment's samples are described; the message says what."""


@dataclass(frozen=True)
class Sample:
    """One submission and what it must get.

    ``points`` maps the name of each machine-graded cell to the exact score.
    """

    name: str
    about: str
    base: str
    answers: Path | None
    records: Path | None
    points: dict[str, float]


def read_samples(folder: Path) -> list[Sample]:
    """The samples that ``samples.toml`` in a folder describes.

    Raises
    ------
    SampleError
        If the file is missing, cannot be read, or names what is not there.
    """
    described = _described(folder)
    described.pop(MUTATIONS, None)
    return [_sample(name, entry, folder) for name, entry in described.items()]


def read_equivalents(folder: Path) -> dict[str, str]:
    """Changes of the reference that ``samples.toml`` declares to change nothing, and why.

    They stand in the table ``[mutations.equivalent]``, as ``"cell: before -> after" = "reason"``.

    Raises
    ------
    SampleError
        As for `read_samples`; also where a reason is missing.
    """
    declared = _described(folder).get(MUTATIONS, {})
    if unknown := set(declared) - {"equivalent"}:
        raise SampleError(f"[{MUTATIONS}] has {sorted(unknown)}; allowed is equivalent")
    reasons = declared.get("equivalent", {})
    if not isinstance(reasons, dict):
        raise SampleError(f"[{MUTATIONS}] equivalent must be a table: change = reason")
    for change, reason in reasons.items():
        if not isinstance(reason, str) or not reason.strip():
            raise SampleError(f"[{MUTATIONS}.equivalent] gives no reason for {change!r}")
    return reasons


def measuring(samples: list[Sample]) -> list[Sample]:
    """The samples that make records, one for each folder: its namesake, else the first to name it.

    >>> half, complete, empty = (
    ...     Sample(name, "", "reference", None, records, {})
    ...     for name, records in (
    ...         ("half", Path("complete")), ("complete", Path("complete")), ("empty", None)
    ...     )
    ... )
    >>> [sample.name for sample in measuring([half, complete, empty])]
    ['complete']
    """
    owners: dict[Path, Sample] = {}
    for sample in samples:
        folder = sample.records
        if folder is not None and (folder not in owners or folder.name == sample.name):
            owners[folder] = sample
    return list(owners.values())


def _described(folder: Path) -> dict[str, Any]:
    path = folder / "samples.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SampleError(f"cannot read {path}: {error}") from error


def _sample(name: str, entry: dict[str, Any], folder: Path) -> Sample:
    missing = {"about", "base", "points"} - set(entry)
    if missing:
        raise SampleError(f"sample {name!r} lacks {', '.join(sorted(missing))}")
    if entry["base"] not in ("reference", "release"):
        raise SampleError(f"sample {name!r} has base {entry['base']!r}: 'reference' or 'release'")
    answers = folder / entry["answers"] if "answers" in entry else None
    if answers is not None and not answers.is_file():
        raise SampleError(f"sample {name!r} names {answers}, which is not there")
    records = folder / entry["records"] if "records" in entry else None
    return Sample(name, entry["about"], entry["base"], answers, records, entry["points"])


def solution_cells(notebook: Any) -> dict[str, str]:
    """The sources of a notebook's solution cells by name, without nbgrader's markers."""
    cells = {}
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("solution"):
            lines = cell.source.splitlines()
            kept = [line for line in lines if not re.match(r"\s*### (BEGIN|END) SOLUTION", line)]
            cells[mark["grade_id"]] = "\n".join(kept)
    return cells


def read_answers(path: Path) -> dict[str, str]:
    """Cells of an answers file by name; each begins with ``# %% name``.

    Where every line of a cell is a comment, it is text for a Markdown cell.
    """
    parts = re.split(r"^# %% *(\S+) *$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    bodies = (body.strip("\n") for body in parts[2::2])
    return {
        name: re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        if all(line.startswith("#") for line in body.splitlines())
        else body
        for name, body in zip(parts[1::2], bodies, strict=True)
    }


def write_submission(sample: Sample, source: Path, released: Path, folder: Path) -> Path:
    """Write a sample as a student would hand it in: notebook, records, and what was given.

    Parameters
    ----------
    sample : Sample
    source, released : Path
        The assignment's notebook with solutions, and as nbgrader releases it.
    folder : Path
        Where to; it is made.

    Returns
    -------
    Path
        Of the notebook.
    """
    notebook = nbformat.read(released, as_version=4)
    answers: dict[str, str] = {}
    if sample.base == "reference":
        answers |= solution_cells(nbformat.read(source, as_version=4))
    if sample.answers is not None:
        answers |= read_answers(sample.answers)
    known = solution_cells(notebook)
    if unknown := set(answers) - set(known):
        raise SampleError(f"sample {sample.name!r} answers {sorted(unknown)}; cells: {[*known]}")
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            cell.source = answers[name]
    shutil.copytree(
        released.parent, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.ipynb")
    )
    path = folder / released.name
    nbformat.write(notebook, path)
    if sample.records is not None:
        for file in RECORD_FILES:
            if not (sample.records / file).is_file():
                raise SampleError(
                    f"sample {sample.name!r} has no {sample.records / file}: "
                    "make it with course check-assignment NAME --record"
                )
            shutil.copy(sample.records / file, folder)
    return path


def record(sample: Sample, source: Path, released: Path) -> None:
    """Run a sample on this machine, and keep what it measured and forecast as its records.

    Raises
    ------
    SampleError
        If a cell that is not a graded check fails.
    """
    if sample.records is None:
        return
    from nbclient import NotebookClient

    bare = Sample(sample.name, sample.about, sample.base, sample.answers, None, sample.points)
    with tempfile.TemporaryDirectory() as scratch:
        path = write_submission(bare, source, released, Path(scratch))
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(
            notebook, kernel_name="python3", allow_errors=True, timeout=600,
            resources={"metadata": {"path": scratch}},
        )  # fmt: skip
        client.execute(stderr=subprocess.DEVNULL)  # a kernel's own log is no concern of authors
        for cell in notebook.cells:
            graded = cell.metadata.get("nbgrader", {}).get("grade")
            if (reason := failure(cell)) and not graded:
                raise SampleError(f"sample {sample.name!r} fails outside its checks: {reason}")
        sample.records.mkdir(parents=True, exist_ok=True)
        for file in RECORD_FILES:
            shutil.copy(Path(scratch) / file, sample.records)


def failure(cell: Any) -> str | None:
    """The first line of a cell's error, or None if it ran through."""
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            said = output.evalue.strip().splitlines()
            return said[0] if said else output.ename
    return None
