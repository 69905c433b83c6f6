"""`compare_growth`: does y grow as a power of x or exponentially in x?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_lib.scaling import checks


@dataclass(frozen=True)
class GrowthComparison:
    """Two forms of growth, each fitted to log y by least squares.

    Attributes
    ----------
    table : pandas.DataFrame
        For "polynomial" (y = a x^k) and "exponential" (y = a e^(k x)): ``rate`` k, ``factor`` a,
        ``r_squared``, ``aicc``, ``weight`` (Akaike), ``hold_out_error``: the root mean square of
        log y at the held-out points, forecast from the others.
    by_information, by_hold_out : str
        The form that each criterion prefers.
    held_out : int
        How many of the largest x were held out.
    """

    table: pd.DataFrame
    by_information: str
    by_hold_out: str
    held_out: int

    @property
    def agree(self) -> bool:
        """Whether both criteria prefer one form."""
        return self.by_information == self.by_hold_out

    def predict(self, form: str, x: float | np.ndarray) -> float | np.ndarray:
        """y at x by one of the forms."""
        checks.one_of("form", form, tuple(self.table.index))
        factor, rate = self.table.loc[form, ["factor", "rate"]]
        x = np.asarray(x, dtype=float)
        grown = x**rate if form == "polynomial" else np.exp(rate * x)
        return float(factor * grown) if x.ndim == 0 else factor * grown

    def __str__(self) -> str:
        said = f"by information {self.by_information}, by hold-out {self.by_hold_out}"
        return f"{said}\n{self.table.to_string(float_format='{:.4g}'.format)}"


def compare_growth(x: np.ndarray, y: np.ndarray, hold_out: int | None = None) -> GrowthComparison:
    """Compare polynomial with exponential growth by information criterion and by hold-out.

    Parameters
    ----------
    x, y : arrays of shape (n,)
        Positive numbers, in any order: say performance (1/error), and the compute that it took.
    hold_out : int, optional
        How many of the largest x are forecast from the others; a quarter of the points, at least
        2, without it. Points of one x are held out together.

    Returns
    -------
    GrowthComparison

    Raises
    ------
    ValueError
        For values that are not positive and finite (with their rows), or too few points.

    Notes
    -----
    Both forms are straight lines for log y, in log x and in x, so their likelihoods compare: AICc
    of Hurvich and Tsai (1989), weights of Burnham and Anderson (2002, section 2.9). A criterion
    that looks at the data inside their range need not prefer the form that forecasts better
    outside it. See chapter 9.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(1, 10, 12)
    >>> growth = compare_growth(x, 3 * x**2)
    >>> growth.by_information, growth.by_hold_out, float(growth.table.rate["polynomial"].round(6))
    ('polynomial', 'polynomial', 2.0)
    """
    x, y = checks.series(x=x, y=y)
    checks.enough(len(np.unique(x)), 4)
    number = max(2, len(x) // 4) if hold_out is None else hold_out
    if not (isinstance(number, int | np.integer) and 1 <= number <= len(x) - 3):
        raise ValueError(
            f"hold_out is {hold_out}; allowed are 1 to {len(x) - 3} of {len(x)} points"
        )
    held = x >= np.sort(x)[-number]
    checks.enough(len(np.unique(x[~held])), 2, "x that are not held out")
    rows = {}
    for form, axis in (("polynomial", np.log(x)), ("exponential", x)):
        rate, intercept = np.polyfit(axis, np.log(y), 1)
        residual = np.log(y) - intercept - rate * axis
        before = np.polyfit(axis[~held], np.log(y[~held]), 1)
        missed = np.log(y[held]) - np.polyval(before, axis[held])
        rows[form] = {
            "rate": rate,
            "factor": np.exp(intercept),
            "r_squared": 1 - residual.var() / np.log(y).var(),
            "aicc": aicc(residual),
            "hold_out_error": np.sqrt(np.mean(missed**2)),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    likelihood = np.exp(-(table.aicc - table.aicc.min()) / 2)
    table.insert(4, "weight", likelihood / likelihood.sum())
    return GrowthComparison(
        table, table.aicc.idxmin(), table.hold_out_error.idxmin(), int(held.sum())
    )


def aicc(residual: np.ndarray, parameters: int = 3, least: float = 1e-150) -> float:
    """Akaike's criterion for few points, of normal scatter, which counts as a parameter.

    Three of them are a line's. ``least`` is the smallest scatter that is not rounding.
    """
    points = len(residual)
    fit = points * np.log(max(float(np.mean(np.square(residual))), least**2))
    return fit + 2 * parameters + 2 * parameters * (parameters + 1) / (points - parameters - 1)
