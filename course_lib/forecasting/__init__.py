"""Predict, commit, verify: forecasts said before the truth, their scores, how far they reach."""

from course_lib.forecasting.calibrating import Calibration, calibration
from course_lib.forecasting.card import report_card
from course_lib.forecasting.honest import Extrapolation, extrapolate
from course_lib.forecasting.journal import FILE, SAME, Verdict, commit, read_forecasts, verify
from course_lib.forecasting.judging import (
    SkillVerdict,
    as_arguments,
    judge_forecasts,
    why_not_skilled,
)
from course_lib.forecasting.planning import next_run
from course_lib.forecasting.problems import law_problem, power_law_problems
from course_lib.forecasting.resampled import resampled_problem
from course_lib.forecasting.scores import crps, interval_score, log_score
from course_lib.forecasting.skill import (
    Forecaster,
    Problem,
    Skill,
    forecasting_skill,
    reference_forecast,
    skill_of,
)

__all__ = [
    "FILE",
    "SAME",
    "Calibration",
    "Extrapolation",
    "Forecaster",
    "Problem",
    "Skill",
    "SkillVerdict",
    "Verdict",
    "as_arguments",
    "calibration",
    "commit",
    "crps",
    "extrapolate",
    "forecasting_skill",
    "interval_score",
    "judge_forecasts",
    "law_problem",
    "log_score",
    "next_run",
    "power_law_problems",
    "read_forecasts",
    "reference_forecast",
    "report_card",
    "resampled_problem",
    "skill_of",
    "verify",
    "why_not_skilled",
]
