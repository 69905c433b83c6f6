"""Limits of Linux (setrlimit) for what a `Limits` allows one process.

What they cannot hold together is held elsewhere: all processes' memory and processor time by the
first process inside (`watching`), the disk by the size of its file systems. Three things are easy
to get wrong. The number of processes does not bind root (`privileges`), and since Linux 5.14 it
counts within a user namespace, so it must be set inside. ``RLIMIT_AS`` also counts what is only
reserved: a CUDA build of PyTorch reserves more than any sensible limit, so there ``RLIMIT_DATA``
takes its place. And a soft limit on processor time alone can be raised by the process itself: soft
and hard are the same here, except for the second that lets Python report the signal.
"""

from __future__ import annotations

import functools
import importlib.util
import mmap
from pathlib import Path

from course_lib.grading.tasks import MIB, Limits

OPEN_FILES = 1024
GIB = 1024 * MIB
ROOM = 512 * MIB  # for the stacks and arenas of a kernel's threads, before any cell runs


def resources(limits: Limits, cuda: bool | None = None) -> dict[str, tuple[int, int]]:
    """Soft and hard limit by name (without ``RLIMIT_``).

    Parameters
    ----------
    limits : Limits
    cuda : bool, optional
        Whether libraries for CUDA are loaded by PyTorch here; found out where it is not given.

    Examples
    --------
    >>> resources(Limits(memory_bytes=2**30), cuda=False)["AS"]
    (1073741824, 1073741824)
    >>> "AS" in resources(Limits(), cuda=True)
    False
    """
    memory = "DATA" if (has_cuda() if cuda is None else cuda) else "AS"
    return {
        memory: (limits.memory_bytes, limits.memory_bytes),
        "NPROC": (limits.processes, limits.processes),
        "CPU": (limits.cpu_seconds, limits.cpu_seconds + 1),
        "FSIZE": (limits.file_bytes, limits.file_bytes),
        "NOFILE": (OPEN_FILES, OPEN_FILES),
        "CORE": (0, 0),
        "MEMLOCK": (MIB, MIB),
        "MSGQUEUE": (0, 0),
    }


def apply(limits: Limits) -> None:
    """Bind this process and all that it starts.

    Raises
    ------
    OSError
        If a limit cannot be set, or does not hold afterwards.
    """
    set_resources(resources(limits))


def set_resources(wanted: dict[str, tuple[int, int]]) -> None:
    """Set limits by name; see `resources`. A limit that is lower already stays."""
    import resource

    for name, (soft, hard) in wanted.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        present = resource.getrlimit(kind)[1]
        if present != resource.RLIM_INFINITY:
            soft, hard = min(soft, present), min(hard, present)
        try:
            resource.setrlimit(kind, (soft, hard))
        except ValueError as error:
            raise OSError(f"RLIMIT_{name} cannot be set to {soft}: {error}") from error
        if resource.getrlimit(kind) != (soft, hard):
            raise OSError(f"RLIMIT_{name} is {resource.getrlimit(kind)}; wanted ({soft}, {hard})")


def check_room(limits: Limits) -> None:
    """See whether what this process holds already leaves room below the limit of memory.

    Raises
    ------
    MemoryError
        If not; it says how much is needed.
    """
    size, _, _, _, _, data, _ = Path("/proc/self/statm").read_text(encoding="ascii").split()
    held = int(data if has_cuda() else size) * mmap.PAGESIZE
    if held + ROOM > limits.memory_bytes:
        raise MemoryError(
            f"the modules that are imported before take {held / GIB:.2f} GiB of the "
            f"{limits.memory_bytes / GIB:.2f} GiB that a notebook may use. Allow at least "
            f"--memory {(held + ROOM) / GIB + 0.05:.1f}, or take cold kernels (--cold)"
        )


@functools.cache
def has_cuda() -> bool:
    """Whether PyTorch here is built for CUDA (or ROCm), without importing it."""
    found = importlib.util.find_spec("torch")
    if found is None or not found.submodule_search_locations:
        return False
    libraries = Path(next(iter(found.submodule_search_locations))) / "lib"
    return any(libraries.glob("libtorch_cuda*")) or any(libraries.glob("libtorch_hip*"))
