"""What a question is: it draws inputs, asks for values, and judges them. See the package."""

from __future__ import annotations

import importlib.util
import inspect
import tempfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.checking.values import Unpackable, pack, unpack

if TYPE_CHECKING:
    from course_lib.checking.timed import Timed

RECORDS, FORECASTS = "records.jsonl", "forecasts.jsonl"
MOST_EVIDENCE = 16 << 20  # bytes of a handed-in file


@dataclass(frozen=True)
class Calls:
    """Ask for the results of calling the student's function, once with each tuple of arguments.

    ``keep_errors``: a call that raises answers with a `Failed`; otherwise it costs all points, and
    the reason says what was raised.
    """

    arguments: Sequence[tuple[Any, ...]]
    keep_errors: bool = False

    @property
    def first(self) -> Sequence[tuple[Any, ...]]:
        """The arguments of the calls that are made: all of them."""
        return self.arguments

    def received(self, answers: list[Any], measured: Any) -> Any:
        """What the question gets: the answers."""
        return answers


@dataclass(frozen=True)
class Failed:
    """What a call raised instead of returning, in words."""

    error: str


@dataclass(frozen=True)
class Judgement:
    """What a question is worth, and why.

    Attributes
    ----------
    share : float or None
        Of the cell's points, from 0 to 1. None: inconclusive, a person must judge; never a zero.
    reason : str
        For the student. It teaches, and holds no hidden input's answer.
    plot : bytes
        A PNG for the feedback; empty for none.
    flags : tuple of str
        For the instructor: evidence that a person should look at. It changes no points.
    """

    share: float | None
    reason: str = ""
    plot: bytes = b""
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        share = self.share
        if share is not None and not (isinstance(share, int | float) and 0 <= share <= 1):
            raise ValueError(f"share is {share!r}; allowed are None and numbers from 0 to 1")


class _NoAnswer(Exception):
    """There is nothing to judge; the message is the reason."""


class Unusable(Exception):
    """A handed-in file that cannot be read, or that lacks what a question needs.

    A question raises it before it asks; it costs the points, and the message is the reason.
    """


