"""A control group for one sandbox: memory and processes of all its processes together, at once.

Only where this process may make groups (as root, or where systemd has delegated some). It adds to
what `watching` does four times a second, and it alone counts what the kernel itself holds for a
process (buffers of sockets and pipes). Where there is none, everything else holds all the same.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.tasks import Limits

ROOT = Path("/sys/fs/cgroup")
_WRITABLE_PLACES = 3  # each of the sandbox's file systems in memory may hold `disk_bytes`


@dataclass(frozen=True)
class Group:
    """Folders of a control group, one for each hierarchy (one in all with version 2)."""

    folders: tuple[Path, ...]

    def add(self, process: int) -> None:
        """Put a process into it, and its children: they must not start others meanwhile.

        Raises
        ------
        OSError
            If it cannot be moved.
        """
        pending = [process]
        while pending:
            number = pending.pop()
            for folder in self.folders:
                (folder / "cgroup.procs").write_text(str(number))
            # after the move: what it starts from now on is in the group from its start
            children = Path(f"/proc/{number}/task/{number}/children")
            with contextlib.suppress(OSError):
                pending += [int(child) for child in children.read_text().split()]

    def remove(self) -> None:
        """Take it away, once its processes have ended."""
        for folder in self.folders:
            for _ in range(20):
                try:
                    folder.rmdir()
                    break
                except OSError:  # the last process is being buried
                    time.sleep(0.01)


def make_group(limits: Limits) -> Group | None:
    """A new group with the limits, or None where that is not allowed here."""
    name = f"course-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    # Files in memory count as memory.
    memory = str(limits.memory_bytes + _WRITABLE_PLACES * limits.disk_bytes)
    pids = str(limits.processes + 4)  # bubblewrap's own, and the first process inside
    made: list[Path] = []
    try:
        for folder, files in _plan(name, memory, pids):
            folder.mkdir()
            made.append(folder)
            for file, value in files.items():
                (folder / file).write_text(value)
    except OSError:
        Group(tuple(made)).remove()
        return None
    return Group(tuple(made)) if made else None


def _plan(name: str, memory: str, pids: str) -> list[tuple[Path, dict[str, str]]]:
    """Folders to make, and what to write into them."""
    controllers = ROOT / "cgroup.controllers"
    if controllers.exists():  # version 2
        parent = _own_folder()
        enabled = (parent / "cgroup.subtree_control").read_text().split()
        if not {"memory", "pids"} <= set(enabled):
            return []
        return [(parent / name, {"memory.max": memory, "pids.max": pids})]
    plan = []
    for kind, files in (
        ("memory", {"memory.limit_in_bytes": memory}),
        ("pids", {"pids.max": pids}),
    ):
        if (ROOT / kind / "cgroup.procs").exists():
            plan.append((ROOT / kind / name, files))
    return plan


def _own_folder() -> Path:
    """Where version 2 lets this process make groups: beside its own, below the same parent."""
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    path = next((line[3:] for line in lines if line.startswith("0::")), "/")
    own = ROOT / path.lstrip("/")
    # A group with processes of its own cannot hold limited ones, but for the root.
    return own if own == ROOT else own.parent
