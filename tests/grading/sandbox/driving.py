"""Runs cells in a kernel of the sandbox, and programs as an ordinary user; shared by the tests."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from course_lib.grading.sandbox import privileges, tree
from course_lib.grading.sandbox.kernels import kernel_manager
from course_lib.grading.tasks import Limits

ORDINARY_USER = 1001


@dataclass
class Ran:
    """What came of a notebook: text of each cell, and what the provisioner says."""

    said: list[str]
    report: dict[str, Any]
    refused: dict[str, str]
    died: bool


def run_cells(folder: Path, *cells: str, limits: Limits | None = None, **kernel: Any) -> Ran:
    """Run cells in one kernel, with the folder's files."""
    manager = kernel_manager(folder, limits or Limits(), **kernel)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, km=manager, timeout=60, allow_errors=True)
    died = False

    async def run() -> None:
        nonlocal died
        try:
            await client.async_execute(reset_kc=False)
        except DeadKernelError:
            died = True
        finally:
            await manager.shutdown_kernel(now=True)
            await manager.cleanup_resources()
            if client.kc is not None:
                client.kc.stop_channels()

    asyncio.run(run())
    provisioner = manager.provisioner
    return Ran(
        [_say(cell) for cell in notebook.cells], provisioner.report, provisioner.refused, died
    )


def _say(cell: Any) -> str:
    parts = []
    for output in cell.outputs:
        parts.append(output.get("text") or output.get("ename", ""))
        parts.append(output.get("data", {}).get("text/plain", ""))
    return "".join(parts).strip()


def as_ordinary_user(code: str, *arguments: str, seconds: float = 280) -> str:
    """What a program prints that an ordinary user starts, who can read Python and this repository.

    Only root can become another user; where the tests run as somebody else, they are that user.
    """
    program = [sys.executable, "-c", code, *arguments]
    home = "/tmp"
    environment = {"HOME": home, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[3])
    if os.geteuid() == 0:
        paths = [*tree.sources(tree.read_only()), *tree.python_paths()]
        helper = (
            "import json, os, sys; sys.path.insert(0, sys.argv[1])\n"
            "import privileges; paths, user, program = json.loads(sys.argv[2])\n"
            "privileges.show(paths); os.setgroups([])\n"
            "os.setresgid(user, user, user); os.setresuid(user, user, user)\n"
            "os.execv(program[0], program)"
        )
        order = json.dumps([paths, ORDINARY_USER, program])
        where = str(Path(privileges.__file__).parent)
        program = [sys.executable, "-I", "-S", "-c", helper, where, order]
        # `filter` and `limits` beside it must not hide modules of Python's: none has such a name.
    done = subprocess.run(
        program, env=environment, cwd="/", capture_output=True, text=True, timeout=seconds,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
