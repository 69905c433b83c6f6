"""Count, measure, fit and forecast the cost of computing: the library of *Counting the Cost*.

Public names load on first use (PEP 562), so that ``import course_lib`` is quick and needs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "quantities": ("Estimate", "Forecast"),
    "counting": (
        "ComputeCount",
        "RuleOfThumb",
        "compare_counters",
        "count",
        "effective_work",
        "register_rule",
        "rule_of_thumb",
    ),
    "metering": (
        "Measurement",
        "compare",
        "forget",
        "measure",
        "page_record",
        "read_records",
        "record_to",
    ),
    "passport": ("Passport",),
    "predicting": ("Prediction", "predict"),
    "scaling": ("PowerLaw", "fit_power_law"),
    "forecasting": ("Verdict", "commit", "interval_score", "verify"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_HOME["passport"] = "passport"

__all__ = sorted([*_HOME, "__version__"])

if TYPE_CHECKING:
    from course_lib.counting import (
        ComputeCount,
        RuleOfThumb,
        compare_counters,
        count,
        effective_work,
        register_rule,
        rule_of_thumb,
    )
    from course_lib.forecasting import Verdict, commit, interval_score, verify
    from course_lib.metering import (
        Measurement,
        compare,
        forget,
        measure,
        page_record,
        read_records,
        record_to,
    )
    from course_lib.passport import Passport, passport
    from course_lib.predicting import Prediction, predict
    from course_lib.quantities import Estimate, Forecast
    from course_lib.scaling import PowerLaw, fit_power_law


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"course_lib has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"course_lib.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps ``course_lib.passport`` the function, also once the module of that name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
