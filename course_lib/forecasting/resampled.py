"""Problems from the recorded sweeps that ship with the package, made so that no file answers them.

A recorded curve becomes a law and residuals, and a problem a new draw of both: other sizes, each
with a residual that was recorded somewhere on that curve (Efron and Tibshirani, 1993, section 9.4),
axes in other units, an exponent stretched and a fixed cost added at random. What is left of the
record is how steep such curves are, how much of them levels off, and how their noise is spread.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from course_lib.facts import recorded
from course_lib.forecasting.problems import REACH, TRUTHS
from course_lib.forecasting.skill import Problem
from course_lib.scaling import fit_power_law

CLOCKS = ("seconds", "minimum_seconds", "minimum_cpu_seconds")
FEWEST_SIZES = 8
NOISIEST = 0.25  # relative; above, nothing can be said beyond the data
NEAR = 2.0  # times below the data, at most
STRAIGHT = 1.5  # the fit's residuals over the scatter of runs; above, the curve bends


@dataclass(frozen=True)
class Curve:
    """A recorded series as a law ``E + A x^exponent`` and what is left, ``residuals`` of log y."""

    name: str
    kind: str
    smallest: float
    largest: float
    E: float
    A: float
    exponent: float
    residuals: np.ndarray


@cache
def recorded_curves() -> tuple[Curve, ...]:
    """The curves of all recorded sweeps that a power law with an irreducible part describes.

    Of a sweep on a machine, whatever its device, every clock of each experiment and precision; of
    a task, every series over one of its sizes with at least eight sizes.

    >>> sorted({curve.kind for curve in recorded_curves()})
    ['cost', 'task']
    """
    folder = files("course_lib.facts") / "recorded"
    curves = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".csv"):
            continue
        with file.open(encoding="utf-8", newline="") as text:
            rows = list(csv.DictReader(text))
        if file.name.startswith("sweep-"):
            found = _of_machine(rows)
        else:
            found = _of_task(rows, recorded(file.name.removesuffix(".csv")))
        for name, kind, x, y in found:
            curve = _curve(f"{file.name.removesuffix('.csv')}, {name}", kind, x, y)
            if curve is not None:
                curves.append(curve)
    return tuple(curves)


def resampled_problem(rng: np.random.Generator, kind: str) -> Problem:
    """One problem from a recorded curve of a kind, ``"cost"`` or ``"task"``.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str

    Returns
    -------
    Problem
        Nine to thirty sizes of one run each. One problem in four asks for a size below them all.

    Examples
    --------
    >>> problem = resampled_problem(np.random.default_rng(0), "cost")
    >>> bool(9 <= len(problem.x) <= 30 and problem.x_new > problem.x.max())
    True
    """
    curves = [curve for curve in recorded_curves() if curve.kind == kind]
    curve = curves[rng.integers(len(curves))]
    points = int(rng.integers(9, 31))
    ends = np.log([curve.smallest, curve.largest])
    downwards = rng.random() < 0.25
    reach = np.log(NEAR if downwards else REACH)
    away = min(rng.uniform(0.1, 0.35) * (ends[1] - ends[0]), reach)
    inner = ends + np.array([away, 0.0] if downwards else [0.0, -away])
    steps = np.linspace(*inner, points)
    steps[1:-1] += rng.uniform(-0.3, 0.3, points - 2) * (steps[1] - steps[0])
    sizes = np.exp(np.append(steps, ends[0] if downwards else ends[1]))
    law = curve.E + curve.A * sizes**curve.exponent
    law += rng.uniform(0.0, 0.5) * law.min()
    noise = rng.choice(curve.residuals, points + TRUTHS)
    stretch = rng.uniform(0.75, 1.35)
    x = 10.0 ** rng.uniform(-3, 3) * (sizes / sizes[0]) ** stretch
    unit = 10.0 ** rng.uniform(-3, 3)
    y = unit * law[:-1] * np.exp(noise[:points])
    truths = unit * law[-1] * np.exp(noise[points:])
    return Problem(
        x[:-1], y, float(x[-1]), float(truths[0]), tuple(truths[1:].tolist()), f"recorded {kind}"
    )


def _of_machine(rows: list[dict[str, str]]) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    for name in dict.fromkeys((row["experiment"], row["precision"]) for row in rows):
        series = [row for row in rows if (row["experiment"], row["precision"]) == name]
        x = np.array([float(row["size"]) for row in series])
        for clock in CLOCKS:
            y = np.array([float(row[clock]) for row in series])
            yield ", ".join((*name, clock)), "cost", x, y


def _of_task(
    rows: list[dict[str, str]], about: dict[str, Any]
) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    for size in (name for name in about["x"] if name in rows[0]):
        fixed = [name for name in (*about["x"], *about["curves"]) if name != size]
        for setting in dict.fromkeys(tuple(row[name] for name in fixed) for row in rows):
            series = [row for row in rows if tuple(row[name] for name in fixed) == setting]
            x, y = (np.array([float(row[name]) for row in series]) for name in (size, about["y"]))
            yield ", ".join((size, *setting)), "task", x, y


def _curve(name: str, kind: str, x: np.ndarray, y: np.ndarray) -> Curve | None:
    """The law and the residuals of a series, None where it is short or bends."""
    sizes, at = np.unique(x, return_inverse=True)
    if len(sizes) < FEWEST_SIZES:
        return None
    number = np.bincount(at)
    middle = np.bincount(at, np.log(y)) / number
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an irreducible part of 0 is fine here
        law = fit_power_law(
            sizes, np.exp(middle), "free", "grows" if middle[-1] > middle[0] else "falls"
        )
    fitted = np.log(law.E + law.A * sizes**law.exponent)
    scatter = np.log(y) - middle[at]
    freedom = len(y) - len(sizes)
    if freedom:
        within = float(np.sqrt(scatter @ scatter / freedom))
        if np.sqrt(np.mean((middle - fitted) ** 2)) > STRAIGHT * within:
            return None
    residuals = np.log(y) - fitted[at]
    residuals -= residuals.mean()
    if residuals.std() > NOISIEST:
        return None
    ends = float(sizes[0]), float(sizes[-1])
    return Curve(name, kind, *ends, law.E, law.A, law.exponent, residuals)
