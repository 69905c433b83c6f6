"""Rates of groups of people, how sure they are, and how many people a claim about them needs.

A rate comes with Wilson's interval, a difference of two rates with Newcombe's, a ratio with that of
its logarithm, and any other mean with a bootstrap over people. Planning asks the other way round:
how probable it is that a gap is seen, and with how many people.
"""

from course_lib.fairness.groups import group_gaps, group_rates
from course_lib.fairness.intervals import bootstrap_gap, log_ratio, newcombe, wilson
from course_lib.fairness.planning import detection_power, people_needed

__all__ = [
    "bootstrap_gap",
    "detection_power",
    "group_gaps",
    "group_rates",
    "log_ratio",
    "newcombe",
    "people_needed",
    "wilson",
]
