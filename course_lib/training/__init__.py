"""Train a network, or one network from many seeds at once, and record what it cost.

One loop does it, with a budget in steps, in FLOP or in seconds. Each step is written down: its
loss, and what was spent by then.
"""

from course_lib.training.result import Training
from course_lib.training.single import train
from course_lib.training.together import train_many

__all__ = ["Training", "train", "train_many"]
