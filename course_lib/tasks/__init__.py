"""Problems that can be made at any size, several of them with a scaling law that is known.

Each module makes one: its docstring says the theory and where it is from, its functions make the
data and, where there is one, the truth. Data sets are the same on every device for a seed; streams
that are drawn while a network trains are drawn on its device, and are the same on each kind of it.
`TASKS` has what they share: a function that runs a setting, grids of settings, and the truth.
"""

from course_lib.tasks import (
    characters,
    groups,
    lexicon,
    mnist1d,
    shapes,
    spectrum,
    teacher_student,
    zipf,
)
from course_lib.tasks.task import Task, recorded_sweep

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="zipf",
            what="memorising a stream of items that follow Zipf's law",
            run=zipf.run, truth=zipf.truth,
            x=("samples",), y="error", curves=("a",),
            full={
                "a": [0.5, 1.0, 2.0],
                "samples": [round(10 ** (1 + step / 4)) for step in range(19)],
            },
            live={"a": [1.0], "samples": [10, 100, 1000, 10_000, 100_000]},
            seeds=20, live_seeds=5,
        ),
        Task(
            name="spectrum",
            what="one pass of SGD through a linear model with a power-law spectrum",
            run=spectrum.run, truth=spectrum.truth,
            x=("width", "samples"), y="loss", curves=(),
            full={
                "width": [8, 16, 32, 64, 128, 256],
                "samples": [2**power for power in range(8, 16)],
            },
            live={"width": [8, 32, 128], "samples": [256, 1024, 4096]},
            seeds=8, live_seeds=4,
        ),
        Task(
            name="lexicon",
            what="a small transformer on text of known entropy, by character",
            run=characters.run, truth=characters.truth,
            x=("width", "tokens"), y="loss", curves=(),
            full={
                "width": [8, 12, 16, 24, 32, 48],
                "tokens": [2**17, 2**18, 2**19, 2**20],
            },
            live={"width": [8, 16], "tokens": [2**17]},
            seeds=2, live_seeds=1,
        ),
        Task(
            name="mnist1d",
            what="classifying signals after a number of examples, by an MLP and by a CNN",
            run=mnist1d.run, truth=mnist1d.truth,
            x=("samples",), y="error", curves=("model",),
            full={
                "model": ["mlp", "cnn"],
                "samples": [2**power for power in range(8, 16)],
            },
            live={"model": ["mlp"], "samples": [256, 2048]},
            seeds=3, live_seeds=1,
        ),
        Task(
            name="teacher_student",
            what="learning a random network of 4 or 8 inputs by students of growing width",
            run=teacher_student.run, truth=teacher_student.truth,
            x=("parameters",), y="loss", curves=("dimensions",),
            full={"dimensions": [4, 8], "width": [4, 6, 8, 12, 16, 24, 32, 48]},
            live={"dimensions": [4], "width": [8, 24]},
            seeds=4, live_seeds=1,
        ),
        Task(
            name="shapes",
            what="telling circles, squares and triangles after a number of pictures",
            run=shapes.run, truth=shapes.truth,
            x=("samples",), y="error", curves=(),
            full={"samples": [2**power for power in range(6, 14)]},
            live={"samples": [64, 1024]},
            seeds=2, live_seeds=1,
        ),
        Task(
            name="groups",
            what="one linear classifier for two groups of unequal share and unequal error",
            run=groups.run, truth=groups.truth,
            x=("samples",), y="error", curves=("share",),
            full={
                "share": [0.02, 0.1, 0.3, 0.5],
                "samples": [2**power for power in range(5, 14)],
            },
            live={"share": [0.1, 0.5], "samples": [32, 128, 512, 2048]},
            seeds=20, live_seeds=20,
        ),
    )
}  # fmt: skip

__all__ = [
    "TASKS",
    "Task",
    "characters",
    "groups",
    "lexicon",
    "mnist1d",
    "recorded_sweep",
    "shapes",
    "spectrum",
    "teacher_student",
    "zipf",
]
