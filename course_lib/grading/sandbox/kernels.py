"""Managers of kernels in the sandbox, ready to start.

The same kernels by name, for nbgrader, nbconvert and Jupyter: the kernel specification
``course-sandbox`` (`offer`), whose provisioner is the entry point ``course-cold``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.grading.tasks import LEVELS, Limits

if TYPE_CHECKING:
    from jupyter_client import AsyncKernelManager

NAME = "course-sandbox"
DATA = Path(__file__).with_name("jupyter")  # laid out as one of Jupyter's data folders
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


def specification(provisioner: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The kernel specification ``course-sandbox``, with another provisioner and its settings."""
    found = json.loads((DATA / "kernels" / NAME / "kernel.json").read_text(encoding="utf-8"))
    chosen = {"provisioner_name": provisioner, "config": dict(given)}
    return found | {"metadata": {"kernel_provisioner": chosen}}


def offer() -> None:
    """Let this process and those that it starts find the kernel ``course-sandbox`` by its name.

    Nothing is written: the specification lies in this package, and ``JUPYTER_PATH`` leads to it.
    """
    known = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)
    if str(DATA) not in known:
        os.environ["JUPYTER_PATH"] = os.pathsep.join([str(DATA), *filter(None, known)])
    register()


def register() -> None:
    """Make the provisioners known to Jupyter in this process, also where no entry point does."""
    from importlib.metadata import EntryPoint

    from jupyter_client.provisioning import KernelProvisionerFactory

    known = KernelProvisionerFactory.instance().provisioners
    for name, value in PROVISIONERS.items():
        known.setdefault(name, EntryPoint(name, value, _GROUP))
