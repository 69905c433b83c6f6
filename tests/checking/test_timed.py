"""The experiment on sides whose seconds are made up: what is decided, and what a person decides."""

import random

import pytest

from course_lib.checking import Context, Timed, probe, timed
from course_lib.checking.probing import NotYet
from course_lib.checking.questions import Question
from course_lib.checking.timed import BLOCKS, ROUND, experiment, take_turns

CALLS = 2 * BLOCKS
NOTHING = 0.002  # seconds that a request takes by itself


def reference(n):
    return n + 1


def side(work, noise=0.0, seed=0, cut_at=None, wrong=()):
    """A side whose calls take so many seconds, with noise that lasts for whole blocks."""
    rng = random.Random(seed)

    def call(places):
        spent = NOTHING + work * len(places) * rng.uniform(1 - noise, 1 + noise)
        if cut_at is not None and places[0] >= cut_at:
            return spent, None
        return spent, [{"value": -1 if place in wrong else place + 1} for place in places]

    return call


def judged(student, at_most=3.0, own=None, control=None, first=None):
    """The judgement on a student's side, by a question like those of the checks."""
    own = own or side(0.01, 0.05)
    measured = experiment(student, own, control or side(0.01, 0.05, 1), side(0.0), CALLS, at_most)

    def fast(context):
        timing = yield Timed([(n,) for n in range(CALLS)], reference, at_most)
        for place, got in timing.answers:
            if got != place + 1:
                return "that is not one more"
        return timing.judgement("think about what you do twice")

    answers = first or [{"value": place + 1} for place in range(2)]
    return Question("fast", fast).judge(Context(None), {"answers": answers}, measured)


def test_a_ratio_of_work_is_found_and_requests_are_subtracted():
    for times in (0.5, 1, 2, 5):
        found = take_turns(side(0.01 * times), side(0.01), side(0.0), CALLS)
        assert found.ratios == pytest.approx([times] * ROUND)
        assert len(found.answers) == 2 * (ROUND + 1)


@pytest.mark.parametrize(
    ("times", "at_most", "share"),
    [(1, 3.0, 1.0), (2.3, 3.0, 1.0), (4, 3.0, 0.0), (50, 3.0, 0.0), (0.1, 0.2, 1.0), (1, 0.2, 0.0)],
)
def test_below_the_bound_is_right_and_above_it_is_not_yet(times, at_most, share):
    told = judged(side(0.01 * times, 0.05, 2), at_most)
    assert told.share == share
    assert "times the processor time of the reference" in told.reason
    assert ("think about what you do twice" in told.reason) == (share == 0.0)


def test_on_the_bound_a_second_round_is_taken_and_then_a_person_decides():
    counted = []

    def student(places):
        counted.append(places)
        return side(0.03, 0.05, len(counted))(places)

    told = judged(student)
    assert told.share is None and "too near to the bound" in told.reason
    assert len(counted) == BLOCKS
    assert len({place for places in counted for place in places}) == CALLS  # nothing comes twice


@pytest.mark.parametrize("times", [0.1, 1, 100])
def test_where_the_reference_is_not_itself_nothing_is_decided(times):
    noisy = judged(side(0.01 * times), own=side(0.01, 0.9), control=side(0.01, 0.9, 1))
    biased = judged(side(0.01 * times), control=side(0.014))
    for told in (noisy, biased):
        assert told.share is None and "this machine cannot time as it is" in told.reason


def test_a_burst_is_over_when_the_reference_is_tried_again():
    seconds = iter([0.02] * (ROUND + 1) + [0.01] * (ROUND + 1))
    assert judged(side(0.01), control=lambda places: side(next(seconds))(places)).share == 1.0


def test_a_function_that_comes_to_no_end_is_too_slow_if_it_worked_meanwhile():
    slow = judged(side(5.0, cut_at=0))
    assert slow.share == 0.0
    sleeps = judged(side(0.0, cut_at=0))
    assert sleeps.share is None and "its time was used up" in sleeps.reason
    assert judged(side(0.01, cut_at=8)).share is None  # never right: some answers did not come


def test_where_the_reference_comes_to_no_end_or_does_nothing_nobody_is_judged():
    assert judged(side(0.01), own=side(0.01, cut_at=4)).share is None
    told = judged(side(1e-5), own=side(1e-5), control=side(1e-5))
    assert told.share is None and "too little" in told.reason


def test_all_answers_are_judged_however_fast_they_came():
    assert judged(side(0.001, wrong={17})).reason == "that is not one more"
    assert judged(side(0.001), first=[{"value": 1}, {"value": 1}]).share == 0.0
    assert judged(side(0.001), first=[{"value": 1}, {"error": "it raised"}]).share == 0.0


def test_a_call_that_fails_only_where_it_is_timed_is_left_to_a_person():
    def no_process(places):
        return 0.02, [{"error": "it raised PermissionError"} for _ in places]

    told = judged(no_process)
    assert told.share is None and "PermissionError" in told.reason


def test_what_was_not_timed_is_left_to_a_person():
    def fast(context):
        timing = yield Timed([(n,) for n in range(CALLS)], reference, 3.0)
        return timing.judgement("")

    told = Question("fast", fast).judge(Context(None), {"answers": [{"value": 1}] * 2})
    assert told.share is None and "course grade" in told.reason


@pytest.mark.parametrize(
    ("arguments", "at_most", "said"),
    [
        ([(n,) for n in range(CALLS)], 1.2, "a wide bound"),
        ([(n,) for n in range(CALLS)], 0.9, "a wide bound"),
        ([(n,) for n in range(CALLS)], 0.0, "a wide bound"),
        ([(n,) for n in range(BLOCKS - 1)], 3.0, "too few"),
        ([(n // 2,) for n in range(CALLS)], 3.0, "looked up"),
    ],
)
def test_what_cannot_be_judged_fairly_is_not_asked(arguments, at_most, said):
    with pytest.raises(ValueError, match=said):
        Timed(arguments, reference, at_most)


CHECKS = """
from course_lib.checking import Timed, question


def total(n):
    return sum(i for i in range(n))


@question
def fast(context):
    numbers = [(int(n),) for n in context.rng.choice(range(20_000, 22_000), 50, replace=False)]
    timing = yield Timed(numbers, total, at_most=3.0)
    for place, got in timing.answers:
        if got != total(*numbers[place]):
            return "that is not the sum"
    return timing.judgement("add each number once")
"""


def test_in_the_notebook_the_same_experiment_says_how_it_would_look(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(timed, "unfit", lambda control: "")  # however busy this machine is
    (tmp_path / "checks.py").write_text(CHECKS)
    probe("fast", lambda n: n * (n - 1) // 2)
    assert "fast: right, on the public inputs" in capsys.readouterr().out
    with pytest.raises(NotYet, match="add each number once"):
        probe("fast", lambda n: max(sum(i for i in range(n)) for _ in range(8)))
    with pytest.raises(NotYet, match="that is not the sum"):
        probe("fast", lambda n: n)
