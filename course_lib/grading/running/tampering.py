"""Whether a kernel still runs checks as it should: hints for a person, never a change of a score.

After the last cell nothing that a student sees can change any more. Then the kernel gets two cells:
an assertion that must fail, with a message that says what `probe` has seen in the place of Python's
and IPython's own, and a number that must come back. Whoever controls the interpreter can answer
both as an honest kernel would; whoever does not think of them is seen.
"""

from __future__ import annotations

import ast
import functools
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.grading.running.channels import Message

SECONDS = 10.0  # for all cells of the self-test
MOST_NAMED = 6
LONGEST = 120
UNREADABLE = (ValueError, TypeError, SyntaxError, RecursionError, MemoryError)

Reply = dict[str, Any] | None
Run = Callable[[str, Callable[[Message], bool]], Reply]


def has_checks(notebook: Any) -> bool:
    """Whether any cell of a notebook gets its points from running it."""
    marks = (cell["metadata"].get("nbgrader") for cell in _code_cells(notebook))
    return any(mark.get("grade") and not mark.get("solution") for mark in marks if mark)


def suspicions(run: Run) -> list[str]:
    """What is wrong with a kernel.

    Parameters
    ----------
    run : callable
        Runs a cell's source in it, with a function that takes each message and says whether it was
        the last; gives the reply's content, or None where none came in time.

    Returns
    -------
    list of str
        Empty where nothing was seen. Made of what the kernel sent: untrusted, but short.
    """
    found: list[str] = []
    for test in (_assertion, _number):
        said = test(run)
        if said is None:
            return [*found, "the kernel did not answer a test after its last cell"]
        found += said
    return found


def _assertion(run: Run) -> list[str] | None:
    """An assertion that must fail, and whose message is what the probe has seen."""
    number, token = secrets.randbelow(800) + 100, secrets.token_hex(8)
    must_fail = f"assert {number} == {number + 1}, '{token}' + json.dumps(_seen)"
    reply, _ = _outputs(run, f"{_probe()}\n{must_fail}")
    if reply is None:
        return None
    if reply["status"] == "error":
        name, text = reply["ename"], reply["evalue"]
        if name == "AssertionError" and text.startswith(token):
            return _named(text.removeprefix(token))
        said = f"an assertion that must fail ended in {_short(name)}"
    else:
        said = "an assertion that must fail passed"
    reply, shown = _outputs(run, f"{_probe()}\njson.dumps(_seen)")
    if reply is None:
        return None
    try:
        return [said, *_named(ast.literal_eval(_text(shown[-1])))]
    except (IndexError, *UNREADABLE):
        return [said]


def _named(text: Any) -> list[str]:
    """What the probe has seen, in one line."""
    try:
        names = [_short(str(name)) for name in json.loads(text)]
    except UNREADABLE:
        return ["what a kernel says of itself could not be read"]
    more = [f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return [f"the notebook's own: {', '.join(names[:MOST_NAMED] + more)}"] if names else []


def _number(run: Run) -> list[str] | None:
    number = secrets.randbelow(800) + 100
    reply, shown = _outputs(run, f"{number}.0")
    if reply is None:
        return None
    texts = [_text(content) for content in shown]
    try:
        as_it_should = [float(text) for text in texts] == [number]
    except ValueError:
        as_it_should = False
    return [] if as_it_should else [f"the number {number}.0 was shown as {_short(str(texts))}"]


@functools.cache
def _probe() -> str:
    source = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
    return (
        "get_ipython().InteractiveTB.set_mode('Minimal')  # drawing a traceback takes long\n"
        "import builtins, json\n"
        "_space = {'__name__': 'probe'}\n"
        f"builtins.exec(builtins.compile({source!r}, '<probe>', 'exec'), _space)\n"
        "_seen = _space['seen'](get_ipython())"
    )


def _outputs(run: Run, source: str) -> tuple[Reply, list[dict[str, Any]]]:
    """The reply to a cell, and the contents of the results that it showed."""
    shown: list[dict[str, Any]] = []

    def take(message: Message) -> bool:
        if message.body is None or message.why:
            return False
        kind, content = message.body["msg_type"], message.body["content"]
        if kind == "execute_result":
            shown.append(content)
        return kind == "status" and content.get("execution_state") == "idle"

    return run(source, take), shown


def _text(content: dict[str, Any]) -> str:
    data = content.get("data")
    return str(data.get("text/plain")) if isinstance(data, dict) else ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
