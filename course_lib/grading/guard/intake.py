"""A submitted folder as bytes, read without following or waking anything that lies in it.

Only regular files are opened, and each through the folder that was looked at, never by a path that
could have changed in between. What may not be taken is named with its reason; nothing else of the
class is touched.
"""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading.guard.reading import LIMIT

NAME_BYTES = 200  # of one part of a name; file systems allow 255, copies append to it
ODD_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Names that Python or Jupyter import while a kernel starts.
STARTUP_NAMES = {"ipykernel_launcher", "sitecustomize", "usercustomize", "IPython", "ipykernel"}


@dataclass(frozen=True)
class IntakeLimits:
    """How much one submission may hold.

    Attributes
    ----------
    notebook_bytes, file_bytes, total_bytes : int
        Of one notebook, of one other file, and of all together.
    files, depth : int
        Number of files, and of folders inside one another.
    """

    notebook_bytes: int = LIMIT
    file_bytes: int = 100_000_000
    total_bytes: int = 400_000_000
    files: int = 2_000
    depth: int = 16


@dataclass(frozen=True)
class Intake:
    """What one student handed in.

    Attributes
    ----------
    files : dict of bytes
        Everything but notebooks, by relative POSIX path; nbgrader leaves other notebooks behind.
    notebooks : dict of bytes
        The expected notebooks that are there, by file name.
    problems : dict of str
        What could not be taken, by (printable) name, with the reason.
    notes : list of str
        What an instructor may want to know, and what costs nothing.
    missing : tuple of str
        Expected notebooks of which there is no trace.
    fingerprint : str
        SHA-256 of all of it, in hexadecimal.
    """

    files: dict[str, bytes]
    notebooks: dict[str, bytes]
    problems: dict[str, str]
    notes: list[str]
    missing: tuple[str, ...]
    fingerprint: str


class _TooMuch(Exception):
    """A limit of the whole submission is reached; the message says which."""


@dataclass
class _Reader:
    expected: Sequence[str]
    limits: IntakeLimits
    ignore: Sequence[str]
    files: dict[str, bytes] = field(default_factory=dict)
    notebooks: dict[str, bytes] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seen: int = 0
    total: int = 0
    wrong_case: set[str] = field(default_factory=set)

    def folder(self, handle: int, path: str, depth: int) -> None:
        """Everything in an open folder."""
        # Sorted bytes: the same order, and so the same reasons, on every machine.
        for name in sorted(os.listdir(handle), key=os.fsencode):
            if any(_matches(name, pattern) for pattern in self.ignore):
                continue
            self.seen += 1
            if self.seen > self.limits.files:
                raise _TooMuch(f"it holds more than {self.limits.files} files and folders")
            self.entry(handle, name, f"{path}{name}", depth)

    def entry(self, handle: int, name: str, path: str, depth: int) -> None:
        """One thing in a folder, whatever it is."""
        shown = printable(path)
        reason = odd_name(name)
        if reason:
            self.problems[shown] = reason
            return
        try:
            found = os.stat(name, dir_fd=handle, follow_symlinks=False)
            kind = stat.S_IFMT(found.st_mode)
            if kind == stat.S_IFDIR:
                self.enter(handle, name, path, depth)
            elif kind != stat.S_IFREG:
                self.problems[shown] = f"it is {ODD_KINDS.get(kind, 'no file')}, not a file"
            elif name.endswith(".ipynb"):
                self.notebook(handle, name, path, found)
            else:
                self.files[path] = self.read(handle, name, found, self.limits.file_bytes)
                if name.split(".")[0] in STARTUP_NAMES:
                    self.notes.append(f"{shown} has a name that kernels import when they start")
        except _Refused as error:
            self.problems[shown] = str(error)
        except OSError as error:
            self.problems[shown] = f"it cannot be read: {error.strerror}"

    def enter(self, handle: int, name: str, path: str, depth: int) -> None:
        """A folder inside a folder."""
        if depth >= self.limits.depth:
            raise _Refused(f"it lies deeper than {self.limits.depth} folders")
        inner = open_folder(name, handle)
        try:
            self.folder(inner, f"{path}/", depth + 1)
        finally:
            os.close(inner)

    def notebook(self, handle: int, name: str, path: str, found: os.stat_result) -> None:
        """A notebook: expected ones are taken, as by nbgrader; others stay behind."""
        if path in self.expected:
            self.notebooks[path] = self.read(handle, name, found, self.limits.notebook_bytes)
            return
        self.notes.append(f"{printable(path)} is not part of the assignment")
        for wanted in self.expected:
            if path.casefold() == wanted.casefold():
                self.wrong_case.add(wanted)
                self.notes.append(f"{printable(path)} should be called {wanted}")

    def read(self, handle: int, name: str, found: os.stat_result, most: int) -> bytes:
        """The bytes of a regular file that is still the one that was looked at."""
        if found.st_size > most:
            raise _Refused(f"it is larger than {most} bytes: {found.st_size}")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        opened = os.open(name, flags, dir_fd=handle)
        with os.fdopen(opened, "rb") as file:
            now = os.fstat(opened)
            same = (now.st_dev, now.st_ino) == (found.st_dev, found.st_ino)
            if not (same and stat.S_ISREG(now.st_mode)):
                raise _Refused("it was exchanged while it was read")
            data = file.read(most + 1)
        if len(data) > most:
            raise _Refused(f"it is larger than {most} bytes")
        self.total += len(data)
        if self.total > self.limits.total_bytes:
            raise _TooMuch(f"it is larger than {self.limits.total_bytes} bytes in all")
        if now.st_nlink > 1:
            self.notes.append(f"{name} is a hard link: it has {now.st_nlink} names")
        return data


