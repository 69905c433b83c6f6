"""The same submissions get the same points however busy the machine is that grades them."""

import itertools
from collections import Counter

import pytest

from course_lib.grading.check_assignment import check_assignment
from tests.exercises.judging import EXERCISES, graded_again

NAME = "03-measure"
KEPT = ("complete", "straight-line", "milliseconds", "unusual-arrays")
ROUNDS = 13  # of the class: 52 gradings, once or twice in each way

pytestmark = [pytest.mark.slow, pytest.mark.needs("sandbox")]


def test_load_workers_and_threads_change_no_point(tmp_path, capsys):
    report = check_assignment(NAME, EXERCISES, tmp_path / "course", progress=str)
    course = report.grades.parent
    expected = {}
    for graded in report.graded:
        name = graded.sample.name
        if name in KEPT:
            expected[name] = graded.sample.points
        else:
            for step in ("submitted", "autograded"):
                (course / step / name).rename(tmp_path / f"{step}-{name}")
    ways = list(itertools.product((0, 2, 4), (1, 2), (1, 2)))
    table = Counter()
    for busy, workers, threads in itertools.islice(itertools.cycle(ways), ROUNDS):
        got = graded_again(course, NAME, busy, workers, OMP_NUM_THREADS=str(threads))
        for name in KEPT:
            same = "equal" if got[name] == expected[name] else "different"
            table[busy, workers, threads, same] += 1
    with capsys.disabled():
        for way, number in sorted(table.items()):
            print("busy processes {}, workers {}, threads {}: {}".format(*way), number)
    assert sum(table.values()) >= 50
    assert not any(way[-1] == "different" for way in table)
