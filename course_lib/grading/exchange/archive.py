"""A zip that somebody else made: what is in it, and its bytes, without believing a word of it.

Names are only ever looked at and never joined to a path here; sizes are counted while reading.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from course_lib.grading.exchange.tables import ExchangeError
from course_lib.grading.guard.intake import IntakeLimits, odd_name, printable

RATIO = 200  # bytes from one byte; a notebook full of zeros packs 1 to 100
SMALL = 1_000_000  # below this no ratio matters
LINK = "it is a link"
RUBBISH = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints")


@dataclass(frozen=True)
class ArchiveLimits:
    """How much a class's archive may hold, and each of its files."""

    entries: int = 100_000
    total_bytes: int = 50_000_000_000
    file_bytes: int = field(default_factory=lambda: IntakeLimits().file_bytes)


@dataclass(frozen=True)
class Entry:
    """A file in an archive: its name as text, when it was changed (no zone), and how to read it."""

    name: str
    time: datetime | None
    info: zipfile.ZipInfo


@dataclass(frozen=True)
class Listing:
    """The files of an archive, and what is refused, by printable name, with the reason."""

    entries: tuple[Entry, ...]
    refused: dict[str, str]


class Refused(Exception):
    """One file may not be taken; the message says why."""


def open_archive(source: Path | IO[bytes]) -> zipfile.ZipFile:
    """A zip, open for reading.

    Raises
    ------
    ExchangeError
        If it is none, or was cut off.
    """
    shown = source if isinstance(source, Path) else "it"
    try:
        return zipfile.ZipFile(source)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise ExchangeError(f"{shown} is no whole zip file: {error}") from None
    except OSError as error:
        raise ExchangeError(f"{shown} cannot be read: {error.strerror or error}") from None


def listing(archive: zipfile.ZipFile, limits: ArchiveLimits | None = None) -> Listing:
    """What is in an archive.

    Raises
    ------
    ExchangeError
        If it holds more than the limits.
    """
    limits = limits or ArchiveLimits()
    infos = archive.infolist()
    if len(infos) > limits.entries:
        raise ExchangeError(f"it holds {len(infos)} entries; at most {limits.entries} are read")
    total = sum(info.file_size for info in infos)
    if total > limits.total_bytes:
        raise ExchangeError(f"it unpacks to {total} bytes; at most {limits.total_bytes} are read")
    entries, refused, seen = [], {}, {}
    for info in infos:
        name = name_of(info)
        if info.is_dir() or any(part in RUBBISH for part in PurePosixPath(name).parts):
            continue
        if reason := odd_entry(name, info, limits):
            refused[printable(name)] = reason
        elif name in seen:
            refused[printable(name)] = "it is there twice"
        else:
            seen[name] = None
            entries.append(Entry(name, _time(info), info))
    return Listing(tuple(one for one in entries if printable(one.name) not in refused), refused)


def name_of(info: zipfile.ZipInfo) -> str:
    """An entry's name; UTF-8 that was not marked as such is read as UTF-8."""
    # `filename` has separators of this system put right; the rest must see what was there.
    name = info.orig_filename
    if info.flag_bits & 0x800:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def odd_entry(name: str, info: zipfile.ZipInfo, limits: ArchiveLimits) -> str | None:
    """Why an entry is refused, or None."""
    if name.startswith("/") or (len(name) > 1 and name[1] == ":" and name[0].isalpha()):
        return "its name is absolute"
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "its name leads elsewhere"
    if len(parts) > IntakeLimits().depth:
        return f"it lies deeper than {IntakeLimits().depth} folders"
    for part in parts:
        if reason := odd_name(part):
            return reason
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return LINK if kind == stat.S_IFLNK else "it is a device, a pipe or a socket"
    if info.flag_bits & 0x1:
        return "it is encrypted"
    if info.file_size > limits.file_bytes:
        return f"it is larger than {limits.file_bytes} bytes: {info.file_size}"
    if info.file_size > SMALL and info.file_size > RATIO * max(1, info.compress_size):
        return f"it unpacks to more than {RATIO} times its size"
    return None


def read_entry(archive: zipfile.ZipFile, entry: Entry, most: int) -> bytes:
    """The bytes of a file.

    Raises
    ------
    Refused
        If it is damaged, packed in a way that cannot be read, or larger than ``most``.
    """
    try:
        with archive.open(entry.info) as file:
            data = file.read(most + 1)
            if len(data) <= most:
                file.read(1)  # at the end the checksum is compared
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise Refused(f"it is damaged: {error}") from None
    except (NotImplementedError, RuntimeError) as error:
        raise Refused(f"it cannot be unpacked: {error}") from None
    except Exception as error:  # lzma and others have errors of their own
        raise Refused(f"it is damaged: {type(error).__name__}: {error}") from None
    if len(data) > most:
        raise Refused(f"it is larger than {most} bytes")
    return data


def _time(info: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*info.date_time)
    except ValueError:
        return None
