"""What all tasks that scale have in common, and the sweeps of them that ship with the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

COLUMNS = {
    "a": "of Zipf's law: item i comes with a probability proportional to i^-(1 + a)",
    "samples": "examples learned from; of the students, examples seen, each once",
    "width": "channels, hidden units or features of the model",
    "tokens": "characters that the model was trained on, each new",
    "dimensions": "inputs of the teacher",
    "model": "mlp: multi-layer perceptron; cnn: convolutional network",
    "share": "of group B in the sample",
    "seed": "of the data, and of the model's first weights",
    "error": "share of new examples that are misjudged",
    "error_a": "the same in group A",
    "error_b": "the same in group B",
    "loss": "on new data: mean squared error; of the lexicon, nats a character",
    "parameters": "trainable numbers of the model",
    "training_flop": "counted FLOP of the training, both ways: 2 per multiply-accumulate",
    "seconds": "wall time of the training, an equal share of that of seeds trained side by side; "
    "other work on the machine may have held it up",
}


@dataclass(frozen=True)
class Task:
    """A problem that comes in many sizes, for `course_lib.sweeps.sweep`.

    Attributes
    ----------
    name, what : str
        Its name, and a sentence.
    run : function
        ``run(**setting, seeds=[...], device=None)`` gives one row, a dict, for each seed.
    truth : function
        ``truth(**setting)`` gives what is known of a setting: ``form``, and as far as they are
        known ``irreducible``, ``exponent`` (the slope on log axes), ``alpha``, ``beta``.
    x, y : tuple of str, str
        Columns of what grows, and of what falls with it.
    curves : tuple of str
        Columns of settings that each have a curve, and a truth, of their own.
    full, live : dict of lists
        Grids of settings: that of the recorded sweep, and a part of it that runs in seconds.
    seeds, live_seeds : int
        How many seeds of each setting, from 0 on.

    Examples
    --------
    >>> from course_lib.sweeps import sweep
    >>> from course_lib.tasks import TASKS
    >>> task = TASKS["zipf"]
    >>> rows = sweep(task.run, task.live, seeds=range(2), batched=True, progress=False)
    >>> rows.columns.tolist(), task.x, task.y
    (['a', 'samples', 'seed', 'error'], ('samples',), 'error')
    """

    name: str
    what: str
    run: Callable[..., list[dict[str, Any]]]
    truth: Callable[..., dict[str, Any]]
    x: tuple[str, ...]
    y: str
    curves: tuple[str, ...]
    full: dict[str, list[Any]]
    live: dict[str, list[Any]]
    seeds: int
    live_seeds: int


def recorded_sweep(name: str) -> pandas.DataFrame:
    """The full sweep of a task, as it was recorded.

    Parameters
    ----------
    name : str
        A name in ``course_lib.tasks.TASKS``.

    Returns
    -------
    pandas.DataFrame
        A row for each setting and seed. ``course_lib.facts.recorded("task-" + name)`` says on what
        machine it was recorded, when, how long it took, and what the columns mean.

    Raises
    ------
    ValueError
        If there is no sweep of that name.

    Notes
    -----
    ``python benchmarks/record_tasks.py`` makes it anew. See chapters 8 to 10 of the book.

    Examples
    --------
    >>> sweep = recorded_sweep("spectrum")
    >>> bool((sweep["loss"] > 0.25).all())  # its irreducible loss
    True
    """
    import pandas as pd

    tables = {
        file.name.removeprefix("task-").removesuffix(".csv"): file
        for file in (files("course_lib.facts") / "recorded").iterdir()
        if file.name.startswith("task-") and file.name.endswith(".csv")
    }
    if name not in tables:
        raise ValueError(f"name is {name!r}; recorded are {', '.join(sorted(tables))}")
    with tables[name].open(encoding="utf-8") as text:
        return pd.read_csv(text)
