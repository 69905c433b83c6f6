"""A folder's files through a socket: into a sandbox before the kernel starts, and back at its end.

Each entry is a kind, the lengths of its name and content, and both; an entry of kind END closes the
stream. What comes back was written by a student's code, so the receiver checks names and sizes,
makes no links and follows none, and replaces files whole.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.tasks import is_plain_path

DEEPEST = 40  # folders in each other
NOT_REGULAR = "is not a regular file"  # a link, a pipe, a socket, a device
FILE, FOLDER, REFUSED, END = range(4)
_HEADER = struct.Struct("!BIQ")
_CHUNK = 1 << 20
_LONGEST_NAME = 4096


class CarryingError(Exception):
    """The stream of files is not what it should be; the message says how."""


@dataclass(frozen=True)
class Caps:
    """What a stream may bring: bytes of one file, bytes and entries in all."""

    file_bytes: int
    total_bytes: int
    entries: int = 10_000

    def refusal(self, size: int, total: int, entries: int) -> str | None:
        """Why one more file is not taken, or None."""
        if size > self.file_bytes:
            return f"has {size} bytes; allowed are {self.file_bytes}"
        if total + size > self.total_bytes:
            return f"goes beyond {self.total_bytes} bytes in all"
        if entries >= self.entries:
            return f"is one of more than {self.entries} files"
        return None


def list_files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below a folder by relative path, sorted, no link followed; folders come first."""
    pending = [""]
    while pending:
        inside = pending.pop()
        try:
            entries = sorted(os.scandir(folder / inside), key=lambda entry: entry.name)
        except OSError:
            continue  # a folder that was made unreadable keeps what is in it
        for entry in entries:
            name = f"{inside}/{entry.name}" if inside else entry.name
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                yield name, status
                if stat.S_ISDIR(status.st_mode):
                    pending.append(name)


def identify(status: os.stat_result) -> tuple[int, int, int]:
    """What no program can leave as it was when it changes a file: that time is the system's."""
    return status.st_ino, status.st_size, status.st_ctime_ns


def send_folder(
    end: socket.socket,
    folder: Path,
    caps: Caps,
    known: dict[str, tuple[int, int, int]] | None = None,
) -> None:
    """Send the regular files and the folders in a folder; what is refused is named with its reason.

    ``known`` are files that the receiver has already, with what `identify` said of them: they are
    sent again only if they have changed.
    """
    total = 0
    for entries, (name, status) in enumerate(list_files(folder)):
        shown = name.encode("utf-8", "surrogateescape")
        if entries >= caps.entries:
            _send_refusal(end, shown, f"is one of more than {caps.entries} files")
            break
        if stat.S_ISDIR(status.st_mode):
            end.sendall(_HEADER.pack(FOLDER, len(shown), 0) + shown)
        elif not stat.S_ISREG(status.st_mode):
            _send_refusal(end, shown, NOT_REGULAR)
        elif known is None or known.get(name) != identify(status):
            reason = caps.refusal(status.st_size, total, 0)
            if reason is None:
                total += status.st_size
                reason = _send_file(end, shown, folder / name)
            if reason is not None:
                _send_refusal(end, shown, reason)
    end.sendall(_HEADER.pack(END, 0, 0))


def _send_file(end: socket.socket, shown: bytes, path: Path) -> str | None:
    """Send one file; return a reason where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    with open(descriptor, "rb", buffering=0) as file:
        left = os.fstat(descriptor).st_size
        end.sendall(_HEADER.pack(FILE, len(shown), left) + shown)
        while left:
            chunk = file.read(min(left, _CHUNK))
            chunk = chunk or bytes(
                min(left, _CHUNK)
            )  # it shrank meanwhile: keep the promised length
            end.sendall(chunk)
            left -= len(chunk)
    return None


def _send_refusal(end: socket.socket, shown: bytes, reason: str) -> None:
    said = reason.encode()
    end.sendall(_HEADER.pack(REFUSED, len(shown), len(said)) + shown + said)


def receive_folder(end: socket.socket, folder: Path, caps: Caps) -> dict[str, str]:
    """Write what `send_folder` sends into a folder, each file whole or not at all.

    Returns
    -------
    dict of str to str
        Files that were refused, by name, with the reason.

    Raises
    ------
    CarryingError
        If the stream ends early or is malformed.
    OSError
        If the folder cannot be written, or the socket's time is over.
    """
    refused: dict[str, str] = {}
    total = entries = 0
    while True:
        kind, name_length, size = _HEADER.unpack(_exactly(end, _HEADER.size))
        if kind == END:
            return refused
        if kind > END or not 0 < name_length <= _LONGEST_NAME:
            raise CarryingError(f"an entry of kind {kind} with a name of {name_length} bytes")
        name = _exactly(end, name_length).decode("utf-8", "backslashreplace")
        # A name may also command the terminal that lists it.
        # And folders in folders beyond any use break the tools that walk them.
        plain = is_plain_path(name) and name.isprintable() and name.count("/") < DEEPEST
        reason = None if plain else "is not a plain and short relative path of printable characters"
        if kind == REFUSED:
            if size > _LONGEST_NAME:
                raise CarryingError(f"a reason of {size} bytes")
            reason = _exactly(end, size).decode("utf-8", "replace")
        elif reason is None:
            reason = caps.refusal(size, total, entries) or _take(end, folder, name, kind, size)
            if reason is None:
                total, entries, size = total + size, entries + 1, 0
            elif reason.startswith("cannot be written"):
                size = 0  # its content has been read
        if reason is not None and len(refused) < caps.entries:
            refused[name] = reason
        if kind == FILE and size:
            _skip(end, size)


def _take(end: socket.socket, folder: Path, name: str, kind: int, size: int) -> str | None:
    """Make one folder or file; return a reason where it cannot be."""
    try:
        parent = _real_folder(folder, name if kind == FOLDER else name.rpartition("/")[0])
    except OSError as error:
        if kind == FILE:
            _skip(end, size)
        return f"cannot be written: {error.strerror}"
    if kind == FOLDER:
        return None
    left, trouble = size, None
    temporary = None
    try:
        number, temporary = tempfile.mkstemp(dir=parent, prefix=".carried-")
        with open(number, "wb", buffering=0) as file:
            while left:
                chunk = _some(end, left)
                left -= len(chunk)
                file.write(chunk)
        os.chmod(temporary, 0o644)
        os.replace(temporary, folder / name)
    except TimeoutError:
        raise
    except OSError as error:
        trouble = f"cannot be written: {error.strerror}"
        _skip(end, left)
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    return trouble


def _real_folder(folder: Path, inside: str) -> Path:
    """A folder below another, made where it is missing; a link on the way is an error."""
    for part in inside.split("/") if inside else []:
        folder = folder / part
        try:
            os.mkdir(folder, 0o755)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(folder).st_mode):
                raise NotADirectoryError(20, "a file or link of that name is in the way") from None
    return folder


def _some(end: socket.socket, most: int) -> bytes:
    chunk = end.recv(min(most, _CHUNK))
    if not chunk:
        raise CarryingError("the stream of files ended early")
    return chunk


def _exactly(end: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        parts += _some(end, size - len(parts))
    return bytes(parts)


def _skip(end: socket.socket, size: int) -> None:
    while size:
        size -= len(_some(end, size))


def send_nothing(end: socket.socket) -> None:
    """The stream of an empty folder."""
    end.sendall(_HEADER.pack(END, 0, 0))
