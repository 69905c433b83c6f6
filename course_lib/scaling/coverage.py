"""`coverage`: how often intervals hold, by simulation, at distances beyond the data."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from course_lib.quantities import LEVEL
from course_lib.scaling import checks

Noise = Literal["independent", "grows", "shared", "autocorrelated"]
NOISES = ("independent", "grows", "shared", "autocorrelated")


@dataclass(frozen=True)
class Sample:
    """What one simulated study saw, and what it does not know.

    ``x``, ``y`` and ``seeds`` have the shape (n,); ``seeds`` are labels of rows of one seed.
    ``truth(x)`` is the law, ``new_run(x)`` one further run, noise included.
    """

    x: np.ndarray
    y: np.ndarray
    seeds: np.ndarray
    truth: Callable[[float], float]
    new_run: Callable[[float], float]


@dataclass(frozen=True)
class Simulator:
    """Draws studies of a known law.

    Parameters
    ----------
    law : function of x
        The median of y at each x.
    sizes : array of shape (k,)
        The x that are run.
    noise : float
        Standard deviation of log y; 0.02 is 2 %.
    kind : {"independent", "grows", "shared", "autocorrelated"}
        Alike everywhere; growing from a third of ``noise`` at the smallest size to three times at
        the largest, and on; half of the variance shared by all runs of a seed; or with a
        correlation of 0.8 from each size to the next, within a seed.
    seeds : int
        Runs of each size.

    Examples
    --------
    >>> import numpy as np
    >>> simulate = Simulator(lambda x: 1.5 + 4 / x**0.5, np.geomspace(1, 1000, 7), 0.02)
    >>> sample = simulate(np.random.default_rng(0))
    >>> sample.y.shape, round(sample.truth(1e4), 3)
    ((7,), 1.54)
    """

    law: Callable[[np.ndarray], np.ndarray]
    sizes: np.ndarray
    noise: float
    kind: Noise = "independent"
    seeds: int = 1

    def __call__(self, rng: np.random.Generator) -> Sample:
        """One study: every size, every seed."""
        checks.one_of("kind", self.kind, NOISES)
        sizes = np.asarray(self.sizes, dtype=float)
        log_noise = self._noise(rng, sizes, self.seeds)
        order = np.repeat(np.arange(len(sizes)), self.seeds)
        seeds = np.tile(np.arange(self.seeds), len(sizes))
        x = sizes[order]

        def new_run(size: float) -> float:
            path = np.append(sizes, size)  # a further seed, run at every size up to this one
            return float(self.law(size) * np.exp(self._noise(rng, path, 1)[-1, 0]))

        return Sample(x, self.law(x) * np.exp(log_noise[order, seeds]), seeds, self.law, new_run)

    def _noise(self, rng, sizes, seeds):
        """Deviations of log y, shape (sizes, seeds)."""
        drawn = rng.standard_normal((len(sizes), seeds))
        if self.kind == "grows":
            first, last = np.log(self.sizes[0]), np.log(self.sizes[-1])
            share = (np.log(sizes) - first) / (last - first)
            return self.noise / 3 * 9.0 ** share[:, None] * drawn
        if self.kind == "shared":
            return self.noise * (drawn + rng.standard_normal(seeds)) / np.sqrt(2)
        if self.kind == "autocorrelated":
            for i in range(1, len(sizes)):
                drawn[i] = 0.8 * drawn[i - 1] + 0.6 * drawn[i]
        return self.noise * drawn


def coverage(
    simulator: Callable[[np.random.Generator], Sample],
    fitter: Callable[[Sample], Any],
    levels: Sequence[float] = (LEVEL,),
    reach: Sequence[float] = (10.0, 100.0),
    repeats: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Simulate studies, fit each, forecast beyond its data, and count how often intervals hold.

    Parameters
    ----------
    simulator : function of a random generator
        Returns a `Sample`; a `Simulator`, say.
    fitter : function of a Sample
        Returns what has ``predict(x, level=..., of=...) -> Forecast``; a ValueError of the fit
        counts as no forecast.
    levels : sequence of float
    reach : sequence of float
        Distances beyond the largest x: 10 is ten times as far.
    repeats : int
    seed : int

    Returns
    -------
    pandas.DataFrame
        One row for each level, reach and ``of`` ("new run": the interval should hold a further
        run, "mean": the law): ``coverage`` with the ends ``low`` and ``high`` of its 95 % interval
        (Wilson), ``median_width`` (log of high over low), and the shares ``at_bound`` (no
        irreducible part was found) and ``failed`` (no forecast; counted as not held).

    Examples
    --------
    >>> import numpy as np
    >>> from course_lib.scaling import fit_power_law
    >>> simulate = Simulator(lambda x: 3 / x**0.4, np.geomspace(1, 100, 8), 0.02)
    >>> line = lambda sample: fit_power_law(sample.x, sample.y, irreducible="none")
    >>> table = coverage(simulate, line, reach=[10], repeats=200)
    >>> bool(table.coverage.between(0.83, 0.96).all())
    True
    """
    for level in levels:
        checks.probability(level)
    if not repeats >= 1:
        raise ValueError(f"repeats is {repeats}; at least 1 is needed")
    rows = []
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        sample = simulator(rng)
        places = [factor * float(sample.x.max()) for factor in reach]
        answers = {
            "mean": [float(sample.truth(x)) for x in places],
            "new run": [sample.new_run(x) for x in places],
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                law = fitter(sample)
            except ValueError:
                law = None
            for of, truths in answers.items():
                for level in levels:
                    for factor, x, truth in zip(reach, places, truths, strict=True):
                        said = _judge(law, x, level, of, truth)
                        rows.append({"level": level, "reach": factor, "of": of} | said)
    grouped = pd.DataFrame(rows).groupby(["level", "reach", "of"], as_index=False)
    table = grouped.agg(
        coverage=("held", "mean"),
        held=("held", "sum"),
        median_width=("width", "median"),
        at_bound=("at_bound", "mean"),
        failed=("failed", "mean"),
    )
    ends = [
        stats.binomtest(int(held), repeats).proportion_ci(method="wilson") for held in table.held
    ]
    table = table.drop(columns="held")
    table.insert(4, "low", [end.low for end in ends])
    table.insert(5, "high", [end.high for end in ends])
    return table


def _judge(law, x, level, of, truth):
    if law is None:
        return {"held": False, "width": np.nan, "at_bound": False, "failed": True}
    forecast = law.predict(x, level=level, of=of)
    return {
        "held": forecast.holds(truth),
        "width": np.log(forecast.high / forecast.low) if forecast.low > 0 else np.inf,
        "at_bound": getattr(law, "E", None) == 0,
        "failed": False,
    }
