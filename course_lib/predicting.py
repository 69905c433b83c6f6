"""What a call will cost, before it runs: seconds by its roofline, peak memory from shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import nn

from course_lib.counting.tracing import Operation, trace
from course_lib.passport import Passport, passport
from course_lib.quantities import Estimate

# Measured / predicted, median and 90 % bounds over the models of benchmarks/predictions.py, as
# facts/recorded/predictions-cpu.json has them. Products with few rows are what is furthest off.
SECONDS_ERROR = Estimate(0.94, 0.52, 5.4, "", "assumed", name="error of roofline predictions")
PEAK_ERROR = Estimate(1.0, 0.98, 1.5, "", "assumed", name="error of memory predictions")


@dataclass(frozen=True)
class Prediction:
    """What a call will cost, from `predict`.

    Attributes
    ----------
    seconds : Estimate
        Wall time, in s.
    peak_bytes : Estimate
        The most memory held beyond weights and inputs, in B.
    flop, bytes_moved : int
        Arithmetic of all operations, and what they read and write one by one.
    operations : int
        How many were launched.
    """

    seconds: Estimate
    peak_bytes: Estimate
    flop: int
    bytes_moved: int
    operations: int


def predict(
    model: nn.Module,
    *example_inputs: Any,
    training: bool = False,
    machine: Passport | None = None,
    **kwargs: Any,
) -> Prediction:
    """Predict the time and memory of a call that has not run, for this machine or another.

    Parameters
    ----------
    model, *example_inputs, **kwargs
        As for `course_lib.count`; nothing is run.
    training : bool
        Predict one forward and backward pass instead of a forward pass without gradients.
    machine : Passport, optional
        Whose time to predict. Default: this machine's, measured if there is none.

    Returns
    -------
    Prediction

    Raises
    ------
    TypeError, ValueError
        As `course_lib.count`; and where the passport does not know the model's precision.

    Notes
    -----
    Each operation takes the longer of its arithmetic (at the rate of a matrix product of as many
    FLOP) and its traffic (at the bandwidth of a copy), plus a launch (the roofline of Williams,
    Waterman and Patterson, 2009). Where a GPU works through a queue, launches pass meanwhile. The
    interval is how far such predictions were seen to be off. See chapter 6.

    Examples
    --------
    >>> import torch
    >>> from course_lib.passport import Passport
    >>> rate, moved = Estimate.exact(1e11, "FLOP/s"), Estimate.exact(2e10, "B/s")
    >>> laptop = Passport(
    ...     "cpu", {"float32": {1024: rate}}, moved, Estimate.exact(2e-6, "s"), {}, None, False, ""
    ... )
    >>> said = predict(torch.nn.Linear(1024, 1024), torch.zeros(512, 1024), machine=laptop)
    >>> print(said.seconds, said.peak_bytes.unit)
    10.1 ms [5.59, 58] (assumed) B
    """
    machine = machine or passport()
    traced = trace(model, example_inputs, kwargs, training)
    work = [_roofline_seconds(operation, machine) for operation in traced.operations]
    launches = len(work) * machine.launch_seconds.value
    queued = machine.device != "cpu"
    seconds = max(sum(work), launches) if queued else sum(work) + launches
    return Prediction(
        seconds=Estimate.exact(seconds, "s") * SECONDS_ERROR,
        peak_bytes=Estimate.exact(traced.peak_bytes, "B") * PEAK_ERROR,
        flop=sum(operation.flop for operation in traced.operations),
        bytes_moved=sum(operation.bytes_moved for operation in traced.operations),
        operations=len(work),
    )


def _roofline_seconds(operation: Operation, machine: Passport) -> float:
    moving = operation.bytes_moved / machine.bytes_per_s.value
    if not operation.products:
        return moving
    precision = str(operation.dtype).removeprefix("torch.")
    return max(moving, operation.flop / _rate(machine, precision, operation.flop))


def _rate(machine: Passport, precision: str, flop: int) -> float:
    """FLOP/s of a square matrix product of so many FLOP, between the sizes that were measured."""
    machine.peak(precision)  # says which precisions there are
    points = sorted((2 * n**3, rate.value) for n, rate in machine.flop_per_s[precision].items())
    if flop <= points[0][0]:
        return points[0][1]
    for (small, slow), (large, fast) in zip(points[:-1], points[1:], strict=True):
        if flop <= large:
            share = math.log(flop / small) / math.log(large / small)
            return slow * (fast / slow) ** share
    return points[-1][1]
