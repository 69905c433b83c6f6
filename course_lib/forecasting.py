"""Predict, commit, verify: forecasts that are written down before the truth, and their scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.files import append_line, read_lines
from course_lib.quantities import LEVEL, Forecast
from course_lib.scaling import fit_power_law

FILE = "forecasts.jsonl"
SAME = 1e-6  # relative; the same fit on another machine differs in its last digits


def interval_score(low: float, high: float, truth: float, level: float = LEVEL) -> float:
    """Score of an interval against the truth; lower is better (Gneiting and Raftery, 2007, eq. 43).

    The width of the interval, plus 2/(1 - level) for each unit by which it misses. It cannot be
    gamed: no interval has a lower expected score than the central one you believe in.

    Parameters
    ----------
    low, high, truth : float
        In one unit, which is the unit of the score.
    level : float
        The probability with which the interval claims to hold the truth.

    Examples
    --------
    >>> interval_score(1.0, 2.0, truth=1.5)
    1.0
    >>> round(interval_score(1.0, 2.0, truth=2.1), 6)
    3.0
    """
    if not low <= high:
        raise ValueError(f"interval [{low}, {high}] has its ends the wrong way round")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a probability between 0 and 1")
    if not math.isfinite(truth):
        raise ValueError(f"truth is {truth}: must be finite")
    return (high - low) + 2 / (1 - level) * (max(0.0, low - truth) + max(0.0, truth - high))


@dataclass(frozen=True)
class Verdict:
    """A committed forecast beside the truth.

    ``score`` is the interval score in the forecast's unit; ``committed`` and ``verified`` are
    times (UTC, ISO 8601).
    """

    name: str
    forecast: Forecast
    truth: float
    held: bool
    score: float
    committed: str
    verified: str

    def __str__(self) -> str:
        said = "held" if self.held else "did not hold"
        unit = f" {self.forecast.unit}".rstrip()
        return (
            f"{self.name}: forecast {self.forecast}, truth {self.truth:.4g}{unit}: "
            f"the interval {said} (score {self.score:.3g}{unit})"
        )


def commit(name: str, forecast: Forecast, path: str | Path = FILE) -> Forecast:
    """Write a forecast down before the truth is known.

    Parameters
    ----------
    name : str
        Of what is forecast. A name is committed once.
    forecast : Forecast
    path : str or Path
        An append-only file; it is made if need be.

    Returns
    -------
    Forecast
        What stands in the file. Committing the same again changes nothing.

    Raises
    ------
    ValueError
        If another forecast of this name is committed already.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     said = commit("a sum", Forecast(2.0, 1.0, 3.0, unit="s"), f"{folder}/forecasts.jsonl")
    ...     verify("a sum", 2.5, f"{folder}/forecasts.jsonl").held
    True
    """
    if not isinstance(forecast, Forecast):
        raise TypeError(f"forecast is a {type(forecast).__name__}; give a Forecast")
    earlier = _lines(path).get(("commit", name))
    if earlier is not None:
        standing = Forecast(**earlier["forecast"])
        if not _same(standing, forecast):
            raise ValueError(
                f"{name!r} was committed as {standing} at {earlier['time']}, and now comes "
                f"{forecast}. A forecast is made once: keep it, or commit under another name"
            )
        return standing
    append_line(
        path, {"kind": "commit", "name": name, "time": _now(), "forecast": asdict(forecast)}
    )
    return forecast


def verify(name: str, truth: float, path: str | Path = FILE) -> Verdict:
    """Set the truth beside the forecast that was committed under a name, and score it.

    Raises
    ------
    LookupError
        If no forecast of this name was committed.
    ValueError
        If it was verified before, with another truth.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     said = commit("a sum", Forecast(2.0, 1.0, 3.0, unit="s"), f"{folder}/forecasts.jsonl")
    ...     verify("a sum", 4.0, f"{folder}/forecasts.jsonl").held
    False
    """
    truth = float(truth)
    lines = _lines(path)
    if ("commit", name) not in lines:
        known = ", ".join(n for kind, n in lines if kind == "commit") or "none"
        raise LookupError(f"no forecast {name!r} was committed; there are: {known}")
    entry = lines["commit", name]
    forecast = Forecast(**entry["forecast"])
    score = interval_score(forecast.low, forecast.high, truth, forecast.level)
    earlier = lines.get(("verify", name))
    if earlier is None:
        earlier = {"kind": "verify", "name": name, "time": _now(), "truth": truth}
        append_line(path, earlier)
    elif not math.isclose(earlier["truth"], truth, rel_tol=SAME):
        raise ValueError(
            f"{name!r} was verified with {earlier['truth']:g} at {earlier['time']}, and now comes "
            f"{truth:g}. A forecast meets one truth: commit under another name"
        )
    return Verdict(
        name, forecast, truth, forecast.holds(truth), score, entry["time"], earlier["time"]
    )


def read_forecasts(path: str | Path = FILE) -> dict[str, dict[str, Any]]:
    """All commits of a file by name, each with its ``truth`` and ``verified`` time if known.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     said = commit("a sum", Forecast(2.0, 1.0, 3.0), f"{folder}/forecasts.jsonl")
    ...     list(read_forecasts(f"{folder}/forecasts.jsonl"))
    ['a sum']
    """
    lines = _lines(path)
    commits = {name: dict(entry) for (kind, name), entry in lines.items() if kind == "commit"}
    for (kind, name), entry in lines.items():
        if kind == "verify" and name in commits:
            commits[name] |= {"truth": entry["truth"], "verified": entry["time"]}
    return commits


def _same(a: Forecast, b: Forecast) -> bool:
    pairs = [(getattr(a, n), getattr(b, n)) for n in ("median", "low", "high", "level")]
    return a.unit == b.unit and all(math.isclose(x, y, rel_tol=SAME) for x, y in pairs)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _lines(path: str | Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The first entry of each kind and name."""
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in read_lines(path, "a forecast", ("kind", "name", "time")):
        said = {"commit": "forecast", "verify": "truth"}.get(entry["kind"])
        if said not in entry:
            raise ValueError(f"{path} has an entry that is not a forecast: {str(entry)[:60]}")
        entries.setdefault((entry["kind"], entry["name"]), entry)
    return entries


