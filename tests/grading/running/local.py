"""Plain kernels of this machine, for tests that need no sandbox."""

import os
import subprocess
import sys

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager


class QuietManager(AsyncKernelManager):
    """Its kernels see the given variables only, and write no log."""

    visible: dict[str, str]

    async def _async_launch_kernel(self, kernel_cmd, **kw):
        kw |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": self.visible}
        await super()._async_launch_kernel(kernel_cmd, **kw)

    start_kernel = AsyncKernelManager._async_start_kernel


def local_kernels(workdir, limits, *, level="none", warm=False, environment=None, preload=()):
    """As `course_lib.grading.sandbox.kernels.kernel_manager`, without any sandbox."""
    file = workdir.parent / f"{workdir.name}.json"
    manager = QuietManager(transport="ipc", connection_file=str(file), ip=f"{file}-s")
    manager.visible = {
        "PATH": os.environ["PATH"],
        "HOME": str(workdir.parent),
        "OMP_NUM_THREADS": "1",
        "NBGRADER_EXECUTION": "autograde",
    } | dict(environment or {})
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        language="python",
        display_name="python3",
    )
    return manager
