"""Attacks on the cold sandbox: none works. The same against a plain kernel: each does.

The few that stand for all run with every test; all of them, also from an ordinary user, where slow
tests run.
"""

import json

import pytest

from tests.grading.attacks.attacks import ATTACKS
from tests.grading.attacks.harness import run_attacks
from tests.grading.sandbox.driving import as_ordinary_user

pytestmark = pytest.mark.needs("sandbox")

FEW = {
    *("read-gradebook", "read-environment-of-others", "link-to-solution", "delete-neighbour"),
    *("leave-escape-in-name", "leave-in-tmp", "fork-bomb", "eat-memory-together", "fill-disk"),
    *("stubborn-orphan", "kill-other-process", "new-user-namespace", "connect-abstract-socket"),
    *("terminal-escapes", "shadow-launcher", "signal-first-process"),
}


def check(outcomes) -> None:
    """No attack has worked, and nothing out of bounds was changed or left."""
    worked = [o.attack.name for o in outcomes.values() if o.worked or o.touched or o.alive]
    assert worked == []


def test_there_are_at_least_forty_mechanisms_that_work_against_stock():
    assert len({attack.mechanism for attack in ATTACKS if attack.stock and not attack.root}) >= 40
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def test_the_few_do_not_work(tmp_path):
    check(run_attacks([attack for attack in ATTACKS if attack.name in FEW], tmp_path))


@pytest.mark.slow
def test_no_attack_works(tmp_path):
    check(run_attacks(ATTACKS, tmp_path))


@pytest.mark.slow
def test_no_attack_works_for_an_ordinary_user():
    said = as_ordinary_user(
        "import json, tempfile; from pathlib import Path\n"
        "from tests.grading.attacks.attacks import ATTACKS\n"
        "from tests.grading.attacks.harness import run_attacks\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    found = run_attacks(ATTACKS, Path(folder), at_once=3)\n"
        "print(json.dumps([[o.attack.name, o.worked, o.touched, o.alive] for o in found.values()]))"
    )
    found = json.loads(said.strip().splitlines()[-1])
    assert len(found) == len(ATTACKS)
    assert [name for name, *harm in found if any(harm)] == []


@pytest.mark.slow
def test_every_attack_works_against_a_plain_kernel(tmp_path):
    import os

    against = [a for a in ATTACKS if a.stock and (os.geteuid() == 0 or not a.root)]
    outcomes = run_attacks(against, tmp_path, level="none")
    failed = {name for name, outcome in outcomes.items() if not outcome.worked}
    # The disk under this machine may be closed to root too; and which of Python's modules are
    # loaded before a kernel's launcher looks for them depends on what is installed.
    assert failed <= {attack.name for attack in against if attack.root} | {"shadow-standard-module"}
