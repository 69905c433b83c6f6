"""Runs attacks, each in a kernel of its own, and says which have worked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import string
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from course_lib.grading.sandbox.kernels import kernel_manager
from course_lib.grading.tasks import MIB, Limits
from tests.grading.attacks.attacks import Attack
from tests.grading.attacks.world import ENVIRONMENT_NAME, World, make_world

# Small, so that what is caught is caught soon; an attack may set its own.
LIMITS = {
    "memory_bytes": 2048 * MIB,
    "disk_bytes": 64 * MIB,
    "file_bytes": 64 * MIB,
    "cpu_seconds": 60,
}
CELL_SECONDS = 40


@dataclass(frozen=True)
class Outcome:
    """What came of an attack: whether it worked, what it showed, and how its kernel ended."""

    attack: Attack
    worked: bool
    touched: bool
    alive: tuple[str, ...]
    shown: str
    ended: str
    report: dict[str, Any]
    seconds: float


def run_attacks(
    attacks: list[Attack], folder: Path, at_once: int = 2, **kernel: Any
) -> dict[str, Outcome]:
    """Run attacks in kernels of `kernel_manager`, some at a time.

    Parameters
    ----------
    attacks : list of Attack
    folder : Path
        An empty folder; each attack gets a world in it.
    at_once : int
    kernel
        Of `kernel_manager`: ``level``, ``warm``.
    """
    (folder / "terminal").touch()

    async def run_all() -> list[Outcome]:
        turn = asyncio.Semaphore(at_once)

        async def run_next(attack: Attack) -> Outcome:
            async with turn:
                return await run_attack(attack, folder / attack.name, **kernel)

        return await asyncio.gather(*map(run_next, attacks))

    with terminal_at(folder / "terminal"):
        found = asyncio.run(run_all())
    return {outcome.attack.name: outcome for outcome in found}


async def run_attack(attack: Attack, root: Path, **kernel: Any) -> Outcome:
    """Run one attack in a world of its own."""
    start = time.monotonic()
    with make_world(root) as world, secret_environment(world):
        for name, text in attack.files.items():
            (world.folder / name).write_text(text)
        cells = [string.Template(source).safe_substitute(world.names) for source in attack.cells]
        limits = Limits(**{**LIMITS, **attack.limits})
        manager = kernel_manager(world.folder, limits, **kernel)
        shown, ended = await run_cells(manager, cells, world.folder)
        await asyncio.sleep(0.2)  # what lives on has time to be seen
        text = "\n".join(shown)
        harm = attack.harm is not None and attack.harm(world)
        alive = tuple(world.left_processes())
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process.split()[0]), 9)
        provisioner = manager.provisioner
        return Outcome(
            attack,
            world.marker in text or harm,
            not world.untouched(),
            alive,
            text,
            ended,
            getattr(provisioner, "report", None) or {},
            time.monotonic() - start,
        )


async def run_cells(manager: Any, cells: list[str], folder: Path) -> tuple[list[str], str]:
    """Run cells until they end or the kernel does; what they showed, and how it ended."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=CELL_SECONDS,
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    ended = "at its end"
    try:
        await client.async_execute(reset_kc=False)
    except DeadKernelError as error:
        ended = f"kernel died: {error}"
    except CellTimeoutError:
        ended = "took too long"
    finally:
        with contextlib.suppress(Exception):
            await manager.shutdown_kernel(now=True)
        await manager.cleanup_resources()
        if client.kc is not None:
            client.kc.stop_channels()
    shown = []
    for output in (output for cell in notebook.cells for output in cell.outputs):
        shown.append(output.get("text") or "\n".join(output.get("traceback", [])))
        shown.append(str(output.get("data", "")))
    return shown, ended


_held: list[str] = []


@contextlib.contextmanager
def secret_environment(world: World) -> Iterator[None]:
    """Have the world's secret in this process's environment, as a token of the grader's would be.

    Several worlds share the variable: their secrets stand beside each other.
    """
    _held.append(world.secret)
    os.environ[ENVIRONMENT_NAME] = " ".join(_held)
    try:
        yield
    finally:
        _held.remove(world.secret)
        os.environ[ENVIRONMENT_NAME] = " ".join(_held)


@contextlib.contextmanager
def terminal_at(path: Path) -> Iterator[None]:
    """Let a file stand for the terminal of this process and of those it starts."""
    kept = [os.dup(number) for number in (1, 2)]
    with open(path, "ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)


Run = Callable[..., dict[str, Outcome]]
