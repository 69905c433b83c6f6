"""What travels between the grader and its workers: a task to run, and what came of it.

Pure data. Both are bytes on the way (JSON, base64 inside), so that a worker needs neither the
course directory nor a disk that both can see. Nothing is pickled: an answer is data, never code.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import PurePosixPath
from typing import Any, TypeVar

MIB = 2**20
LEVELS = ("sandbox", "none")
EVENTS = (
    "timeout",  # a cell was longer than its budget, and was interrupted
    "kernel-hung",  # a cell did not stop when interrupted: the kernel was killed
    "kernel-died",  # the kernel ended while the cell ran
    "restarted",  # a new kernel ran the earlier cells again, and goes on after the fatal one
    "replay-failed",  # running the earlier cells again ended the new kernel, or took too long
    "not-run",  # no kernel was left for this cell, or no time
    "notebook-timeout",  # the notebook's budget was used up
    "output-truncated",  # a cell wrote more than its output budget
    "kernel-odd",  # the kernel sent what no kernel sends: forged, malformed or misdirected messages
    "tampering-suspected",  # after its last cell the kernel did not run checks as it should
    "other-versions",  # it ran with other packages than those of the grader's machine
    "file-refused",  # a file that the notebook left behind was not kept
)

_Data = TypeVar("_Data", bound="_Bytes")


@dataclass(frozen=True)
class Limits:
    """What one notebook may use. ``None`` of seconds means no limit of that kind.

    Attributes
    ----------
    cell_seconds : float or None
        Wall time of one cell; nbgrader's ``timeout``.
    notebook_seconds : float or None
        Wall time of all cells of one notebook, restarts included.
    memory_bytes, file_bytes, disk_bytes : int
        Address space of a process, size of one file, and of everything in the working folder.
    processes : int
        Processes and threads of the kernel's user at a time.
    output_bytes : int
        What one cell may show; anything beyond is dropped, and the cell says so.
    cpu_seconds : int
        Processor time of one process.
    withheld : tuple of str
        Modules of ``course_lib`` that a sandboxed kernel cannot import.

    Raises
    ------
    ValueError
        If a limit is not positive, or a withheld module is not of ``course_lib``.
    """

    cell_seconds: float | None = 30.0
    notebook_seconds: float | None = 600.0
    memory_bytes: int = 4096 * MIB
    processes: int = 256
    file_bytes: int = 256 * MIB
    disk_bytes: int = 512 * MIB
    output_bytes: int = 4 * MIB
    cpu_seconds: int = 900
    withheld: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "withheld", tuple(self.withheld))  # JSON knows lists only
        if wrong := [one for one in self.withheld if not re.fullmatch(r"course_lib(\.\w+)+", one)]:
            raise ValueError(f"withheld has {wrong}; allowed are modules of course_lib")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name == "withheld":
                continue
            if value is None and entry.name in ("cell_seconds", "notebook_seconds"):
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not value > 0:
                raise ValueError(f"{entry.name} is {value!r}; allowed is a number above 0")


class _Bytes:
    """Data that can be written to bytes and read again."""

    def to_bytes(self) -> bytes:
        """As JSON; the same data gives the same bytes."""
        return json.dumps(_plain(self), sort_keys=True, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls: type[_Data], data: bytes) -> _Data:
        """What `to_bytes` wrote.

        Raises
        ------
        ValueError
            If the bytes are anything else.
        """
        try:
            return cls(**cls._read(json.loads(data)))  # type: ignore[attr-defined]
        except ValueError as error:
            raise ValueError(f"data is no {cls.__name__}: {error}") from error
        except (TypeError, AttributeError, KeyError, RecursionError) as error:
            raise ValueError(
                f"data is no {cls.__name__}: {type(error).__name__} {error}"
            ) from error


@dataclass(frozen=True)
class Task(_Bytes):
    """One submission to run: its notebooks one after another, in one folder, a kernel for each.

    Attributes
    ----------
    key : str
        The grader's name for this task; it comes back in the result.
    notebooks : dict of str to bytes
        Notebook files by name (``problem1.ipynb``), sanitised; they run in the order of names.
    files : dict of str to bytes
        Everything else in the folder, by relative POSIX path.
    level : str
        ``"sandbox"``, or ``"none"`` for a kernel with the grader's own rights.
    warm : bool
        Whether a fork of a warm kernel may be used.
    preload : tuple of str
        Modules that the warm kernel has imported.
    limits : Limits
    environment : dict of str to str
        The only variables that the kernel sees, besides the sandbox's own few.
    execution : dict
        Settings of nbgrader's ``Execute`` that differ from its defaults, by name
        (``skip_cells_with_tag``, ``extra_arguments``, ``error_on_timeout``, ...); plain JSON.
    timed : tuple of dict
        Functions to be timed afterwards; see `course_lib.grading.running.timing`. Plain JSON.

    Raises
    ------
    ValueError
        If a name could lead out of the folder, two files share a name, or the level is unknown.

    Examples
    --------
    >>> task = Task("ada", {"one.ipynb": b"{}"}, {"data/table.csv": b"a,b"})
    >>> Task.from_bytes(task.to_bytes()) == task
    True
    >>> Task("eve", {"one.ipynb": b"{}"}, {"../grades.db": b""})
    Traceback (most recent call last):
    ...
    ValueError: file '../grades.db' is not a plain relative path
    """

    key: str
    notebooks: dict[str, bytes]
    files: dict[str, bytes] = field(default_factory=dict)
    level: str = "sandbox"
    warm: bool = True
    preload: tuple[str, ...] = ()
    limits: Limits = Limits()
    environment: dict[str, str] = field(default_factory=dict)
    execution: dict[str, Any] = field(default_factory=dict)
    timed: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        _check_kinds(self, key=str, warm=bool, limits=Limits)
        if self.level not in LEVELS:
            raise ValueError(f"level is {self.level!r}; allowed are {', '.join(LEVELS)}")
        for name in self.notebooks:
            if not is_plain_path(name) or "/" in name or not name.endswith(".ipynb"):
                raise ValueError(f"notebook {name!r} is not a plain file name ending in .ipynb")
        _check_files(self.files)
        if both := sorted(set(self.files) & set(self.notebooks)):
            raise ValueError(f"files and notebooks both have {both}")

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return data | {
            "notebooks": _unpack(data["notebooks"]),
            "files": _unpack(data["files"]),
            "preload": tuple(data["preload"]),
            "timed": tuple(data["timed"]),
            "limits": Limits(**data["limits"]),
        }


@dataclass(frozen=True)
class Event:
    """Something that an instructor should know about a run.

    ``cell`` is the index in the notebook (None: the notebook as a whole), ``grade_id`` the cell's
    name where it has one, ``kind`` one of `EVENTS`.

    >>> Event("p1.ipynb", None, None, "file-refused", "a link").where
    'p1.ipynb'
    """

    notebook: str
    cell: int | None
    grade_id: str | None
    kind: str
    text: str

    def __post_init__(self) -> None:
        if self.kind not in EVENTS:
            raise ValueError(f"kind is {self.kind!r}; allowed are {', '.join(EVENTS)}")

    @property
    def where(self) -> str:
        """The notebook, and the cell where there is one."""
        return self.notebook if self.cell is None else f"{self.notebook}, cell {self.cell}"


@dataclass(frozen=True)
class Result(_Bytes):
    """What came of a task.

    Attributes
    ----------
    key : str
        The task's.
    notebooks : dict of str to bytes
        The executed notebooks. Their outputs are untrusted, and not cleaned.
    files : dict of str to bytes
        What is in the folder at the end, notebooks excepted. Untrusted.
    events : tuple of Event
    problem : str or None
        Why there is no verdict (no kernel started, a sandbox step failed); None where there is one.
        A problem is never a zero.
    level : str
        What the kernels really had: ``"sandbox"`` or ``"none"``.
    seconds : float
        Wall time.
    cpu_seconds : float or None
        Processor time of the kernels and of running them, None where it is unknown.
    peak_bytes : int or None
        Largest resident memory of a kernel, None where it is unknown.
    timings : dict
        What came of ``timed``, by cell. The answers in it are untrusted.
    """

    key: str
    notebooks: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    problem: str | None = None
    level: str = "none"
    seconds: float = 0.0
    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    timings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_kinds(self, key=str, problem=str | None)
        if self.level not in LEVELS:
            raise ValueError(f"level is {self.level!r}; allowed are {', '.join(LEVELS)}")
        _check_files(self.files)

    @classmethod
    def failed(cls, key: str, problem: str) -> Result:
        """A result without a verdict, and why."""
        return cls(key, problem=problem)

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return data | {
            "notebooks": _unpack(data["notebooks"]),
            "files": _unpack(data["files"]),
            "events": tuple(Event(**event) for event in data["events"]),
        }


def is_plain_path(name: str) -> bool:
    """Whether a name is a relative POSIX path that stays below the folder it is used in.

    >>> [is_plain_path(name) for name in ("a/b.csv", "../b", "/b", "a//b", "a/.", "")]
    [True, False, False, False, False, False]
    """
    parts = name.split("/")
    return (
        "\0" not in name
        and not {"", ".", ".."} & set(parts)
        and all(len(part.encode("utf-8", "surrogatepass")) <= 255 for part in parts)
        and len(name) <= 4000
    )


def _check_kinds(data: Any, **kinds: Any) -> None:
    for name, kind in kinds.items():
        if not isinstance(value := getattr(data, name), kind):
            allowed = getattr(kind, "__name__", str(kind))
            raise ValueError(f"{name} is {value!r}; allowed is {allowed}")


def _check_files(files: Mapping[str, bytes]) -> None:
    for name in files:
        if not is_plain_path(name):
            raise ValueError(f"file {name!r} is not a plain relative path")
        for parent in PurePosixPath(name).parents:
            if str(parent) in files:
                raise ValueError(f"file {name!r} lies in {str(parent)!r}, which is a file too")


def _plain(data: Any) -> dict[str, Any]:
    """A dataclass as JSON, bytes as base64."""
    plain = {entry.name: getattr(data, entry.name) for entry in fields(data)}
    for name in ("notebooks", "files"):
        plain[name] = {
            key: base64.b64encode(value).decode("ascii") for key, value in plain[name].items()
        }
    if "limits" in plain:
        plain["limits"] = asdict(plain["limits"])
    if "events" in plain:
        plain["events"] = [asdict(event) for event in plain["events"]]
    return plain


def _unpack(packed: dict[str, str]) -> dict[str, bytes]:
    return {name: base64.b64decode(text, validate=True) for name, text in packed.items()}
