"""Predict, commit, verify: forecasts said before the truth, their scores, how far they reach."""

from course_lib.forecasting.calibrating import Calibration, calibration
from course_lib.forecasting.card import report_card
from course_lib.forecasting.honest import Extrapolation, extrapolate
from course_lib.forecasting.journal import FILE, SAME, Verdict, commit, read_forecasts, verify
from course_lib.forecasting.planning import next_run
from course_lib.forecasting.scores import crps, interval_score, log_score
from course_lib.forecasting.skill import (
    Forecaster,
    Problem,
    Skill,
    forecasting_skill,
    power_law_problems,
    reference_forecast,
)

__all__ = [
    "FILE",
    "SAME",
    "Calibration",
    "Extrapolation",
    "Forecaster",
    "Problem",
    "Skill",
    "Verdict",
    "calibration",
    "commit",
    "crps",
    "extrapolate",
    "forecasting_skill",
    "interval_score",
    "log_score",
    "next_run",
    "power_law_problems",
    "read_forecasts",
    "reference_forecast",
    "report_card",
    "verify",
]
