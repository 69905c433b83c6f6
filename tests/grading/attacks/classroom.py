"""Attacks handed in as a class: a real nbgrader course, graded by nbgrader itself or by ours.

Beside the attackers sit two honest students, the first and the last of the class: what they get,
and what lies in their folders, is nobody else's business.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import string
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.grading.commands import nbgrader
from course_lib.grading.course import open_course
from course_lib.grading.grade import Options, grade
from course_lib.grading.tasks import MIB, Limits
from tests.grading.attacks.attacks import Attack
from tests.grading.attacks.forgery import RIGHT, WRONG, Forgery
from tests.grading.attacks.harness import secret_environment, terminal_at
from tests.grading.attacks.world import World, make_world
from tests.grading.guard.material import KERNEL, marked

FULL = 6.0
FIRST, LAST = "ada", "zoe"
WAYS = ("stock", "warm", "cold")
SAID_OF_TAMPERING = (*("the notebook's own", "must fail", "was shown as", "answered twice"),)
# Small, so that what is caught is caught soon, and enough for what an honest student needs: a fork
# that has PyTorch takes more address space than this.
PRELOAD = ("math",)
LIMITS = Limits(
    cell_seconds=30,
    memory_bytes=1024 * MIB,
    disk_bytes=32 * MIB,
    file_bytes=8 * MIB,
    processes=100,
    cpu_seconds=4,
)


def source_notebook() -> Any:
    """Each way in which a cell earns points: assertions, hidden ones, partial credit, a clock."""
    checks = {
        ("test-square", 2): "assert square(3) == 9\n"
        "### BEGIN HIDDEN TESTS\nassert square(7) == 49\n### END HIDDEN TESTS",
        ("test-close", 1): "import math\nvalue = square(2.5)\nassert math.isclose(value, 6.25)",
        ("test-module", 1): "import colorsys\nvalue = square(2.5)\n"
        "assert colorsys.rgb_to_hsv(0, 0, value)[2] == 6.25",
        ("test-half", 1): "sum(square(x) == x * x for x in (1, 2)) / 2",
        ("test-fast", 1): "import time\nbegin = time.perf_counter()\nvalue = square(2)\n"
        "taken = time.perf_counter() - begin\nassert value == 4 and taken < 1",
    }
    answer = f"### BEGIN SOLUTION\n{RIGHT}\n### END SOLUTION"
    cells = [marked(new_code_cell, "square", answer, solution=True)]
    cells += [
        marked(new_code_cell, name, text, grade=True, locked=True, points=points)
        for (name, points), text in checks.items()
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


def make_course(folder: Path) -> Path:
    """A course directory with the assignment ps1 (one notebook, p1) released."""
    (folder / "source" / "ps1").mkdir(parents=True)
    config = ("CourseDirectory.course_id = 'c'", "ExecutePreprocessor.timeout = 60")
    text = "c = get_config()\n" + "".join(f"c.{line}\n" for line in config)
    (folder / "nbgrader_config.py").write_text(text)
    nbformat.write(source_notebook(), folder / "source" / "ps1" / "p1.ipynb")
    nbgrader(folder, "generate_assignment", "ps1", "--create")
    return folder


def hand_in(course: Path, student: str, forgery: Forgery, cells: Sequence[str] = ()) -> None:
    """Hand in the release with an answer, cells of the student's own after it, edits, and files."""
    notebook = json.loads((course / "release" / "ps1" / "p1.ipynb").read_text())
    places = string.Template(forgery.answer).safe_substitute(course=course)
    [at] = [
        index
        for index, cell in enumerate(notebook["cells"])
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "square"
    ]
    notebook["cells"][at]["source"] = places
    own = [json.loads(json.dumps(new_code_cell(source))) for source in cells]
    notebook["cells"][at + 1 : at + 1] = own
    if forgery.edit is not None:
        forgery.edit(notebook)
    folder = course / "submitted" / student / "ps1"
    folder.mkdir(parents=True)
    (folder / "p1.ipynb").write_text(json.dumps(notebook))
    for name, text in forgery.files.items():
        (folder / name).write_text(text)


@dataclass(frozen=True)
class Outcome:
    """What came of a submission.

    ``worked``: the attack got what it must not have. ``touched``: something out of bounds changed
    (of an honest student: what that student handed in and got back). ``alive``: processes that were
    left. ``score`` is None where the gradebook has none; ``earned`` is what the answer is worth.
    """

    earned: float
    score: float | None
    state: str = ""
    reasons: tuple[str, ...] = ()
    worked: bool = False
    touched: bool = False
    alive: tuple[str, ...] = ()

    @property
    def forged(self) -> bool:
        """Whether there are points that were not earned."""
        return self.score is not None and self.score > self.earned

    @property
    def harm(self) -> bool:
        """Whether there is anything that must not be."""
        return self.worked or self.touched or bool(self.alive)

    @property
    def suspected(self) -> bool:
        """Whether the instructor is told of tampering."""
        return any(word in reason for reason in self.reasons for word in SAID_OF_TAMPERING)


