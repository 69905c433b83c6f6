"""What has been done for a class, so that grading can be killed anywhere and started again.

Beside the gradebook lies a folder with an append-only file of lines, and one file for each result.
A submission's way has two steps that must not be repeated or lost: it was *executed* (its result is
safe on disk), and it was *written* (to the gradebook and to ``autograded/``). What was executed and
not written is written again from its result; writing the same twice changes nothing.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_lib.files import append_line, cut_unfinished_line, read_lines


class Busy(Exception):
    """Another process grades this assignment."""


class NoJournal(Exception):
    """What is done cannot be kept, so nothing is begun; the message says where and why."""


@dataclass(frozen=True)
class Key:
    """What a verdict depends on; each part is a fingerprint.

    >>> Key("a", "b", "c").changed(Key("a", "x", "c"))
    'the assignment changed'
    """

    submission: str
    assignment: str
    environment: str

    @property
    def text(self) -> str:
        """One name for all three."""
        parts = "\n".join((self.submission, self.assignment, self.environment))
        return hashlib.sha256(parts.encode()).hexdigest()

    def of(self, student: str) -> str:
        """A name for one student's submission, that says nothing of them and fits any file."""
        return hashlib.sha256(f"{student}\n{self.text}".encode()).hexdigest()

    def changed(self, before: Key) -> str:
        """Which parts differ from an earlier key, in words; nothing where none does."""
        names = ("submission", "assignment", "environment")
        parts = [name for name in names if getattr(self, name) != getattr(before, name)]
        return "" if not parts else f"the {' and the '.join(parts)} changed"


@dataclass(frozen=True)
class Written:
    """A verdict that stands in the gradebook: points by notebook and cell (None: for a person).

    ``inconclusive`` says that a notebook could not be graded, and waits for a person; ``reasons``
    say why, and what else an instructor should know.
    """

    key: Key
    when: str
    verdict: dict[str, dict[str, float | None]]
    inconclusive: bool
    reasons: tuple[str, ...]


class Journal:
    """The folder of one assignment; hold it with `Journal.held` while grading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "journal.jsonl"
        self._results = folder / "results"
        self._executed: dict[str, str] = {}  # student: key's text
        self._written: dict[str, list[Written]] = {}

    @classmethod
    @contextmanager
    def held(cls, folder: Path) -> Iterator[Journal]:
        """The journal of an assignment, held against other processes.

        Raises
        ------
        Busy
            If another process holds it.
        NoJournal
            If it cannot be written: a full disk, a folder that may only be read.
        """
        with ExitStack() as stack:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(_alone(folder / "lock"))
                journal = cls(folder)
                journal._read()
            except OSError as error:
                raise NoJournal(
                    f"grading keeps what it has done in {folder}, and cannot write there: {error}"
                ) from error
            yield journal

    def _read(self) -> None:
        self._results.mkdir(exist_ok=True)
        for leftover in self._results.glob("*.part"):
            leftover.unlink()
        cut_unfinished_line(self.path)
        for entry in read_lines(self.path, "a step of grading", needs=("step", "student", "key")):
            key = Key(**entry["key"])
            if entry["step"] == "executed":
                self._executed[entry["student"]] = key.text
            elif entry["step"] == "written":
                self._note_written(entry["student"], key, entry)

    def _note_written(self, student: str, key: Key, entry: dict[str, Any]) -> None:
        written = Written(
            key, entry["when"], entry["verdict"], entry["inconclusive"], tuple(entry["reasons"])
        )
        self._written.setdefault(student, []).append(written)
        self._executed.pop(student, None)

    def verdicts(self, student: str) -> list[Written]:
        """A student's verdicts, the newest last: what was graded again keeps the old one."""
        return self._written.get(student, [])

    def unwritten(self, student: str, key: Key) -> bytes | None:
        """The result of a submission that was executed, and whose writing did not end."""
        if self._executed.get(student) != key.text:
            return None
        try:
            packed = self._file(student, key).read_bytes()
            return gzip.decompress(packed) if packed else None
        except (OSError, EOFError, zlib.error):
            return None  # deleted or damaged by hand: it is executed again

    def executed(self, student: str, key: Key, result: bytes) -> None:
        """Keep a result; once this returns, no kill loses it."""
        path = self._file(student, key)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(gzip.compress(result, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        append_line(self.path, _entry("executed", student, key))
        self._executed[student] = key.text

    def written(
        self,
        student: str,
        key: Key,
        verdict: dict[str, dict[str, float | None]],
        inconclusive: bool,
        reasons: tuple[str, ...],
    ) -> None:
        """Note that the gradebook has a verdict; its result's file is not needed any more."""
        entry = _entry("written", student, key) | {
            "verdict": verdict,
            "inconclusive": inconclusive,
            "reasons": [*reasons],
        }
        append_line(self.path, entry)
        self._note_written(student, key, entry)
        self._file(student, key).unlink(missing_ok=True)

    def _file(self, student: str, key: Key) -> Path:
        return self._results / f"{key.of(student)}.json.gz"


def _entry(step: str, student: str, key: Key) -> dict[str, Any]:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return {"step": step, "student": student, "key": vars(key), "when": when}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows: nothing is sandboxed there, and one grades alone
        yield
        return
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"another process is grading here (it holds {path})") from error
        yield
