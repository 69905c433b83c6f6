"""A class of notebooks: `course grade` in its sandbox beside `nbgrader autograde`.

    python benchmarks/grading.py            # half an hour on two cores; prints, writes nothing
    python benchmarks/grading.py --quick    # five minutes

Each side grades the same class (import NumPy, pandas, Matplotlib, PyTorch; an answer; a check) in a
course of its own, start-up included. The ways take turns; a ratio is the median of its rounds.

*CPU a notebook* is the processor time of the command with all processes below it, over notebooks.
*Beyond cells* is what is left of it when what the cells use is taken away: the same three cells run
by ``exec`` in one plain process, for cold kernels and nbgrader the first time (with the imports),
for warm ones once all is imported. *Memory* is the largest sum of all processes' proportional
shares (what forks share counts once), looked at four times a second; as an ordinary user the first
processes of sandboxes are closed to it, a few MiB each.

Beside each figure stands the load: how many processes wanted to run in the minute before. Above the
number of cores, somebody else worked too, and wall times say less than ratios of CPU time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from statistics import median

import grading_class
import numpy as np
from grading_class import (
    HEAVY,
    SETUP,
    TRIVIAL,
    Taken,
    make_class,
    own_cpu,
    prepare_otter,
    run,
    scores,
    some_of,
)

from course_lib import fit_power_law
from course_lib.devices import cores, describe, fingerprint
from course_lib.grading.running.kernel import Kernel
from course_lib.grading.running.settings import complete
from course_lib.grading.sandbox.kernels import kernel_manager
from course_lib.grading.tasks import MIB, Limits
from course_lib.grading.warm import sharing

GRADE = ("-m", "course_lib.cli", "grade", "ps1")
WARM, COLD, PLAIN, STOCK = "course grade", "... --cold", "... --unsandboxed", "nbgrader autograde"
OTTER = "otter-grader"
WAYS = {
    WARM: GRADE,
    COLD: (*GRADE, "--cold"),
    PLAIN: (*GRADE, "--unsandboxed"),
    STOCK: ("-m", "nbgrader", "autograde", "ps1"),
    OTTER: ("-c", grading_class.OTTER),
}


class Bench:
    """Grades copies of classes in a scratch folder, and keeps what each took."""

    def __init__(self, scratch: Path, workers: int) -> None:
        self.scratch, self.workers = scratch, workers
        self._number = count()

    def new_class(self, students: int, cells: tuple[str, str, str]) -> Path:
        """A class; grade copies of it."""
        return make_class(self.scratch / f"class-{next(self._number)}", students, cells)

    def grade(self, way: str, whole: Path, students: int, workers: int | None = None) -> Taken:
        """Grade some students of a class in one way; each must get its point."""
        course = some_of(whole, self.scratch / f"course-{next(self._number)}", students)
        asked = ("--workers", str(workers or self.workers)) if WAYS[way][:4] == GRADE else ()
        if way == OTTER:
            prepare_otter(course, HEAVY[2])
        taken = run(course, *WAYS[way], *asked)
        if way != OTTER and scores(course) != [1.0] * students:
            raise RuntimeError(f"{way} gave other points than one to each")
        return taken

    def rounds(self, ways: tuple[str, ...], whole: Path, students: int, times: int) -> dict:
        """Ways by turns; what each took, by way."""
        taken: dict[str, list[Taken]] = {way: [] for way in ways}
        for _ in range(times):
            for way in ways:
                taken[way].append(self.grade(way, whole, students))
        return taken


def ratio(over: list[Taken], under: list[Taken], what: Callable[[Taken], float]) -> str:
    """The median of ratios within rounds, and all of them."""
    each = [what(one) / what(other) for one, other in zip(over, under, strict=True)]
    shown = ", ".join(f"{one:.2f}" for one in sorted(each))
    return f"{median(each):.2f} ({shown})" if len(each) > 1 else f"{each[0]:.2f}"


def wall(taken: Taken) -> float:
    """Seconds on the clock."""
    return taken.wall


def cpu(taken: Taken) -> float:
    """Seconds of processors."""
    return taken.cpu


def compare_ways(bench: Bench, notebooks: int, rounds: int) -> None:
    """The import-heavy class, side by side."""
    whole = bench.new_class(notebooks, HEAVY)
    taken = bench.rounds((WARM, STOCK), whole, notebooks, rounds)
    others = (COLD, PLAIN) if find_spec("otter") is None else (COLD, PLAIN, OTTER)
    taken |= bench.rounds(others, whole, notebooks, 1)
    first, later = own_cpu(HEAVY)
    print(f"\n{notebooks} notebooks that import NumPy, pandas, Matplotlib, PyTorch")
    print(f"(their cells alone: {first:.2f} CPU s with the imports, {later:.3f} without)")
    head = f"  {'':20}{'notebooks/s':>12}{'CPU s each':>12}{'beyond cells':>14}"
    print(f"{head}{'memory MiB':>12}{'load':>7}")
    for way, all_rounds in taken.items():
        each = median(map(cpu, all_rounds)) / notebooks
        beyond = each - (later if way == WARM else first)
        print(
            f"  {way:20}{notebooks / median(map(wall, all_rounds)):12.2f}{each:12.2f}{beyond:14.2f}"
            f"{max(one.peak for one in all_rounds) / MIB:12.0f}"
            f"{median(one.load for one in all_rounds):7.1f}"
        )
    if OTTER not in taken:
        print(f"  {OTTER} is not installed here, and not compared")
    print(f"  times nbgrader, wall: {ratio(taken[STOCK], taken[WARM], wall)}   target: at least 8")
    print(f"  times nbgrader, CPU:  {ratio(taken[STOCK], taken[WARM], cpu)}")
    print("  target for CPU beyond cells: at most 0.30 a notebook")


def sandbox_cost(bench: Bench, notebooks: int, rounds: int) -> None:
    """Cold sandboxed kernels over plain ones: the same class, one thread each, by turns."""
    print("\nwhat the sandbox costs: --cold over --unsandboxed    target: under 1.05")
    for name, cells in (("trivial cells", TRIVIAL), ("with the imports", HEAVY)):
        whole = bench.new_class(notebooks, cells)
        taken = bench.rounds((COLD, PLAIN), whole, notebooks, rounds)
        print(
            f"  {name:18} wall {ratio(taken[COLD], taken[PLAIN], wall)}   "
            f"CPU {ratio(taken[COLD], taken[PLAIN], cpu)}   load {taken[PLAIN][-1].load:.1f}"
        )


def first_cell(warm: bool, level: str = "sandbox") -> float:
    """Seconds from asking for a kernel to the answer of its first cell, which imports."""
    limits = Limits()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        begun = time.perf_counter()
        kernel = Kernel(
            lambda: kernel_manager(place, limits, level=level, warm=warm),
            place, complete({}), limits.output_bytes,
        )  # fmt: skip
        try:
            asked = kernel.channels.send("execute_request", {"code": SETUP, "silent": False})
            while not _answers(kernel.listen(60.0), asked):
                pass
            return time.perf_counter() - begun
        finally:
            kernel.end()


def _answers(message: object, asked: str) -> bool:
    if message is None or message.body is None or message.channel != "shell":
        return False
    if message.body["parent_header"].get("msg_id") != asked:
        return False
    if message.body["content"].get("status") != "ok":
        raise RuntimeError(f"the cell failed: {message.body['content']}")
    return True


def requests(times: int) -> None:
    """From a request to the first executed cell."""
    print("\nfrom the request for a kernel to the end of its first cell (the imports), seconds")
    for name, how, number in (
        ("warm, isolated", {"warm": True}, 4 * times),
        ("cold, isolated", {"warm": False}, times),
        ("plain kernel", {"warm": False, "level": "none"}, times),
    ):
        if how["warm"]:
            first_cell(**how)  # starts the fork server
        each = np.array([first_cell(**how) for _ in range(number)])
        low, high = np.quantile(each, [0.1, 0.9])
        print(f"  {name:16} {np.median(each):5.2f}  (middle four fifths {low:.2f} to {high:.2f})")
    sharing.close_shared()
    print("  target, warm: under 0.30")


def growth(bench: Bench, sizes: list[int]) -> None:
    """How wall and CPU seconds grow with the class, and what a second worker is worth."""
    whole = bench.new_class(max(sizes), HEAVY)
    taken = [bench.grade(WARM, whole, size) for size in sizes]
    print(f"\nclasses of {', '.join(map(str, sizes))}, import-heavy: E + A n^s    target: s = 1")
    for name, what in (("wall", wall), ("CPU", cpu)):
        seconds = np.array([what(one) for one in taken])
        with warnings.catch_warnings(record=True) as caught:
            law = fit_power_law(np.array(sizes, float), seconds, direction="grows")
        s = law.estimate("exponent")
        shown = ", ".join(f"{one:.1f}" for one in seconds)
        print(f"  {name:5} {shown} s; {law.E:.1f} s at once, and {law.A:.2f} s for the first")
        print(f"        exponent {s.value:.2f}, 90 % interval {s.low:.2f} to {s.high:.2f}")
        for one in caught:
            print(f"        ({one.message})")
    middle = sizes[-2]
    two = taken[-2] if bench.workers == 2 else bench.grade(WARM, whole, middle, 2)
    one = bench.grade(WARM, whole, middle, 1)
    print(
        f"  {middle} notebooks with one worker {one.wall:.1f} s, two {two.wall:.1f} s: "
        f"{one.wall / two.wall:.2f} times; CPU {one.cpu:.1f} and {two.cpu:.1f} s; "
        f"load {one.load:.1f} and {two.load:.1f}"
    )


def many(bench: Bench, notebooks: int, beside: int) -> None:
    """A large class of trivial notebooks; nbgrader's pace on a part of it."""
    whole = bench.new_class(notebooks, TRIVIAL)
    ours, stock = bench.grade(WARM, whole, notebooks), bench.grade(STOCK, whole, beside)
    print(f"\n{notebooks} trivial notebooks (nbgrader: {beside} of them)")
    for name, number, one in ((WARM, notebooks, ours), (STOCK, beside, stock)):
        print(
            f"  {name:20}{one.wall:8.1f} s  {number / one.wall:6.2f} notebooks/s  "
            f"{one.cpu / number:.2f} CPU s each  {one.peak / MIB:.0f} MiB  load {one.load:.1f}"
        )


def parts(bench: Bench, asked: argparse.Namespace) -> Iterator[Callable[[], None]]:
    """The whole run, or a quick one."""
    quick = asked.quick
    notebooks = asked.notebooks or (10 if quick else 40)
    yield lambda: compare_ways(bench, notebooks, 1 if quick else 3)
    yield lambda: sandbox_cost(bench, 4 if quick else 10, 1 if quick else 3)
    yield lambda: requests(3 if quick else 5)
    yield lambda: growth(bench, [4, 8, 16, 32] if quick else [5, 10, 20, 40, 80, 160])
    yield lambda: many(bench, asked.many or (50 if quick else 1000), 10 if quick else 40)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebooks", type=int, help="in the import-heavy class: 40, quick 10")
    parser.add_argument("--many", type=int, help="trivial notebooks: 1000, quick 50")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="smaller classes, one round")
    asked = parser.parse_args()
    print(f"{describe(fingerprint())}; {asked.workers} workers on {cores()} cores")
    with tempfile.TemporaryDirectory() as scratch:
        for part in parts(Bench(Path(scratch), asked.workers), asked):
            part()


if __name__ == "__main__":
    main()
