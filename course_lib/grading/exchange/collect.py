"""A class's downloaded submissions become ``submitted/<student>/<assignment>/``.

One folder after the other, each whole or not at all, after a plan. Only one student's files are in
memory at a time.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from course_lib.grading.course import Course
from course_lib.grading.exchange.archive import (
    LINK,
    ArchiveLimits,
    Entry,
    Refused,
    listing,
    open_archive,
    read_entry,
)
from course_lib.grading.exchange.naming import settle_names, without_top
from course_lib.grading.exchange.planning import CollectPlan, HandIn
from course_lib.grading.exchange.tables import ExchangeError
from course_lib.grading.exchange.times import stamp
from course_lib.grading.guard.intake import IntakeLimits, printable
from course_lib.grading.placing import place

STAMP = "timestamp.txt"


@dataclass(frozen=True)
class Collected:
    """What became of one student's files.

    ``state`` is *collected*, *replaced*, *unchanged*, *kept* (an older one is there, and stays) or
    *refused*.
    """

    student: str
    state: str
    notes: tuple[str, ...] = ()


def collect(
    course: Course,
    archive: Path,
    plan: CollectPlan,
    expected: Sequence[str],
    *,
    force: bool = False,
    limits: IntakeLimits | None = None,
) -> list[Collected]:
    """Unpack each student's submission into its place.

    Parameters
    ----------
    course : Course
        Where to.
    archive : Path
        The zip that the plan is of.
    plan : CollectPlan
        From `plan_collect`.
    expected : sequence of str
        The assignment's notebooks, without ``.ipynb``.
    force : bool
        Also replace a submission that is not known to be older.
    limits : IntakeLimits, optional
        How much one submission may hold.

    Returns
    -------
    list of Collected
        One for each student, in the plan's order. One that is refused left nothing behind.
    """
    limits = limits or IntakeLimits()
    rows = []
    with open_archive(archive) as opened:
        for one in plan.hand_ins:
            try:
                rows.append(_collect_one(course, opened, one, plan, expected, force, limits))
            except (Refused, ExchangeError, OSError, ValueError) as error:
                rows.append(Collected(one.student, "refused", (*one.notes, str(error))))
    return rows


def _collect_one(
    course: Course,
    archive: zipfile.ZipFile,
    hand_in: HandIn,
    plan: CollectPlan,
    expected: Sequence[str],
    force: bool,
    limits: IntakeLimits,
) -> Collected:
    if hand_in.refused:
        raise Refused(hand_in.refused)
    files, notes = _unpacked(archive, hand_in, limits)
    names = settle_names({name: order for name, (_, order) in files.items()}, expected, plan.usual)
    new = {target: files[old][0] for old, target in names.new.items()}
    notes = [*hand_in.notes, *notes, *names.notes]
    if not new:
        raise Refused("there is no file in it")
    notes += [f"{name}.ipynb is missing" for name in expected if f"{name}.ipynb" not in new]
    if new.pop(STAMP, None) is not None:
        notes.append(f"the student's own {STAMP} is not taken")
    if hand_in.time is not None:
        new[STAMP] = stamp(hand_in.time).encode()
    target = course.submitted(hand_in.student)
    for folder in (target, target.parent):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise Refused(f"{folder} is a link or no folder: nothing is written there")
    state = "collected"
    if target.is_dir():
        state, why = _against(target, new, hand_in.time, force, course)
        notes += why
    if state in ("collected", "replaced"):
        place(new, target, lambda folder: None)
    return Collected(hand_in.student, state, tuple(notes))


def _against(
    target: Path, new: dict[str, bytes], time: datetime | None, force: bool, course: Course
) -> tuple[str, list[str]]:
    """What to do where a submission is there already."""
    there = {}
    for folder, _, names in os.walk(target):
        for name in names:
            path = Path(folder) / name
            if path.is_symlink() or not path.is_file():
                there[str(path)] = b""
            else:
                there[path.relative_to(target).as_posix()] = path.read_bytes()
    if there == new:
        return "unchanged", []
    if force:
        return "replaced", ["replaced by --force"]
    try:
        before = course.directory.get_existing_timestamp(str(target))
    except (ValueError, OverflowError):
        before = None
    same = {**there, STAMP: b""} == {**new, STAMP: b""}
    if same and STAMP in there and time is None:
        return "unchanged", []
    if time is not None and ((before is not None and time > before) or (same and before is None)):
        return "replaced", [f"the one from {before or 'no known time'} is replaced"]
    return "kept", ["another submission is there, not known to be older: --force replaces it"]


def _unpacked(
    archive: zipfile.ZipFile, hand_in: HandIn, limits: IntakeLimits
) -> tuple[dict[str, tuple[bytes, int]], list[str]]:
    """A student's files with their order; zips that the student packed are opened, once."""
    files: dict[str, tuple[bytes, int]] = {}
    notes: list[str] = []
    zips: list[tuple[str, bytes, int]] = []
    total = 0
    if len(hand_in.files) > limits.files:
        raise Refused(f"it holds {len(hand_in.files)} files; at most {limits.files} are taken")
    for name, entry, order in hand_in.files:
        data = _read(archive, entry, name, limits)
        total = _counted(total, data, limits)
        if name.lower().endswith(".zip"):
            zips.append((name, data, order))
            continue
        if name in files:
            notes.append(f"{name} came more than once: the newest counts")
        if name not in files or order >= files[name][1]:
            files[name] = (data, order)
    for name, data, order in zips:
        inner_limits = ArchiveLimits(limits.files, limits.total_bytes, limits.file_bytes)
        try:
            opened = open_archive(io.BytesIO(data))
        except ExchangeError as error:
            raise Refused(f"{printable(name)}: {error}") from None
        with opened as inner:
            inside = listing(inner, inner_limits)
            for odd, why in inside.refused.items():
                if why != LINK:  # a link holds nothing; anything else would be half a submission
                    raise Refused(f"{printable(name)}: {odd}: {why}")
                notes.append(f"{name}: {odd}: {why}: left out")
            short = without_top([entry.name for entry in inside.entries])
            for entry in inside.entries:
                unpacked = _read(inner, entry, f"{name}: {entry.name}", limits)
                total = _counted(total, unpacked, limits)
                if short[entry.name] in files and files[short[entry.name]][1] >= order:
                    notes.append(f"{name}: {entry.name} is there beside the zip: left out")
                else:
                    files[short[entry.name]] = (unpacked, order)
        notes.append(f"{name} was unpacked")
        if len(files) > limits.files:
            raise Refused(f"it holds more than {limits.files} files")
    return files, notes


def _read(archive: zipfile.ZipFile, entry: Entry, name: str, limits: IntakeLimits) -> bytes:
    most = limits.notebook_bytes if name.lower().endswith(".ipynb") else limits.file_bytes
    try:
        return read_entry(archive, entry, most)
    except Refused as error:
        raise Refused(f"{printable(name)}: {error}") from None


def _counted(total: int, data: bytes, limits: IntakeLimits) -> int:
    if total + len(data) > limits.total_bytes:
        raise Refused(f"it is larger than {limits.total_bytes} bytes in all")
    return total + len(data)
