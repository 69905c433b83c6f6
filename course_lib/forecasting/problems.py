"""Problems drawn from laws: costs with an overhead, losses with an irreducible part, and noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from course_lib.forecasting.skill import Problem

TRUTHS = 16  # measurements at the new size, on which a forecast is scored
REACH = 8.0  # times beyond the data, at most
NOISE = ("normal", "long tails", "one-sided")


def power_law_problems(number: int, seed: int, reach: float = REACH) -> Iterator[Problem]:
    """Costs that grow as E + A x^s, with noise of one relative size and a known continuation.

    A fixed overhead E makes the small sizes flatter than the law, as launch overhead does on a
    real machine. See `law_problem`.

    Parameters
    ----------
    number, seed : int
    reach : float
        Times beyond the largest size, at most.

    Examples
    --------
    >>> problem = next(power_law_problems(1, seed=7))
    >>> bool(problem.x.max() < problem.x_new <= 8 * problem.x.max())
    True
    """
    rng = np.random.default_rng(seed)
    for _ in range(number):
        yield law_problem(rng, "cost", reach)


def law_problem(rng: np.random.Generator, kind: str, reach: float = REACH) -> Problem:
    """One problem whose truth is known: ``"cost"`` grows as E + A x^s, ``"loss"`` falls so.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str
    reach : float
        Times beyond the largest size, at most.

    Returns
    -------
    Problem
        Nine to 120 sizes of one run each, and a size beyond them. Two problems of
        three have many sizes: there the law is well known, and the new run's own noise remains.

    Raises
    ------
    ValueError
        If the kind is neither.

    Examples
    --------
    >>> problem = law_problem(np.random.default_rng(0), "loss")
    >>> bool(problem.y[0] > problem.y[-1] and problem.x_new > problem.x.max())
    True
    """
    if kind not in ("cost", "loss"):
        raise ValueError(f"kind is {kind!r}; allowed are 'cost', 'loss'")
    many = rng.random() < 2 / 3
    points = int(rng.integers(50, 121) if many else rng.integers(9, 25))
    further = reach ** rng.uniform(0.1, 1.0)
    sizes = np.geomspace(1.0, 2.0 ** rng.uniform(4, 7), points)
    sizes = np.append(sizes, further * sizes[-1])
    if kind == "cost":
        law = sizes ** rng.uniform(1.0, 3.0) + 10.0 ** rng.uniform(-0.5, 1.0)
    else:
        slope = rng.uniform(0.3, 1.0)
        law = sizes**-slope + rng.uniform(0.3, 3.0) * sizes[points - 1] ** -slope
    spread = 10.0 ** rng.uniform(np.log10(0.005), np.log10(0.03))
    noise = spread * _noise(rng, points + TRUTHS)
    unit = 10.0 ** rng.uniform(-6, 3)
    y = unit * law[:-1] * np.exp(noise[:points])
    truths = unit * law[-1] * np.exp(noise[points:])
    x = sizes * 10.0 ** rng.uniform(0, 3)
    return Problem(x[:-1], y, float(x[-1]), float(truths[0]), tuple(truths[1:].tolist()), kind)


def _noise(rng: np.random.Generator, number: int) -> np.ndarray:
    """Of mean 0 and variance 1: normal, with long tails (Student's t), or with one (gamma)."""
    kind = NOISE[rng.integers(len(NOISE))]
    if kind == "normal":
        return rng.standard_normal(number)
    if kind == "long tails":
        return rng.standard_t(5, number) / np.sqrt(5 / 3)
    return (rng.gamma(4.0, size=number) - 4.0) / 2.0  # what disturbs a timing makes it longer
