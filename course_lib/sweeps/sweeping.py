"""`sweep`: all runs of a function that are still missing, and the table of all of them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from course_lib.sweeps.journal import append_outcome, name_of, read_journal
from course_lib.sweeps.runs import Outcome, Row, Run, Task, attempt
from course_lib.sweeps.settings import Case, Settings, cases_of, key_of
from course_lib.workers import Lost, check_address, in_workers, on_cluster


def sweep(
    run: Run,
    settings: Settings,
    *,
    seeds: Sequence[int] | None = None,
    batched: bool = False,
    journal: str | Path | None = None,
    workers: int = 0,
    scheduler: str | None = None,
    insecure: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Run a function for each setting and seed, and put what it returns into a table.

    Parameters
    ----------
    run : function
        ``run(**setting, seed=seed)`` returns a row: a dict of plain numbers or text. Without
        ``seeds`` it is called without ``seed``.
    settings : dict of lists, or list of dicts
        A grid, of which every combination is run (the last name changes fastest), or one dict for
        each setting. Values are what JSON can hold.
    seeds : sequence of int, optional
        Run each setting with each of them.
    batched : bool
        ``run(**setting, seeds=[...])`` takes several seeds at once and returns a list of rows, for
        example from `train_many`.
    journal : str or Path, optional
        An append-only file of JSON lines. What stands in it is not run again, so a sweep that was
        killed goes on where it was, and a longer one adds to it. Failed runs are tried again.
    workers : int
        Processes on this machine, each with its part of the cores; 0 is this process. A script
        calls such a sweep below ``if __name__ == "__main__":``.
    scheduler : str, optional
        Address of a Dask scheduler whose workers do the runs; they need this library. With
        ``tls://``, the certificates are those of Dask's configuration.
    insecure : bool
        Allow an address beyond this machine without TLS.
    progress : bool
        A progress bar on standard output.

    Returns
    -------
    pandas.DataFrame
        A row for each setting and seed, in this order whichever way they were run: the setting,
        ``seed`` (where there are seeds), and what the run returned. Only where a run failed there
        is a column ``problem``, which is empty for the others.

    Raises
    ------
    ValueError
        If a setting is twice in the list, has a name that is taken or a value that JSON cannot
        hold; if the journal is another function's; if a scheduler beyond this machine has no TLS.
    RuntimeError
        If workers cannot start or cannot load the function.
    KeyboardInterrupt
        When you stop it: with the table so far as ``.results``.

    Warns
    -----
    UserWarning
        If runs failed: with an exception, with a row that is none, or because their worker was
        killed (a local worker's run is tried twice, a cluster's as often as Dask is set to). Each
        of them costs only itself, or in a batched call its seeds.

    Notes
    -----
    A journal knows its function by name, not by its code: when the code changes, begin a new one.
    Only this process writes it. Numbers are the same whichever way they are run, as far as the
    run's own do not depend on the number of threads. See chapter 8 of the book.

    Examples
    --------
    >>> def area(width, height):
    ...     return {"area": width * height}
    >>> sweep(area, {"width": [1, 2], "height": [3, 5]}, progress=False)
       width  height  area
    0      1       3     3
    1      1       5     5
    2      2       3     6
    3      2       5    10
    """
    _check(run, seeds, batched, workers, scheduler, insecure)
    cases = cases_of(settings, seeds)
    path = None if journal is None else Path(journal)
    name = "" if path is None else name_of(run)
    rows: dict[str, Row] = {} if path is None else read_journal(path, name)
    problems: dict[str, str] = {}
    missing = [case for case in cases if key_of(*case) not in rows]
    tasks = _tasks_of(missing, batched)
    with (
        tqdm(
            total=len(cases),
            initial=len(cases) - len(missing),
            unit="run",
            file=sys.stdout,
            disable=not progress,
        ) as bar,
        closing(_outcomes(run, tasks, workers, scheduler)) as outcomes,
    ):
        try:
            for task, outcome in outcomes:
                if path is not None:
                    append_outcome(path, name, task, outcome)
                for index, seed in enumerate(task.seeds):
                    key = key_of(task.setting, seed)
                    if outcome.problem:
                        problems[key] = outcome.problem
                    else:
                        rows[key] = outcome.rows[index]
                bar.update(len(task.seeds))
        except KeyboardInterrupt as stop:
            stop.results = _table([c for c in cases if key_of(*c) in rows], rows, {})
            stop.add_note(f"{len(rows)} runs had ended; their table is this exception's .results")
            raise
    _warn(cases, problems)
    return _table(cases, rows, problems)


def _check(
    run: Any, seeds: Any, batched: bool, workers: Any, scheduler: Any, insecure: bool
) -> None:
    if not callable(run):
        raise TypeError(f"run is a {type(run).__name__}; give a function")
    if batched and seeds is None:
        raise ValueError("batched is True without seeds")
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise ValueError(f"workers is {workers!r}; give a whole number, 0 for this process")
    if scheduler is not None:
        if workers:
            raise ValueError(f"workers is {workers} beside a scheduler; give one of the two")
        check_address(scheduler, insecure)


def _tasks_of(cases: list[Case], batched: bool) -> list[Task]:
    if not batched:
        return [Task(setting, (seed,)) for setting, seed in cases]
    together: dict[str, Task] = {}
    for setting, seed in cases:
        key = key_of(setting, None)
        others = together[key].seeds if key in together else ()
        together[key] = Task(setting, (*others, seed), batched=True)
    return [*together.values()]


def _outcomes(
    run: Run, tasks: list[Task], workers: int, scheduler: str | None
) -> Iterator[tuple[Task, Outcome]]:
    if not tasks:
        return
    work = partial(attempt, run)
    if scheduler is not None:
        answers = on_cluster(work, tasks, scheduler)
    elif workers:
        answers = in_workers(work, tasks, workers)
    else:
        answers = ((task, work(task)) for task in tasks)
    with closing(answers):
        for task, answer in answers:
            yield task, Outcome(problem=answer.problem) if isinstance(answer, Lost) else answer


def _table(cases: list[Case], rows: dict[str, Row], problems: dict[str, str]) -> pd.DataFrame:
    lines = []
    for setting, seed in cases:
        seeded = {} if seed is None else {"seed": seed}
        lines.append((setting, seeded, rows.get(key_of(setting, seed), {})))
    columns = dict.fromkeys(name for part in zip(*lines, strict=True) for d in part for name in d)
    table = pd.DataFrame([a | b | c for a, b, c in lines], columns=[*columns])
    if problems:
        table["problem"] = [problems.get(key_of(*case), "") for case in cases]
    return table


def _warn(cases: list[Case], problems: dict[str, str]) -> None:
    if problems:
        [first] = [case for case in cases if key_of(*case) in problems][:1]
        seed = "" if first[1] is None else f" with seed {first[1]}"
        warnings.warn(
            f"{len(problems)} of {len(cases)} runs failed (column 'problem'); the first, "
            f"{first[0]}{seed}: {problems[key_of(*first)]}",
            stacklevel=3,
        )
