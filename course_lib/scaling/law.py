"""What every fitted law can do: predict with an interval, resample, say how sure it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from course_lib.quantities import LEVEL, Estimate, Forecast
from course_lib.scaling import intervals
from course_lib.scaling.checks import probability
from course_lib.scaling.fitting import Fit

LARGEST = np.log(np.finfo(float).max)
WIDEST = 300.0  # half-width in the logarithm: the outermost draw lies 2.2 times as far out


@dataclass(frozen=True)
class Law:
    """A law that was fitted in the logarithm; its own parameters stand in the subclass.

    Attributes
    ----------
    unidentified : tuple of str
        Parameters that the data do not determine. Their values are not to be trusted, and a
        forecast far beyond the data hangs on them.
    """

    unidentified: tuple[str, ...]
    _fit: Fit = field(repr=False)

    # --- how good the fit is ---

    @property
    def objective(self) -> float:
        """The sum of the losses of log y at the optimum (squares count half)."""
        return self._fit.objective

    @property
    def gradient_norm(self) -> float:
        """Length of the objective's gradient by the (logarithmic, centred) parameters."""
        return self._fit.gradient_norm

    @property
    def condition(self) -> float:
        """Condition number of the scaled Jacobian: above 10^4 parameters are hardly told apart."""
        return self._fit.condition

    @property
    def converged(self) -> bool:
        """Whether the gradient vanishes."""
        return self._fit.converged

    @property
    def points(self) -> int:
        """The number of runs."""
        return self._fit.points

    @property
    def degrees_of_freedom(self) -> int:
        """Runs less fitted parameters."""
        return self._fit.degrees_of_freedom

    @property
    def residual_sd(self) -> float:
        """Standard deviation of log y about the law: 0.02 is 2 %."""
        return float(np.sqrt(self._fit.variance))

    @property
    def residuals(self) -> np.ndarray:
        """log y of the data less log y of the law, shape (points,)."""
        return self._fit.residuals

    # --- parameters ---

    def _public(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """The parameters by their public names, for rows of centred ones (rows, size)."""
        raise NotImplementedError

    @property
    def _slopes(self) -> dict[str, np.ndarray]:
        """Direction in the centred parameters of each public one (or of its logarithm)."""
        raise NotImplementedError

    def estimate(self, parameter: str) -> Estimate:
        """A parameter with its 90 % interval (delta method, t quantiles).

        Raises
        ------
        ValueError
            If the parameter was not fitted.
        """
        slopes = self._slopes
        if parameter not in slopes:
            raise ValueError(f"{parameter!r} was not fitted; this law has {', '.join(slopes)}")
        value = float(self._public(self._fit.theta[None])[parameter][0])
        direction = slopes[parameter]
        half = stats.t.ppf((1 + LEVEL) / 2, self._fit.mean_freedom) * np.sqrt(
            max(float(direction @ self._fit.covariance @ direction), 0.0)
        )
        if parameter in EXPONENTS:
            return Estimate(value, value - half, value + half, "", "measured")
        ends = np.sign(value) * np.array(spread(np.log(abs(value)), half)) if value else (0.0, 0.0)
        return Estimate(value, min(*ends, value), max(*ends, value))

    def bootstrap(self, n: int = 1000, seed: int = 0, kind: str = "pairs") -> pd.DataFrame:
        """Refit to resamples of the data.

        Parameters
        ----------
        n : int
            How many.
        seed : int
        kind : {"pairs", "residual", "wild"}
            Whole rows are drawn; or residuals, as if noise were alike everywhere; or each
            residual keeps its row and takes one of Mammen's two factors, which holds for least
            squares only. Rows of one label stay together.

        Returns
        -------
        pandas.DataFrame
            One row a resample, one column a parameter; ``.attrs["converged"]`` is the share of
            the refits that converged.
        """
        found = intervals.resample(self._fit, n, seed, kind)
        table = pd.DataFrame(self._public(found.parameters))
        table.attrs["converged"] = float(found.converged.mean())
        return table

    # --- targets ---

    def _solved(self, target: float, theta: np.ndarray) -> np.ndarray:
        """log of what reaches the target, for rows of centred parameters; nan if E is above."""
        raise NotImplementedError

    def solve(self, target: float) -> float:
        """The x at which the law reaches a target; of parameters and tokens the least FLOP.

        Parameters
        ----------
        target : float
            In the unit of y.

        Returns
        -------
        float
            x, or the least training compute with N and D chosen best. See `solve_interval` for
            how sure it is.

        Raises
        ------
        ValueError
            If the target is not above the irreducible part, or too far away for a number.
        """
        theta = self._fit.theta[None]
        floor = float(self._public(theta)["E"][0])
        if not target > floor:
            raise ValueError(f"{target:g} is never reached: the irreducible part is {floor:g}")
        log_x = float(self._solved(target, theta)[0])
        if abs(log_x) > LARGEST:
            raise ValueError(
                f"{target:g} is reached beyond 10^{log_x / np.log(10):.0f}; the irreducible part "
                f"is {floor:g}"
            )
        return float(np.exp(log_x))

    def solve_interval(
        self, target: float, level: float = LEVEL, n: int = 1000, seed: int = 0
    ) -> tuple[float, float]:
        """Where `solve` lies, by a bootstrap; an end is infinite where resamples never get there.

        Parameters
        ----------
        target : float
        level : float
        n, seed : int
            Of the resamples (pairs, or whole labels).
        """
        probability(level)
        theta = intervals.resample(self._fit, n, seed, "pairs").parameters
        with np.errstate(invalid="ignore", divide="ignore"):
            log_x = self._solved(target, theta)
        log_x = np.where(self._public(theta)["E"] < target, log_x, np.inf)
        ends = np.quantile(log_x, [(1 - level) / 2, (1 + level) / 2], method="nearest")
        with np.errstate(over="ignore"):
            return tuple(float(end) for end in np.exp(ends))

    # --- predictions ---

    def _centred(self, *xs: float | np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            log_x = np.log(np.stack(np.broadcast_arrays(*(np.asarray(x, float) for x in xs))))
        if not np.isfinite(log_x).all():
            raise ValueError(f"a law holds for positive, finite numbers; got {xs}")
        return log_x - self._fit.centres.reshape(-1, *[1] * (log_x.ndim - 1))

    def _value(self, *xs: float | np.ndarray) -> float | np.ndarray:
        log_x = self._centred(*xs)
        flat = self._fit.form.log_y(self._fit.theta[None], log_x.reshape(len(log_x), -1))
        y = np.exp(flat[0] + self._fit.middle).reshape(log_x.shape[1:])
        return float(y) if y.ndim == 0 else y

    def _band(self, xs, level, of, method, seed=0, number=1000):
        probability(level)
        log_x = self._centred(*(np.atleast_1d(np.asarray(x, float)) for x in xs))
        method = self._method if method is None else method
        low, high = intervals.interval(self._fit, log_x, level, of, method, seed, number)
        median = self._fit.form.log_y(self._fit.theta[None], log_x)[0]
        ends = (median, np.minimum(low, median), np.maximum(high, median))
        return tuple(np.exp(np.clip(end + self._fit.middle, -700, LARGEST)) for end in ends)

    @property
    def _method(self) -> intervals.Method:
        robust = np.isfinite(self._fit.losses[-1].delta)
        return "delta" if robust or self._fit.groups is not None else "profile"

    def _predict(self, xs, level, of, unit, method, seed, number) -> Forecast:
        median, low, high = self._band([float(x) for x in xs], level, of, method, seed, number)
        return Forecast(float(median[0]), float(low[0]), float(high[0]), level, unit)


EXPONENTS = {"exponent", "alpha", "beta", "first_exponent", "second_exponent"}


def spread(middle: float, half: float) -> tuple[float, float]:
    """Ends of an interval of this half-width in the logarithm, within what draws of it can hold."""
    half = min(half, WIDEST)
    ends = np.clip([middle - half, middle + half], -700, LARGEST)
    return tuple(float(end) for end in np.exp(ends))
