"""`calibration`: of all forecasts of a course, how often held what was claimed to hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scipy import stats

from course_lib.forecasting.distribution import distribution
from course_lib.forecasting.journal import FILE, read_forecasts
from course_lib.forecasting.scores import crps, interval_score, log_score
from course_lib.quantities import LEVEL, Forecast

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Calibration:
    """What was claimed beside what was seen, from `calibration`.

    Attributes
    ----------
    levels : pandas.DataFrame
        One row a claimed ``level``: the ``number`` of verified forecasts, how many ``held``, the
        ``coverage`` with the ends ``low`` and ``high`` of its 90 % interval (Wilson, 1927), and the
        mean ``interval_score``, ``crps`` and ``log_score``.
    forecasts : pandas.DataFrame
        One row a verified forecast: ``name``, ``file``, ``level``, ``median``, ``low``, ``high``,
        ``unit``, ``truth``, ``held``, ``pit`` (the probability that was given to at most the
        truth), and the three scores. Scores are of quantities in units of their truth, so that
        seconds and bytes can be averaged; ``log_score`` is missing without a width.
    unverified : tuple of str
        What was committed and never verified. If it is left open because it failed, the rest looks
        better than it is.
    """

    levels: pandas.DataFrame = field(repr=False)
    forecasts: pandas.DataFrame = field(repr=False)
    unverified: tuple[str, ...]


def calibration(*paths: str | Path) -> Calibration:
    """Compare claimed levels with what came true, over all forecasts of a course.

    Parameters
    ----------
    paths : str or Path
        Files of `commit`; ``forecasts.jsonl`` if none is given.

    Returns
    -------
    Calibration
        `course_lib.plotting.plot_calibration` draws it.

    Raises
    ------
    ValueError
        If no forecast of these files was verified.

    Notes
    -----
    Forecasts count as independent; those of one sweep are not, and the true intervals of the
    coverage are then wider. The probability integral transform (``pit``) of honest forecasts is
    uniform between 0 and 1 (Dawid, 1984). Chapter 10.

    Examples
    --------
    >>> import tempfile
    >>> from course_lib import Forecast, commit, verify
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/forecasts.jsonl"
    ...     for name, truth in {"a": 2.2, "b": 1.9, "c": 3.5}.items():
    ...         said = commit(name, Forecast(2.0, 1.0, 3.0), path)
    ...         verdict = verify(name, truth, path)
    ...     seen = calibration(path)
    >>> seen.levels[["level", "number", "held"]].values.tolist()
    [[0.9, 3.0, 2.0]]
    """
    import pandas as pd

    rows, unverified = [], []
    for path in paths or (FILE,):
        for name, entry in read_forecasts(path).items():
            if "truth" in entry:
                rows.append({"name": name, "file": str(path), **_row(entry)})
            else:
                unverified.append(name)
    if not rows:
        where = ", ".join(map(str, paths or (FILE,)))
        raise ValueError(f"no forecast in {where} was verified; {len(unverified)} are open")
    forecasts = pd.DataFrame(rows)
    levels = [{"level": level, **_summary(group)} for level, group in forecasts.groupby("level")]
    return Calibration(pd.DataFrame(levels), forecasts, tuple(unverified))


def _row(entry: dict) -> dict:
    forecast, truth = Forecast(**entry["forecast"]), entry["truth"]
    said = distribution(forecast)
    scores = {
        "interval_score": interval_score(forecast.low, forecast.high, truth, forecast.level),
        "crps": crps(forecast, truth),
    }
    size = abs(truth)
    relative = {name: score / size if size else math.inf for name, score in scores.items()}
    if said.below > 0 and said.above > 0:
        density = log_score(forecast, truth)
        relative["log_score"] = density - math.log(size) if size else math.inf
    return {
        **entry["forecast"],
        "truth": truth,
        "held": forecast.holds(truth),
        "pit": said.cdf(truth),
        **relative,
    }


def _summary(group: pandas.DataFrame) -> dict:
    held, number = int(group["held"].sum()), len(group)
    ends = stats.binomtest(held, number).proportion_ci(LEVEL, method="wilson")
    scores = ("interval_score", "crps", "log_score")
    return {
        "number": number,
        "held": held,
        "coverage": held / number,
        "low": float(ends.low),
        "high": float(ends.high),
        **{name: float(group[name].mean()) for name in scores if name in group},
    }
