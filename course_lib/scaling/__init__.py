"""Scaling laws: fitting them, and saying how far they reach.

Every law is the same formula, y = E + ((A_1 x_1^s_1)^(1/g) + (A_2 x_2^s_2)^(1/g))^g, fitted to log
y at its global optimum. Where the data do not determine a parameter the fit says so.
"""

from course_lib.scaling.allocation import Allocation, optimal_allocation
from course_lib.scaling.broken import BrokenPowerLaw, fit_broken_power_law
from course_lib.scaling.chinchilla import ChinchillaLaw, fit_chinchilla, fit_kaplan
from course_lib.scaling.coverage import Sample, Simulator, coverage
from course_lib.scaling.growth import GrowthComparison, compare_growth
from course_lib.scaling.identification import NotIdentified
from course_lib.scaling.isoflop import isoflop_profiles
from course_lib.scaling.power_law import PowerLaw, fit_power_law
from course_lib.scaling.regression import LogLogLine, regress

__all__ = [
    "Allocation",
    "BrokenPowerLaw",
    "ChinchillaLaw",
    "GrowthComparison",
    "LogLogLine",
    "NotIdentified",
    "PowerLaw",
    "Sample",
    "Simulator",
    "compare_growth",
    "coverage",
    "fit_broken_power_law",
    "fit_chinchilla",
    "fit_kaplan",
    "fit_power_law",
    "isoflop_profiles",
    "optimal_allocation",
    "regress",
]
