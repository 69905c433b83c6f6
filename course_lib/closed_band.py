"""Median and interval of a fitted power law at any x, from its covariance. Standard library only.

The law is fitted by `course_lib.scaling`; what is needed to forecast with it is a dozen numbers,
which a page of the book can carry into the reader's browser.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from course_lib.quantities import LEVEL, Forecast

LARGEST = math.log(sys.float_info.max)
SMALLEST = -700.0


@dataclass(frozen=True)
class ClosedBand:
    """The law y = E + A x^s of `fit_power_law`, with the covariance of its parameters.

    Logarithms are of x less ``centre`` and of y less ``middle``.

    Parameters
    ----------
    log_factor, exponent : float
        log A and s.
    log_floor : float or None
        log E; None where there is no irreducible part.
    covariance : sequence of sequences of float
        Of log A, s and, where E was fitted, log E.
    centre, middle : float
        What was subtracted.
    variance : float
        Of log y of one run about the law, at ``noise_centre``.
    noise_slope, noise_slope_variance, noise_centre : float
        The line of the log variance along log x less ``centre``; all zero where noise is alike
        everywhere.
    reach : pair of float
        The smallest and the largest x in the data.
    quantiles : mapping of str to float
        Student's t at the upper end of each level that can be asked for: ``{"0.9": 1.83}``.

    Notes
    -----
    The delta method with t quantiles, as ``PowerLaw.band(x, method="delta")``. See chapter 8.
    """

    log_factor: float
    exponent: float
    log_floor: float | None
    covariance: tuple[tuple[float, ...], ...]
    centre: float
    middle: float
    variance: float
    noise_slope: float
    noise_slope_variance: float
    noise_centre: float
    reach: tuple[float, float]
    quantiles: Mapping[str, float]

    def predict(
        self,
        x: float,
        level: float = LEVEL,
        of: Literal["new run", "mean"] = "new run",
        unit: str = "",
    ) -> Forecast:
        """Forecast one new measurement at x, or the law there.

        Parameters
        ----------
        x : float
            Positive and finite.
        level : float
            One of the levels in ``quantiles``.
        of : {"new run", "mean"}
            The interval covers a new run, noise included; or only the law, the mean of many runs.
        unit : str
            Of y.

        Raises
        ------
        ValueError
            For an x that is not positive and finite, a level without a quantile, another ``of``.

        Examples
        --------
        >>> law = ClosedBand(0.0, -0.5, None, ((0.01, 0.0), (0.0, 0.0001)), 0.0, 0.0,
        ...                  0.04, 0.0, 0.0, 0.0, (1.0, 100.0), {"0.9": 1.8})
        >>> print(law.predict(100.0), law.predict(100.0, of="mean"))
        0.1 [0.0663, 0.151] at 0.9 0.1 [0.082, 0.122] at 0.9
        """
        if not (0 < x < math.inf):
            raise ValueError(f"x is {x}; a law holds for positive, finite numbers")
        if str(level) not in self.quantiles:
            raise ValueError(f"level is {level}; there is one of {', '.join(self.quantiles)}")
        if of not in ("new run", "mean"):
            raise ValueError(f"of is {of!r}; allowed are 'new run', 'mean'")
        log_x = math.log(x) - self.centre
        log_y, total = self._spread(log_x)
        if of == "new run":
            total += self._noise(log_x)
        half = self.quantiles[str(level)] * math.sqrt(total)
        ends = (_power(log_y + sign * half + self.middle) for sign in (0, -1, 1))
        return Forecast(*ends, level, unit)

    def irreducible_share(self, x: float) -> float:
        """Share of E in the law's value at x, between 0 and 1."""
        log_y, _ = self._spread(math.log(x) - self.centre)
        return 0.0 if self.log_floor is None else math.exp(self.log_floor - log_y)

    def _spread(self, log_x: float) -> tuple[float, float]:
        """log y of the law, and its variance."""
        reducible = self.log_factor + self.exponent * log_x
        log_y = _log_add(reducible, self.log_floor)
        share = math.exp(reducible - log_y)
        slopes = (share, share * log_x, 1 - share)[: len(self.covariance)]
        variance = sum(
            a * b * c
            for a, row in zip(slopes, self.covariance, strict=True)
            for b, c in zip(slopes, row, strict=True)
        )
        return log_y, max(variance, 0.0)

    def _noise(self, log_x: float) -> float:
        """Variance of a new run's log y about the law."""
        away = log_x - self.noise_centre
        return self.variance * math.exp(
            self.noise_slope * away + self.noise_slope_variance * away**2 / 2
        )

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ClosedBand:
        """The law that ``dataclasses.asdict`` and ``json`` have written."""
        covariance = tuple(tuple(row) for row in content["covariance"])
        return cls(**{**content, "covariance": covariance, "reach": tuple(content["reach"])})


def _log_add(a: float, b: float | None) -> float:
    """log(e^a + e^b) without overflow; None is the logarithm of nothing."""
    if b is None:
        return a
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))


def _power(exponent: float) -> float:
    return math.exp(min(max(exponent, SMALLEST), LARGEST))