@dataclass(frozen=True)
class Evidence:
    """Files that were handed in beside the notebook, by name; untrusted.

    >>> Evidence({"records.jsonl": b'{"name": "a", "flop": 1.0}'}).records["a"]["flop"]
    1.0
    >>> Evidence({}).records
    {}
    """

    files: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of_folder(cls, folder: Path) -> Evidence:
        """What lies in a folder."""
        paths = [folder / name for name in (RECORDS, FORECASTS)]
        return cls({path.name: path.read_bytes() for path in paths if path.is_file()})

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """The records of ``records.jsonl`` by name.

        Raises
        ------
        Unusable
            If the file is damaged or too large.
        """
        from course_lib.metering import read_records

        return self._read(RECORDS, read_records)

    @property
    def forecasts(self) -> dict[str, dict[str, Any]]:
        """The forecasts committed in ``forecasts.jsonl`` by name; errors as for ``records``."""
        from course_lib.forecasting import read_forecasts  # with pandas and SciPy: seconds

        return self._read(FORECASTS, read_forecasts)

    def _read(self, name: str, read: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        data = self.files.get(name, b"")
        if len(data) > MOST_EVIDENCE:
            raise Unusable(f"{name} has {len(data):,} bytes; at most {MOST_EVIDENCE:,} are read")
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / name
            path.write_bytes(data)
            try:
                return read(path)
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                said = str(error).replace(f"{scratch}/", "")
                raise Unusable(f"{name} cannot be read: {said}") from error


@dataclass(frozen=True)
class Context:
    """What a question has to work with.

    Attributes
    ----------
    rng : numpy.random.Generator
        Draws the inputs: the same for the same student and submission, another for others.
    evidence : Evidence
    public : bool
        Whether the student sees this at once, in the notebook.
    """

    rng: np.random.Generator
    evidence: Evidence = Evidence()
    public: bool = False

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """The handed-in records by name."""
        return self.evidence.records

    @property
    def forecasts(self) -> dict[str, dict[str, Any]]:
        """The handed-in forecasts by name."""
        return self.evidence.forecasts


Asking = Generator["Calls | Timed | None", Any, "Judgement | str | None"]


@dataclass(frozen=True)
class Question:
    """One question of ``checks/<assignment>.py``.

    ``ask`` is a generator function: it yields once, `Calls`, `Timed` or nothing (for the value
    itself), gets the answers, and returns nothing for full marks, a reason for none, or a
    `Judgement`.
    """

    name: str
    ask: Callable[[Context], Asking]

    def wanted(self, context: Context) -> Calls | Timed | None:
        """What the question asks for; errors as for `inputs`."""
        return next(self.ask(context))

    def inputs(self, context: Context) -> list[list[Any]] | None:
        """What the student's function is to be called with, packed; None asks for the value.

        Raises
        ------
        Unusable
            If the question needs evidence that is not there.
        """
        return packed(self.wanted(context))

    def judge(
        self, context: Context, answered: Any, measured: dict[str, Any] | None = None
    ) -> Judgement:
        """Judge what came back; ``context`` must draw as it drew for `inputs`.

        Parameters
        ----------
        context : Context
        answered
            Of `probing.evaluate`: untrusted data, or None where nothing came.
        measured : dict, optional
            Of `timed.experiment`, for a question that asks for `Timed`.
        """
        asking = self.ask(context)
        try:
            wanted = next(asking)
            answers = _read_answers(wanted, answered)
            asking.send(answers if wanted is None else wanted.received(answers, measured))
        except StopIteration as end:
            return _judgement(end.value)
        except (Unusable, _NoAnswer) as error:
            return Judgement(0.0, str(error))
        raise ValueError(f"the question {self.name!r} asks more than once")


def packed(wanted: Calls | Timed | None) -> list[list[Any]] | None:
    """The arguments of the calls that a notebook's cell makes, packed; None asks for its value."""
    return None if wanted is None else [pack(list(one)) for one in wanted.first]


def question(ask: Callable[[Context], Asking]) -> Callable[[Context], Asking]:
    """Mark a generator function of a module of checks as a question.

    Its name with hyphens is the question's, and that of the notebook's graded cell.
    """
    if not inspect.isgeneratorfunction(ask):
        raise TypeError(f"{ask.__name__} never yields: a question asks with `yield`")
    ask.question = ask.__name__.replace("_", "-")  # type: ignore[attr-defined]
    return ask


@dataclass(frozen=True)
class Checks:
    """A module of checks: its questions by name, and the modules that its students must not use."""

    questions: dict[str, Question]
    withheld: tuple[str, ...] = ()


def read_checks(path: Path) -> Checks:
    """Run a file of checks.

    Raises
    ------
    ValueError
        If it has no question; whatever it raises itself passes through.
    """
    spec = importlib.util.spec_from_file_location(f"checks_{path.stem.replace('-', '_')}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    asked = [one for one in vars(module).values() if hasattr(one, "question")]
    if not asked:
        raise ValueError(f"{path.name} has no function marked with @question")
    questions = {one.question: Question(one.question, one) for one in asked}
    return Checks(questions, tuple(getattr(module, "WITHHELD", ())))


def _judgement(returned: Judgement | str | None) -> Judgement:
    if isinstance(returned, Judgement):
        return returned
    if returned is None:
        return Judgement(1.0)
    if isinstance(returned, str):
        return Judgement(0.0, returned)
    raise TypeError(f"a question returned {returned!r}; allowed are None, a reason, a Judgement")


def _read_answers(wanted: Calls | Timed | None, answered: Any) -> Any:
    """The answers to what was asked."""
    if not isinstance(answered, dict):
        raise _NoAnswer("there is no answer: the cell did not run to its end")
    if isinstance(answered.get("missing"), str):
        raise _NoAnswer(answered["missing"])
    given = answered.get("answers")
    count = 1 if wanted is None else len(wanted.first)
    if not isinstance(given, list) or len(given) != count:
        raise _NoAnswer(f"there are not {count} answers to {count} questions")
    answers = [read_answer(one) for one in given]
    failed = [one for one in answers if isinstance(one, Failed)]
    if failed and not getattr(wanted, "keep_errors", False):
        raise _NoAnswer(failed[0].error)
    return answers[0] if wanted is None else answers


def read_answer(given: Any) -> Any:
    """The answer of one call: what it returned, or what it raised as a `Failed`."""
    if isinstance(given, dict) and isinstance(given.get("error"), str):
        return Failed(given["error"])
    if not isinstance(given, dict) or "value" not in given:
        return Failed("its answer cannot be read")
    try:
        return unpack(given["value"])
    except (Unpackable, RecursionError) as error:
        return Failed(f"its answer cannot be read: {error}")
