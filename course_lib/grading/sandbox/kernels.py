"""Managers of kernels in the sandbox, ready to start.

The same kernels by name, for nbgrader, nbconvert and Jupyter: the kernel specification
``course-sandbox`` (`write_specification`), whose provisioner is the entry point ``course-cold``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.grading.tasks import LEVELS, Limits

if TYPE_CHECKING:
    from jupyter_client import AsyncKernelManager

NAME = "course-sandbox"
PROVISIONERS = {
    "course-cold": "course_lib.grading.sandbox.cold:ColdProvisioner",
    "course-warm": "course_lib.grading.warm.provisioner:WarmProvisioner",
}
_GROUP = "jupyter_client.kernel_provisioners"


def kernel_manager(
    workdir: Path | str,
    limits: Limits,
    *,
    level: str = "sandbox",
    warm: bool = False,
    environment: Mapping[str, str] | None = None,
    preload: tuple[str, ...] = (),
) -> AsyncKernelManager:
    """A manager whose ``start_kernel`` starts a kernel over the files of a folder.

    Parameters
    ----------
    workdir : path
        The submission's folder; its files are copied in, and what changed is copied back.
    limits : Limits
    level : str
        ``"sandbox"``, or ``"none"``: a plain kernel with this process's own rights.
    warm : bool
        A fork of the fork server instead of a new process.
    environment : mapping, optional
        Variables of the kernel, besides the sandbox's own few.
    preload : tuple of str
        What the fork server has imported (``warm``).

    Raises
    ------
    ValueError
        If the level is unknown.
    """
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    if level not in LEVELS:
        raise ValueError(f"level is {level!r}; allowed are {', '.join(LEVELS)}")
    if level == "none":
        plain = AsyncKernelManager(kernel_name="python3")
        plain.kernel_spec.env.update(environment or {})
        return plain
    given: dict[str, Any] = {
        "limits": asdict(limits),
        "environment": dict(environment or {}),
        "folder": str(workdir),
    }
    if warm:
        given["preload"] = list(preload)
    register()
    manager = AsyncKernelManager(kernel_name=NAME)
    manager._kernel_spec = KernelSpec(
        **specification("course-warm" if warm else "course-cold", given)
    )
    return manager


def specification(provisioner: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A kernel specification (the content of ``kernel.json``) for one of the provisioners."""
    return {
        "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3 (sandbox)",
        "language": "python",
        "interrupt_mode": "message",
        "metadata": {
            "kernel_provisioner": {"provisioner_name": provisioner, "config": dict(given or {})}
        },
    }


def write_specification(folder: Path | str) -> Path:
    """Write ``kernels/course-sandbox/kernel.json`` into a Jupyter data folder; return its path."""
    path = Path(folder) / "kernels" / NAME / "kernel.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(specification("course-cold"), indent=1) + "\n", encoding="utf-8")
    return path


def register() -> None:
    """Make the provisioners known to Jupyter in this process, also where no entry point does."""
    from importlib.metadata import EntryPoint

    from jupyter_client.provisioning import KernelProvisionerFactory

    known = KernelProvisionerFactory.instance().provisioners
    for name, value in PROVISIONERS.items():
        known.setdefault(name, EntryPoint(name, value, _GROUP))
