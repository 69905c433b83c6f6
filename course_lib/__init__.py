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
    "facts": ("Fact", "fact", "fact_names"),
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
    "scaling": (
        "ChinchillaLaw",
        "LogLogLine",
        "PowerLaw",
        "compare_growth",
        "coverage",
        "fit_broken_power_law",
        "fit_chinchilla",
        "fit_kaplan",
        "fit_power_law",
        "isoflop_profiles",
        "regress",
    ),
    "footprint": ("Run",),
    "forecasting": (
        "Verdict",
        "calibration",
        "commit",
        "crps",
        "extrapolate",
        "interval_score",
        "log_score",
        "next_run",
        "report_card",
        "verify",
    ),
    "training": ("Training", "train", "train_many"),
    "fairness": (
        "bootstrap_gap",
        "detection_power",
        "group_gaps",
        "group_rates",
        "newcombe",
        "people_needed",
        "wilson",
    ),
    "sweeps": ("sweep",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_HOME |= {"passport": "passport", "facts": "facts"}  # functions with the name of their module

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
    from course_lib.facts import Fact, fact, fact_names, facts
    from course_lib.fairness import (
        bootstrap_gap,
        detection_power,
        group_gaps,
        group_rates,
        newcombe,
        people_needed,
        wilson,
    )
    from course_lib.footprint import Run
    from course_lib.forecasting import (
        Verdict,
        calibration,
        commit,
        crps,
        extrapolate,
        interval_score,
        log_score,
        next_run,
        report_card,
        verify,
    )
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
    from course_lib.scaling import (
        ChinchillaLaw,
        LogLogLine,
        PowerLaw,
        compare_growth,
        coverage,
        fit_broken_power_law,
        fit_chinchilla,
        fit_kaplan,
        fit_power_law,
        isoflop_profiles,
        regress,
    )
    from course_lib.sweeps import sweep
    from course_lib.training import Training, train, train_many


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"course_lib has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"course_lib.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps ``passport`` and ``facts`` functions, also once the modules are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
