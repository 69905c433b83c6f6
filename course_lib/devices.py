"""Which device runs the work, how to wait for it, and a light fingerprint of the machine.

A GPU works asynchronously: a call returns before its work is done, and a clock that is read
without waiting has timed the *launch*. `synchronise` waits. Everything here takes milliseconds.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path
from typing import Any


def pick(device: str | Any | None = None) -> Any:
    """The device to work on: the one asked for, else CUDA, else Apple's MPS, else the CPU.

    Parameters
    ----------
    device : str or torch.device, optional
        For example ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If the device is unknown or not on this machine.

    Examples
    --------
    >>> pick("cpu")
    device(type='cpu')
    """
    import torch

    if device is not None:
        try:
            chosen = torch.device(device)
        except RuntimeError as error:
            raise ValueError(f"device {device!r} is unknown; try one of {available()}") from error
        if chosen.type not in available():
            raise ValueError(f"device {device!r} is not on this machine, which has {available()}")
        return chosen
    return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if kind in available()))


def available() -> list[str]:
    """The kinds of device on this machine, for example ``['cpu', 'cuda']``.

    >>> "cpu" in available()
    True
    """
    import torch

    kinds = ["cpu"]
    if torch.cuda.is_available():
        kinds.append("cuda")
    if torch.backends.mps.is_available():
        kinds.append("mps")
    return kinds


def synchronise(device: Any = "cpu") -> None:
    """Wait until all work queued on the device is done (on the CPU: nothing to wait for).

    >>> synchronise("cpu")
    """
    kind = getattr(device, "type", str(device).split(":")[0])
    if kind == "cuda":
        import torch

        torch.cuda.synchronize(device)
    elif kind == "mps":
        import torch

        torch.mps.synchronize()


def device_of(*values: Any) -> Any:
    """The device of the first tensor or module among the values.

    Where there is none (a function without arguments hides its tensors), it is CUDA if this
    process has used CUDA, else the CPU: waiting for a device too many costs little, waiting for
    one too few times the launch instead of the work.

    >>> import torch
    >>> device_of(3, torch.zeros(2))
    device(type='cpu')
    """
    import torch

    for value in values:
        if isinstance(value, torch.Tensor):
            return value.device
        if isinstance(value, torch.nn.Module):
            for tensor in [*value.parameters(), *value.buffers()]:
                return tensor.device
    return torch.device("cuda" if torch.cuda.is_initialized() else "cpu")


@cache
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def memory_bytes() -> int | None:
    """Bytes of main memory, or None where the system does not say.

    >>> memory_bytes() is None or memory_bytes() > 2**20
    True
    """
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def cores() -> int:
    """Logical cores that this process may use.

    >>> cores() >= 1
    True
    """
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def load_per_core() -> float | None:
    """Processes that wanted to run over the last minute, per core; None where unknown.

    >>> load_per_core() is None or load_per_core() >= 0
    True
    """
    try:
        return os.getloadavg()[0] / cores()
    except (AttributeError, OSError):
        return None


def fingerprint() -> dict[str, Any]:
    """What kind of machine this is: enough to compare measurements, not to find its owner.

    No host name, user name or serial number is read.

    Returns
    -------
    dict
        ``cpu``, ``cores``, ``threads`` (PyTorch's), ``memory_bytes``, ``system``, ``python``,
        ``torch``, ``gpus`` (names).

    Examples
    --------
    >>> sorted(fingerprint())
    ['cores', 'cpu', 'gpus', 'memory_bytes', 'python', 'system', 'threads', 'torch']
    """
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "cpu": _processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "memory_bytes": memory_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "gpus": gpus,
    }


def describe(machine: dict[str, Any]) -> str:
    """A fingerprint as a line for people.

    >>> describe({"cpu": "Imagined 9000", "cores": 2, "memory_bytes": 25e9, "gpus": []})
    'Imagined 9000, 2 cores, 23 GiB'
    """
    parts = [machine["cpu"], f"{machine['cores']} cores"]
    if machine.get("memory_bytes"):
        parts.append(f"{machine['memory_bytes'] / 2**30:.0f} GiB")
    return ", ".join(parts + list(machine.get("gpus", [])))
