"""`measure` a call: warm up, synchronise, repeat, keep every sample."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from course_lib.devices import device_of, fingerprint, pick
from course_lib.metering import energy, ledger, records
from course_lib.metering.clocks import Sample, calls_per_sample, time_calls
from course_lib.metering.limits import time_limit
from course_lib.metering.memory import peak_bytes
from course_lib.metering.result import Measurement, summarise
from course_lib.metering.sampling import Plan


def measure(
    function: Callable[..., Any],
    *args: Any,
    name: str | None = None,
    warmup: int | None = None,
    repeats: int | None = None,
    device: Any = None,
    flop: float | None = None,
    budget_seconds: float = 1.0,
    precision: float = 0.01,
    limit_seconds: float | None = None,
) -> Measurement:
    """Measure what calling ``function(*args)`` costs.

    Parameters
    ----------
    function, *args
        What to call. Its result is thrown away.
    name : str, optional
        Keep the raw samples under this name in ``records.jsonl`` (see `record_to`), or take them
        from there. A replayed measurement says so.
    warmup : int, optional
        Calls before the clock counts, at least 1. Default: until they stop getting quicker, at
        most 50 calls or half a second. (One more, after the first, is for the memory.)
    repeats : int, optional
        Samples to take. Default: until ``precision`` is reached, at least 20, or ``budget_seconds``
        are spent, at least 5; at most 200.
    device : str or torch.device, optional
        What to wait for before a clock is read. Default: where the arguments are.
    flop : float, optional
        FLOP of one call (from `count`, or by hand): gives ``.flop_per_s``.
    budget_seconds : float
        Wall time to spend on the samples, where ``repeats`` is not given.
    precision : float
        Enough is a 90 % bootstrap interval of this half-width, relative to the median (before it
        is widened, see below). 0: spend the whole budget.
    limit_seconds : float, optional
        Wall time after which all of it is stopped. Default: a minute, or ten times the budget if
        that is more; and longer if the first call has shown that the others need longer.

    Returns
    -------
    Measurement

    Raises
    ------
    ValueError
        If ``warmup`` or ``repeats`` is below 1, ``precision`` below 0, or a time not above 0.
    LookupError
        If records must be replayed and there is none of this name.
    MeasurementTimeout
        If the limit is reached: a `TimeoutError` with the ``.samples`` taken so far. In the main
        thread on Linux and macOS a sleep and a wait for a lock are ended too, elsewhere only Python
        code; C code that never comes back to Python cannot be stopped.
    BaseException
        Errors of the function pass through as they are, with ``.samples`` and a note. Nothing is
        recorded then.

    Notes
    -----
    Short calls are timed several at a time: as many as fill 0.2 ms where ``repeats`` is given, else
    1/200 of the budget. The interval of the median is a block bootstrap's, widened by how far
    sessions lie apart (`session_interval`), because memory layout and clock speed change from one
    session to the next.

    How often does a 95 % interval hold the long-run median? Seen in 20 sessions of one quiet
    machine, beside the bootstrap alone and beside the mean ± 1.96 standard errors that many people
    would give (benchmarks/interval_coverage.py):

    ============================  =========  =========  =========
    call                            measure  bootstrap      naive
    ============================  =========  =========  =========
    matrix product, side 512          94.9%      18.7%      19.2%
    training step of a small MLP      85.1%      12.2%       3.2%
    copy of 8 MiB                     97.5%      19.3%      17.3%
    ============================  =========  =========  =========

    See chapter 6.

    Examples
    --------
    >>> import torch
    >>> a = torch.ones(64, 64)
    >>> cost = measure(torch.mm, a, a, repeats=20, flop=2 * 64**3)
    >>> cost.seconds.unit, len(cost.samples), cost.flop_per_s.unit
    ('s', 20, 'FLOP/s')
    """
    plan = Plan(warmup, repeats, precision, budget_seconds, limit_seconds)
    if name is not None and (record := records.find(name)) is not None:
        kept = records.from_record(record)
        print(f"replayed {name!r}, recorded {record['recorded']}: nothing was run")
        return kept
    target = pick(device) if device is not None else device_of(*args, function)
    call = partial(function, *args) if args else function
    tried: list[None] = []  # calls made only to find out how many fill a sample
    samples: list[Sample] = []
    what = getattr(function, "__name__", type(function).__name__)
    with time_limit(plan.first_limit(), samples, what) as limit:
        warmups = [limit.run(time_calls, call, 1, target)]
        limit.extend(plan.limit_after(warmups[0].seconds))
        # After the first call, whose preparations stay in memory.
        peak = peak_bytes(lambda: limit.run(call), target)
        while not plan.is_warm([s.seconds for s in warmups]):
            warmups.append(limit.run(time_calls, call, 1, target))
        trial = lambda: (call(), tried.append(None))  # noqa: E731
        calls = limit.run(
            calls_per_sample, trial, target, warmups[-1].seconds, plan.sample_seconds()
        )
        counters = energy.counters_for(target)
        before = {part: read() for part, read in counters.items() if read}
        series: list[float] = []
        began = time.perf_counter()
        while plan.wants_more(series, time.perf_counter() - began):
            samples.append(limit.run(time_calls, call, calls, target))
            series.append(samples[-1].seconds)
        joules = {part: read() - before[part] if read else None for part, read in counters.items()}
    if flop is not None:
        timed = sum(sample.calls for sample in [*warmups, *samples])
        ledger.add_flop(flop * (timed + 1 + len(tried)))
    result = summarise(samples, warmups, peak, joules, flop, fingerprint(), name)
    if name is not None:
        records.append(records.to_record(result, joules))
    return result
