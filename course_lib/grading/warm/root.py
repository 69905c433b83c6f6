"""The root that a fork mounts for itself: `sandbox.tree`'s places, by Linux's own calls."""

from __future__ import annotations

import os

from course_lib.grading.sandbox.tree import Mount
from course_lib.grading.tasks import MIB
from course_lib.grading.warm import system

BASE = "/tmp"  # a folder that every system has; the new root lies over it until it is the root
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_SAFE = system.NO_SETUID | system.NO_DEVICES
_LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
    "/dev/ptmx": "pts/ptmx",
}


def build(places: tuple[Mount, ...]) -> None:
    """Make a new root with these places, and let go of the old one.

    The process must be the first of a PID namespace of its own (``/proc`` shows that one), in mount
    and user namespaces of its own. Places that lie in others come after them.

    Raises
    ------
    OSError
        If any step fails: this process then has half a root, and must end.
    """
    system.make_private()
    # Before anything is covered: copies of what will be shown, restricted before it is.
    shown = [place for place in places if place.kind == "bind"]
    trees = {place.target: _take(place.source) for place in shown}
    devices = {name: system.take_tree(f"/dev/{name}") for name in _DEVICES}
    system.mount("tmpfs", BASE, _SAFE, {"size": 4 * MIB, "nr_inodes": 4096, "mode": "755"})
    for place in places:
        target = BASE + place.target
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        if place.kind == "bind":
            _attach(trees[place.target], target)
        elif place.kind == "file":
            with open(target, "x", encoding="utf-8") as file:
                file.write(place.source)
        elif place.kind == "link":
            os.symlink(place.source, target)
        else:
            os.makedirs(target, mode=0o755, exist_ok=True)
            if place.kind == "tmpfs":
                options = {"size": place.size, "nr_inodes": place.files, "mode": "755"}
                system.mount("tmpfs", target, _SAFE, options)
            elif place.kind == "proc":
                system.mount("proc", target, _SAFE | system.NO_EXEC)
            elif place.kind == "dev":
                _make_devices(devices)
    system.change_root(BASE)
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    system.restrict_one(root, system.READ_ONLY, "/")
    os.close(root)


def _take(source: str) -> int:
    tree = system.take_tree(source)
    system.restrict(tree, _SAFE | system.READ_ONLY, source)
    return tree


def _attach(tree: int, target: str) -> None:
    """Show a tree; where it goes there is made first: a folder, or an empty file."""
    if os.path.isdir(f"/proc/self/fd/{tree}"):
        os.makedirs(target, mode=0o755, exist_ok=True)
    elif not os.path.exists(target):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    system.attach(tree, target)
    os.close(tree)


def _make_devices(devices: dict[str, int]) -> None:
    """The host's harmless devices, terminals of this namespace's own, and the usual links."""
    for name, tree in devices.items():
        system.restrict(tree, system.NO_SETUID | system.NO_EXEC, name)
        _attach(tree, f"{BASE}/dev/{name}")
    terminals = f"{BASE}/dev/pts"
    os.mkdir(terminals)
    options: dict[str, str | int] = {"newinstance": "", "ptmxmode": "0666", "mode": "620"}
    system.mount("devpts", terminals, system.NO_SETUID | system.NO_EXEC, options)
    for path, target in _LINKS.items():
        os.symlink(target, BASE + path)
