"""`isoflop_profiles`: the best model size at each training compute, from a parabola in log size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from course_lib.quantities import LEVEL
from course_lib.scaling import checks
from course_lib.scaling.allocation import FLOP_PER_PARAMETER_AND_TOKEN

DRAWS = 4000


def isoflop_profiles(
    parameters: np.ndarray,
    flop: np.ndarray,
    loss: np.ndarray,
    budgets: np.ndarray | None = None,
    tolerance: float = 0.1,
    seed: int = 0,
) -> pd.DataFrame:
    """Fit a parabola in log parameters to the losses of each training compute.

    Parameters
    ----------
    parameters, flop, loss : arrays of shape (n,)
        Of each run; flop is its training compute in FLOP.
    budgets : array of shape (k,), optional
        The compute budgets, in FLOP; without them, runs within the tolerance of each other are
        one budget, at their geometric mean.
    tolerance : float
        A run belongs to a budget if its compute is this near to it, relatively.
    seed : int
        Of the draws behind the interval.

    Returns
    -------
    pandas.DataFrame
        One row a budget with at least 4 model sizes: ``flop``, ``runs``, the optimal
        ``parameters`` with the ends ``low`` and ``high`` of its 90 % interval, ``tokens`` =
        flop / (6 parameters), the parabola's ``loss`` there, its ``curvature`` in log parameters,
        and ``inside``: whether the optimum lies among the sizes that were run.

    Raises
    ------
    ValueError
        For values that are not positive and finite (with their rows), or where no budget has four
        model sizes.

    Notes
    -----
    Approach 2 of Hoffmann et al. (2022, section 3.2). The interval propagates the parabola's
    coefficients (t distribution); a flat or upside-down parabola makes an end infinite. Far from
    its minimum the loss is no parabola: sizes over several decades bias the optimum. Pass
    ``parameters`` on to `regress` against ``flop`` for the exponent of allocation. See chapter 8.

    Examples
    --------
    >>> import numpy as np
    >>> budget, away = np.meshgrid([1e18, 1e19, 1e20], np.geomspace(1 / 4, 4, 9))
    >>> budget = budget.ravel()
    >>> size = away.ravel() * np.sqrt(budget / 6)
    >>> loss = 2 + 400 / size**0.34 + 400 / (budget / 6 / size) ** 0.34
    >>> profiles = isoflop_profiles(size, budget, loss)
    >>> [f"{best:.2g}" for best in profiles.parameters]
    ['4.1e+08', '1.3e+09', '4.1e+09']
    """
    n, c, y = checks.series(parameters=parameters, flop=flop, loss=loss)
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance}; give a share between 0 and 1")
    rng = np.random.default_rng(seed)
    budgets = _clusters(c, tolerance) if budgets is None else checks.series(budgets=budgets)[0]
    rows = []
    for budget in np.sort(budgets):
        near = np.abs(np.log(c / budget)) <= np.log1p(tolerance)
        if len(np.unique(n[near])) >= 4:
            rows.append(_parabola(float(budget), n[near], y[near], rng))
    if not rows:
        raise ValueError(
            f"no budget has runs of 4 model sizes within {tolerance:.0%} of its compute; "
            "give budgets=, or a larger tolerance"
        )
    return pd.DataFrame(rows)


def _clusters(flop: np.ndarray, tolerance: float) -> np.ndarray:
    """Geometric means of runs whose compute differs by less than the tolerance from the next."""
    logs = np.sort(np.log(flop))
    cuts = np.flatnonzero(np.diff(logs) > np.log1p(tolerance)) + 1
    return np.exp([group.mean() for group in np.split(logs, cuts)])


def _parabola(budget, n, y, rng):
    centre = np.log(n).mean()
    z = np.log(n) - centre
    design = np.stack([np.ones_like(z), z, z**2], 1)
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    residual = y - design @ coefficients
    freedom = len(z) - 3
    covariance = residual @ residual / freedom * np.linalg.inv(design.T @ design)
    drawn = stats.multivariate_t.rvs(
        coefficients, covariance + 1e-30 * np.eye(3), df=freedom, size=DRAWS, random_state=rng
    )
    best = -coefficients[1] / (2 * coefficients[2]) if coefficients[2] > 0 else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        minima = np.where(drawn[:, 2] > 0, -drawn[:, 1] / (2 * drawn[:, 2]), np.nan)
    # A parabola without a minimum falls for ever on one side, it is not known which.
    no_end = np.isnan(minima)
    side = np.arange(DRAWS) % 2 == 0
    minima = np.where(no_end, np.where(side, np.inf, -np.inf), minima)
    ends = np.quantile(minima, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    with np.errstate(over="ignore"):
        size, low, high = (float(np.exp(end + centre)) for end in (best, *ends))
    return {
        "flop": budget,
        "runs": len(z),
        "parameters": size,
        "low": low,
        "high": high,
        "tokens": budget / (FLOP_PER_PARAMETER_AND_TOKEN * size),
        "loss": float(np.polyval(coefficients[::-1], best)),
        "curvature": float(2 * coefficients[2]),
        "inside": bool(z.min() <= best <= z.max()),
    }
