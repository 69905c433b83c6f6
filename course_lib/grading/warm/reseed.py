"""New random numbers for a fork: its parent's generators would give every student the same ones.

A kernel started from cold has seeds from the system, so forks get theirs from there too, and a
notebook that wants the same numbers each time sets its seed, as everywhere. One thing stays shared:
the seed of ``hash(str)`` (``PYTHONHASHSEED``), and with it the order of a set of strings, is fixed
when a Python process starts. It differs from server to server, not from fork to fork.
"""

from __future__ import annotations

import os
import random
import sys


def reseed() -> None:
    """Seed the generators of ``random``, NumPy and PyTorch from the system, if they are loaded."""
    random.seed()  # draws from the system's source
    if "numpy" in sys.modules:
        words = [int.from_bytes(os.urandom(4), "little") for _ in range(8)]
        sys.modules["numpy"].random.seed(words)
    if "torch" in sys.modules:
        # the generator itself: torch.seed() would also touch accelerators
        generator = sys.modules["torch"].default_generator
        generator.manual_seed(int.from_bytes(os.urandom(8), "little") >> 1)
