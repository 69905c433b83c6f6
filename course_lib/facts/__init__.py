"""What ships with the course: cited tables, and measurements that were recorded beforehand."""

from __future__ import annotations

import json
from difflib import get_close_matches
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas


def table(name: str) -> pandas.DataFrame:
    """Read one of the tables; columns of whole numbers stay whole where a value is missing.

    Parameters
    ----------
    name : str
        The file's name without ``.csv``, say ``"keras_parameter_counts"``.

    Returns
    -------
    pandas.DataFrame
        Units are in the column names. Columns such as ``source`` and ``paper`` hold citation keys
        of the book's bibliography.

    Raises
    ------
    TypeError
        If the name is not a string.
    ValueError
        If there is no such table; the message offers names that are near.

    Notes
    -----
    See chapter 4 of the book.

    Examples
    --------
    >>> counts = table("keras_parameter_counts").set_index("model")
    >>> int(counts.loc["VGG16", "seed_parameters"])
    138357544
    """
    import pandas as pd

    with _find(name, files(__name__), ".csv", "table").open(encoding="utf-8") as text:
        return pd.read_csv(text, dtype_backend="numpy_nullable")


def recorded(name: str) -> dict[str, Any]:
    """Read a record of measurements, with the machine and the date they were made on.

    Parameters
    ----------
    name : str
        The file's name in ``facts/recorded`` without ``.json``, say ``"interval_coverage"``.

    Returns
    -------
    dict

    Raises
    ------
    TypeError, ValueError
        As `table`.

    Notes
    -----
    The scripts in ``benchmarks`` write them. See chapter 6 of the book.

    Examples
    --------
    >>> study = recorded("interval_coverage")
    >>> study["level"], all(call["coverage"] >= 0.85 for call in study["calls"].values())
    (0.95, True)
    """
    file = _find(name, files(__name__) / "recorded", ".json", "record")
    return json.loads(file.read_text(encoding="utf-8"))


def _find(name: str, folder: Any, ending: str, what: str) -> Any:
    """A file of the package by its name, or near names."""
    if not isinstance(name, str):
        raise TypeError(f"name is a {type(name).__name__}; give the name of a {what}, a string")
    known = {
        file.name.removesuffix(ending): file
        for file in folder.iterdir()
        if file.name.endswith(ending)
    }
    if name not in known:
        near = get_close_matches(name, known, cutoff=0.4) or sorted(known)
        raise ValueError(f"name is {name!r}; there is no such {what}. Near: {', '.join(near)}")
    return known[name]
