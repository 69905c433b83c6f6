"""Attacks handed in: what nbgrader lets them do, and what comes of them with `course grade`.

The same class, by stock nbgrader and by ours with warm and cold kernels: an attack gets the points
of its answer and nothing else, and whoever sits beside it keeps points and files.
"""

import dataclasses
import os

import pytest

from tests.grading.attacks.attacks import ATTACKS
from tests.grading.attacks.classroom import (
    FIRST,
    FULL,
    LAST,
    make_course,
    read_report,
    run_class,
)
from tests.grading.attacks.forgeries import FORGERIES
from tests.grading.sandbox.driving import as_ordinary_user

pytestmark = pytest.mark.needs("sandbox")

OURS = ("warm", "cold")
FEW_ATTACKS = {"read-solution", "delete-neighbour", "leave-pipe", "daemon", "connect-local-port"}
FEW_FORGERIES = {
    *("skip-tag", "answer-from-neighbour", "strip-asserts", "patch-formatter", "always-equal"),
}
IN_CLASS = [one for one in FORGERIES if one.stock in ("forged", "resisted")]
ALONE = [one for one in FORGERIES if one not in IN_CLASS]


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """A course directory with the assignment released; do not change it."""
    return make_course(tmp_path_factory.mktemp("attacked") / "course")


def chosen(names, among):
    return [one for one in among if one.name in names]


def check_neighbours(outcomes):
    """The honest have their points and files, and nobody suspects them."""
    for name in (FIRST, LAST):
        one = outcomes[name]
        assert (one.score, one.touched, one.reasons) == (FULL, False, ()), (name, one)


def check_attacks(outcomes, attacks):
    """No attack has worked, and each has the points of its answer."""
    check_neighbours(outcomes)
    found = {attack.name: outcomes[attack.name] for attack in attacks}
    assert {name: one for name, one in found.items() if one.harm} == {}
    unfair = {name: one for name, one in found.items() if one.score != one.earned}
    assert unfair == {}


def check_forgeries(outcomes, forgeries):
    """Those work of which we say so, and the instructor is told of those of which we say so."""
    check_neighbours(outcomes)
    said = {one.name: (one.works, one.seen) for one in forgeries}
    found = {name: (outcomes[name].forged, outcomes[name].suspected) for name in said}
    assert found == said
    honest = [one.name for one in forgeries if not one.works]
    assert {name: outcomes[name].score for name in honest} == {
        name: outcomes[name].earned for name in honest
    }


def check_stock(outcomes, attacks, forgeries):
    """Against nbgrader itself all of them work, but for the few that are marked."""
    failed = {one.name for one in attacks if not outcomes[one.name].harm}
    as_root = {one.name for one in attacks if one.root}
    # The disk under this machine may be closed to root too; and which of Python's modules are
    # loaded before a kernel's launcher looks for them depends on what is installed. nbgrader takes
    # the permissions of the files away when all has run.
    assert failed <= as_root | {"shadow-standard-module", "leave-set-user-id"}
    forged = {one.name for one in forgeries if outcomes[one.name].forged}
    assert forged == {one.name for one in forgeries if one.stock == "forged"}


def against_stock():
    return [one for one in ATTACKS if one.stock and (os.geteuid() == 0 or not one.root)]


def test_there_are_enough_kinds():
    assert len({one.mechanism for one in ATTACKS}) >= 40
    assert len({one.mechanism for one in FORGERIES}) >= 40
    names = [one.name for one in [*ATTACKS, *FORGERIES]]
    assert len(set(names)) == len(names)
    assert all(FIRST < name < LAST for name in names)


@pytest.mark.parametrize("way", ["stock", "warm"])
def test_the_few(release, tmp_path, way):
    given = {
        "attacks": chosen(FEW_ATTACKS, ATTACKS),
        "forgeries": chosen(FEW_FORGERIES, FORGERIES),
    }
    outcomes = run_class(release, tmp_path / way, way, **given)
    if way == "stock":
        check_stock(outcomes, **given)
    else:
        check_attacks(outcomes, given["attacks"])
        check_forgeries(outcomes, given["forgeries"])


@pytest.mark.slow
def test_nearly_every_attack_works_against_stock(release, tmp_path):
    given = {"attacks": against_stock(), "forgeries": IN_CLASS}
    check_stock(run_class(release, tmp_path / "class", "stock", **given), **given)


@pytest.mark.slow
@pytest.mark.parametrize("forgery", ALONE, ids=[one.name for one in ALONE])
def test_some_end_the_class_or_spoil_it_for_others(release, tmp_path, forgery):
    outcomes = run_class(release, tmp_path / "class", "stock", forgeries=[forgery])
    honest = [outcomes[name] for name in (FIRST, LAST)]
    assert any(one.score != FULL or one.touched for one in honest), (forgery.stock, outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("way", OURS)
def test_no_attack_works_against_ours(release, tmp_path, way):
    check_attacks(run_class(release, tmp_path / "class", way, attacks=ATTACKS), ATTACKS)


@pytest.mark.slow
@pytest.mark.parametrize("way", OURS)
def test_which_forgeries_work_against_ours_and_which_are_seen(release, tmp_path, way):
    outcomes = run_class(release, tmp_path / "class", way, forgeries=FORGERIES)
    check_forgeries(outcomes, FORGERIES)


@pytest.mark.slow
@pytest.mark.parametrize("way", OURS)
@pytest.mark.parametrize("kind", ["attacks", "forgeries"])
def test_the_same_as_an_ordinary_user(way, kind):
    said = as_ordinary_user(
        "import sys, tempfile; from pathlib import Path\n"
        "from tests.grading.attacks.attacks import ATTACKS\n"
        "from tests.grading.attacks.classroom import make_course, report, run_class\n"
        "from tests.grading.attacks.forgeries import FORGERIES\n"
        "way, kind = sys.argv[1:]\n"
        "given = {'attacks': ATTACKS, 'forgeries': FORGERIES}[kind]\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    release = make_course(Path(folder) / 'release')\n"
        "    outcomes = run_class(release, Path(folder) / 'class', way, **{kind: given})\n"
        "print(report(outcomes))",
        way,
        kind,
        seconds=1200,
    )
    outcomes = read_report(said.strip().splitlines()[-1])
    check = {"attacks": check_attacks, "forgeries": check_forgeries}[kind]
    check(outcomes, {"attacks": ATTACKS, "forgeries": FORGERIES}[kind])


def test_a_report_is_read_as_it_was_written():
    from tests.grading.attacks.classroom import Outcome, report

    one = Outcome(6.0, None, "failed", ("a reason",), worked=True, alive=("7 b''",))
    assert read_report(report({"eve": one})) == {"eve": one}
    assert dataclasses.replace(one, score=7.0).forged
