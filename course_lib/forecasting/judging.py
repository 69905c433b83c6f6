"""Forecasting as a skill: what is asked of a function elsewhere, and a verdict on the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.forecasting.skill import Problem, Skill, skill_of
from course_lib.quantities import LEVEL

MOST_SCORE = 1.3  # times the reference's; the notes of `judge_forecasts` say why
MOST_WIDTH = 2.0  # times the reference's, in half of the problems
NARROW, FEW = 0.8, 0.75  # what a reason calls too narrow, and too few that held


@dataclass(frozen=True)
class SkillVerdict:
    """Whether forecasts pass; ``reason`` says why not, for the student, and is empty if they do.

    ``skill`` is None where an answer could not be scored.
    """

    reason: str
    skill: Skill | None

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.reason


def as_arguments(
    problems: Sequence[Problem], level: float = LEVEL
) -> list[tuple[list[float], list[float], float, float]]:
    """The arguments (x, y, x_new, level) of each problem as plain lists and numbers.

    Nothing of the answer is in them.

    Examples
    --------
    >>> import numpy as np
    >>> as_arguments([Problem(np.array([1.0, 2.0]), np.array([3.0, 5.0]), 4.0, truth=9.0)])
    [([1.0, 2.0], [3.0, 5.0], 4.0, 0.9)]
    """
    return [(p.x.tolist(), p.y.tolist(), float(p.x_new), float(level)) for p in problems]


def judge_forecasts(
    problems: Sequence[Problem], answers: Any, level: float = LEVEL
) -> SkillVerdict:
    """Judge the (median, low, high) that came back for `as_arguments`.

    Parameters
    ----------
    problems : sequence of Problem
    answers : sequence
        As they came, one for each problem; they are not trusted.
    level : float
        That was asked for.

    Returns
    -------
    SkillVerdict

    Notes
    -----
    A pass needs a score of at most 1.3 times the reference's, with half of the intervals at most
    twice as wide. Seen with 32 problems of all kinds (`course_lib.checking.skill.draw_problems`),
    in 198 draws, those with a star in 96 of them:

    ======================================  ==================  ======  =====
    forecaster                              score, 5 to 95 %    most    pass
    ======================================  ==================  ======  =====
    profile likelihood*                     0.94 to 1.03        1.04    100%
    delta method written with SciPy*        0.99 to 1.00        1.02    100%
    residuals' scatter, law taken as sure*  0.97 to 1.22        1.27    100%
    reference, 0.7 times as wide            0.97 to 1.16        1.19    100%
    reference, 1.4 times as wide            1.03 to 1.23        1.30    99.5%
    interval of the law, not of a run*      1.12 to 1.35        1.46    85%
    reference, half as wide                 1.13 to 1.47        1.54    47%
    reference, a third as wide              1.47 to 1.93        2.00    0%
    reference, three times as wide          1.31 to 1.71        1.85    0%
    plus and minus 10 %                     1.25 to 1.63        1.80    1%
    no width                                2.79 to 3.56        3.87    0%
    straight line on log axes               3.90 to 5.30        5.72    0%
    ======================================  ==================  ======  =====

    Three times as wide fails by its width. The least score of a third as wide was 1.36. Between
    1.05 and 1.35 lies who forgets a part of the uncertainty, the law's or the new run's: mixed
    problems do not tell them apart.
    """
    if not isinstance(answers, list | tuple):
        return SkillVerdict("there are no forecasts: a list of them was expected", None)
    try:
        skill = skill_of(problems, answers, level)
    except ValueError as error:
        return SkillVerdict(str(error), None)
    return SkillVerdict(why_not_skilled(skill, level) or "", skill)


def why_not_skilled(skill: Skill, level: float = LEVEL) -> str | None:
    """What is wrong with forecasts of this skill, in words for the student; None if nothing is."""
    if skill.relative_width > MOST_WIDTH:
        return (
            f"your intervals are {skill.relative_width:.1f} times as wide as the course's, and at "
            f"most {MOST_WIDTH:g} times is wanted: say more"
        )
    if skill.relative_score <= MOST_SCORE:
        return None
    held = f"{skill.coverage:.0%} of your {level:.0%} intervals held"
    if skill.relative_width < NARROW:
        return f"{held}: too narrow. The law may run there, but a new measurement has its own noise"
    if skill.coverage < FEW:
        return (
            f"{held}, at a fair width: the median is off. Does your law have a part that does not "
            "change with size, and does it fall where y falls?"
        )
    return (
        f"your interval score is {skill.relative_score:.2f} times the course's; at most "
        f"{MOST_SCORE:g} is wanted"
    )
