"""The sandbox's kernel, in a process that has imported its libraries already."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from course_lib.grading.sandbox.kernel import ARGUMENTS, SandboxKernelApp, allow_own_modules
from course_lib.grading.warm import preload


class WarmKernelApp(SandboxKernelApp):
    """A kernel that takes modules as if it had imported them itself."""

    def init_gui_pylab(self) -> None:
        """Also tell a Matplotlib that is imported already where figures go."""
        super().init_gui_pylab()
        preload.show_figures_inline()


def run(
    connection: Mapping[str, Any], listeners: Mapping[int, int], arguments: list[str], folder: str
) -> None:
    """Run a kernel in this process until it is shut down.

    Parameters
    ----------
    connection : mapping
        ``ip``, ``transport`` ("ipc"), ``key``, ``signature_scheme`` and the five ports.
    listeners : mapping of int to int
        The descriptor of the listening socket of each port.
    arguments : list of str
        Further command line options of the kernel (nbclient's ``extra_arguments``).
    folder : str
        Where the notebook's files are; it becomes the working folder once the kernel runs.
    """
    os.chdir("/")
    sys.argv = ["ipykernel_launcher", *arguments]
    WarmKernelApp.connection = connection
    WarmKernelApp.listeners = listeners
    app = WarmKernelApp.instance()
    app.initialize([*ARGUMENTS, *arguments])
    os.chdir(folder)
    app.shell.starting_dir = folder
    allow_own_modules()  # only now: no file of a student's gets under the kernel's start
    app.start()
