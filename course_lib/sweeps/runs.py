"""One call of the function that a sweep runs: its arguments, what it returned, what went wrong."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Run = Callable[..., Any]


@dataclass(frozen=True)
class Task:
    """A setting with one seed (None: without), or with several that are run in one call."""

    setting: dict[str, Any]
    seeds: tuple[int | None, ...]
    batched: bool = False


@dataclass(frozen=True)
class Outcome:
    """A row for each seed of a task, or a problem."""

    rows: list[Row] = field(default_factory=list)
    problem: str = ""


def attempt(run: Run, task: Task) -> Outcome:
    """Run a task; an exception is its outcome.

    >>> attempt(lambda x: {"half": x / 2}, Task({"x": 3}, (None,)))
    Outcome(rows=[{'half': 1.5}], problem='')
    >>> attempt(lambda x: {"inverse": 1 / x}, Task({"x": 0}, (None,))).problem
    'ZeroDivisionError: division by zero (<doctest ...>, line 1)'
    """
    try:
        return Outcome(_rows(run, task))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}, line {where.lineno}"
        return Outcome(problem=f"{type(error).__name__}: {error} ({place})")


def _rows(run: Run, task: Task) -> list[Row]:
    if task.batched:
        rows = run(**task.setting, seeds=list(task.seeds))
        if not isinstance(rows, list) or len(rows) != len(task.seeds):
            what = f"{len(rows)} rows" if isinstance(rows, list) else f"a {type(rows).__name__}"
            raise TypeError(
                f"run returned {what} for {len(task.seeds)} seeds; return a list of as many rows"
            )
    else:
        [seed] = task.seeds
        rows = [run(**task.setting, **({} if seed is None else {"seed": seed}))]
    for row in rows:
        _check_row(row, {*task.setting, "seed", "problem"})
    return rows


def _check_row(row: Any, taken: set[str]) -> None:
    if not isinstance(row, dict):
        raise TypeError(f"run returned a {type(row).__name__}; return a dict of numbers")
    for key, value in row.items():
        if key in taken:
            raise ValueError(f"run returned {key!r}, which is a column of the sweep already")
        check_json(f"run returned {key!r}, which", {key: value})


def check_json(what: str, values: dict[str, Any]) -> None:
    """An error where values would not come back from JSON as they are.

    >>> check_json("width", {"width": (1, 2)})
    Traceback (most recent call last):
    ValueError: width is {'width': (1, 2)}: give plain numbers, text, lists or dicts
    """
    try:
        if json.loads(json.dumps(values, allow_nan=False)) == values:
            return
        hint = "give plain numbers, text, lists or dicts"
    except (TypeError, ValueError) as error:
        hint = f"{error}; give plain numbers (x.item() makes one), text, lists or dicts"
    raise ValueError(f"{what} is {values!r}: {hint}")
