"""Many runs of one function: over a grid or a list of settings, from several seeds, resumable.

The runs happen in this process, in worker processes of this machine, or on a Dask cluster, and the
table that comes back is the same.
"""

from course_lib.sweeps.sweeping import sweep

__all__ = ["sweep"]
