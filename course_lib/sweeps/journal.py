"""The journal of a sweep: a line for each run that ended, so that none is done twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from course_lib.files import append_line, cut_unfinished_line, read_lines
from course_lib.sweeps.runs import Outcome, Row, Run, Task
from course_lib.sweeps.settings import key_of


def name_of(run: Run) -> str:
    """The name under which a function's runs are kept.

    >>> name_of(name_of)
    'course_lib.sweeps.journal.name_of'
    """
    name = getattr(run, "__qualname__", None)
    if name is None or "<lambda>" in name:
        raise ValueError(f"run is {run!r}; a journal needs a function with a name of its own")
    return f"{run.__module__}.{name}"


def read_journal(path: Path, name: str) -> dict[str, Row]:
    """Rows by setting and seed, of the runs that succeeded.

    A last line that was cut short when the sweep was killed is removed; its run is done again.
    """
    if not path.parent.is_dir():
        raise ValueError(f"journal is {path}, in a folder that does not exist")
    cut_unfinished_line(path)
    rows: dict[str, Row] = {}
    for entry in read_lines(path, "a run of a sweep", needs=("run", "setting", "seed")):
        if entry["run"] != name:
            raise ValueError(
                f"{path} is the journal of {entry['run']}, not of {name}: give another path"
            )
        key = key_of(entry["setting"], entry["seed"])
        if key in rows:
            raise ValueError(
                f"{path} has {entry['setting']!r} with seed {entry['seed']} twice: "
                "two sweeps wrote to it at once; remove one of the lines"
            )
        if "row" in entry:
            rows[key] = entry["row"]
    return rows


def append_outcome(path: Path, name: str, task: Task, outcome: Outcome) -> None:
    """Write down what became of a task: its rows, or its problem."""
    for index, seed in enumerate(task.seeds):
        entry: dict[str, Any] = {"run": name, "setting": task.setting, "seed": seed}
        if outcome.problem:
            entry["problem"] = outcome.problem
        else:
            entry["row"] = outcome.rows[index]
        append_line(path, entry)
