"""What an attack aims at: a small course with secrets, its grader's home, a process, open doors.

Everything is made below one temporary folder, or in this process, and is gone afterwards. The
attack's cells learn where it all is: that a notebook does not know a path must not be what protects
it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ENVIRONMENT_NAME = "COURSE_ATTACK_SECRET"


@dataclass
class World:
    """Where everything is. ``folder`` is the attacker's own; all others are out of bounds.

    ``marker`` is shown by a cell whose attack has worked; ``secret`` is what must never be seen.
    ``heard`` collects what reaches the doors (sockets) from inside.
    """

    root: Path
    folder: Path
    marker: str
    secret: str
    victim: subprocess.Popen[bytes]
    port: int
    datagrams: int
    heard: list[bytes] = field(default_factory=list)

    @property
    def names(self) -> dict[str, str]:
        """What ``$name`` in an attack's cells stands for."""
        return {
            # in two parts, so that the cell's own source in a traceback is no success
            "marker": f"{self.marker[:8]}' '{self.marker[8:]}",
            "course": str(self.root),
            "gradebook": str(self.root / "gradebook.db"),
            "source": str(self.root / "source" / "solution.ipynb"),
            "neighbour": str(self.root / "submitted" / "eve"),
            "beside": os.path.relpath(self.root / "submitted" / "eve", self.folder),
            "home": str(self.root / "home"),
            "planted": str(self.root / "planted"),
            "socket": str(self.root / "door"),
            "abstract": self.door,
            "port": str(self.port),
            "datagrams": str(self.datagrams),
            "terminal": str(self.terminal),
            "victim": str(self.victim.pid),
            "secret_part": self.secret[4:],
            "tag": self.marker[:12],
            "environment_name": ENVIRONMENT_NAME,
        }

    @property
    def door(self) -> str:
        """Name of the abstract socket."""
        return self.marker[16:]

    @property
    def terminal(self) -> Path:
        """The file that stands for the grader's terminal, one for all worlds beside each other."""
        return self.root.parent / "terminal"

    def untouched(self) -> bool:
        """Whether all that is out of bounds is as it was."""
        neighbour = self.root / "submitted" / "eve" / "answer.txt"
        home = self.root / "home"
        return (
            _text(self.root / "gradebook.db") == self.secret
            and _text(self.root / "source" / "solution.ipynb") == self.secret
            and _text(neighbour) == self.secret
            and not (self.root / "planted").exists()
            and sorted(path.name for path in home.iterdir()) == ["kernel-1.json", "notes.txt"]
            and self.victim.poll() is None
        )

    def left_processes(self) -> list[str]:
        """Command lines of living processes with the attack's tag."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdecimal():
                with contextlib.suppress(OSError):
                    line = Path("/proc", entry, "cmdline").read_bytes()
                    if self.names["tag"].encode() in line:
                        found.append(f"{entry} {line!r}")
        return found


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


@contextlib.contextmanager
def make_world(root: Path) -> Iterator[World]:
    """A world below an empty folder."""
    marker, secret = secrets.token_hex(16), secrets.token_hex(16)
    for inside in ("source", "submitted/eve", "submitted/mallory", "home"):
        (root / inside).mkdir(parents=True)
    for inside in ("gradebook.db", "source/solution.ipynb", "submitted/eve/answer.txt"):
        (root / inside).write_text(secret)
    (root / "home" / "notes.txt").write_text(secret)
    (root / "home" / "kernel-1.json").write_text(f'{{"key": "{secret}"}}')
    script = "import sys, time; sys.stdin.readline()"
    with contextlib.ExitStack() as stack:
        victim = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", script],
            stdin=subprocess.PIPE,
            env={ENVIRONMENT_NAME: secret},
        )
        stack.callback(_end, victim)
        doors = [
            _open_door(stack, socket.AF_INET, ("127.0.0.1", 0)),
            _open_door(stack, socket.AF_UNIX, str(root / "door")),
            _open_door(stack, socket.AF_UNIX, f"\0{marker[16:]}"),
        ]
        datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
        world = World(
            root,
            root / "submitted" / "mallory",
            marker,
            secret,
            victim,
            doors[0].getsockname()[1],
            datagrams.getsockname()[1],
        )
        for door in doors:
            threading.Thread(target=_answer, args=(door, world), daemon=True).start()
        threading.Thread(target=_listen, args=(datagrams, world), daemon=True).start()
        yield world


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    process.stdin.close()


def _open_door(stack: contextlib.ExitStack, family: int, address: object) -> socket.socket:
    door = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
    stack.callback(_shut, door)
    door.bind(address)
    door.listen()
    return door


def _shut(door: socket.socket) -> None:
    with contextlib.suppress(OSError):
        door.shutdown(socket.SHUT_RDWR)


def _answer(door: socket.socket, world: World) -> None:
    with contextlib.suppress(OSError):
        while True:
            visitor, _ = door.accept()
            world.heard.append(b"a visitor")
            with visitor, contextlib.suppress(OSError):
                visitor.sendall(world.secret.encode())


def _listen(datagrams: socket.socket, world: World) -> None:
    with contextlib.suppress(OSError):
        while True:
            world.heard.append(datagrams.recv(1000))
