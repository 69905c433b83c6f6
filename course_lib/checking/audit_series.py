"""One record: read without trust, and looked at by itself. See `course_lib.checking.audit`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from course_lib.metering import contamination
from course_lib.metering.clocks import Sample
from course_lib.metering.sampling import SHORTEST_SAMPLE

CLOCKS = ("seconds", "cpu_seconds", "waiting_seconds", "calls", "involuntary_switches")
KEYS = frozenset((
    "name", "recorded", "samples", "warmup_samples", "peak_bytes", "counter_joule", "flop",
    "contaminated", "contamination", "machine",
))  # fmt: skip
MOST_SAMPLES = 100_000
FEWEST = 5  # samples, below which a series says nothing by itself
SMOOTH_SECONDS, SMOOTH_SHARE = 20e-9, 1e-6  # of a sample: nothing is as steady as that
LAGS = 3  # samples from which the next one may follow
FOLLOWS = 1e-3  # of the scatter, left when it does
ROUND_DIGITS = 3
OFF_GRID = 0.15  # nanoseconds, on average; random numbers lie .25 off, clocks below .01
STEADY_RATIO = 1e-6  # relative scatter of CPU over wall time
CPU_SHARE, CPU_SECONDS = 1.1, 5e-5  # CPU time beyond wall time, of a sample on each thread
LONGEST = 5.0  # seconds of a sample of several calls


@dataclass(frozen=True)
class Finding:
    """A sign that records may not be what they say: which, of what kind, and the evidence."""

    records: tuple[str, ...]
    kind: str
    evidence: str

    def __str__(self) -> str:
        names = ", ".join(self.records[:4]) + (" ..." if len(self.records) > 4 else "")
        return f"{names}: {self.evidence}"


@dataclass(frozen=True)
class Series:
    """A record whose parts have been checked: numbers are numbers, and as many as they should be.

    ``wall`` and ``cpu`` are seconds a call; ``took`` is how long all its samples lasted together.
    """

    name: str
    wall: np.ndarray
    cpu: np.ndarray
    calls: np.ndarray
    warmups: int
    last_warmup: float
    took: timedelta
    recorded: datetime
    machine: dict[str, Any]
    flop: float | None
    contaminated: bool
    samples: tuple[Sample, ...] = field(repr=False)
    foreign: tuple[str, ...] = ()

    @property
    def linux(self) -> bool:
        """Whether clocks count single nanoseconds."""
        return str(self.machine.get("system", "")).startswith("Linux")

    @property
    def cores(self) -> int:
        """Cores, or threads if they are more; at least 1."""
        given = (self.machine.get(key) for key in ("cores", "threads"))
        return max([1, *(n for n in given if isinstance(n, int) and n < 10**6)])


def instant(text: Any) -> datetime | None:
    """A date with its time zone, or None."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else None


def read_series(name: str, record: Any, flop: float | None = None) -> Series:
    """Read a record.

    Raises
    ------
    ValueError
        If it is not what `course_lib.measure` writes; the message says where.
    """
    if not isinstance(record, Mapping):
        raise ValueError(f"it is a {type(record).__name__}")
    for key in ("recorded", "samples", "warmup_samples", "machine"):
        if key not in record:
            raise ValueError(f"it has no {key!r}")
    recorded = instant(record["recorded"])
    if recorded is None:
        raise ValueError(f"'recorded' is {str(record['recorded'])[:40]!r}, not a date with a zone")
    machine = record["machine"]
    if not isinstance(machine, Mapping):
        raise ValueError("'machine' is not an object")
    columns, warm = (_columns(record[key], key) for key in ("samples", "warmup_samples"))
    if len(columns["seconds"]) == 0:
        raise ValueError("it has no samples")
    seconds = sum(float(part["seconds"] @ part["calls"]) for part in (columns, warm))
    if not seconds < 1e7:
        raise ValueError(f"its samples took {seconds:.3g} s together")
    given = record.get("flop") if flop is None else flop
    return Series(
        name=name,
        wall=columns["seconds"],
        cpu=columns["cpu_seconds"],
        calls=columns["calls"],
        warmups=len(warm["seconds"]),
        last_warmup=float(warm["seconds"][-1]) if len(warm["seconds"]) else math.inf,
        took=timedelta(seconds=seconds),
        recorded=recorded,
        machine=dict(machine),
        flop=float(given) if _number(given) and given > 0 else None,
        contaminated=record.get("contaminated") is True,
        samples=_samples(columns),
        foreign=tuple(sorted(str(key)[:40] for key in set(record) - KEYS)),
    )


