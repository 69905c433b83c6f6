"""The record of each form of law: what it must be widened by, and how much it counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from course_lib.forecasting.forms import Fitted, Form, Runs, fit_form, name_of
from course_lib.forecasting.holding_out import HeldOut, rolling
from course_lib.scaling.growth import aicc
from course_lib.scaling.identification import clearly_worse

ROUNDING = 1e-9  # relative; no interval is narrower than what arithmetic loses
OPEN = 0.2  # more covers a bend that was seen better still, and widens what is straight


@dataclass(frozen=True)
class Member:
    """A form on all runs, and its record.

    ``tests`` are by the number of sizes held out. ``drift`` is the standard deviation of log y for
    each decade that its errors there had beyond what it claimed.
    """

    name: str
    fitted: Fitted
    tests: dict[int, HeldOut]
    drift: float

    def widened(self, x: float, decades: float, level: float) -> tuple[float, float, float]:
        """Median of log y at x, and standard deviations below and above, drift included."""
        said = self.fitted.ask(x, level)
        below, above = _spreads(np.array([said.median, said.low, said.high]), level)
        added = self.drift * decades
        return math.log(said.median), math.hypot(below, added), math.hypot(above, added)


def member(form: Form, data: Runs, level: float) -> Member:
    """Fit a form to all runs and hold out its largest sizes.

    Raises
    ------
    ValueError
        If it cannot be fitted or held out, or forecasts what is not positive.
    """
    fitted = fit_form(form, data)
    tests = {test.sizes: test for test in rolling(form, data, level)}
    if not tests:
        raise ValueError(f"{len(data.sizes)} sizes are too few to hold any out")
    errors, spreads, decades = np.hstack([_outcome(test, level) for test in tests.values()])
    excess = (errors**2 - spreads**2).sum() / (decades**2).sum()
    return Member(name_of(form), fitted, tests, math.sqrt(max(0.0, excess)))


def weights(members: list[Member], data: Runs, level: float) -> np.ndarray:
    """How much each form counts, by its record, by its fit, and because it is not refuted.

    Record: the likelihood of the held-out sizes under the form with its drift, one factor for each
    hold-out (Dawid, 1984); where a form could not be fitted it scores like the worst that could.
    Fit: Akaike weights with the correction for few points (Burnham and Anderson, 2002, section
    2.4). Both prefer few parameters, which says nothing about what lies beyond the data: so a share
    of `OPEN` goes evenly to all forms that an F test does not refute and whose exponents the data
    determine. Without ``residuals`` of log y and ``degrees_of_freedom`` of all laws it is the
    record alone.
    """
    record = _shares(_scores(members, level))
    laws = [one.fitted.law for one in members]
    if not all(hasattr(law, "residuals") and hasattr(law, "degrees_of_freedom") for law in laws):
        return record
    fit = np.array([_information(law.residuals, law.degrees_of_freedom) for law in laws])
    if not np.isfinite(fit).any():
        return record
    possible = _not_refuted(laws)
    determined = possible & np.array([_determined(law) for law in laws])
    if determined.any():
        possible = determined
    return (1 - OPEN) * (record + _shares(fit)) / 2 + OPEN * possible / possible.sum()


def _not_refuted(laws: list[Any]) -> np.ndarray:
    """Which laws do not fit clearly worse than the one that fits best (F test, 5 %)."""
    squares = np.array([max(float(law.residuals @ law.residuals), ROUNDING**2) for law in laws])
    freedom = np.array([law.degrees_of_freedom for law in laws])
    best = int(np.argmin(squares))
    fewer = np.maximum(1, freedom - freedom[best])
    return ~clearly_worse(squares, squares[best], fewer, freedom[best])


def _determined(law: Any) -> bool:
    """Whether the data determine a law's exponents: a break that they do not show adds nothing."""
    return set(getattr(law, "unidentified", ())) <= {"E", "softness"}


def _spreads(ends: np.ndarray, level: float) -> np.ndarray:
    """Standard deviations of log y below and above the median, of (median, low, high)."""
    if not (ends > 0).all():
        raise ValueError("its forecasts are not all positive, as numbers on a log scale are")
    middle, low, high = np.log(ends)
    return np.maximum(np.array([middle - low, high - middle]) / ndtri((1 + level) / 2), ROUNDING)


def _outcome(test: HeldOut, level: float) -> np.ndarray:
    """Errors of log y at the runs held out, standard deviations claimed, distances: (3, runs)."""
    below, above = _spreads(np.array([test.median, test.low, test.high]), level)
    errors = np.log(test.y / test.median)
    return np.array([errors, np.where(errors > 0, above, below), test.decades])


def _scores(members: list[Member], level: float) -> np.ndarray:
    """Log likelihood of the held-out sizes under each form, one factor for each hold-out."""
    origins = sorted(set().union(*(one.tests for one in members)))
    scores = np.full((len(members), len(origins)), np.nan)
    for row, one in zip(scores, members, strict=True):
        for i, sizes in enumerate(origins):
            if sizes in one.tests:
                errors, spreads, decades = _outcome(one.tests[sizes], level)
                spreads = np.hypot(spreads, one.drift * decades)
                row[i] = np.mean(-((errors / spreads) ** 2) / 2 - np.log(spreads))
    return np.where(np.isnan(scores), np.nanmin(scores, axis=0), scores).sum(1)


def _information(residuals: np.ndarray, freedom: int) -> float:
    """Minus half of Akaike's criterion for few points; the noise counts as a parameter."""
    return (
        -aicc(residuals, len(residuals) - freedom + 1, least=ROUNDING) / 2
        if freedom > 2
        else -math.inf
    )


def _shares(log_likelihood: np.ndarray) -> np.ndarray:
    likelihood = np.exp(log_likelihood - log_likelihood.max())
    return likelihood / likelihood.sum()
