"""All attacks on the score, and what must come of each."""

from dataclasses import replace

from tests.grading.attacks.edits import EDITS, REACHING
from tests.grading.attacks.patches import FUTILE, PATCHES, UNSEEN

FORGERIES = [
    *EDITS,
    *REACHING,
    *FUTILE,
    *(replace(one, works=True, seen=True) for one in PATCHES),
    *(replace(one, works=True) for one in UNSEEN),
]
