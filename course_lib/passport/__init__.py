"""What this machine achieves: matmul FLOP/s by precision, bandwidth, launch overhead; kept as JSON.

A data sheet says what a chip could do; a passport says what it does here, through PyTorch, now.
"""

from course_lib.passport.document import OtherVersion, Passport
from course_lib.passport.keeping import default_path, passport
from course_lib.passport.probes import PRECISIONS, copy_bandwidth, measure_passport
from course_lib.passport.terminal import roofline_text

__all__ = [
    "PRECISIONS",
    "OtherVersion",
    "Passport",
    "copy_bandwidth",
    "default_path",
    "measure_passport",
    "passport",
    "roofline_text",
]
