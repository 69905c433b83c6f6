"""A Dask scheduler and its workers, each a process of its own, as on a cluster."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any


class Cluster:
    """A scheduler, and workers that may be started and killed one by one.

    Parameters
    ----------
    folder : Path
        An empty folder for what they say and what they keep.
    prefix : sequence of str
        Words before the scheduler's command line (``ip netns exec NAME``).
    host : str
        Where the scheduler listens.
    options : sequence of str
        Further words of both command lines (``--tls-ca-file``, ...).
    """

    def __init__(
        self,
        folder: Path,
        prefix: Sequence[str] = (),
        host: str = "127.0.0.1",
        options: Sequence[str] = (),
    ) -> None:
        self.folder, self.options = folder, [*options]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        known = folder / "scheduler.json"
        words = ["--host", host, "--port", "0", "--no-show", "--scheduler-file", str(known)]
        if self.options:
            words += ["--protocol", "tls"]
        self._start("scheduler", prefix, "dask_scheduler", *words)
        self.address = str(wait_for(lambda: _address(known), self))

    def _start(self, name: str, prefix: Sequence[str], program: str, *words: str) -> None:
        home = self.folder / name
        home.mkdir()
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--no-dashboard"]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [*prefix, *command, *words, *self.options],
                cwd=home, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def add_worker(self, name: str, *words: str, prefix: Sequence[str] = ()) -> None:
        """Start a worker, and wait until the scheduler knows it."""
        own = ["--name", name, "--local-directory", str(self.folder / name)]
        usual = ["--nthreads", "1", "--no-nanny"]  # what is said twice counts as said last
        self._start(name, prefix, "dask_worker", self.address, *own, *usual, *words)
        wait_for(lambda: "Registered to" in self.log(name), self)

    def log(self, name: str) -> str:
        """What a process has said so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def kill(self, name: str) -> None:
        """As a power cut would."""
        self.processes[name].kill()
        self.processes[name].wait()

    def close(self) -> None:
        """End all; workers first, and not politely: nothing of theirs is needed."""
        for process in reversed(self.processes.values()):
            process.kill()
            process.wait()


@contextlib.contextmanager
def cluster(folder: Path, **how) -> Iterator[Cluster]:
    """A cluster without workers, ended with the block."""
    folder.mkdir()
    made = Cluster(folder, **how)
    try:
        yield made
    finally:
        made.close()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}


def _address(known: Path) -> str | None:
    try:
        return json.loads(known.read_text())["address"]
    except (OSError, ValueError):
        return None


def wait_for(condition: Callable[[], Any], made: Cluster | None = None, seconds: float = 60) -> Any:
    """What a condition gives once it holds; none of a cluster's processes may end meanwhile."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        running = made.processes.items() if made else ()
        ended = {name: made.log(name) for name, one in running if one.poll() is not None}
        assert not ended and time.monotonic() < end, f"nothing happened; {ended}"
        time.sleep(0.05)
    return found
