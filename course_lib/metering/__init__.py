"""Wall and CPU time, peak memory and energy of a call, each with an interval; records of them."""

from course_lib.metering.intervals import block_bootstrap
from course_lib.metering.ledger import page_record
from course_lib.metering.measurement import Measurement, compare, measure
from course_lib.metering.neighbours import busy_neighbours
from course_lib.metering.records import forget, read_records, record_to

__all__ = [
    "Measurement",
    "block_bootstrap",
    "busy_neighbours",
    "compare",
    "forget",
    "measure",
    "page_record",
    "read_records",
    "record_to",
]
