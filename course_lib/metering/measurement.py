"""`measure` a call: warm up, synchronise, repeat, keep every sample; `compare` two, interleaved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np

from course_lib.devices import device_of, fingerprint, pick
from course_lib.metering import energy, ledger, records
from course_lib.metering.clocks import Sample, calls_per_sample, time_calls
from course_lib.metering.intervals import block_bootstrap
from course_lib.metering.memory import peak_bytes
from course_lib.quantities import Estimate

WAITING_SHARE = 0.05  # of a call's time; more than this spent waiting for a core is contention


@dataclass(frozen=True)
class Measurement:
    """What one call cost, from `measure`.

    Attributes
    ----------
    seconds, cpu_seconds : Estimate
        Median wall time, and CPU time of this process over all its threads, in s.
    peak_bytes : Estimate
        The most memory a call held beyond what was held before it, in B.
    energy_joule : Estimate
        In J. Its basis tells a hardware counter ("measured") from time multiplied by a range of
        power ("assumed").
    flop : float or None
        FLOP of a call, if `measure` was told.
    samples, warmup_samples : tuple of Sample
        In the order measured; the warm-up is kept apart.
    contaminated : bool
        Other work on the machine held this one up: its threads waited for a core.
    machine : dict
        See `course_lib.devices.fingerprint`.
    name : str or None
        Under which it was recorded.
    replayed : bool
        Whether it was read from a record instead of run.
    """

    seconds: Estimate
    cpu_seconds: Estimate
    peak_bytes: Estimate
    energy_joule: Estimate
    flop: float | None
    samples: tuple[Sample, ...] = field(repr=False)
    warmup_samples: tuple[Sample, ...] = field(repr=False)
    contaminated: bool
    machine: dict[str, Any] = field(repr=False)
    name: str | None = None
    replayed: bool = False

    @property
    def minimum_seconds(self) -> float:
        """The shortest wall time of a call: what is left when nothing interfered."""
        return min(sample.seconds for sample in self.samples)

    @property
    def minimum_cpu_seconds(self) -> float:
        """The least CPU time of a call."""
        return min(sample.cpu_seconds for sample in self.samples)

    @property
    def flop_per_s(self) -> Estimate:
        """Achieved FLOP/s by median wall time; needs ``flop``."""
        return self._flop() / self.seconds

    @property
    def best_seconds(self) -> Estimate:
        """Wall time that a tenth of the calls stay under: what is left when little interferes.

        For peaks and rooflines, where the question is what the machine can do.
        """
        return _seconds("wall", [sample.seconds for sample in self.samples], quantile=0.1)

    @property
    def best_flop_per_s(self) -> Estimate:
        """Achieved FLOP/s in `best_seconds`; needs ``flop``."""
        return self._flop() / self.best_seconds

    def _flop(self) -> Estimate:
        if self.flop is None:
            raise ValueError("this measurement was not told its FLOP: measure(..., flop=...)")
        return Estimate.exact(self.flop, "FLOP")

    def __str__(self) -> str:
        note = "  CONTAMINATED: other work held it up" if self.contaminated else ""
        parts = [self.name or "", f"{self.seconds}", f"CPU {self.cpu_seconds}"]
        return "  ".join(part for part in parts if part) + note


def measure(
    function: Callable[..., Any],
    *args: Any,
    name: str | None = None,
    warmup: int = 3,
    repeats: int | None = None,
    device: Any = None,
    flop: float | None = None,
    budget_seconds: float = 1.0,
) -> Measurement:
    """Measure what calling ``function(*args)`` costs.

    Parameters
    ----------
    function, *args
        What to call. Its result is thrown away.
    name : str, optional
        Keep the raw samples under this name in ``records.jsonl`` (see `record_to`), or take them
        from there. A replayed measurement says so.
    warmup : int
        Calls before the clock counts, at least 1. (One more, after the first, is for the memory.)
    repeats : int, optional
        Samples to take. Default: as many as the budget allows, 5 to 200.
    device : str or torch.device, optional
        What to wait for before a clock is read. Default: where the arguments are.
    flop : float, optional
        FLOP of one call (from `count`, or by hand): gives ``.flop_per_s``.
    budget_seconds : float
        Wall time to spend on the samples, where ``repeats`` is not given.

    Returns
    -------
    Measurement

    Raises
    ------
    ValueError
        If ``warmup`` or ``repeats`` is below 1. Errors of the function pass through.
    LookupError
        If records must be replayed and there is none of this name.

    Notes
    -----
    Calls shorter than 0.2 ms are timed several at a time. The interval of the median is a block
    bootstrap's at 90 %; it describes this stretch of time on this machine. See chapter 6.

    Examples
    --------
    >>> import torch
    >>> a = torch.ones(64, 64)
    >>> cost = measure(torch.mm, a, a, repeats=20, flop=2 * 64**3)
    >>> cost.seconds.unit, len(cost.samples), cost.flop_per_s.unit
    ('s', 20, 'FLOP/s')
    """
    if warmup < 1 or (repeats is not None and repeats < 1):
        raise ValueError(f"warmup={warmup}, repeats={repeats}: both must be at least 1")
    if name is not None and (record := records.find(name)) is not None:
        kept = _from_record(record)
        print(f"replayed {name!r}, recorded {record['recorded']}: nothing was run")
        return kept
    target = pick(device) if device is not None else device_of(*args, function)

    def call() -> Any:
        return function(*args)

    warmups = [time_calls(call, 1, target)]
    peak = peak_bytes(call, target)  # after the first call, whose preparations stay in memory
    warmups += [time_calls(call, 1, target) for _ in range(warmup - 1)]
    tried: list[None] = []
    calls = calls_per_sample(
        lambda: (call(), tried.append(None)), target, seconds=warmups[-1].seconds
    )
    counter = energy.counter_for(target)
    joules = counter() if counter else None
    samples = _take_samples(call, calls, repeats, budget_seconds, target)
    joules = counter() - joules if counter else None
    total_calls = sum(sample.calls for sample in samples)
    if flop is not None:
        ledger.add_flop(flop * (warmup + 1 + len(tried) + total_calls))
    result = _summarise(samples, warmups, peak, joules, flop, fingerprint(), name)
    if name is not None:
        records.append(_to_record(result, joules))
    return result


def compare(
    function_a: Callable[[], Any],
    function_b: Callable[[], Any],
    *,
    clock: str = "wall",
    warmup: int = 3,
    repeats: int | None = None,
    device: Any = None,
    budget_seconds: float = 1.0,
) -> Estimate:
    """How many times as long ``function_a`` takes as ``function_b``, measured in turn (ABAB).

    What disturbs one disturbs its neighbour too, so the ratio is far steadier than either time.

    Parameters
    ----------
    function_a, function_b
        Called without arguments.
    clock : {"wall", "cpu"}
        Which time to compare.
    warmup, repeats, device, budget_seconds
        As for `measure`; the budget is for both together.

    Returns
    -------
    Estimate
        Median of the pairs' ratios a/b with a 90 % block bootstrap interval; no unit.

    Raises
    ------
    ValueError
        If ``clock`` is neither, or ``warmup`` or ``repeats`` is below 1.

    Examples
    --------
    >>> ratio = compare(lambda: sum(range(30000)), lambda: sum(range(10000)), repeats=30)
    >>> ratio.low > 1, ratio.unit
    (True, '')
    """
    if clock not in ("wall", "cpu"):
        raise ValueError(f"clock is {clock!r}; allowed are 'wall' and 'cpu'")
    if warmup < 1 or (repeats is not None and repeats < 1):
        raise ValueError(f"warmup={warmup}, repeats={repeats}: both must be at least 1")
    target = pick(device) if device is not None else device_of()
    pair = (function_a, function_b)
    for _ in range(warmup):
        warm = [time_calls(function, 1, target) for function in pair]
    calls = [
        calls_per_sample(function, target, seconds=last.seconds)
        for function, last in zip(pair, warm, strict=True)
    ]
    taken: list[list[Sample]] = [[], []]
    began = time.perf_counter()
    while _wants_more(len(taken[0]), repeats, time.perf_counter() - began, budget_seconds):
        for which, function in enumerate(pair):
            taken[which].append(time_calls(function, calls[which], target))
    times = np.array(
        [[s.seconds if clock == "wall" else s.cpu_seconds for s in side] for side in taken]
    )
    median, low, high = block_bootstrap(times[0] / np.maximum(times[1], 1e-12))
    return Estimate(median, low, high, "", "measured")


def _wants_more(taken: int, repeats: int | None, spent: float, budget: float) -> bool:
    if repeats is not None:
        return taken < repeats
    return taken < 5 or (taken < 200 and spent < budget)


def _take_samples(
    call: Callable[[], Any], calls: int, repeats: int | None, budget: float, device: Any
) -> list[Sample]:
    samples: list[Sample] = []
    began = time.perf_counter()
    while _wants_more(len(samples), repeats, time.perf_counter() - began, budget):
        samples.append(time_calls(call, calls, device))
    return samples


def _summarise(
    samples: list[Sample],
    warmups: list[Sample],
    peak: Estimate,
    joules: float | None,
    flop: float | None,
    machine: dict[str, Any],
    name: str | None,
    replayed: bool = False,
) -> Measurement:
    seconds = _seconds("wall", [s.seconds for s in samples])
    cpu = _seconds("CPU", [s.cpu_seconds for s in samples])
    total_calls = sum(sample.calls for sample in samples)
    return Measurement(
        seconds=seconds,
        cpu_seconds=cpu,
        peak_bytes=peak,
        energy_joule=energy.energy_per_call(joules, total_calls, seconds),
        flop=flop,
        samples=tuple(samples),
        warmup_samples=tuple(warmups),
        contaminated=_is_contaminated(samples, machine),
        machine=machine,
        name=name,
        replayed=replayed,
    )


def _seconds(clock: str, series: list[float], quantile: float = 0.5) -> Estimate:
    """Named after its own digits: asked for again, or replayed, it is the same input."""
    ends = block_bootstrap(series, quantile)
    return Estimate(*ends, "s", "measured", name=f"{clock} time {ends}")


def _is_contaminated(samples: list[Sample], machine: dict[str, Any]) -> bool:
    """Whether threads waited for a core for more than a small share of the time they could use.

    Where the scheduler does not tell, a wall time well above the CPU time stands in for it on
    machines without a GPU: a lone thread that computes has a ratio of 1.
    """
    waits = [s.waiting_seconds for s in samples]
    if all(wait is not None for wait in waits):
        busy = sum(s.cpu_seconds * s.calls for s in samples)
        waited = sum(wait * s.calls for wait, s in zip(waits, samples, strict=True))
        wall = sum(s.seconds * s.calls for s in samples)  # longer, if the call sleeps
        return waited > WAITING_SHARE * max(busy + waited, wall)
    ratio = np.median([s.seconds / max(s.cpu_seconds, 1e-9) for s in samples])
    return bool(ratio > 1.2 and not machine["gpus"])


def _to_record(result: Measurement, joules: float | None) -> dict[str, Any]:
    peak = result.peak_bytes
    return {
        "name": result.name,
        "recorded": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "samples": _columns(result.samples),
        "warmup_samples": _columns(result.warmup_samples),
        "peak_bytes": [peak.value, peak.low, peak.high, peak.basis],
        "counter_joule": joules,
        "flop": result.flop,
        "contaminated": result.contaminated,
        "machine": result.machine,
    }


def _columns(samples: tuple[Sample, ...]) -> dict[str, list]:
    """Samples as one list for each clock, as records keep them."""
    return {clock.name: [getattr(s, clock.name) for s in samples] for clock in fields(Sample)}


def _rows(columns: dict[str, list]) -> list[Sample]:
    names = [clock.name for clock in fields(Sample)]
    return [Sample(*row) for row in zip(*(columns[name] for name in names), strict=True)]


def _from_record(record: dict[str, Any]) -> Measurement:
    try:
        value, low, high, basis = record["peak_bytes"]
        return _summarise(
            _rows(record["samples"]),
            _rows(record["warmup_samples"]),
            Estimate(value, low, high, "B", basis),
            record["counter_joule"],
            record["flop"],
            record["machine"],
            record["name"],
            replayed=True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the record {record.get('name')!r} is damaged: {error}") from error