def _number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < 1e300
        and math.isfinite(value)
    )


def _columns(given: Any, where: str) -> dict[str, np.ndarray]:
    """The clocks' columns; waiting and switches are NaN where the system did not tell."""
    if not isinstance(given, Mapping):
        raise ValueError(f"{where!r} is not an object of columns")
    columns = {}
    for clock in CLOCKS:
        values = given.get(clock)
        if values is None and clock == "involuntary_switches":  # records of 0.1 have none
            values = [None] * len(columns["seconds"])
        if not isinstance(values, list):
            raise ValueError(f"{where!r} has no list {clock!r}")
        if len(values) > MOST_SAMPLES:
            raise ValueError(f"{where!r} has {len(values)} samples")
        unknown = clock in ("waiting_seconds", "involuntary_switches")
        for value in values:
            if not (_number(value) and value >= 0) and not (unknown and value is None):
                raise ValueError(f"{where!r} has {str(value)[:40]!r} among its {clock!r}")
        columns[clock] = np.array([math.nan if v is None else v for v in values], dtype=float)
        if len(values) != len(columns["seconds"]):
            lengths = f"{len(columns['seconds'])} and {len(values)}"
            raise ValueError(f"{where!r} has columns of {lengths} samples")
    if (columns["calls"] < 1).any() or (columns["calls"] % 1).any():
        raise ValueError(f"{where!r} has a sample of no whole number of calls")
    if (columns["seconds"] <= 0).any():
        raise ValueError(f"{where!r} has a sample that took no time")
    return columns


def _samples(columns: dict[str, np.ndarray]) -> tuple[Sample, ...]:
    rows = zip(*(columns[clock].tolist() for clock in CLOCKS), strict=True)
    return tuple(
        Sample(
            wall,
            cpu,
            None if math.isnan(waited) else waited,
            int(calls),
            None if math.isnan(switches) else int(switches),
        )
        for wall, cpu, waited, calls, switches in rows
    )


def of_one(series: Series) -> Iterator[Finding]:
    """What is odd about one record by itself."""
    for look in (_form, _smooth, _repeated, _follows, _digits, _clock_steps, _processor, _counts):
        for kind, evidence in look(series):
            yield Finding((series.name,), kind, evidence)


def _form(series: Series) -> Iterator[tuple[str, str]]:
    if series.foreign:
        names = ", ".join(map(repr, series.foreign[:5]))
        yield "form", f"has {names}, which measure does not write"
    if not series.warmups:
        yield "form", "has no warm-up, which measure always takes"
    try:
        reasons = contamination.reasons(list(series.samples), {"gpus": [], **series.machine})
    except (ValueError, TypeError, KeyError):
        return
    if reasons and not series.contaminated:
        yield "form", f"says that nothing held it up; its samples say: {'; '.join(reasons)}"


def _smooth(series: Series) -> Iterator[tuple[str, str]]:
    if len(series.wall) < FEWEST:
        return
    low, high = np.quantile(series.wall * series.calls, [0.1, 0.9])
    spread = float(high - low)
    if spread < max(SMOOTH_SECONDS, SMOOTH_SHARE * float(low)):
        number = len(series.wall)
        words = f"eight in ten of its {number} samples lie within {spread * 1e9:.2g} ns"
        yield "smooth", f"{words} of one another: no clock and no machine is as steady"


