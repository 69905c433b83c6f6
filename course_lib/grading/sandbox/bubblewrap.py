"""The tree of the sandbox as arguments of bubblewrap (``bwrap``, 0.7 or newer)."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from course_lib.grading.sandbox import filter, privileges, tree
from course_lib.grading.sandbox.tree import HOST_NAME, USER, Mount

# No `site`: the first process needs the standard library only, and starts in half the time.
# Its plain path: started as `../.venv/bin/python`, it goes through a folder that is not inside.
PYTHON = (os.path.normpath(sys.executable), "-I", "-S", "-B")
INSIDE = Path(__file__).resolve().with_name("inside.py")


def find() -> str | None:
    """The program, if it is installed."""
    return shutil.which("bwrap", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/local/bin")


def arguments(places: Iterable[Mount]) -> tuple[list[str], dict[int, bytes]]:
    """Arguments that make the sandbox, and what must be readable at the descriptors they name.

    A descriptor is named by its place in the second result, from 0 on; `resolve` puts the real
    numbers in.

    Returns
    -------
    list of str, dict of int to bytes
    """
    named: dict[int, bytes] = {}
    words = ["--unshare-all", "--unshare-user", "--uid", str(USER), "--gid", str(USER)]
    words += ["--hostname", HOST_NAME, "--die-with-parent", "--new-session", "--as-pid-1"]
    words += ["--cap-drop", "ALL", "--clearenv", "--chdir", "/"]
    for place in places:
        words += _words(place, named)
    words += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return words, named


def _words(place: Mount, named: dict[int, bytes]) -> list[str]:
    target = place.target
    if place.kind == "bind":
        return ["--ro-bind", place.source, target]
    if place.kind == "file":
        named[len(named)] = place.source.encode()
        return ["--perms", "0444", "--ro-bind-data", f"@{len(named) - 1}", target]
    if place.kind == "link":
        return ["--symlink", place.source, target]
    if place.kind == "tmpfs":
        return ["--perms", "0755", "--size", str(place.size), "--tmpfs", target]
    return [f"--{'dir' if place.kind == 'folder' else place.kind}", target]


def resolve(words: list[str], descriptors: dict[int, int]) -> list[str]:
    """Arguments with the real descriptors' numbers.

    >>> resolve(["--ro-bind-data", "@0", "/etc/hosts"], {0: 7})
    ['--ro-bind-data', '7', '/etc/hosts']
    """
    marks = {f"@{mark}": str(number) for mark, number in descriptors.items()}
    return [marks.get(word, word) for word in words]


def command(
    stack: contextlib.ExitStack, places: Sequence[Mount], *options: str
) -> tuple[list[str], list[int]]:
    """The command that builds a sandbox with `inside` as its first process.

    Parameters
    ----------
    stack : ExitStack
        Holds the descriptors open; close it once the command was started.
    places : sequence of Mount
        See `tree.mounts`.
    options : str
        Of `inside`.

    Returns
    -------
    list of str, list of int
        The command, and the descriptors that it must be given. As root's, it drops root's rights
        first.

    Raises
    ------
    RuntimeError
        If bubblewrap or the filter is not there; the message says what to install.
    """
    program = find()
    if program is None:
        raise RuntimeError(f"bubblewrap is not installed: {advice()}")
    words, named = arguments(places)
    texts = {**named, -1: filter.program()}
    numbers = {mark: _readable(stack, text) for mark, text in texts.items()}
    line = [program, "--seccomp", str(numbers[-1]), *resolve(words, numbers)]
    line += ["--", *PYTHON, str(INSIDE), *options]
    if os.geteuid() == 0:
        needed = [program, *tree.sources(places), *tree.python_paths()]
        line = [*PYTHON, str(Path(privileges.__file__).resolve()), *needed, "--", *line]
    return line, list(numbers.values())


def _readable(stack: contextlib.ExitStack, data: bytes) -> int:
    """A descriptor from which data can be read, open as long as the stack."""
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    file.write(data)
    file.seek(0)
    return file.fileno()


_INSTALL = {
    "apt-get": "sudo apt-get install bubblewrap",
    "dnf": "sudo dnf install bubblewrap",
    "zypper": "sudo zypper install bubblewrap",
    "pacman": "sudo pacman -S bubblewrap",
    "apk": "sudo apk add bubblewrap",
}


def advice() -> str:
    """How to install bubblewrap here."""
    managers = [words for name, words in _INSTALL.items() if shutil.which(name)]
    return (managers or list(_INSTALL.values()))[0]
