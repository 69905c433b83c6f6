"""Submissions that are damaged, each as a function that writes one, with the verdict it must get.

``DAMAGED[name].write(folder, honest)`` fills the folder of a student (which exists and is empty)
from the bytes of an honest notebook ``p1.ipynb``. Verdicts:

``"graded"``: the damage costs nothing, points are those of the honest notebook;
``"noted"``: graded with the same points, but something was left out or is odd, and is told;
``"refused"``: the notebook gets no points from the machine but a reason, and a person looks at it;
``"missing"``: the notebook was not handed in: zero, as nbgrader has it.
"""

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NOTEBOOK = "p1.ipynb"


@dataclass(frozen=True)
class Damage:
    """How to write it, what it must get, and a word of the reason that an instructor reads."""

    write: Callable[[Path, bytes], None]
    verdict: str
    says: str
    told_by: str = "the guard"


DAMAGED: dict[str, Damage] = {}


def damage(verdict: str, says: str = "", told_by: str = "the guard"):
    """Register a builder under its own name."""

    def register(write):
        DAMAGED[write.__name__] = Damage(write, verdict, says, told_by)
        return write

    return register


def raw(name: str, verdict: str, says: str, change: Callable[[bytes], bytes]) -> None:
    """Register a notebook whose bytes were changed."""

    def write(folder, honest):
        (folder / NOTEBOOK).write_bytes(change(honest))

    DAMAGED[name] = Damage(write, verdict, says)


def tree(name: str, verdict: str, says: str, change: Callable[[dict], object]) -> None:
    """Register a notebook whose JSON was changed, in place or by what ``change`` returns."""

    def edit(honest):
        data = json.loads(honest)
        returned = change(data)
        return json.dumps(data if returned is None else returned).encode()

    raw(name, verdict, says, edit)


def honest_with(folder: Path, honest: bytes) -> None:
    """The honest notebook, to which something is added."""
    (folder / NOTEBOOK).write_bytes(honest)


# --- bytes that are no notebook ---

