"""Questions about speed: the student's function beside a reference, as a ratio of processor times.

Both get the same hidden inputs, block by block in turns. No clock of the student's is read, nothing
is asked in seconds, and the bound is wide. An interval that lies on neither side of it is not
decided here; nor is anything on a machine where the reference is not as fast as itself.
"""

from __future__ import annotations

import inspect
import json
import random
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from course_lib.checking.probing import evaluate
from course_lib.checking.questions import Failed, Judgement, read_answer
from course_lib.checking.values import pack
from course_lib.quantities import Estimate

ROUND = 12  # pairs of blocks; as many again where these do not decide
BLOCKS = 1 + 2 * ROUND  # the first is for correctness, and for warming up
TRIES = 2  # of the reference beside itself: what disturbs a machine may be over soon
FEWEST = 5  # pairs, below which an interval is the range of what was seen, and twice as wide
SPREAD = 0.03  # relative, of one process to another that runs the same
SECONDS = 15.0  # for all that is timed of one submission
LEAST_BOUND = 1.5  # nearer to 1 lies what differs from machine to machine
SAME, MOSTLY = 1.25, 0.75  # times itself, where the reference must be, and so much of its pairs
NOT_TIMED = "speed is graded by `course grade`, in its sandbox, and was not measured here"

# Answers a block of calls, given their places: processor seconds, and the packed answers, or None
# where the time was used up before they came.
Side = Callable[[range], tuple[float, list[Any] | None]]


