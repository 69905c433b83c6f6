"""From labels and decisions to rates of each group, and to the gaps between groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.fairness.checking import counted
from course_lib.fairness.intervals import log_ratio, newcombe, wilson
from course_lib.quantities import LEVEL

if TYPE_CHECKING:
    import pandas

# Rate to (whom it is counted among, whom it counts); t is the label, p the decision.
RATES = {
    "error": (lambda t, p: np.ones(len(t), bool), lambda t, p: t != p),
    "selection": (lambda t, p: np.ones(len(t), bool), lambda t, p: p == 1),
    "base": (lambda t, p: np.ones(len(t), bool), lambda t, p: t == 1),
    "false positive": (lambda t, p: t == 0, lambda t, p: p == 1),
    "false negative": (lambda t, p: t == 1, lambda t, p: p == 0),
    "positive predictive value": (lambda t, p: p == 1, lambda t, p: t == 1),
}


def group_rates(
    labels: Any, decisions: Any, groups: Any, rate: str = "error", level: float = LEVEL
) -> pandas.DataFrame:
    """A rate for each group of people, with Wilson's interval.

    Parameters
    ----------
    labels, decisions : sequence or tensor, shape (people,)
        What is so, and what was said. For every rate but "error": 0 or 1.
    groups : sequence or tensor, shape (people,)
        Group of each person.
    rate : str
        "error": share of the group that is misjudged. "selection": share for whom 1 was said.
        "base": share for whom 1 is so. "false positive": of those who are 0, share for whom 1 was
        said. "false negative": of those who are 1, share for whom 0 was said. "positive predictive
        value": of those for whom 1 was said, share who are 1.
    level : float
        Nominal coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        A row for each group, in their order: ``count``, ``total``, ``rate``, ``low``, ``high``.

    Raises
    ------
    ValueError, TypeError
        If the lengths differ, the rate is unknown, labels are not 0 or 1 where they must be, or a
        group has nobody to count the rate among.

    Notes
    -----
    The rates agree with those of fairlearn, which the tests check. See chapter 11 of the book.

    Examples
    --------
    >>> table = group_rates([0, 1, 1, 0], [0, 1, 0, 0], ["a", "a", "b", "b"])
    >>> table.round(2).to_dict("list")["rate"], table.index.tolist()
    ([0.0, 0.5], ['a', 'b'])
    """
    import pandas as pd

    if rate not in RATES:
        raise ValueError(f"rate is {rate!r}; allowed are {', '.join(RATES)}")
    columns = {"labels": labels, "decisions": decisions, "groups": groups}
    labels, decisions, groups = _columns(columns, binary=rate != "error")
    among, cases = (choose(labels, decisions) for choose in RATES[rate])
    rows = {}
    for group in np.unique(groups).tolist():
        here = among & (groups == group)
        if not here.any():
            raise ValueError(f"group {group} has nobody to count the rate {rate!r} among")
        count, total = int((cases & here).sum()), int(here.sum())
        rows[group] = (count, total, count / total, *wilson(count, total, level))
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["count", "total", "rate", "low", "high"]
    )
    return table.rename_axis("group")


def group_gaps(
    table: pandas.DataFrame, reference: Any = None, level: float = LEVEL
) -> pandas.DataFrame:
    """Difference and ratio of each group's rate to that of one of them, with intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        From `group_rates`, or any with a row for each group and the columns ``count`` and
        ``total``.
    reference : label of a row, optional
        The group to compare with. Default: the one with most people.
    level : float
        Nominal coverage of each interval by itself: of ten comparisons at 0.9, one is expected to
        miss.

    Returns
    -------
    pandas.DataFrame
        A row for each other group: ``difference``, ``low``, ``high`` (Newcombe), ``ratio``,
        ``ratio_low``, ``ratio_high`` (of the logarithm). The ratio is missing where a count is 0.

    Raises
    ------
    ValueError, TypeError
        If a column is missing, there are fewer than two groups, or no such reference.

    Notes
    -----
    See chapter 11 of the book.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"count": [30, 20], "total": [1000, 100]}, index=["A", "B"])
    >>> gap = group_gaps(table).loc["B"]
    >>> gap[["difference", "low", "high", "ratio"]].round(3).tolist()
    [0.17, 0.112, 0.244, 6.667]
    """
    import pandas as pd

    missing = {"count", "total"} - set(table.columns)
    if missing:
        raise ValueError(f"table has no column {', '.join(sorted(missing))}; give count and total")
    if len(table) < 2 or not table.index.is_unique:
        raise ValueError(f"table has the groups {list(table.index)}; allowed are two, each once")
    counted(table["count"], table["total"])
    if reference is None:
        reference = table["total"].idxmax()
    elif reference not in table.index:
        raise ValueError(f"reference is {reference!r}; allowed are {list(table.index)}")
    base = (int(table.loc[reference, "count"]), int(table.loc[reference, "total"]))
    rows = {}
    for group, row in table.drop(reference).iterrows():
        own = (int(row["count"]), int(row["total"]))
        ratio = (np.nan,) * 3
        if own[0] and base[0]:
            ratio = (own[0] / own[1] * base[1] / base[0], *log_ratio(*own, *base, level))
        rows[group] = (own[0] / own[1] - base[0] / base[1], *newcombe(*own, *base, level), *ratio)
    names = ["difference", "low", "high", "ratio", "ratio_low", "ratio_high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("group")


def _columns(columns: dict[str, Any], binary: bool) -> list[np.ndarray]:
    """The columns as arrays of one length; labels and decisions 0 or 1 where they must be."""
    arrays = [np.asarray(x.cpu() if hasattr(x, "cpu") else x) for x in columns.values()]
    shapes = [array.shape for array in arrays]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1 or not shapes[0][0]:
        said = ", ".join(f"{name} {shape}" for name, shape in zip(columns, shapes, strict=True))
        raise ValueError(f"shapes are {said}; allowed is one shape (people,)")
    for name, array in list(zip(columns, arrays, strict=True))[: 2 if binary else 0]:
        if not np.isin(array, (0, 1)).all():
            raise ValueError(f"{name} holds {array[~np.isin(array, (0, 1))][0]!r}; allowed: 0, 1")
    return arrays