Forecaster = Callable[[np.ndarray, np.ndarray, float, float], Sequence[float]]


@dataclass(frozen=True)
class Problem:
    """A series whose continuation is known: forecast y at ``x_new``, where it is ``truth``."""

    x: np.ndarray
    y: np.ndarray
    x_new: float
    truth: float


def power_law_problems(number: int, seed: int, reach: float = 8.0) -> Iterator[Problem]:
    """Costs that grow as E + A x^s, with noise of one relative size and a known continuation.

    Sizes, law, noise (0.5 % to 3 %) and the distance to the new size (up to ``reach`` times the
    largest) are drawn anew for each problem; a fixed overhead E makes the small sizes flatter than
    the law, as launch overhead does on a real machine. Two problems of three have many points:
    there the law is well known, and the new measurement's own noise remains.

    Examples
    --------
    >>> problem = next(power_law_problems(1, seed=7))
    >>> bool(problem.x.max() < problem.x_new <= 8 * problem.x.max())
    True
    """
    rng = np.random.default_rng(seed)
    for index in range(number):
        points = int(rng.integers(60, 121) if index % 3 else rng.integers(9, 17))
        further = np.exp(rng.uniform(np.log(1.1), np.log(reach)))
        x = np.geomspace(1.0, 2.0 ** rng.uniform(3.5, 5.5), points) * rng.integers(16, 65)
        exponent = rng.uniform(1.2, 3.0)
        scale = 10.0 ** rng.uniform(-9, -7) / x[0] ** (exponent - 1)
        overhead = scale * x[0] ** exponent * 10.0 ** rng.uniform(-0.5, 1.0)
        noise = 10.0 ** rng.uniform(np.log10(0.005), np.log10(0.03))
        clean = overhead + scale * np.append(x, further * x[-1]) ** exponent
        noisy = clean * np.exp(noise * rng.standard_normal(points + 1))
        yield Problem(x, noisy[:-1], float(further * x[-1]), float(noisy[-1]))


def reference_forecast(
    x: np.ndarray, y: np.ndarray, x_new: float, level: float
) -> tuple[float, float, float]:
    """The course's own method: a power law with overhead, delta-method interval with t.

    >>> x = np.array([1.0, 2, 4, 8, 16, 32, 64])
    >>> noise = np.array([1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99])
    >>> median, low, high = reference_forecast(x, (1 + 2 * x**1.5) * noise, 128.0, 0.9)
    >>> bool(low < 1 + 2 * 128**1.5 < high)
    True
    """
    law = fit_power_law(x, y, irreducible="free", direction="grows")
    forecast = law.predict(x_new, level)
    return forecast.median, forecast.low, forecast.high


@dataclass(frozen=True)
class Skill:
    """How well a forecasting function does on problems with a known answer.

    Attributes
    ----------
    relative_score : float
        Mean interval score over the reference method's: 1 is as good, 2 twice as bad.
    coverage : float
        Share of the intervals that held.
    relative_width : float
        Median over the problems of the width, in units of the reference's.
    problems : int
    """

    relative_score: float
    coverage: float
    relative_width: float
    problems: int


def forecasting_skill(
    forecast: Forecaster, problems: Sequence[Problem] | Iterator[Problem], level: float = LEVEL
) -> Skill:
    """Score ``forecast(x, y, x_new, level) -> (median, low, high)`` beside the reference method.

    Scores are taken in units of the reference's width, so that each problem counts alike, be it of
    microseconds or of minutes, of quiet data or of noisy; then they are averaged.

    Raises
    ------
    ValueError
        If a forecast is not three finite numbers in order.

    Examples
    --------
    >>> skill = forecasting_skill(reference_forecast, power_law_problems(20, seed=1))
    >>> skill.relative_score, skill.relative_width, skill.problems
    (1.0, 1.0, 20)
    """
    rows = []
    for problem in problems:
        answers = []
        for function in (forecast, reference_forecast):
            given = function(problem.x.copy(), problem.y.copy(), problem.x_new, level)
            answers.append(_three(given))
        unit = answers[1][2] - answers[1][1]
        for _, low, high in answers:
            score = interval_score(low, high, problem.truth, level)
            rows.append((score / unit, low <= problem.truth <= high, (high - low) / unit))
    table = np.array(rows, dtype=float).reshape(-1, 2, 3)  # (problem, whose, what)
    if len(table) == 0:
        raise ValueError("there are no problems to score")
    return Skill(
        relative_score=float(table[:, 0, 0].mean() / table[:, 1, 0].mean()),
        coverage=float(table[:, 0, 1].mean()),
        relative_width=float(np.median(table[:, 0, 2])),
        problems=len(table),
    )


def _three(given: Any) -> tuple[float, float, float]:
    if isinstance(given, Forecast):
        return given.median, given.low, given.high
    try:
        median, low, high = (float(value) for value in given)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"forecast must return (median, low, high), three numbers; it returned {given!r}"
        ) from error
    if not all(map(math.isfinite, (median, low, high))) or not low <= median <= high:
        raise ValueError(
            f"forecast must return finite low <= median <= high; it returned "
            f"median {median:g}, low {low:g}, high {high:g}"
        )
    return median, low, high
