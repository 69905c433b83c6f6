"""The bill: hours, energy, carbon and money of a computation, each with an interval and a source.

Standard library only: the calculators of the web pages run these very files. `Run` computes the
bill, `judging` sets two bills against each other, `prices` and `regions` read the cited tables.
"""

from course_lib.footprint.explaining import explanation
from course_lib.footprint.factors import ASSUMPTIONS
from course_lib.footprint.inputs import INPUTS, Factor
from course_lib.footprint.judging import best_start, break_even, cost_per_point, lifetime
from course_lib.footprint.needs import Missing, sufficient
from course_lib.footprint.prices import cloud_price, purchase_price
from course_lib.footprint.regions import grid_intensity
from course_lib.footprint.run import Run

__all__ = [
    "ASSUMPTIONS",
    "INPUTS",
    "Factor",
    "Missing",
    "Run",
    "best_start",
    "break_even",
    "cloud_price",
    "cost_per_point",
    "explanation",
    "grid_intensity",
    "lifetime",
    "purchase_price",
    "sufficient",
]
