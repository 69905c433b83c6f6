"""Wall and CPU time, peak memory and energy of a call, each with an interval; records of them."""

from course_lib.metering.comparing import Comparison, compare
from course_lib.metering.intervals import block_bootstrap, session_interval
from course_lib.metering.ledger import page_record
from course_lib.metering.limits import MeasurementTimeout
from course_lib.metering.measurement import measure
from course_lib.metering.neighbours import busy_neighbours
from course_lib.metering.records import forget, read_records, record_to
from course_lib.metering.result import Measurement

__all__ = [
    "Comparison",
    "Measurement",
    "MeasurementTimeout",
    "block_bootstrap",
    "busy_neighbours",
    "compare",
    "forget",
    "measure",
    "page_record",
    "read_records",
    "record_to",
    "session_interval",
]
