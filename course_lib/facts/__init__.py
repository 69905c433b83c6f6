"""The cited tables that ship with the course, read from the package."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files
from typing import TYPE_CHECKING

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
    if not isinstance(name, str):
        raise TypeError(f"name is a {type(name).__name__}; give the name of a table, a string")
    tables = {
        file.name.removesuffix(".csv"): file
        for file in files(__name__).iterdir()
        if file.name.endswith(".csv")
    }
    if name not in tables:
        near = get_close_matches(name, tables, cutoff=0.4) or sorted(tables)
        raise ValueError(f"name is {name!r}; there is no such table. Near: {', '.join(near)}")
    import pandas as pd

    with tables[name].open(encoding="utf-8") as text:
        return pd.read_csv(text, dtype_backend="numpy_nullable")
