"""What a fork server imports before it forks, and what it must not have done by then.

Importing is all: one operation of PyTorch's in the parent starts its threads there, threads do not
live on in a fork, and the first parallel operation of the child then waits for them for ever.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import weakref
from collections.abc import Iterable, Mapping

DEFAULT = ("numpy", "pandas", "matplotlib.pyplot", "torch", "course_lib")

# What a kernel imports while it starts. Not matplotlib_inline.backend_inline: its import, in the
# kernel, is what makes figures show.
KERNEL = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "ipykernel.displayhook",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "IPython.utils.wildcard",
    "tornado.platform.asyncio",
    "zmq.asyncio",
    "faulthandler",
    "sqlite3",
    "comm",
    "pyseccomp",
    "course_lib.grading.warm.forked",
    "course_lib.grading.warm.kernel",
)

# Libraries read these once, when they are loaded. One thread here, so that nothing runs beside the
# server when it forks; `use_threads` gives a fork more.
SINGLE = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)


class Unfit(Exception):
    """This process must not fork kernels; the message says why."""


def import_all(names: Iterable[str]) -> None:
    """Import modules by name.

    Raises
    ------
    Unfit
        If one cannot be imported, for whatever reason.

    Examples
    --------
    >>> import_all(["json", "no_such_module"])
    Traceback (most recent call last):
    ...
    course_lib.grading.warm.preload.Unfit: cannot import no_such_module: ...
    """
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException as error:  # whatever a course's own module does on import
            raise Unfit(f"cannot import {name}: {type(error).__name__}: {error}") from error


def settle() -> None:
    """Do once what each fork would do again, and leave out what no fork needs to undo.

    Matplotlib reads which back ends are installed when it is given one; PyTorch's libraries of
    operators take themselves apart one by one when a process ends, a fifth of a second of it.
    """
    if "matplotlib" in sys.modules:
        from matplotlib.rcsetup import validate_backend

        with contextlib.suppress(ValueError):  # it is not installed: read all the same
            validate_backend("inline")
    for finalizer in list(weakref.finalize._registry):
        finalizer.atexit = False  # it stays, and acts where its object goes before the process


def count_threads() -> int:
    """Threads of this process, also those that Python does not know of."""
    return len(os.listdir("/proc/self/task"))


def check_fit() -> None:
    """Make sure that a fork of this process can do what a new process could.

    Raises
    ------
    Unfit
        If it has other threads, or has started CUDA.
    """
    if (threads := count_threads()) > 1:
        raise Unfit(
            f"the preloaded modules left {threads} threads running; a fork must have one. "
            "Preload modules that only define things"
        )
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        raise Unfit("a preloaded module has started CUDA, which no fork can use")


def use_threads(environment: Mapping[str, str]) -> None:
    """Give this fork as many threads as its environment asks for (``OMP_NUM_THREADS``).

    The libraries read their variables when the server loaded them, with one thread.
    """
    asked = environment.get("OMP_NUM_THREADS", "1").split(",")[0]
    if not asked.isdecimal() or int(asked) <= 1:
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(int(asked))
    try:
        import threadpoolctl
    except ImportError:
        return  # NumPy stays on one thread
    threadpoolctl.threadpool_limits(int(asked), user_api="blas")


def show_figures_inline() -> None:
    """Do what importing Matplotlib in a kernel does: take the back end that the kernel set."""
    matplotlib = sys.modules.get("matplotlib")
    backend = os.environ.get("MPLBACKEND")
    if matplotlib is not None and backend:
        matplotlib.rcParams["backend"] = backend
