"""Record the full sweep of each task in course_lib.tasks, as it ships with the package.

For each task a table of its runs (`task-<name>.csv`) and what was run, where and how (the same
name, `.json`), in course_lib/facts/recorded. It is what chapters fit when there is no time to run
the sweep, and what a test compares a live part with.

    python benchmarks/record_tasks.py                    # all tasks; about ten minutes
    python benchmarks/record_tasks.py --task spectrum    # this one, or several

One thread, on the CPU: others give other roundings, and training makes them grow. Runs go to a
journal below _build first. Interrupt it and call it again: it goes on where it was. The journal is
deleted when the table is written; the CPU seconds that the file names are those of the last call.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from course_lib import __version__
from course_lib.devices import describe, fingerprint
from course_lib.files import write_whole
from course_lib.sweeps import sweep
from course_lib.tasks import TASKS, Task
from course_lib.tasks.task import COLUMNS

ROOT = Path(__file__).resolve().parents[1]
DIRECTORY = ROOT / "course_lib" / "facts" / "recorded"
JOURNALS = ROOT / "_build" / "record_tasks"


def record(task: Task, directory: Path, journals: Path, progress: bool = True) -> Path:
    """Run the full sweep of a task, what is left of it; write the two files; return the table's."""
    began = time.process_time()
    journals.mkdir(parents=True, exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    journal, table = journals / f"{task.name}.jsonl", directory / f"task-{task.name}.csv"
    rows = sweep(
        task.run, task.full | {"device": ["cpu"]}, seeds=range(task.seeds), batched=True,
        journal=journal, progress=progress,
    ).drop(columns="device")  # fmt: skip
    if "problem" in rows:
        raise RuntimeError(f"runs of {task.name} failed; they are tried again when you call again")
    about = _about(task, rows) | {"took_cpu_seconds": round(time.process_time() - began, 1)}
    write_whole(table.with_suffix(".json"), json.dumps(about, indent=1) + "\n")
    write_whole(table, rows.to_csv(index=False, float_format="%.8g", lineterminator="\n"))
    journal.unlink()
    return table


def _about(task: Task, rows: pd.DataFrame) -> dict[str, Any]:
    """What the rows are, and what they were made on."""
    return {
        "task": task.name,
        "what": task.what,
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"python benchmarks/record_tasks.py --task {task.name}",
        "machine": describe(fingerprint()),
        "device": "cpu",
        "threads": torch.get_num_threads(),
        "versions": {
            "course_lib": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
        },
        "x": list(task.x),
        "y": task.y,
        "curves": list(task.curves),
        "settings": task.full,
        "seeds": task.seeds,
        "rows": len(rows),
        "truth": _truths(task),
        "columns": {name: COLUMNS[name] for name in rows.columns},
    }


def _truths(task: Task) -> list[dict[str, Any]]:
    """What is known of each curve."""
    curves = itertools.product(*(task.full[name] for name in task.curves))
    settings = [dict(zip(task.curves, values, strict=True)) for values in curves]
    return [setting | task.truth(**setting) for setting in settings]


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--task", nargs="+", choices=[*TASKS], default=[*TASKS], metavar="NAME")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help="where the files go")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for name in given.task:
        table = record(TASKS[name], given.directory, JOURNALS)
        about = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
        took = f"{about['took_cpu_seconds']:.0f} CPU seconds"
        print(f"{name}: {about['rows']} rows in {took}: {table.name}")


if __name__ == "__main__":
    main()