raw("empty file", "refused", "empty", lambda honest: b"")
raw("only spaces", "refused", "empty", lambda honest: b" \n\t ")
raw("cut in the middle", "refused", "not JSON", lambda honest: honest[: len(honest) // 2])
raw("a Python script", "refused", "not JSON", lambda honest: b"print('hello')\n")
raw("a picture", "refused", "not UTF-8", lambda honest: b"\x89PNG\r\n\x1a\n" + bytes(64))
raw("latin-1", "refused", "not UTF-8", lambda honest: honest.replace(b"Because", b"Caf\xe9"))
raw("UTF-16", "refused", "UTF-16", lambda honest: honest.decode().encode("utf-16"))
raw("byte order mark", "graded", "", lambda honest: b"\xef\xbb\xbf" + honest)
raw("zip of itself", "refused", "not UTF-8", lambda honest: b"PK\x03\x04\xff\xfe" + honest[:99])
raw("merge conflict", "refused", "not JSON", lambda honest: b"<<<<<<< HEAD\n" + honest)
raw("deep nesting", "refused", "nested", lambda honest: b'{"cells":' + b"[" * 200_000)
raw(
    "nested but balanced",
    "refused",
    "nested",
    lambda honest: b'{"nbformat":4,"cells":' + b"[" * 5000 + b"]" * 5000 + b"}",
)
raw(
    "key twice",
    "refused",
    "twice",
    lambda honest: b'{"cells": [], ' + honest.lstrip()[1:],
)
raw(
    "not a number",
    "refused",
    "NaN",
    lambda honest: honest.replace(b'"nbformat": 4', b'"x": NaN, "nbformat": 4'),
)
raw(
    "number beyond all bounds",
    "refused",
    "bounds",
    lambda honest: honest.replace(b'"nbformat": 4', b'"x": 1e999, "nbformat": 4'),
)
raw(
    "number of a million digits",
    "refused",
    "cannot be read",
    lambda honest: honest.replace(b'"nbformat": 4', b'"x": ' + b"9" * 10**6 + b', "nbformat": 4'),
)
raw(
    "half a character",
    "graded",
    "",
    lambda honest: honest.replace(b'"Because', b'"\\ud83d Because'),
)

# --- JSON that is no notebook ---

tree("a list", "refused", "list", lambda data: [data])
tree("no cells", "refused", "cells", lambda data: data.pop("cells") and None)
tree("cells are text", "refused", "cells", lambda data: data.update(cells="all"))
tree("a cell is null", "refused", "cell 2", lambda data: data["cells"].insert(1, None))
tree("no nbformat", "refused", "nbformat", lambda data: data.pop("nbformat") and None)
tree("nbformat is text", "refused", "nbformat", lambda data: data.update(nbformat="4"))
tree("nbformat of the future", "refused", "newer", lambda data: data.update(nbformat=5))
tree("minor format of the future", "graded", "", lambda data: data.update(nbformat_minor=99))
tree("minor format is text", "graded", "", lambda data: data.update(nbformat_minor="five"))
tree("no metadata", "graded", "", lambda data: data.pop("metadata") and None)
tree("metadata is a list", "graded", "", lambda data: data.update(metadata=[1]))
tree("no kernel", "graded", "", lambda data: data["metadata"].pop("kernelspec") and None)
tree(
    "another kernel",
    "graded",
    "",
    lambda data: data["metadata"].update(kernelspec={"name": "bash", "display_name": "Bash"}),
)
tree("format 3", "refused", "worksheets", lambda data: {"nbformat": 3, "metadata": {}})
tree("source is a number", "refused", "source", lambda data: data["cells"][2].update(source=7))
tree(
    "too many cells",
    "refused",
    "cells",
    lambda data: data.update(cells=data["cells"] + [data["cells"][0]] * 20_000),
)


@damage("graded")
def upgraded_from_format_3(folder, honest):
    """Written by an old editor; nbgrader's metadata is still there."""
    from nbformat import convert, reads

    old = convert(reads(honest.decode(), as_version=4), 3)
    (folder / NOTEBOOK).write_text(json.dumps(old))


def each_cell(change):
    """A change of every cell."""

    def edit(data):
        for number, cell in enumerate(data["cells"]):
            change(cell, number)

    return edit


tree("no ids", "graded", "", each_cell(lambda cell, number: cell.pop("id")))
tree("one id for all", "graded", "", each_cell(lambda cell, number: cell.update(id="x")))
tree("ids are numbers", "graded", "", each_cell(lambda cell, number: cell.update(id=number)))
tree("outputs are text", "graded", "", each_cell(lambda cell, number: cell.update(outputs="ok")))
tree("no outputs", "graded", "", each_cell(lambda cell, number: cell.pop("outputs", None)))
tree(
    "metadata of wrong types",
    "graded",
    "",
    each_cell(
        lambda cell, number: cell["metadata"].update(collapsed="no", tags={"a": 1}, jupyter=3)
    ),
)
tree("cells of an odd type", "graded", "", each_cell(lambda cell, number: odd(cell)))
tree(
    "every cell skipped",
    "graded",
    "",
    each_cell(lambda cell, number: cell["metadata"].update(tags=["skip-execution"])),
)


def odd(cell):
    if cell["metadata"].get("nbgrader", {}).get("grade"):
        cell["cell_type"] = "heading"


def nbgrader_entry(**changes):
    """A change of every marked cell's nbgrader metadata."""

    def edit(cell, number):
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"].update(changes)

    return each_cell(edit)


tree("schema of the future", "graded", "", nbgrader_entry(schema_version=99))
tree("schema of the past", "graded", "", nbgrader_entry(schema_version=0))
tree("a thousand points", "graded", "", nbgrader_entry(points=1000))
tree("points are text", "graded", "", nbgrader_entry(points="all"))
tree("nothing is graded", "graded", "", nbgrader_entry(grade=False, solution=False, locked=False))
tree(
    "nbgrader metadata is a list",
    "graded",
    "",
    each_cell(
        lambda cell, number: (
            "assert" in "".join(cell["source"]) and cell["metadata"].update(nbgrader=[1])
        )
    ),
)
tree(
    "tests pasted twice",
    "graded",
    "",
    lambda data: data.update(cells=data["cells"] + data["cells"][-5:]),
)
tree(
    "tests deleted",
    "graded",
    "",
    lambda data: data.update(
        cells=[c for c in data["cells"] if "assert" not in "".join(c["source"])]
    ),
)


# --- folders ---


@damage("missing")
def nothing_at_all(folder, honest):
    (folder / "readme.txt").write_text("I was ill.")


@damage("refused", "capitals")
def name_in_other_capitals(folder, honest):
    (folder / "P1.ipynb").write_bytes(honest)


@damage("missing")
def notebook_in_a_subfolder(folder, honest):
    (folder / "inner").mkdir()
    (folder / "inner" / NOTEBOOK).write_bytes(honest)


@damage("refused", "symbolic link")
def notebook_is_a_link(folder, honest):
    (folder / NOTEBOOK).symlink_to("/etc/passwd")


@damage("refused", "symbolic link")
def notebook_is_a_link_to_nothing(folder, honest):
    (folder / NOTEBOOK).symlink_to("gone")


@damage("refused", "symbolic link")
def notebook_links_to_itself(folder, honest):
    (folder / NOTEBOOK).symlink_to(NOTEBOOK)


@damage("refused", "pipe")
def notebook_is_a_pipe(folder, honest):
    os.mkfifo(folder / NOTEBOOK)


@damage("missing")
def notebook_is_a_folder(folder, honest):
    (folder / NOTEBOOK).mkdir()


@damage("refused", "larger than")
def notebook_is_huge(folder, honest):
    with open(folder / NOTEBOOK, "wb") as file:
        file.truncate(2**40)  # a hole: it takes no disk


@damage("noted", "symbolic link")
def link_to_a_secret(folder, honest):
    honest_with(folder, honest)
    (folder / "data.csv").symlink_to("/etc/passwd")


@damage("noted", "symbolic link")
def link_to_a_folder(folder, honest):
    honest_with(folder, honest)
    (folder / "all").symlink_to("/")


@damage("noted", "pipe")
def pipe_beside_it(folder, honest):
    honest_with(folder, honest)
    os.mkfifo(folder / "pipe")


@damage("noted", "socket")
def socket_beside_it(folder, honest):
    honest_with(folder, honest)
    inside = os.open(folder, os.O_RDONLY)
    here = socket.socket(socket.AF_UNIX)
    try:
        here.bind(f"/proc/self/fd/{inside}/s")  # the path of a socket is short
    finally:
        here.close()
        os.close(inside)


@damage("noted", "larger than")
def huge_file_beside_it(folder, honest):
    honest_with(folder, honest)
    with open(folder / "video.mp4", "wb") as file:
        file.truncate(2**40)


@damage("refused", "more than")
def too_many_files(folder, honest):
    honest_with(folder, honest)
    for number in range(2_100):
        (folder / f"{number}").touch()


@damage("noted", "deeper")
def folders_without_end(folder, honest):
    honest_with(folder, honest)
    for _ in range(40):
        folder = folder / "d"
        folder.mkdir()


@damage("noted", "control characters")
def name_with_a_line_break(folder, honest):
    honest_with(folder, honest)
    (folder / "a\nb").write_text("x")


@damage("noted", "control characters")
def name_that_writes_backwards(folder, honest):
    honest_with(folder, honest)
    (folder / "photo\u202egnp.exe").write_text("x")


@damage("noted", "UTF-8")
def name_that_is_no_text(folder, honest):
    honest_with(folder, honest)
    with open(os.fsencode(folder) + b"/caf\xe9", "w") as file:
        file.write("x")


@damage("noted", "longer than")
def name_that_is_too_long(folder, honest):
    honest_with(folder, honest)
    (folder / ("x" * 240)).write_text("x")


@damage("noted", "backslash")
def name_of_another_system(folder, honest):
    honest_with(folder, honest)
    (folder / "..\\..\\gradebook.db").write_text("x")


@damage("graded")
def names_that_differ_in_capitals(folder, honest):
    honest_with(folder, honest)
    (folder / "Data.csv").write_text("1")
    (folder / "data.csv").write_text("2")


@damage("graded")
def module_of_the_kernel(folder, honest):
    honest_with(folder, honest)
    (folder / "ipykernel_launcher.py").write_text("raise SystemExit")


@damage("graded")
def hard_link(folder, honest):
    honest_with(folder, honest)
    os.link(folder / NOTEBOOK, folder / "copy.txt")


@damage("graded")
def another_notebook(folder, honest):
    honest_with(folder, honest)
    (folder / "scratch.ipynb").write_bytes(b"not even JSON")


@damage("graded")
def checkpoints(folder, honest):
    honest_with(folder, honest)
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "p1-checkpoint.ipynb").symlink_to("/etc/passwd")


@damage("noted", "no time", told_by="grade")
def timestamp_that_is_no_time(folder, honest):
    honest_with(folder, honest)
    (folder / "timestamp.txt").write_text("yesterday, I think")
