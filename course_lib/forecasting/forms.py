"""The forms of law that a forecast may assume, and the runs that they are fitted to."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from course_lib.quantities import Forecast
from course_lib.scaling import fit_broken_power_law, fit_power_law
from course_lib.scaling.checks import increasing, one_of, series

Form = str | Callable[[np.ndarray, np.ndarray], Any]
Direction = Literal["falls", "grows"]

FORMS: dict[str, Callable[..., Any]] = {
    "power law": lambda x, y, **kind: fit_power_law(x, y, "none", **kind),
    "power law with irreducible part": lambda x, y, **kind: fit_power_law(x, y, "free", **kind),
    "broken power law": lambda x, y, **kind: fit_broken_power_law(x, y, "none", **kind),
}


@dataclass(frozen=True)
class Runs:
    """Sizes and what was measured, checked; ``replicates`` as in `fit_power_law`."""

    x: np.ndarray
    y: np.ndarray
    direction: Direction
    replicates: bool | np.ndarray | None

    @property
    def sizes(self) -> np.ndarray:
        """The distinct x, in order."""
        return np.unique(self.x)

    def where(self, chosen: np.ndarray) -> Runs:
        """Some of the runs."""
        labels = self.replicates
        if isinstance(labels, np.ndarray):
            labels = labels[chosen]
        return Runs(self.x[chosen], self.y[chosen], self.direction, labels)

    def add(self, x: float, y: float) -> Runs:
        """With one more run, which shares nothing with the others."""
        at = int(np.searchsorted(self.x, x, side="right"))
        labels = self.replicates
        if isinstance(labels, np.ndarray):
            codes = np.unique(labels, return_inverse=True)[1]
            labels = np.insert(codes, at, codes.max() + 1)
        elif x in self.x:
            labels = True
        return Runs(np.insert(self.x, at, x), np.insert(self.y, at, y), self.direction, labels)


def runs(x: Any, y: Any, direction: Direction | None = None, replicates: Any = None) -> Runs:
    """Check the data of a forecast.

    Without a direction it is that of the straight line on log axes. Sizes that repeat are several
    runs of a size.
    """
    x, y = series(x=x, y=y)
    several = len(np.unique(x)) < len(x)
    if len(np.unique(x)) < 2:
        raise ValueError(f"x has {len(np.unique(x))} distinct sizes; a law needs several")
    if isinstance(replicates, bool) or replicates is None:
        replicates = True if several else None
    else:
        replicates = np.asarray(replicates)
        if replicates.shape != x.shape:
            raise ValueError(
                f"replicates has the shape {replicates.shape}; give a label for each of the "
                f"{len(x)} runs"
            )
    if replicates is None:
        increasing(x)
    if direction is None:
        away = np.log(x) - np.log(x).mean()
        direction = "grows" if away @ np.log(y) > 0 else "falls"
    one_of("direction", direction, ("falls", "grows"))
    return Runs(x, y, direction, replicates)


def name_of(form: Form) -> str:
    """The form's name, if it is one.

    Raises
    ------
    ValueError
        If there is no form of this name.
    """
    if not callable(form) and form not in FORMS:
        raise ValueError(f"form is {form!r}; allowed are {', '.join(FORMS)}, or a function")
    return getattr(form, "__name__", str(form))


@dataclass(frozen=True)
class Fitted:
    """A form on its runs; ``note`` is what the fit warned of."""

    law: Any
    note: str

    def ask(self, x: float, level: float) -> Forecast:
        """The forecast of a new run."""
        return self.law.predict(float(x), level)


def fit_form(form: Form, data: Runs) -> Fitted:
    """Fit a form to runs."""
    name = name_of(form)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if callable(form):
            law = form(data.x, data.y)
        else:
            several = {} if data.replicates is None else {"replicates": data.replicates}
            law = FORMS[name](data.x, data.y, direction=data.direction, **several)
    said = dict.fromkeys(str(warning.message) for warning in caught)
    return Fitted(law, "; ".join(said))