class _Refused(Exception):
    """One file may not be taken; the message says why."""


def take_in(
    folder: str | Path,
    expected: Sequence[str],
    *,
    ignore: Sequence[str] = (),
    max_file_kb: int | None = None,
    limits: IntakeLimits | None = None,
) -> Intake:
    """Read what one student handed in.

    Parameters
    ----------
    folder : path
        The student's folder of the assignment.
    expected : sequence of str
        The file names of the notebooks, ``.ipynb`` included.
    ignore : sequence of str
        nbgrader's ``CourseDirectory.ignore``: names that are passed over.
    max_file_kb : int, optional
        nbgrader's ``CourseDirectory.max_file_size`` (thousands of bytes); at most the limit for
        one file counts.
    limits : IntakeLimits, optional
        How much is read.

    Returns
    -------
    Intake
        Also of a folder that cannot be read at all: then ``problems`` names every notebook.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "data.csv").write_text("1")
    >>> (folder / "link").symlink_to("/etc/passwd")
    >>> taken = take_in(folder, ["p1.ipynb"])
    >>> taken.files, taken.problems, taken.missing
    ({'data.csv': b'1'}, {'link': 'it is a symbolic link, not a file'}, ('p1.ipynb',))
    """
    limits = limits or IntakeLimits()
    if max_file_kb:
        file_bytes = min(limits.file_bytes, 1000 * max_file_kb)
        limits = IntakeLimits(**{**vars(limits), "file_bytes": file_bytes})
    reader = _Reader(tuple(expected), limits, tuple(ignore))
    try:
        handle = open_folder(folder)
        try:
            reader.folder(handle, "", 0)
        finally:
            os.close(handle)
    except (OSError, _TooMuch) as error:
        said = f"its folder cannot be read: {error.strerror}" if isinstance(error, OSError) else ""
        # Half a submission would be graded as if the other half had never been handed in.
        reader.files, reader.notebooks = {}, {}
        reader.problems |= dict.fromkeys(expected, said or f"the submission is refused: {error}")
    for name in sorted(reader.wrong_case - reader.notebooks.keys()):
        reader.problems[name] = "it is there under a name with other capitals"
    _note_clashes(reader)
    missing = [name for name in expected if name not in {*reader.notebooks, *reader.problems}]
    return Intake(
        files=reader.files,
        notebooks=reader.notebooks,
        problems=reader.problems,
        notes=reader.notes,
        missing=tuple(missing),
        fingerprint=_fingerprint(reader),
    )


def open_folder(path: str | Path, inside: int | None = None) -> int:
    """A handle on a folder; a link to one is refused."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, dir_fd=inside)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            error.strerror = "it is a link or no folder"
        raise


def odd_name(name: str) -> str | None:
    r"""Why a part of a file's name is refused, or None.

    >>> odd_name("data.csv"), odd_name("naïve 2.csv")
    (None, None)
    >>> odd_name("a\nb")
    'its name holds control characters'
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if size > NAME_BYTES:
        return f"its name is longer than {NAME_BYTES} bytes"
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or c in _DIRECTION for c in name):
        return "its name holds control characters"
    if "\\" in name:
        return "its name holds a backslash, which is a folder elsewhere"
    return None


# They make a name look like another: "exe.txt" for "txt.exe".
_DIRECTION = {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029)
}


def printable(name: str) -> str:
    r"""A name that can be shown and stored, with anything odd escaped.

    >>> printable("a\x1b[31m")
    'a\\x1b[31m'
    """
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(
        c.encode("unicode_escape").decode() if not c.isprintable() or c in _DIRECTION else c
        for c in text
    )


def _matches(name: str, pattern: str) -> bool:
    """As nbgrader, which asks `glob`: a star finds no name that begins with a dot."""
    hidden = name.startswith(".") and not pattern.startswith(".")
    return not hidden and fnmatch.fnmatchcase(name, pattern)


def _note_clashes(reader: _Reader) -> None:
    seen: dict[str, str] = {}
    for name in [*reader.files, *reader.notebooks]:
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            reader.notes.append(f"{first} and {name} are one file where capitals do not count")


def _fingerprint(reader: _Reader) -> str:
    return hashlib.sha256(json.dumps([*_digests(reader)]).encode()).hexdigest()


def _digests(reader: _Reader) -> Iterator[tuple[str, str]]:
    for name, data in sorted((reader.files | reader.notebooks).items()):
        yield name, hashlib.sha256(data).hexdigest()
    for name, reason in sorted(reader.problems.items()):
        yield name, reason
