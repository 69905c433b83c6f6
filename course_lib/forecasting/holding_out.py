"""Forecast the largest sizes from the others, as if they had not been run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from course_lib.forecasting.forms import Form, Runs, fit_form, name_of


@dataclass(frozen=True)
class HeldOut:
    """What a form, fitted without the largest sizes, says of each run at those sizes.

    Arrays have one entry a run; they are empty where ``problem`` says why there was no fit.
    ``decades`` is how far a run lies beyond the largest size that was kept (log10 of the ratio).
    """

    form: str
    sizes: int
    x: np.ndarray
    y: np.ndarray
    decades: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    note: str = ""
    problem: str = ""

    @property
    def held(self) -> np.ndarray:
        """Whether each run fell inside its interval."""
        return (self.low <= self.y) & (self.y <= self.high)


def held_out(form: Form, data: Runs, sizes: int, level: float) -> HeldOut:
    """Fit a form to all but so many of the largest sizes, and forecast these."""
    all_sizes = data.sizes
    none = np.empty(0)
    nothing = (name_of(form), sizes, none, none, none, none, none, none)
    if sizes >= len(all_sizes):
        return HeldOut(*nothing, problem=f"there are only {len(all_sizes)} sizes")
    largest = all_sizes[-sizes - 1]
    kept = data.x <= largest
    rest = data.where(~kept)
    try:
        fitted = fit_form(form, data.where(kept))
        said = {x: fitted.ask(x, level) for x in rest.sizes}
    except ValueError as error:
        return HeldOut(*nothing, problem=str(error))
    ends = np.array([[said[x].median, said[x].low, said[x].high] for x in rest.x]).T
    return HeldOut(
        name_of(form), sizes, rest.x, rest.y, np.log10(rest.x / largest), *ends, note=fitted.note
    )


def rolling(form: Form, data: Runs, level: float) -> Iterator[HeldOut]:
    """Hold out every number of largest sizes that leaves at least half of them, and a fit."""
    for sizes in range(1, len(data.sizes) // 2 + 1):
        test = held_out(form, data, sizes, level)
        if not test.problem:
            yield test


def honest_reach(tests: Iterable[HeldOut], level: float) -> float:
    """The decades beyond the data to which intervals held about as often as they claimed to.

    Tests are put in order of distance. Coverage is taken to fall with distance; the reach is the
    distance at which it falls below ``level / (2 - level)``, where misses are twice as frequent,
    beside hits, as claimed. By least squares that is where hits less ``level / (2 (1 - level))``
    for each miss add up to most (isotonic regression; Barlow et al., 1972). 0 if they never add up
    to anything.
    """
    tests = list(tests)
    if not tests:
        return 0.0
    decades = np.round(np.concatenate([test.decades for test in tests]), 9)
    held = np.concatenate([test.held for test in tests])
    distances, at = np.unique(decades, return_inverse=True)
    gained = np.bincount(at, np.where(held, 1.0, -level / (2 * (1 - level))))
    total = np.cumsum(gained)
    best = len(total) - 1 - int(np.argmax(total[::-1]))
    return float(distances[best]) if total[best] > 0 else 0.0
