"""A task's folder: written for a kernel, and read back when the kernel is gone.

What is read back was written by a student's code: no link is followed, nothing but a regular file
is opened, and the number and size of files are bounded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from course_lib.grading.tasks import Limits, is_plain_path

MOST_FILES = 10_000


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by relative path into an empty folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_folder(folder: Path, limits: Limits, refuse: Callable[[str], None]) -> dict[str, bytes]:
    """The regular files below a folder, in the order of names.

    Parameters
    ----------
    folder : Path
    limits : Limits
        ``file_bytes`` and ``disk_bytes`` hold here too.
    refuse : callable
        Called with a line about each file that is not read.
    """
    found: dict[str, bytes] = {}
    left = limits.disk_bytes
    for where, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in folders:
            if os.path.islink(os.path.join(where, name)):
                refuse(f"{_relative(where, name, folder)} is a link")
        for name in sorted(names):
            relative = _relative(where, name, folder)
            if len(found) >= MOST_FILES:
                refuse(f"more than {MOST_FILES} files: the rest is left out")
                return found
            content = _read(os.path.join(where, name), min(limits.file_bytes, left))
            if isinstance(content, str):
                refuse(f"{relative} {content}")
            elif not is_plain_path(relative):
                refuse(f"{relative!r} is an odd name")
            else:
                found[relative] = content
                left -= len(content)
    return found


def _relative(where: str, name: str, folder: Path) -> str:
    return os.path.relpath(os.path.join(where, name), folder)


def _read(path: str, most: int) -> bytes | str:
    """A file's content, or why it is not read."""
    try:
        # a pipe would block, a link could lead anywhere
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return "is a link" if os.path.islink(path) else f"cannot be read: {error.strerror}"
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return "is no regular file"
        if status.st_size > most:
            return f"has {status.st_size} bytes: more than allowed"
        content = file.read(most + 1)
    return content if len(content) <= most else "grew while it was read"
