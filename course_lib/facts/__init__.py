"""What ships with the course: cited tables, and measurements that were recorded beforehand.

A table is a CSV file with a Table Schema (Frictionless Data): type, unit, meaning of each column.
`facts` reads one whole, `fact` one number of it as an `Estimate` that knows its source.
"""

from course_lib.facts.lookup import Fact, fact, fact_names
from course_lib.facts.tables import facts, recorded

__all__ = ["Fact", "fact", "fact_names", "facts", "recorded"]
