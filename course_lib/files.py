"""Files that are never half written: replaced whole, or grown by whole lines of JSON."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file so that others see the old content or the new, and nothing between.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "note.txt"
    >>> write_whole(target, "one")
    >>> target.read_text()
    'one'
    """
    path = Path(path)
    handle, new = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        if path.exists():
            shutil.copymode(path, new)
        else:
            os.chmod(new, 0o644)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise


def append_line(path: str | Path, entry: dict[str, Any]) -> None:
    """Add an entry as one whole line of JSON, also where the last line was left unfinished.

    Where that fails (no room is left) the file is as it was.
    """
    line = json.dumps(entry, allow_nan=False) + "\n"
    with Path(path).open("a+b", buffering=0) as file:
        end = file.tell()
        if end and _last_byte(file) != b"\n":
            line = "\n" + line
        left = line.encode()
        try:
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def _last_byte(file: Any) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def read_lines(path: str | Path, what: str, needs: tuple[str, ...]) -> list[dict[str, Any]]:
    """The entries of a file of JSON lines; none where there is no file.

    Raises
    ------
    ValueError
        If a line is not ``what``: no JSON object, or without one of the keys that it ``needs``.
    """
    path = Path(path)
    if not path.exists():
        return []
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            entry = None
        if not isinstance(entry, dict) or any(key not in entry for key in needs):
            raise ValueError(
                f"{path}, line {number}, is not {what}: {line[:60]!r}. "
                "Remove that line, or restore the file"
            )
        entries.append(entry)
    return entries


def cut_unfinished_line(path: str | Path) -> None:
    """Remove the end of a file of lines that a killed process left in the middle of one.

    >>> import tempfile
    >>> lines = Path(tempfile.mkdtemp()) / "lines.jsonl"
    >>> _ = lines.write_text('{"a": 1}\\n{"a": ')
    >>> cut_unfinished_line(lines)
    >>> lines.read_text()
    '{"a": 1}\\n'
    """
    path = Path(path)
    if not path.exists():
        return
    text = path.read_bytes()
    if text and not text.endswith(b"\n"):
        write_whole(path, text[: text.rfind(b"\n") + 1])
