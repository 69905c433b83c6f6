"""nbgrader's own commands, run in a course directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


class NbgraderFailed(Exception):
    """A command of nbgrader's that did not succeed; the message ends as its output did."""


def nbgrader(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
    shown: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run ``nbgrader ARGUMENTS`` in a folder, with this environment's Python.

    Parameters
    ----------
    folder : Path
        The course directory.
    arguments : str
        As on the command line.
    environment : mapping of str, optional
        Variables added to this process's own.
    check : bool
        Whether a failure raises.
    shown : bool
        Whether what it says goes where this process's words go, instead of being returned.

    Returns
    -------
    subprocess.CompletedProcess
        With ``stdout`` and ``stderr`` as text (None where they were shown).

    Raises
    ------
    NbgraderFailed
        If the command fails and ``check`` is true.
    """
    programs = Path(sys.executable).parent  # nbgrader calls alembic by its bare name
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path, "JUPYTER_PREFER_ENV_PATH": "1", **(environment or {})},
        capture_output=not shown,
        text=True,
        check=False,
    )
    if check and done.returncode:
        end = "\n".join(((done.stdout or "") + (done.stderr or "")).strip().splitlines()[-15:])
        raise NbgraderFailed(f"nbgrader {' '.join(arguments)} failed:\n{end}")
    return done