@dataclass
class Class:
    """A course in which attacks and forgeries were handed in, and the worlds that they aim at."""

    course: Path
    attacks: dict[str, Attack]
    forgeries: dict[str, Forgery]
    worlds: dict[str, World] = field(default_factory=dict)

    def earned(self, student: str) -> float:
        """What a student's answer is worth; every second attack comes with a right one."""
        if student in self.forgeries:
            return self.forgeries[student].earned
        right = student in (FIRST, LAST) or sorted(self.attacks).index(student) % 2 == 0
        return FULL if right else 0.0


@contextlib.contextmanager
def seated(
    release: Path,
    folder: Path,
    attacks: Sequence[Attack] = (),
    forgeries: Sequence[Forgery] = (),
) -> Iterator[Class]:
    """A class in a copy of a released course, in a new folder."""
    made = Class(
        folder / "course",
        {attack.name: attack for attack in attacks},
        {forgery.name: forgery for forgery in forgeries},
    )
    shutil.copytree(release, made.course)
    for name in (FIRST, LAST):
        hand_in(made.course, name, Forgery(name, "none", RIGHT, files={"own.txt": name}))
    for name, forgery in made.forgeries.items():
        hand_in(made.course, name, forgery)
    (folder / "worlds").mkdir()
    (folder / "worlds" / "terminal").touch()
    with contextlib.ExitStack() as stack:
        for name, attack in made.attacks.items():
            world = stack.enter_context(make_world(folder / "worlds" / name))
            stack.enter_context(secret_environment(world))
            world.folder = made.course / "autograded" / name / "ps1"
            made.worlds[name] = world
            cells = [string.Template(one).safe_substitute(world.names) for one in attack.cells]
            answer = RIGHT if made.earned(name) else WRONG
            given = Forgery(name, attack.mechanism, answer, files=attack.files)
            hand_in(made.course, name, given, cells)
        yield made


def graded(made: Class, way: str, workers: int = 2) -> dict[str, Outcome]:
    """Grade a class by stock nbgrader, or by ours with warm or cold kernels; what came of it."""
    if way not in WAYS:
        raise ValueError(f"way is {way!r}; allowed are {', '.join(WAYS)}")
    rows = {}
    with terminal_at(made.course.parent / "worlds" / "terminal"):
        if way == "stock":
            nbgrader(made.course, "autograde", "ps1", check=False, shown=True)
        else:
            warm = way == "warm"
            options = Options(workers=workers, warm=warm, preload=PRELOAD, limits=LIMITS)
            rows = {row.student: row for row in grade(open_course(made.course, "ps1"), options)}
    time.sleep(0.2)  # what lives on has time to be seen
    scores = scores_of(made.course)
    found = {}
    for name in (FIRST, LAST, *made.forgeries, *made.attacks):
        given: dict[str, Any] = {"earned": made.earned(name), "score": scores.get(name)}
        if name in rows:
            given |= {"state": rows[name].state, "reasons": rows[name].reasons}
        if name in made.worlds:
            given |= _harm(made.worlds[name], made.attacks[name])
        if name in (FIRST, LAST):
            given |= {"touched": not _is_in_order(made.course, name)}
        found[name] = Outcome(**given)
    return found


def _harm(world: World, attack: Attack) -> dict[str, Any]:
    alive = tuple(world.left_processes())
    notebook = world.folder / "p1.ipynb"
    text = notebook.read_text() if notebook.is_file() else ""
    harm = attack.harm is not None and world.folder.is_dir() and attack.harm(world)
    for process in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(process.split()[0]), 9)
    worked = world.marker in text or harm
    return {"worked": worked, "touched": not world.untouched(), "alive": alive}


def _is_in_order(course: Path, name: str) -> bool:
    """Whether an honest student's files are as they were handed in, and came back."""
    places = [course / step / name / "ps1" for step in ("submitted", "autograded")]
    notebooks = [(place / "p1.ipynb") for place in places]
    return all((place / "own.txt").is_file() for place in places) and all(
        (place / "own.txt").read_text() == name and RIGHT in _sources(notebook)
        for place, notebook in zip(places, notebooks, strict=True)
    )


def _sources(notebook: Path) -> list[str]:
    try:
        cells = json.loads(notebook.read_text()).get("cells", [])
    except (OSError, ValueError):
        return []
    return ["".join(cell["source"]) for cell in cells]


def scores_of(course: Path) -> dict[str, float]:
    """What the gradebook says, of those who have a submission in it."""
    from nbgrader.api import Gradebook

    # one of the attacks keeps it locked for a while
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}?timeout=60", "c") as gradebook:
        submissions = gradebook.assignment_submissions("ps1")
        return {one.student.id: one.score for one in submissions}


def run_class(release: Path, folder: Path, way: str, **handed_in: Any) -> dict[str, Outcome]:
    """Seat a class in a new folder, and grade it."""
    folder.mkdir(parents=True)
    with seated(release, folder, **handed_in) as made:
        return graded(made, way)


def report(outcomes: dict[str, Outcome]) -> str:
    """Outcomes as JSON, for a program that runs as another user."""
    return json.dumps({name: asdict(one) for name, one in outcomes.items()})


def read_report(text: str) -> dict[str, Outcome]:
    """What `report` wrote."""
    return {
        name: Outcome(**{**one, "reasons": tuple(one["reasons"]), "alive": tuple(one["alive"])})
        for name, one in json.loads(text).items()
    }
