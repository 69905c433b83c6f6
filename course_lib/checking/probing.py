"""The notebook's half of a question: take inputs, return values."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.checking.values import Unpackable, pack, unpack

MIME = "application/vnd.counting-the-cost.answers+json"
CHECKS = "checks.py"  # beside the student's notebook
PUBLIC_SEED = 2026
MOST_WORDS = 300  # characters of an error's text


class NotYet(Exception):
    """A question is not answered; the message says why. Notebooks show it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not yet: {self}"]


def probe(name: str, value: Any) -> None:
    """Try an answer on public inputs, and say what is wrong; at grading, others are sent.

    Parameters
    ----------
    name : str
        Of the question.
    value
        The student's function, or value.

    Raises
    ------
    NotYet
        If the answer does not get full marks. The message is the reason.
    FileNotFoundError
        If ``checks.py``, which is handed out with the notebook, is not beside it.
    LookupError
        If it has no such question.
    """
    import numpy as np

    from course_lib.checking.questions import Context, Evidence, Unusable, packed, read_checks
    from course_lib.checking.timed import Timed, here

    path = Path(CHECKS)
    if not path.is_file():
        raise FileNotFoundError(
            f"{CHECKS} is not here: it is handed out with the notebook and belongs beside it"
        )
    questions = read_checks(path).questions
    if name not in questions:
        raise LookupError(f"no question {name!r} in {CHECKS}; it has {', '.join(questions)}")
    asked, evidence = questions[name], Evidence.of_folder(Path())

    def context() -> Context:
        return Context(np.random.default_rng(PUBLIC_SEED), evidence, public=True)

    try:
        wanted = asked.wanted(context())
    except Unusable as error:
        raise NotYet(str(error)) from None
    answered = json.loads(json.dumps(evaluate(lambda: value, packed(wanted))))
    measured = here(value, wanted) if isinstance(wanted, Timed) and callable(value) else None
    judged = asked.judge(context(), answered, measured)
    if judged.share is None:
        print(f"{name}: cannot be judged by a machine: {judged.reason}")
    elif judged.share < 1:
        partly = f" ({judged.share:.0%} of the points so far)" if judged.share else ""
        raise NotYet(f"{judged.reason}{partly}")
    else:
        print(f"{name}: right, on the public inputs. {judged.reason}".rstrip())


def answer(name: str, get: Callable[[], Any], inputs: str) -> None:
    """What a graded cell runs in place of `probe`: values for the inputs, shown as JSON."""
    from IPython.display import publish_display_data

    answered = {"question": name} | evaluate(get, json.loads(inputs))
    publish_display_data({MIME: answered, "text/plain": f"answers to {name}"})


def asking(name: str, expression: str, inputs: Any) -> str:
    """The source of such a cell, for the value of an expression."""
    return (
        "from course_lib.checking.probing import answer as _answer\n"
        f"_answer({name!r}, lambda: ({expression}\n), {json.dumps(inputs)!r})"
    )


def evaluate(get: Callable[[], Any], inputs: list[list[Any]] | None) -> dict[str, Any]:
    """The answers to packed inputs, packed.

    Parameters
    ----------
    get : callable
        Gives the student's function or value; it may raise.
    inputs : list of lists, or None
        Arguments of each call; None asks for the value itself.

    Returns
    -------
    dict
        ``answers``: for each call, ``{"value": ...}`` or ``{"error": text}``. Or ``missing``: why
        there is nothing to call.

    Examples
    --------
    >>> evaluate(lambda: lambda n: 1 // n, [[1], [0]])
    {'answers': [{'value': 1}, {'error': 'it raised ZeroDivisionError: integer ... by zero'}]}
    >>> evaluate(lambda: undefined, None)
    {'missing': "it raised NameError: name 'undefined' is not defined"}
    """
    try:
        value = get()
    except Exception as error:
        return {"missing": _words(error)}
    if inputs is None:
        return {"answers": [_answer(lambda: value)]}
    if not callable(value):
        return {"missing": f"a function is asked for; this is {_type_name(value)}"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not once for each of many inputs
        return {"answers": [_answer(value, *unpack(one)) for one in inputs]}


def _answer(function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    try:
        return {"value": pack(function(*arguments))}
    except Unpackable as error:
        return {"error": str(error)}
    except Exception as error:
        return {"error": _words(error)}


def _words(error: Exception) -> str:
    text = "(no text)"
    with contextlib.suppress(Exception):
        text = str(error)
    return f"it raised {type(error).__name__}: {text}"[:MOST_WORDS].strip(": ")


def _type_name(value: Any) -> str:
    return f"of type {type(value).__name__!r}"
