"""Processor time of a run: what its kernels took and what running them took, each counted once."""

from dataclasses import replace

import pytest

from course_lib.grading.running import run
from tests.grading.running.helpers import cells_of, shown, task

SECONDS = 1.5
# A kernel's own clock: all that its process has taken, the start of a cold one included.
BURN = f"""
import time
until = time.process_time() + {SECONDS}
while time.process_time() < until:
    pass
print(time.process_time())
"""
sandboxed = pytest.mark.needs("sandbox")
KINDS = [
    pytest.param({"level": "sandbox", "preload": ("json",)}, marks=sandboxed, id="warm"),
    pytest.param({"level": "sandbox", "warm": False}, marks=sandboxed, id="cold"),
    pytest.param({"level": "none"}, id="unsandboxed"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_processor_time_is_counted_once(kind):
    chosen = replace(task(BURN), **kind)
    run(replace(chosen, notebooks={}))  # what is imported once is not counted
    result = run(chosen)
    assert result.problem is None
    taken = float(shown(cells_of(result)[0]))
    assert SECONDS <= taken <= result.cpu_seconds < 1.5 * taken


@sandboxed
def test_a_cell_that_starts_processes_pays_for_them():
    several = (
        "import subprocess, sys\n"
        "program = 'import time\\nwhile time.process_time() < 1: pass'\n"
        "children = [subprocess.Popen([sys.executable, '-Ic', program]) for _ in range(2)]\n"
        "[child.wait() for child in children]\n"
    )
    result = run(replace(task(several), level="sandbox", preload=("json",)))
    assert 2 <= result.cpu_seconds < 3.5