def _repeated(series: Series) -> Iterator[tuple[str, str]]:
    """Clocks of other systems step coarsely, and repeat themselves."""
    number = len(series.wall)
    if number < FEWEST:
        return
    pairs = np.column_stack([series.wall, series.cpu])
    values, often = np.unique(pairs, axis=0, return_counts=True)
    if series.linux and len(values) <= number / 2:
        yield "repeated", f"only {len(values)} of its {number} samples differ in wall and CPU time"
    elif often.max() > max(2, number / 2):
        yield "repeated", f"{often.max()} of its {number} samples are equal"


def _follows(series: Series) -> Iterator[tuple[str, str]]:
    """Straight lines, geometric series, waves and parabolas: linear recurrences of few terms."""
    number = len(series.wall)
    if number < 4 * LAGS:
        return
    for what, values in (("wall", series.wall), ("log wall", np.log(series.wall))):
        scaled = values / np.abs(values).max() if np.abs(values).max() > 0 else values
        before = [scaled[LAGS - lag - 1 : number - lag - 1] for lag in range(LAGS)]
        known = np.column_stack([*before, np.ones(number - LAGS)])
        left = scaled[LAGS:] - known @ np.linalg.lstsq(known, scaled[LAGS:], rcond=None)[0]
        scatter = float(scaled[LAGS:].std())
        if scatter > 0 and float(left.std()) < FOLLOWS * scatter:
            yield "formula", f"each {what} time follows from the {LAGS} before it by one formula"
            return


def _digits(series: Series) -> Iterator[tuple[str, str]]:
    number = len(series.wall)
    digits = [len(f"{value:.14e}".split("e")[0].rstrip("0")) - 1 for value in series.wall]
    few = sum(each <= ROUND_DIGITS for each in digits)
    if number >= FEWEST and few > number / 2:
        yield "digits", f"{few} of its {number} wall times have {ROUND_DIGITS} digits or fewer"


def _clock_steps(series: Series) -> Iterator[tuple[str, str]]:
    """Linux counts CPU time in whole nanoseconds, and not in whole microseconds."""
    ticks = series.cpu * series.calls * 1e9
    ticks = ticks[ticks > 0]
    if not series.linux or len(ticks) < 2 * FEWEST or ticks.max() > 1e12:
        return
    off = float(np.mean(np.abs(ticks - np.round(ticks))))
    if off > OFF_GRID:
        words = f"its CPU times lie {off:.2f} ns off whole nanoseconds on average"
        yield "digits", f"{words}, and its clock counts those"
    elif not (np.round(ticks) % 1000).any():
        yield "digits", "all its CPU times are whole microseconds, and its clock counts nanoseconds"


def _processor(series: Series) -> Iterator[tuple[str, str]]:
    number = len(series.wall)
    ratio = series.cpu / series.wall
    if number >= FEWEST and ratio.min() > 0:
        if (series.cpu == series.wall).sum() > number / 2:
            yield "processor", "CPU and wall time are equal in most samples; they are two clocks"
        elif float(np.std(ratio)) < STEADY_RATIO * float(np.mean(ratio)):
            yield "processor", f"CPU time is {ratio[0]:.6g} times wall time in every sample"
    most = CPU_SHARE * series.cores * series.wall * series.calls + CPU_SECONDS * series.cores
    above = int((series.cpu * series.calls > most).sum())
    if series.linux and above > number / 4:
        words = f"in {above} of its {number} samples CPU time is above wall time"
        yield "processor", f"{words} times {series.cores} cores"


def _counts(series: Series) -> Iterator[tuple[str, str]]:
    if len(np.unique(series.calls)) > 1:
        yield "counts", "its samples are of different numbers of calls; measure keeps to one"
        return
    calls, sample = int(series.calls[0]), float(np.median(series.wall * series.calls))
    wanted = SHORTEST_SAMPLE / series.last_warmup
    if wanted > 2.5 and calls < wanted / 2:
        words = f"its samples are of {'one call' if calls == 1 else f'{calls} calls'}, and after a"
        last = f"{series.last_warmup:.2g} s"
        yield "counts", f"{words} last warm-up call of {last} measure takes {round(wanted)} or more"
    if calls > 1 and sample > LONGEST:
        words = f"its samples are of {calls} calls and {sample:.2g} s"
        yield "counts", f"{words}; measure stops far below"
