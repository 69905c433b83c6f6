"""Whoever controls the interpreter controls no verdict: attacks on probes, and on assertions."""

from dataclasses import replace

import pytest

from course_lib.grading.tasks import MIB, Limits
from tests.grading.attacks.forgeries import FORGERIES
from tests.grading.trusted.material import ANSWERS, grade_all, hand_in, points
from tests.grading.trusted.probing_attacks import PROBING

pytestmark = pytest.mark.needs("sandbox")
LIMITS = Limits(cell_seconds=15.0, memory_bytes=4096 * MIB)
FEW = {
    *("replay-public-answers", "patch-answer", "always-equal", "lying-float", "read-frames"),
    *("read-secret", "detect-grading", "time-bomb", "forge-array", "end-before"),
}
OTHERS = {"half": 4.0, "count-of-records": 1.0}  # what the rest of the notebook earns


def grade_attacks(folder, attacks, **options):
    """A class of attackers with an honest student, graded; its rows."""
    hand_in(folder, "honest")
    for attack in attacks:
        hand_in(folder, attack.name, {"square-answer": attack.answer})
    return grade_all(folder, workers=2, limits=LIMITS, **options)


def check(folder, rows, attacks):
    """No attack has the points that it wants, and those are told of which it is said."""
    assert points(folder, "honest") == {"square": 2.0} | OTHERS
    assert rows["honest"].reasons == ()
    forged = [one.name for one in attacks if points(folder, one.name)["square"] != 0.0]
    assert forged == []
    told = {one.name for one in attacks if any("answers" in r for r in rows[one.name].reasons)}
    assert told >= {one.name for one in attacks if one.flagged}


def test_there_are_thirty_mechanisms_or_more():
    assert len({attack.mechanism for attack in PROBING}) == len(PROBING) >= 30


def test_the_few_forge_nothing(new_course):
    folder = new_course()
    attacks = [one for one in PROBING if one.name in FEW]
    assert len(attacks) == len(FEW)
    check(folder, grade_attacks(folder, attacks), attacks)


@pytest.mark.slow
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_no_attack_on_a_probe_forges_a_point(new_course, warm):
    folder = new_course()
    check(folder, grade_attacks(folder, PROBING, warm=warm), PROBING)


@pytest.mark.slow
def test_what_forges_assertions_forges_no_value(new_course):
    """Every forgery against plain assertions, those included that succeed there."""
    folder = new_course()
    attacks = [one for one in FORGERIES if one.earned == 0 and one.edit is None and not one.files]
    assert sum(one.works for one in attacks) >= 20
    hand_in(folder, "honest")
    for attack in attacks:
        hand_in(folder, attack.name, ANSWERS | {"square-answer": attack.answer})
    grade_all(folder, workers=2, limits=replace(LIMITS, processes=100))
    assert points(folder, "honest") == {"square": 2.0} | OTHERS
    forged = [one.name for one in attacks if (points(folder, one.name)["square"] or 0.0) > 0.0]
    assert forged == []
