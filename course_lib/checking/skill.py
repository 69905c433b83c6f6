"""Problems for a forecasting function: of all kinds, from one seed."""

from __future__ import annotations

import warnings

import numpy as np

from course_lib.forecasting import Problem, law_problem, reference_forecast, resampled_problem
from course_lib.forecasting.problems import REACH, TRUTHS
from course_lib.quantities import LEVEL
from course_lib.tasks import zipf

PROBLEMS = 32
WIDEST = 100.0  # times from one end of an interval to the other: beyond, nothing is said
# In this order, over and over: costs and losses by known laws, costs recorded on machines,
# recorded tasks, and the memoriser of a Zipf stream, run anew.
KINDS = ("cost", "loss", "recorded cost", "cost", "loss", "recorded task", "cost", "memoriser")


def draw_problems(
    rng: np.random.Generator | int, number: int = PROBLEMS, kinds: tuple[str, ...] = KINDS
) -> list[Problem]:
    """Draw problems for a forecasting function, each kind in its turn.

    Parameters
    ----------
    rng : numpy.random.Generator or int
        An int seeds one. Where a grade hangs on it, it must be secret.
    number : int
        At least 20 for a verdict; 32 take about a second, and another to judge.
    kinds : tuple of str
        Some of `KINDS`, in any order and number.

    Returns
    -------
    list of Problem
        Each series has 9 to 120 sizes, increasing, of one run each. It may grow or fall, and now
        and then the new size lies below the others instead of beyond.

    Raises
    ------
    ValueError
        If a kind is unknown.

    Notes
    -----
    No answer stands in a file of the package: laws, noise, sizes and units are drawn, and what is
    recorded is resampled (`course_lib.forecasting.resampled_problem`). Hand the problems out with
    `course_lib.forecasting.as_arguments`, judge with `course_lib.forecasting.judge_forecasts`.

    Examples
    --------
    >>> [problem.kind for problem in draw_problems(1, 4)]
    ['cost', 'loss', 'recorded cost', 'cost']
    """
    rng = np.random.default_rng(rng)
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown or not kinds:
        allowed = ", ".join(dict.fromkeys(KINDS))
        raise ValueError(f"kinds are {kinds!r}; allowed are {allowed}")
    return [_answerable(rng, kinds[place % len(kinds)]) for place in range(number)]


def _answerable(rng: np.random.Generator, kind: str) -> Problem:
    """A problem of which the reference can say something; of one in thousands it cannot."""
    for _ in range(100):
        problem = _problem(rng, kind)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a part that is not identified
            _, low, high = reference_forecast(problem.x, problem.y, problem.x_new, LEVEL)
        if high < WIDEST * low:
            return problem
    raise RuntimeError(f"a hundred problems of kind {kind!r}, and nothing can be said of any")


def _problem(rng: np.random.Generator, kind: str) -> Problem:
    if kind == "memoriser":
        return _memoriser(rng)
    if kind.startswith("recorded "):
        return resampled_problem(rng, kind.removeprefix("recorded "))
    return law_problem(rng, kind)


def _memoriser(rng: np.random.Generator) -> Problem:
    """Errors after streams of growing length, each length a stream of its own."""
    a = rng.uniform(0.4, 1.5)
    longest = 3000 * 10 ** rng.uniform(0, 0.5)
    lengths = np.geomspace(30, longest, int(rng.integers(9, 25))).round().astype(int)
    new = int(longest * REACH ** rng.uniform(0.1, 1.0))
    seed, *others = rng.integers(2**62, size=1 + TRUTHS).tolist()
    y = zipf.simulated_error(lengths.tolist(), a, [seed])[0]
    truths = zipf.simulated_error([new], a, others)[:, 0]
    unit = 10.0 ** rng.uniform(-3, 3)
    x = unit * lengths
    return Problem(x, y, unit * new, float(truths[0]), tuple(truths[1:].tolist()), "memoriser")
