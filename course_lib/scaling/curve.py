"""What laws of one x share: their value, their band, their forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.quantities import LEVEL, Forecast
from course_lib.scaling.intervals import Method, Of
from course_lib.scaling.law import Law


@dataclass(frozen=True)
class CurveLaw(Law):
    """A law of one x, however many terms it has."""

    def _xs(self, x):
        return [x] * self._fit.form.terms

    def __call__(self, x: float | np.ndarray) -> float | np.ndarray:
        """The law at x."""
        return self._value(*self._xs(x))

    def band(
        self,
        x: np.ndarray,
        level: float = LEVEL,
        of: Of = "new run",
        method: Method | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Median and interval of the law at each x, for plots.

        Parameters
        ----------
        x : array of shape (n,)
        level : float
        of : {"new run", "mean"}
            Where a single new measurement will fall, noise included; or where the law itself runs.
        method : {"profile", "delta", "bootstrap"}, optional
            As in `predict`; the delta method is quick, a profile takes milliseconds for each x.

        Returns
        -------
        median, low, high : arrays of shape (n,)
        """
        return self._band(self._xs(x), level, of, method)

    def predict(
        self,
        x: float,
        level: float = LEVEL,
        of: Of = "new run",
        unit: str = "",
        method: Method | None = None,
        seed: int = 0,
        resamples: int = 1000,
    ) -> Forecast:
        """Forecast one new measurement at x, or the law there.

        Parameters
        ----------
        x : float
        level : float
        of : {"new run", "mean"}
            The interval covers a new run, noise included; or only the law, the mean of many runs.
        unit : str
            Of y.
        method : {"profile", "delta", "bootstrap"}, optional
            Without one: the profile for independent runs and least squares, else the delta method.
            Chapter 10 and ``benchmarks/extrapolation_coverage.py`` show how often each holds.
        seed, resamples : int
            Of the bootstrap (pairs, or whole labels).

        Notes
        -----
        The interval assumes this form of law; it knows nothing of a bend beyond the data.
        """
        return self._predict(self._xs(x), level, of, unit, method, seed, resamples)
