"""What Canvas and Moodle make of a file's name, and the way back.

- Canvas, *Download Submissions*: ``lastfirst_[LATE_]user_attachment_name.ext``, all in one folder;
  a file handed in again under the same name becomes ``name-1.ext`` (as described and handled by
  https://github.com/mikewesthad/canvas-unzipper and
  https://github.com/TimHanneman/Canvas_submission_sort).
- Moodle, *Download all submissions*: a folder ``Full name_number_assignsubmission_file`` with the
  files in it (older versions end it with an underscore), or the same as a prefix where folders are
  switched off; ``..._assignsubmission_onlinetext``; ``Group name_number_...`` for teams, once a
  team; underscores of names are spaces (``mod/assign/classes/downloader.php`` in
  https://github.com/moodle/moodle).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

CANVAS = re.compile(r"(?P<owner>.+?)_(?P<late>LATE_)?(?P<user>\d+)_(?P<order>\d+)_(?P<file>.+)")
MOODLE = re.compile(
    r"(?P<owner>.*?)_?(?P<user>\d*)_assignsubmission_(?P<kind>[a-z][a-z0-9]*)(?:_?/|_)(?P<file>.+)"
)
COPY = re.compile(r"(?:-\d+|\s*\(\d+\)|[ _-]+copy(?:[ _-]*\d+)?)+$", re.IGNORECASE)
NUMBERED = re.compile(r"(?P<stem>.+)-\d+")


@dataclass(frozen=True)
class Placed:
    """What a name in an archive says: whose, which file, and which came later (``order``)."""

    number: str
    owner: str
    file: str
    late: bool = False
    order: int = 0


def canvas_place(name: str) -> Placed | None:
    """What a name in Canvas's archive says; None if it is not one of Canvas's.

    >>> canvas_place("lovelaceada_LATE_12_345_p1-2.ipynb").file
    'p1-2.ipynb'
    """
    found = CANVAS.fullmatch(PurePosixPath(name).name)
    if found is None:
        return None
    return Placed(
        found["user"], found["owner"], found["file"], bool(found["late"]), int(found["order"])
    )


def moodle_place(name: str) -> Placed | None:
    """What a name in Moodle's archive says; None if it is not one of Moodle's.

    >>> moodle_place("Ada Lovelace_12_assignsubmission_file_/data/p1.ipynb")
    Placed(number='12', owner='Ada Lovelace', file='data/p1.ipynb', late=False, order=0)
    """
    found = MOODLE.fullmatch(name)
    if found is None:
        return None
    return Placed(found["user"], found["owner"], found["file"])


PLACES = {"canvas": canvas_place, "moodle": moodle_place}


@dataclass(frozen=True)
class Names:
    """By old name the new one, and what was decided."""

    new: dict[str, str]
    notes: list[str]


def settle_names(
    order: Mapping[str, int], expected: Sequence[str], usual: Iterable[str] = ()
) -> Names:
    """Give one student's files the names that the assignment has.

    Parameters
    ----------
    order : mapping of int
        By name of each file; of two that are the same notebook the higher is the newer.
    expected : sequence of str
        The assignment's notebooks, without ``.ipynb``.
    usual : iterable of str
        Names that other files of the class have: ``x-1.ext`` is one of them if ``x.ext`` is.

    >>> settle_names({"P1 (1).ipynb": 0, "records-2.jsonl": 0}, ["p1"], ["records.jsonl"]).new
    {'P1 (1).ipynb': 'p1.ipynb', 'records-2.jsonl': 'records.jsonl'}
    """
    notes: list[str] = []
    stripped = without_top(list(order))
    wanted = {old: _wanted(name, expected, set(usual)) for old, name in stripped.items()}
    books = [old for old, name in stripped.items() if _is_notebook(name) and "/" not in name]
    if len(expected) == 1 and len(books) == 1 and wanted[books[0]] is None:
        wanted[books[0]] = f"{expected[0]}.ipynb"
        notes.append(f"{books[0]} is taken for {expected[0]}.ipynb: it is the only notebook")
    new: dict[str, str] = {}
    for target in dict.fromkeys(name for name in wanted.values() if name is not None):
        rivals = [old for old, name in wanted.items() if name == target]
        if len(rivals) > 1 and not _is_notebook(target):
            continue  # which of two data files a notebook means, nobody knows: all keep their names
        # What came last; then the right name; then the browser's or Canvas's number of the copy.
        rank = {old: (order[old], stripped[old] == target, _copy_number(old)) for old in rivals}
        newest = max(rank.values())
        best = [old for old in rivals if rank[old] == newest]
        if len(best) > 1:
            notes.append(f"{sorted(best)} could each be {target}: none is renamed")
            continue
        new[best[0]] = target
        left_out = sorted(old for old in rivals if old != best[0])
        new |= dict.fromkeys(left_out, "")
        if left_out:
            notes.append(f"{best[0]} is the newest {target}; left out: {', '.join(left_out)}")
        elif stripped[best[0]] != target and not notes:
            notes.append(f"{best[0]} is called {target}")
    taken = set(new.values())
    for old, name in stripped.items():
        if old not in new:
            new[old] = name if name not in taken else old
            if _is_notebook(name):
                notes.append(f"{old} is not part of the assignment")
    return Names({old: name for old, name in new.items() if name}, notes)


def _wanted(name: str, expected: Sequence[str], usual: set[str]) -> str | None:
    path = PurePosixPath(name)
    if "/" in name:
        return None
    if not _is_notebook(name):
        numbered = NUMBERED.fullmatch(path.stem)
        plain = f"{numbered['stem']}{path.suffix}" if numbered else name
        return plain if plain in usual else None
    if path.stem in expected:
        return f"{path.stem}.ipynb"
    for plain in (_folded(path.stem), _folded(COPY.sub("", path.stem))):
        fitting = [one for one in expected if _folded(one) == plain]
        if len(fitting) == 1:
            return f"{fitting[0]}.ipynb"
    return None


def without_top(names: Sequence[str]) -> dict[str, str]:
    """By name, the name without the one folder that all lie in.

    >>> without_top(["hw/p1.ipynb", "hw/data/a.csv"])["hw/data/a.csv"]
    'data/a.csv'
    """
    tops = {name.split("/", 1)[0] for name in names}
    if len(tops) == 1 and all("/" in name for name in names):
        return {name: name.split("/", 1)[1] for name in names}
    return {name: name for name in names}


def _copy_number(name: str) -> int:
    found = COPY.search(PurePosixPath(name).stem)
    numbers = re.findall(r"\d+", found[0]) if found else []
    return int(numbers[-1][:9]) if numbers else 0


def _folded(stem: str) -> str:
    return re.sub(r"[\s_-]+", " ", stem).strip().casefold()


def _is_notebook(name: str) -> bool:
    return name.lower().endswith(".ipynb")
