"""Predict, commit, verify: forecasts that are written down before the truth is known."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_lib.files import append_line, read_lines
from course_lib.forecasting.inputs import digest
from course_lib.forecasting.locking import alone
from course_lib.forecasting.scores import interval_score
from course_lib.quantities import Forecast

FILE = "forecasts.jsonl"
SAME = 1e-6  # relative; the same fit on another machine differs in its last digits


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


def commit(name: str, forecast: Forecast, path: str | Path = FILE, inputs: Any = None) -> Forecast:
    """Write a forecast down before the truth is known.

    Parameters
    ----------
    name : str
        Of what is forecast. A name is committed once, also where several programs write.
    forecast : Forecast
    path : str or Path
        An append-only file; it is made if need be.
    inputs : str, number, array, pandas.DataFrame, or a mapping or list of such, optional
        What the forecast was made from. Its SHA-256 is written down with the forecast.

    Returns
    -------
    Forecast
        What stands in the file. Committing the same again changes nothing.

    Raises
    ------
    ValueError
        If another forecast of this name is committed already, or this one from other inputs.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     said = commit("a sum", Forecast(2.0, 1.0, 3.0, unit="s"), f"{folder}/forecasts.jsonl")
    ...     verify("a sum", 2.5, f"{folder}/forecasts.jsonl").held
    True
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"name is {name!r}; give the forecast a name, as text")
    if not isinstance(forecast, Forecast):
        raise TypeError(f"forecast is a {type(forecast).__name__}; give a Forecast")
    entry: dict[str, Any] = {"kind": "commit", "name": name, "forecast": asdict(forecast)}
    if inputs is not None:
        entry["inputs"] = digest(inputs)
    with alone(path):
        earlier = _lines(path).get(("commit", name))
        if earlier is None:
            append_line(path, entry | {"time": _now()})
            return forecast
    standing = Forecast(**earlier["forecast"])
    if not _same(standing, forecast):
        raise ValueError(
            f"{name!r} was committed as {standing} at {earlier['time']}, and now comes "
            f"{forecast}. A forecast is made once: keep it, or commit under another name"
        )
    if inputs is not None and entry["inputs"] != earlier.get("inputs"):
        other = "other inputs" if "inputs" in earlier else "no inputs"
        raise ValueError(
            f"{name!r} was committed from {other} at {earlier['time']}, though with the same "
            "numbers. What a forecast was made from is said once: use those inputs, or commit "
            "under another name"
        )
    return standing


def verify(name: str, truth: float, path: str | Path = FILE) -> Verdict:
    """Set the truth beside the forecast that was committed under a name, and score it.

    Truth and score are added to the file.

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
    if not Path(path).exists():
        raise LookupError(f"no forecast {name!r} was committed; there are: none")
    with alone(path):
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
            append_line(path, earlier | {"score": score})
    if not math.isclose(earlier["truth"], truth, rel_tol=SAME):
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
