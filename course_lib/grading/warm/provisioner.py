"""Warm kernels for Jupyter: a fork of the fork server where a cold kernel has a new process."""

from __future__ import annotations

from traitlets import List, Unicode

from course_lib.grading.sandbox.cold import ColdProvisioner, SandboxError
from course_lib.grading.tasks import Limits
from course_lib.grading.warm import client, sharing


class WarmProvisioner(ColdProvisioner):
    """Starts a kernel in a fork that has its modules imported, in a sandbox of its own.

    All but the start is as with a cold kernel: the files, the sockets, signals and the end. Where
    this host's fork server is unfit, the kernel is a cold one, and ``cold_because`` says why.

    Parameters
    ----------
    preload : list of str
        What the server has imported; the default is `preload.DEFAULT`.
    """

    preload = List(Unicode(), help="Modules that are imported already.").tag(config=True)

    starts_slowly = True  # the first one starts the server
    cold_because: str | None = None

    def _start_process(self, limits: Limits) -> None:
        try:
            self.process = sharing.fork(self.preload, limits)
        except client.ServerUnfit as error:
            self.cold_because = str(error)
            self.log.warning("No warm kernels, cold ones instead: %s", error)
            super()._start_process(limits)
            return
        except client.WarmError as error:
            raise SandboxError(str(error)) from error
        self.channel = self.process.channel
