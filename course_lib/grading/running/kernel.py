"""One kernel's life: started, interrupted, ended, and whether it is still there."""

from __future__ import annotations

import asyncio
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from jupyter_client.manager import AsyncKernelManager

from course_lib.grading.running.channels import Channels
from course_lib.grading.tasks import Limits

QUIET_EXIT = 2.0  # seconds that a kernel has for its own exit handlers
LOOK_EVERY = 1.0
LOOK_CLOSELY = 0.02


class Factory(Protocol):
    """Makes a kernel manager that is ready to start."""

    def __call__(
        self,
        workdir: Path,
        limits: Limits,
        *,
        level: str,
        warm: bool,
        environment: dict[str, str],
        preload: tuple[str, ...],
    ) -> AsyncKernelManager:
        """See `course_lib.grading.sandbox.kernels.kernel_manager`."""


class KernelDidNotStart(Exception):
    """There is no kernel, and it is not the notebook's fault."""


class SandboxEnded(Exception):
    """A kernel's sandbox was ended by somebody else, and it is not the notebook's fault."""


class Kernel:
    """A running kernel and the wire to it.

    Parameters
    ----------
    make : callable
        Gives a fresh kernel manager.
    workdir : Path
        Where the kernel runs.
    settings : dict
        Of `settings.complete`.
    output_bytes : int
        A cell's output budget.

    Raises
    ------
    KernelDidNotStart
    """

    def __init__(
        self,
        make: Callable[[], AsyncKernelManager],
        workdir: Path,
        settings: dict[str, Any],
        output_bytes: int,
    ) -> None:
        self._loop = asyncio.Runner()
        self._next_look = 0.0
        self._dead = False
        self._ended_before = _seconds_of_ended_children()
        self.channels: Channels | None = None
        self.usage: tuple[float | None, int | None] = (None, None)
        self.refused: dict[str, str] = {}
        self.was_ended_outside = False
        try:
            self._manager = make()
        except BaseException:
            self._loop.close()
            raise
        try:
            self._start(workdir, settings, output_bytes)
        except Exception as error:
            self.end(politely=False)
            raise KernelDidNotStart(f"{type(error).__name__}: {error}") from error
        except BaseException:
            self.end(politely=False)
            raise

    def _start(self, workdir: Path, settings: dict[str, Any], output_bytes: int) -> None:
        arguments = list(settings["extra_arguments"])
        history = settings["ipython_hist_file"]
        given = any(word.startswith("--HistoryManager.hist_file") for word in arguments)
        if self._manager.ipykernel and history and not given:  # the sandbox's kernels have it
            arguments.append(f"--HistoryManager.hist_file={history}")
        self._loop.run(self._manager.start_kernel(extra_arguments=arguments, cwd=str(workdir)))
        self._manager._close_control_socket()  # ours reads no more than it should
        self.channels = Channels(self._manager.get_connection_info(), output_bytes)
        self.language_info = self._greet(settings["startup_timeout"])

    def _greet(self, seconds: float) -> dict[str, Any]:
        """Wait until the kernel answers on both channels; what it says of its language."""
        assert self.channels is not None
        until = time.monotonic() + seconds
        ask_again = time.monotonic()
        info, heard, asked = None, False, set()
        while info is None or not heard:
            now = time.monotonic()
            if now > until:
                raise TimeoutError(f"the kernel did not answer within {seconds:g} seconds")
            if now >= ask_again and (not asked or info is not None):
                asked.add(self.channels.send("kernel_info_request", {}))
                ask_again = now + 0.25
            message = self.channels.receive(0.05 if info is not None else 0.5)
            if message is None and not self.alive():
                raise RuntimeError(f"the kernel ended before it answered{self.last_words()}")
            if message is None or message.body is None:
                continue
            if message.channel == "iopub":
                heard = True
            elif message.body["parent_header"].get("msg_id") in asked:
                info = message.body["content"].get("language_info")
                if not isinstance(info, dict):
                    raise RuntimeError("the kernel's answer has no language_info")
        return info

    @property
    def process(self) -> int:
        """Of the kernel, or of the sandbox around it."""
        return self._manager.provisioner.process.pid

    def alive(self) -> bool:
        """Whether the kernel's process is there; asked rarely, unless it hung up."""
        now = time.monotonic()
        if not self._dead and now >= self._next_look:
            self._dead = not self._loop.run(self._manager.is_alive())
            closely = self.channels is not None and self.channels.hung_up
            self._next_look = now + (LOOK_CLOSELY if closely else LOOK_EVERY)
        return not self._dead

    def listen(self, seconds: float) -> Any:
        """The next message, or None: after so long, or when it is time to ask who is alive."""
        assert self.channels is not None
        pause = LOOK_CLOSELY if self.channels.hung_up else LOOK_EVERY
        if self.channels.hung_up:
            self._next_look = min(self._next_look, time.monotonic() + LOOK_CLOSELY)
        return self.channels.receive(max(0.0, min(seconds, pause)))

    def last_words(self) -> str:
        """How the process ended, as far as it is known: `` (signal SIGKILL)``."""
        provisioner = self._manager.provisioner
        if reason := self._report().get("reason"):
            return f": {reason}"
        try:
            code = self._loop.run(provisioner.poll())
        except Exception:
            return ""
        if not isinstance(code, int):
            return ""
        if code < 0 or code > 128:  # a shell and bubblewrap report a signal as 128 + its number
            try:
                return f" (signal {signal.Signals(-code if code < 0 else code - 128).name})"
            except ValueError:
                pass
        return f" (exit status {code})"

    def _report(self) -> dict[str, Any]:
        """What a sandbox says about the kernel when it has ended."""
        report = getattr(self._manager.provisioner, "report", None)
        return report if isinstance(report, dict) else {}

    def interrupt(self) -> None:
        """As Ctrl-C does."""
        try:
            if self._manager.kernel_spec.interrupt_mode == "message":
                assert self.channels is not None
                self.channels.send("interrupt_request", {}, "control")
            else:
                self._loop.run(self._manager.interrupt_kernel())
        except Exception:  # gone meanwhile: whoever waits for its answer will notice
            self._next_look = 0.0

    def end(self, politely: bool = True) -> None:
        """End the kernel and all that belongs to it.

        ``politely``: let it run its exit handlers first.
        """
        try:
            if politely and self.channels is not None and self.alive():
                self._ask_to_leave()
            self._loop.run(self._shut_down())
        finally:
            if self.channels is not None:
                self.channels.close()
                self.channels = None
            self._loop.close()

    def _ask_to_leave(self) -> None:
        assert self.channels is not None
        try:
            self.channels.send("shutdown_request", {"restart": False}, "control")
            self._loop.run(self._manager.provisioner.shutdown_requested())
        except Exception:
            return
        until = time.monotonic() + QUIET_EXIT
        pause = 0.002
        while time.monotonic() < until and not self._dead:
            self.channels.clear()
            time.sleep(pause)
            pause = min(2 * pause, LOOK_CLOSELY)
            self._next_look = 0.0
            self.alive()

    async def _shut_down(self) -> None:
        try:
            if self._manager.has_kernel:
                await self._manager._async_kill_kernel()
        finally:
            await self._manager.cleanup_resources()
            provisioner = self._manager.provisioner
            self.usage = getattr(provisioner, "usage", None) or self._used_by_child()
            self.refused = dict(getattr(provisioner, "refused", None) or {})
            self.was_ended_outside = bool(self._report().get("outside"))

    def _used_by_child(self) -> tuple[float, None]:
        """Of a plain kernel, that nobody watched: it was this process's child, and has ended."""
        return _seconds_of_ended_children() - self._ended_before, None


def _seconds_of_ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
