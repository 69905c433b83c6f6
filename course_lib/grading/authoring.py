"""A new assignment that works at once: notebook, checks and samples, to be written over.

It asks one question that a machine judges and one that a person reads. What stands in it is the
pattern of this course's exercises, small enough to be read whole.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
PARTS = ("source/{}", "checks/{}.py", "samples/{}")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}

TITLE = """\
# {name}

One sentence on what you find out here, and why it matters.

**You will be able to**

1. count the FLOP of a dense layer;
2. say in your own words what that number leaves out.

| | |
|---|---|
| time | 20 minutes, of which under one second of computing on one core |
| points | 4: 2 by machine and 2 by hand |
| before you start | chapter 6, *Measuring compute* |
| hand in | this notebook |

If you work with an AI assistant, give it [AGENTS.md](AGENTS.md) first.
"""
SETUP = "from course_lib.checking import probe"
QUESTION = """\
## 1. Count a dense layer (2 points)

Write `dense_flop(inputs, outputs, rows)`: the FLOP of a dense layer with so many inputs and
outputs, for so many rows at once. Matrix products only, 2 FLOP for each multiply-accumulate.
"""
ANSWER = '''\
def dense_flop(inputs, outputs, rows):
    """FLOP of one forward pass of a dense layer."""
    ### BEGIN SOLUTION
    return 2 * rows * inputs * outputs
    ### END SOLUTION'''
PROBE = (
    'probe("dense-flop", dense_flop)  # 2 points: here on public inputs, on others when you hand in'
)
REFLECTION = """\
## 2. What is left out? (2 points, read by a person)

In about 50 words: name **one cost** of this layer that your count does not see, and say **when it
matters most**.

| points | |
|---|---|
| 2 | a cost that is not arithmetic (bytes moved, a launch, memory), and shapes where it is large |
| 1 | such a cost, but not when it matters; or the other way round |
| 0 | no cost, or one that the count does hold |
"""
MODEL_ANSWER = """\
*A model answer, worth 2 points.*

The weights must be read from memory, 4 bytes for each. With one row every weight is used for a
single multiply-accumulate, so the time is that of reading and not of computing; with a thousand
rows each weight that was read is used a thousand times, and the count tells the time well.
"""
CHECKS = '''\
"""Checks of {name}."""

from course_lib.checking import Calls, question


@question
def dense_flop(context):
    """Counts of dense layers, exactly; the two usual mistakes are named."""
    shapes = [tuple(int(n) for n in context.rng.integers(3, 500, size=3)) for _ in range(4)]
    answers = yield Calls(shapes)
    for (inputs, outputs, rows), got in zip(shapes, answers, strict=True):
        right = 2 * rows * inputs * outputs
        if got == right // 2:
            return "you counted multiply-accumulates (MACs); FLOP are twice that"
        if got == right // rows:
            return "the rows are missing: this is the work of one row"
        if got != right:
            return "a dense layer multiplies every input with every output, once for each row"
'''
SAMPLES = """\
# Submissions that show the grading: where each starts from, and the points that it must get.
#   base     reference: the source notebook's own solutions; release: what a student receives
#   answers  a file beside this one; its cells (`# %% name`) replace solution cells of that name
# Cells that a person grades (reflection) are not listed: nbgrader leaves them open.

[reference]
about = "the reference solution"
base = "reference"

[reference.points]
dense-flop = 2

[empty]
about = "handed in as it was received"
base = "release"

[empty.points]
dense-flop = 0

[macs]
about = "wrong: multiply-accumulates instead of FLOP"
base = "reference"
answers = "macs.py"

[macs.points]
dense-flop = 0

[loops]
about = "right, in an unusual way: counted one by one"
base = "reference"
answers = "loops.py"

[loops.points]
dense-flop = 2

# A change of the reference that changes nothing, for check-assignment --mutations:
# [mutations.equivalent]
# "cell: before -> after" = "why no check can see it"
"""
MACS = '''\
"""Wrong: multiply-accumulates instead of FLOP."""


# %% dense-flop-answer
def dense_flop(inputs, outputs, rows):
    """One for each product that is added."""
    return rows * inputs * outputs
'''
LOOPS = '''\
"""Right, in an unusual way: a tally of each weight's work, row by row."""

