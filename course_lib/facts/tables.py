"""Files of this folder by name: tables with their schemas, sources, recorded measurements."""

from __future__ import annotations

import csv
import json
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

FOLDER = files(__package__)


def facts(name: str) -> pandas.DataFrame:
    """Read one of the tables; columns of whole numbers stay whole where a value is missing.

    Parameters
    ----------
    name : str
        The file's name without ``.csv``, say ``"notable_models"``.

    Returns
    -------
    pandas.DataFrame
        Units are in the column names. Columns such as ``source`` and ``paper`` hold citation keys
        of the book's bibliography. ``.attrs`` holds the meaning of each column.

    Raises
    ------
    TypeError
        If the name is not a string.
    ValueError
        If there is no such table; the message offers names that are near.

    Notes
    -----
    All tables stand in the book's appendix.

    Examples
    --------
    >>> counts = facts("keras_parameter_counts").set_index("model")
    >>> int(counts.loc["VGG16", "seed_parameters"])
    138357544
    """
    import pandas as pd

    with find(name, FOLDER, ".csv", "table").open(encoding="utf-8") as text:
        table = pd.read_csv(text, dtype_backend="numpy_nullable")
    table.attrs = {field["name"]: field.get("description", "") for field in fields(name)}
    return table


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
        As `facts`.

    Notes
    -----
    The scripts in ``benchmarks`` write them. See chapter 6 of the book.

    Examples
    --------
    >>> study = recorded("interval_coverage")
    >>> study["level"], all(call["coverage"] >= 0.85 for call in study["calls"].values())
    (0.95, True)
    """
    file = find(name, FOLDER / "recorded", ".json", "record")
    return json.loads(file.read_text(encoding="utf-8"))


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """A table as it is written, every cell a string; standard library only."""
    with find(name, FOLDER, ".csv", "table").open(encoding="utf-8", newline="") as text:
        return tuple(csv.DictReader(text))


@cache
def _schema(name: str) -> dict[str, Any]:
    schema = find(name, FOLDER / "schemas", ".json", "table")
    return json.loads(schema.read_text(encoding="utf-8"))


def fields(name: str) -> tuple[dict[str, Any], ...]:
    """The columns of a table: name, type, unit, description."""
    return tuple(_schema(name)["fields"])


def row_title(name: str) -> tuple[str, ...]:
    """The columns that say what a row is: the second one unless the schema names others."""
    return tuple(_schema(name).get("row_title") or [fields(name)[1]["name"]])


@cache
def _titles() -> dict[str, str]:
    """What the data package calls each of its resources."""
    package = json.loads((FOLDER / "datapackage.json").read_text(encoding="utf-8"))
    return {one["name"]: one.get("title") or one["name"] for one in package["resources"]}


@cache
def described() -> tuple[str, ...]:
    """Names of the tables that the data package lists and that are here."""
    return tuple(name for name in _titles() if (FOLDER / f"{name}.csv").is_file())


def title(name: str) -> str:
    """The title that the data package gives a table; its name where there is none."""
    return _titles().get(name, name)


@cache
def _sources() -> dict[str, dict[str, str]]:
    return {row["key"]: row for row in rows("sources")}


def source(key: str) -> dict[str, str]:
    """What is known of a source: ``short`` name, ``year``, ``url``; else it goes by its key."""
    return _sources().get(key) or {"short": key, "year": "", "url": ""}


def find(name: str, folder: Any, ending: str, what: str) -> Any:
    """A file of the package by its name, or near names."""
    if not isinstance(name, str):
        raise TypeError(f"name is a {type(name).__name__}; give the name of a {what}, a string")
    known = {
        file.name.removesuffix(ending): file
        for file in folder.iterdir()
        if file.name.endswith(ending)
    }
    if name not in known:
        raise ValueError(f"name is {name!r}; there is no such {what}. {near(name, known)}")
    return known[name]


def near(name: str, known: Any) -> str:
    """The known names that a wrong one may mean; all where none is near and they are few."""
    known = sorted(known)
    close = get_close_matches(name, known, n=5, cutoff=0.4)
    if close or len(known) <= 40:
        return f"Near: {', '.join(close or known)}"
    return f"There are {len(known)}, {known[0]} to {known[-1]}"
