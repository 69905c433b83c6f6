"""Which parameters the data do not determine, and the warning that says so."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from course_lib.quantities import LEVEL
from course_lib.scaling.descent import minimise
from course_lib.scaling.fitting import Fit, begin_at, box


class NotIdentified(UserWarning):
    """The data do not determine a parameter."""


def warn_of(
    fitted: Fit, names: tuple[str, ...], level: int, needless: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Warn where the fit did not converge or a parameter is not identified; which are not.

    ``needless`` are parameters that the data could do without, as the caller found.
    """
    if not fitted.converged:
        warnings.warn(
            f"the fit has not converged: its gradient is {fitted.gradient_norm:.2g}",
            stacklevel=level + 1,
        )
    unknown = tuple(dict.fromkeys((*needless, *_unidentified(fitted, names))))
    if unknown:
        said = " and ".join(unknown)
        why = "laws with quite other values fit them as well"
        if unknown == ("E",) and fitted.at_bound[-1]:
            why = "no irreducible part is seen in these data"
        warnings.warn(
            f"{said} {'is' if len(unknown) == 1 else 'are'} not identified by these "
            f"{fitted.points} points: {why}",
            NotIdentified,
            stacklevel=level + 1,
        )
    return unknown


def _unidentified(fitted: Fit, names: tuple[str, ...]):
    """Exponents whose interval reaches 0, and an irreducible part that the data could do without.

    The latter by the F test of the law without it, and by an interval wider than a factor of 2.
    """
    half = stats.t.ppf((1 + LEVEL) / 2, fitted.mean_freedom)
    error = half * np.sqrt(np.diag(fitted.covariance))
    form = fitted.form
    for k in range(form.terms):
        at = 2 * k + 1
        if error[at] > abs(fitted.theta[at]) or fitted.at_bound[at]:
            yield names[at]
    if form.free_softness and (fitted.at_bound[form.softness_at]
                               or error[form.softness_at] > np.log(10)):  # fmt: skip
        yield names[form.softness_at]
    if form.free_floor and (fitted.at_bound[-1] or error[-1] > np.log(2) or not _needed(fitted)):
        yield names[-1]


def _needed(fitted: Fit) -> bool:
    """Whether a law without an irreducible part fits clearly worse (F test, 5 %)."""
    if not np.isinf(fitted.losses[-1].delta):
        return True
    pure = replace(fitted.form, free_floor=False)
    data = (fitted.log_x, fitted.log_y, fitted.weights)
    begin = begin_at(pure, *data, fitted.sign, box(pure, fitted.sign, fitted.log_y))
    without = minimise(pure, fitted.log_x, fitted.log_y[None], fitted.weights[None], begin,
                       box(pure, fitted.sign, fitted.log_y), fitted.losses).best()  # fmt: skip
    objective = float(without.objective[0])
    return clearly_worse(objective, fitted.objective, 1, fitted.degrees_of_freedom)


def clearly_worse(objective: Any, best: float, fewer: Any, freedom: int) -> Any:
    """Whether a law with so many parameters fewer fits worse than chance has it (F test, 5 %).

    ``freedom`` is that of the best law. Of squares this is exact in the limit; of a robust loss it
    asks for more. Works on numbers and on arrays of them.
    """
    return (objective - best) / fewer * freedom >= stats.f.ppf(0.95, fewer, freedom) * best
