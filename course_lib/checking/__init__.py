"""Questions that are judged outside the student's interpreter, on values that it returned.

A question is one function in ``checks/<assignment>.py`` and one cell in the notebook. The function
draws inputs, asks for the student's values, and judges them::

    from course_lib.checking import Calls, question

    @question
    def square(context):
        numbers = [int(n) for n in context.rng.integers(2, 100, size=4)]
        answers = yield Calls([(n,) for n in numbers])
        for number, got in zip(numbers, answers):
            if got == 2 * number:
                return "you doubled; a square is a number times itself"
            if got != number * number:
                return f"the square of {number} is not {got}"

The cell says ``probe("square", square)``. In the student's notebook it draws public inputs and says
at once what is wrong; at grading the grader sends other inputs, takes the values, and runs its own
copy of the function on them, where nothing of the student's runs.
"""

from course_lib.checking.probing import probe
from course_lib.checking.questions import (
    Calls,
    Context,
    Evidence,
    Failed,
    Judgement,
    Question,
    Unusable,
    question,
    read_checks,
)
from course_lib.checking.timed import Timed, Timing

__all__ = [
    "Calls",
    "Context",
    "Evidence",
    "Failed",
    "Judgement",
    "Question",
    "Timed",
    "Timing",
    "Unusable",
    "probe",
    "question",
    "read_checks",
]