# %% dense-flop-answer
import numpy as np


def dense_flop(inputs, outputs, rows):
    """Each weight multiplies once a row, and its product is added."""
    tally = np.zeros((outputs, inputs), dtype=np.int64)
    for _ in range(rows):
        tally += 1
        tally += 1
    return tally.sum()
'''


class CannotMake(Exception):
    """A new assignment that would not work or would replace another; the message says why."""


def new_assignment(name: str, course_dir: Path) -> list[Path]:
    """Write a working assignment into a course: a notebook, its checks and its samples.

    Parameters
    ----------
    name : str
        Letters, digits, ``.``, ``_`` and ``-``, as 03-measure.
    course_dir : Path
        An nbgrader course, with its ``nbgrader_config.py``.

    Returns
    -------
    list of Path
        The files, in the order in which an author reads them.

    Raises
    ------
    CannotMake
        If the name or the course will not do, or something of that name is there. Then nothing is
        written.
    """
    if not NAME.fullmatch(name):
        raise CannotMake(
            f"{name!r} cannot be the name of an assignment: letters, digits, '.', '_' and '-' are "
            "allowed, at most 64, the first a letter or a digit"
        )
    if not (course_dir / "nbgrader_config.py").is_file():
        raise CannotMake(f"{course_dir} is no course: it has no nbgrader_config.py")
    places = [course_dir / part.format(name) for part in PARTS]
    if there := [str(place) for place in places if place.exists() or place.is_symlink()]:
        raise CannotMake(f"{' and '.join(there)} is there already; nothing was written")
    files = _files(name)
    done: list[Path] = []
    scratch = None
    try:
        scratch = Path(tempfile.mkdtemp(dir=course_dir, prefix=".new-assignment-"))
        for file, text in files.items():
            (scratch / file).parent.mkdir(parents=True, exist_ok=True)
            (scratch / file).write_text(text, encoding="utf-8")
        for place in places:
            if not place.parent.is_dir():
                place.parent.mkdir()
                done.append(place.parent)
            (scratch / place.relative_to(course_dir)).rename(place)
            done.append(place)
    except OSError as error:
        for place in reversed(done):
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        raise CannotMake(f"it could not be written: {error}; nothing was kept") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    return [course_dir / file for file in files]


def _files(name: str) -> dict[str, str]:
    samples = f"samples/{name}"
    return {
        f"source/{name}/{name}.ipynb": nbformat.writes(_notebook(name)) + "\n",
        f"checks/{name}.py": CHECKS.format(name=name),
        f"{samples}/samples.toml": SAMPLES,
        f"{samples}/macs.py": MACS,
        f"{samples}/loops.py": LOOPS,
    }


def _notebook(name: str) -> nbformat.NotebookNode:
    """The notebook with solutions; nbgrader makes the students' from it."""
    locked = {"locked": True}
    cells = [
        _cell("markdown", "title", TITLE.format(name=name), **locked),
        _cell("code", "setup", SETUP, **locked),
        _cell("markdown", "q1", QUESTION, **locked),
        _cell("code", "dense-flop-answer", ANSWER, solution=True),
        _cell("code", "dense-flop", PROBE, grade=True, points=2, **locked),
        _cell("markdown", "q2", REFLECTION, **locked),
        _cell("markdown", "reflection", MODEL_ANSWER, grade=True, solution=True, points=2),
    ]
    for number, cell in enumerate(cells):
        cell.id = str(number)  # as nbstripout numbers the cells of what is committed
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


def _cell(kind: str, name: str, source: str, **marks: object) -> nbformat.NotebookNode:
    make = new_code_cell if kind == "code" else new_markdown_cell
    none = {"grade": False, "solution": False, "locked": False, "task": False}
    marked = {"grade_id": name, "schema_version": 3, **none, **marks}
    return make(source.strip("\n"), metadata={"nbgrader": marked})
