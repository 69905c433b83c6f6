"""One function on many items, in processes here or on a Dask cluster; a kill costs one item."""

from course_lib.workers.apart import Apart
from course_lib.workers.cluster import check_address, on_cluster
from course_lib.workers.local import in_workers
from course_lib.workers.lost import Lost, Refused

__all__ = ["Apart", "Lost", "Refused", "check_address", "in_workers", "on_cluster"]
