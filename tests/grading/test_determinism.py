"""One class graded many times, quiet and beside busy processes: one gradebook."""

import itertools

import pytest

from course_lib.metering import busy_neighbours
from tests.grading.classes import graded, make_class, outcome
from tests.grading.faking import copy_of
from tests.grading.guard.material import released, solved, submit

pytestmark = [pytest.mark.needs("sandbox"), pytest.mark.slow]
TIMES = 20
BUSY = 4
ODD = {  # what ends its kernel, takes too long, floods, forges, or leaves things behind
    "fay": "import os\nos._exit(1)",
    "gus": "import time\ntime.sleep(60)",
    "hal": "for _ in range(30):\n    print('x' * 10**6)",
    "ivy": "import subprocess\nsubprocess.Popen(['sleep', '1000'])\n",
    "jon": "__builtins__.print = lambda *given: None\nimport os\nos.symlink('/etc/passwd', 'link')",
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = make_class(tmp_path_factory.mktemp("class") / "course")
    for student, answer in ODD.items():
        answer += "\ndef square(x):\n    return x * x"
        submit(folder, student, solved(released(folder), answer))
    return folder


def test_every_run_gives_the_same_gradebook(course, tmp_path):
    ways = itertools.cycle(itertools.product(([], ["--cold"]), ("2", "1"), (0, BUSY)))
    first = None
    for number, (kind, workers, busy) in zip(range(TIMES), ways, strict=False):
        copy = copy_of(course, tmp_path / str(number))
        with busy_neighbours(busy):
            rows, _, said = graded(copy, "--workers", workers, "--timeout", "15", *kind)
        assert len(rows) == 10, said
        found = {name: (row["state"], row["score"]) for name, row in rows.items()}, outcome(copy)
        first = first or found
        assert found[0] == first[0], (number, kind, workers, busy)
        assert found[1] == first[1], (number, kind, workers, busy)
    assert first[0]["ada"] == ("graded", 3.0) and first[0]["eve"][0] == "inconclusive"