@dataclass(frozen=True)
class Timed:
    """Ask for the student's function to be called and timed beside a reference.

    Parameters
    ----------
    arguments : sequence of tuple
        One for each call; `BLOCKS` or more, and no two alike, so that nothing can be looked up.
        Small (they are sent as text), and of so much work that a block, a `BLOCKS`-th of them,
        takes the reference 20 ms or more.
    reference : function
        Of the file of checks. Only its own text runs, in a kernel of its own: it imports inside
        whatever it needs.
    at_most : float
        How many times the reference's processor time is allowed. Away from 1 by `LEAST_BOUND`:
        above it beside a good reference, below it beside a plain one that is to be improved on.
    """

    arguments: Sequence[tuple[Any, ...]]
    reference: Callable[..., Any]
    at_most: float

    def __post_init__(self) -> None:
        if not (self.at_most >= LEAST_BOUND or 0 < self.at_most <= 1 / LEAST_BOUND):
            raise ValueError(
                f"at_most is {self.at_most}; a wide bound is {LEAST_BOUND} or more, or "
                f"1/{LEAST_BOUND} or less"
            )
        if len(self.arguments) < BLOCKS:
            raise ValueError(f"{len(self.arguments)} calls are too few: give {BLOCKS} or more")
        if len({json.dumps(one) for one in self.packed()}) < len(self.arguments):
            raise ValueError("two calls have the same arguments: the second could be looked up")

    @property
    def first(self) -> Sequence[tuple[Any, ...]]:
        """The arguments of the first block: its calls are made and judged like any others."""
        return self.arguments[: len(self.arguments) // BLOCKS]

    def packed(self) -> list[list[Any]]:
        """The arguments of all calls."""
        return [pack(list(one)) for one in self.arguments]

    def source(self) -> str:
        """The text of the reference."""
        return textwrap.dedent(inspect.getsource(self.reference))

    def order(self, cell: str, expression: str) -> dict[str, Any]:
        """All that a worker needs, as plain data; the expression gives the student's function."""
        return {
            "name": cell,
            "expression": expression,
            "reference": self.source(),
            "function": self.reference.__name__,
            "inputs": self.packed(),
            "at_most": self.at_most,
        }

    def received(self, answers: list[Any], measured: dict[str, Any] | None) -> Timing:
        """The answers to the first block, and what `experiment` found (None: nothing was timed).

        In ``measured``, answers are untrusted.
        """
        placed = list(enumerate(answers))
        if measured is None:
            return Timing(tuple(placed), None, self.at_most, NOT_TIMED)
        problem, ratios = measured["problem"], measured["ratios"]
        for place, given in measured["answers"]:
            answer = read_answer(given)
            if isinstance(answer, Failed):  # maybe there alone: no process can be started there
                problem, ratios = f"a call failed where it was timed: {answer.error}", []
            else:
                placed.append((place, answer))
        ratio = ratio_of(ratios) if ratios and (measured["cut"] or not problem) else None
        return Timing(tuple(placed), ratio, self.at_most, problem)


@dataclass(frozen=True)
class Timing:
    """What a `Timed` is answered by.

    Attributes
    ----------
    answers : tuple of (int, value)
        What the student's function returned, each with the place of its arguments. All must be
        judged: a fast wrong function is wrong.
    ratio : Estimate or None
        Processor time of the student's calls over the reference's; None where it was not measured.
    at_most : float
        The bound that was asked for.
    problem : str
        Why it cannot be said whether the bound is kept, although it may be seen that it is not.
    """

    answers: tuple[tuple[int, Any], ...]
    ratio: Estimate | None
    at_most: float
    problem: str = ""

    def judgement(self, reason: str) -> Judgement:
        """Full marks within the bound, none beyond it, and a person where the interval is on both.

        ``reason`` says to a student who was too slow what to think about.
        """
        if self.ratio is None:
            return Judgement(None, self.problem)
        said = f"{in_words(self.ratio)} times the processor time of the reference; "
        said += f"asked was {self.at_most:g} at most"
        if self.ratio.low > self.at_most:
            return Judgement(0.0, f"{reason} ({said})")
        if self.problem or self.ratio.high >= self.at_most:
            return Judgement(None, f"{self.problem or 'too near to the bound'} ({said})")
        return Judgement(1.0, said)


def ratio_of(ratios: Sequence[float]) -> Estimate:
    """The ratio that pairs of blocks show.

    >>> print(ratio_of([2.0, 2.1, 1.9] * 4))
    2 [1.89, 2.11] (measured)
    """
    from course_lib.metering.intervals import LEVEL, block_bootstrap, widen

    if len(ratios) < FEWEST:
        return Estimate(median(ratios), min(ratios) / 2, max(ratios) * 2)
    return Estimate(*widen(*block_bootstrap(ratios), LEVEL, SPREAD))


def unfit(control: Sequence[float]) -> str:
    """Why a machine on which the reference was so many times itself cannot tell; empty if it can.

    >>> unfit([0.99, 1.01] * 6), unfit([0.5, 0.9, 1.6] * 4)[:33]
    ('', 'this machine cannot time as it is')
    """
    found = ratio_of(control)
    near = sum(1 / SAME <= one <= SAME for one in control)  # an interval can be narrow by chance
    if near >= MOSTLY * len(control) and found.low >= 1 / SAME and found.high <= SAME:
        return ""
    return f"this machine cannot time as it is: the reference was {in_words(found)} times itself"


def in_words(ratio: Estimate) -> str:
    """A ratio and its interval.

    >>> in_words(Estimate(2, 1.9, 2.125))
    '2 [1.9, 2.12]'
    """
    return f"{ratio.value:.3g} [{ratio.low:.3g}, {ratio.high:.3g}]"


@dataclass
class Turns:
    """What came of calling two sides in turns.

    ``cut``: the time was used up in the last block of the first side, whose ratio is a least one.
    """

    ratios: list[float] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    cut: bool = False
    problem: str = ""


def take_turns(
    one: Side, other: Side, empty: Side, calls: int, at_most: float | None = None
) -> Turns:
    """Call both sides block by block, in an order drawn for each, and compare their seconds.

    ``empty`` does nothing with the same arguments; what that takes is subtracted. A second round
    is taken where the first does not say on which side of ``at_most`` (if given) the ratio lies.
    """
    found, seconds = Turns(), {side: [] for side in (one, other, empty)}
    size, order = calls // BLOCKS, [other, empty, one]
    for block in range(BLOCKS):
        places = range(block * size, (block + 1) * size)
        for side in order:
            spent, answers = side(places)
            seconds[side].append(spent)
            if answers is None:
                found.cut, found.problem = side is one, "its time was used up"
                break
            if side is one:
                found.answers += [list(pair) for pair in zip(places, answers, strict=True)]
        nothing = median(seconds[empty]) if seconds[empty] else 0.0
        theirs = [taken - nothing for taken in seconds[other]]
        if found.problem and not found.cut:
            break
        if median(theirs) < nothing:
            found.problem = "the reference does too little to be timed"
            break
        if block or found.cut:  # the first one warms up
            last = theirs[-1] if len(theirs) > block else median(theirs)
            found.ratios.append(max(seconds[one][-1] - nothing, 1e-9) / max(last, 1e-9))
        if found.cut or (block == ROUND and not _is_on_both(found.ratios, at_most)):
            break
        random.shuffle(order)
    return found


def _is_on_both(ratios: list[float], at_most: float | None) -> bool:
    found = ratio_of(ratios)
    return at_most is not None and found.low <= at_most <= found.high


def experiment(
    student: Side, reference: Side, control: Side, empty: Side, calls: int, at_most: float
) -> dict[str, Any]:
    """First the reference beside itself; where that says 1, the student's function beside it.

    Returns
    -------
    dict
        Plain data for `read_timing`: fields of `Turns`, and the ``control`` ratios.
    """
    for _ in range(TRIES):
        same = take_turns(control, reference, empty, calls)
        problem = same.problem or unfit(same.ratios)
        if not problem:
            break
    found = Turns(problem=problem)
    if not problem:
        found = take_turns(student, reference, empty, calls, at_most)
    return asdict(found) | {"control": same.ratios}


def here(value: Callable[..., Any], wanted: Timed) -> dict[str, Any]:
    """How a function would look when it is graded: the same experiment, in this one process."""
    packed, until = wanted.packed(), time.process_time() + SECONDS

    def side(function: Callable[..., Any]) -> Side:
        def call(places: range) -> tuple[float, list[Any] | None]:
            inputs = [packed[place] for place in places]
            began = time.process_time()
            answered = evaluate(lambda: function, inputs)
            ended = time.process_time()
            return ended - began, answered["answers"] if ended < until else None

        return call

    functions = (value, wanted.reference, wanted.reference, lambda *given: None)
    return experiment(*map(side, functions), len(packed), wanted.at_most)
