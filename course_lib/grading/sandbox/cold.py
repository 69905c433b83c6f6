"""A cold kernel: a new process under bubblewrap, as a provisioner of Jupyter's.

Jupyter asks a provisioner to start, signal and end a kernel; nbclient, nbconvert and nbgrader never
know the difference. The working folder's files are copied in when the kernel starts, and what it
has made or changed there is copied back, by this process, when it has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import Dict, Unicode

from course_lib.grading.sandbox import bubblewrap, carrying, groups, protocol, tree
from course_lib.grading.sandbox import limits as process_limits
from course_lib.grading.tasks import Limits

START_SECONDS = 60.0  # until the sandbox stands and the submission is in it
END_SECONDS = 10.0  # until it is empty and has sent the files back
_CONNECTION_FILE = "{connection_file}"


class SandboxError(RuntimeError):
    """The sandbox could not be built; nothing of the submission has run."""


class ColdProvisioner(KernelProvisionerBase):
    """Starts a kernel in a sandbox of its own; never one without.

    Parameters
    ----------
    limits : dict
        Fields of `course_lib.grading.tasks.Limits` that differ from the defaults.
    environment : dict
        Variables of the kernel, besides the sandbox's own few.
    folder : str
        Where the submission is, if Jupyter gives no working folder (``cwd``). Without either the
        kernel's folder is empty, and nothing is copied back.

    After the end, ``report`` says how it came (see `watching.watch`; ``outside`` where the sandbox
    itself was ended by somebody else), and ``refused`` which files were not copied in or back, with
    the reason.
    """

    limits = Dict(help="Fields of Limits that differ from the defaults.").tag(config=True)
    environment = Dict(help="Variables of the kernel.").tag(config=True)
    folder = Unicode("", help="The submission's folder, if Jupyter names none.").tag(config=True)

    # What takes long to start must not hold the event loop up. Bubblewrap starts at once, and must
    # be this thread's child: it ends with the thread that made it.
    starts_slowly = False
    process: subprocess.Popen[bytes] | None = None
    run_folder: Path | None = None
    listeners: list[socket.socket]
    channel: socket.socket | None = None
    stream: socket.socket | None = None
    report: dict[str, Any] | None = None
    group: groups.Group | None = None
    refused: dict[str, str]
    _home: Path | None = None
    _kill_at: float | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.listeners = []
        self.refused = {}
        self._finishing = threading.Lock()

    @property
    def has_process(self) -> bool:
        """Whether a kernel was started and has not been waited for."""
        return self.process is not None

    @property
    def usage(self) -> tuple[float | None, int | None]:
        """Processor seconds and peak bytes of the last kernel that has ended."""
        report = self.report or {}
        return report.get("cpu_seconds"), report.get("peak_bytes")

    # --- start ---

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Listen on the kernel's sockets, in a private folder with a short path."""
        manager = self.parent
        if self.run_folder is None:
            # A Unix socket's path has at most 107 bytes, so not below TMPDIR, which may be long.
            self.run_folder = Path(tempfile.mkdtemp(prefix="kernel-", dir="/tmp"))
            manager.transport = "ipc"
            manager.ip = str(self.run_folder / "s")
            manager.connection_file = str(self.run_folder / "connection.json")
            manager.cache_ports = False
            for port, name in enumerate(protocol.CHANNELS, start=1):
                setattr(manager, f"{name}_port", port)
            manager.write_connection_file()
        self._listen(manager.ip)
        self.connection_info = manager.get_connection_info()
        extra = [*self._own_arguments(), *kwargs.pop("extra_arguments", [])]
        kwargs.pop("transport_encryption", None)
        kwargs = await super().pre_launch(cmd=extra, **kwargs)
        return kwargs

    def _listen(self, stem: str) -> None:
        """Listen for clients; again before a restart: Jupyter removes the sockets' files."""
        for listener in self.listeners:
            listener.close()
        self.listeners = []
        for port in range(1, len(protocol.CHANNELS) + 1):
            path = f"{stem}-{port}"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            self.listeners.append(_listen(path))

    def _own_arguments(self) -> list[str]:
        """What the kernel's specification adds to the plain command."""
        words = self.kernel_spec.argv
        return words[words.index(_CONNECTION_FILE) + 1 :] if _CONNECTION_FILE in words else []

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Build the sandbox, copy the submission in, start the kernel.

        Raises
        ------
        SandboxError
            If any step fails.
        """
        try:
            await self._launch(cmd, kwargs)
        except BaseException:  # Jupyter does not clean up after a kernel that never was
            await self.cleanup()
            raise
        return self.connection_info

    async def _launch(self, cmd: list[str], kwargs: dict[str, Any]) -> None:
        given = kwargs.get("cwd") or self.folder
        self._home = Path(given).resolve() if given else None
        self.report, self._kill_at = None, None
        limits = Limits(**self.limits)
        environment = dict(self.environment)
        if "NBGRADER_EXECUTION" in kwargs.get("env", {}):
            environment.setdefault("NBGRADER_EXECUTION", kwargs["env"]["NBGRADER_EXECUTION"])
        if self.starts_slowly:
            await asyncio.to_thread(self._start_process, limits)
        else:
            self._start_process(limits)
        self.group = groups.make_group(limits)
        if self.group is not None:  # before the order: until then, nothing is started inside
            self.group.add(self.process.pid)
        here, there = socket.socketpair()
        self.stream = here
        order = {
            "limits": asdict(limits),
            "resources": process_limits.resources(limits),
            "environment": tree.environment(environment),
            "connection": _as_text(self.connection_info),
            "ports": list(range(1, len(protocol.CHANNELS) + 1)),
            "arguments": cmd,
            "python": bubblewrap.PYTHON[0],
        }
        descriptors = [there.fileno(), *(listener.fileno() for listener in self.listeners)]
        try:
            protocol.send(self.channel, order, descriptors)
        except OSError as error:
            raise self._failure(f"it ended at once ({error})") from error
        finally:
            there.close()
        await asyncio.to_thread(self._hand_over, limits)

    def _start_process(self, limits: Limits) -> None:
        self.channel, channel = protocol.pair()
        with contextlib.ExitStack() as stack:
            stack.callback(channel.close)
            try:
                command, descriptors = bubblewrap.command(stack, tree.mounts(limits))
            except RuntimeError as error:
                raise SandboxError(str(error)) from error
            errors = stack.enter_context(open(self.run_folder / "errors", "wb"))
            self.process = subprocess.Popen(
                command,
                stdin=channel,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=descriptors,
                env={},
                cwd="/",
                start_new_session=True,
            )

    def _hand_over(self, limits: Limits) -> None:
        """Send the files, and wait until the kernel's program was started."""
        caps = carrying.Caps(limits.file_bytes, limits.disk_bytes)
        self.stream.settimeout(START_SECONDS)
        self.channel.settimeout(START_SECONDS)
        trouble = ""
        try:
            if self._home is None:
                carrying.send_nothing(self.stream)
            else:
                carrying.send_folder(self.stream, self._home, caps)
        except OSError as error:
            trouble = f"the files could not be sent: {error}"  # the channel says why
        try:
            answer, _ = protocol.receive(self.channel)
        except (OSError, EOFError, protocol.ProtocolError) as error:
            raise self._failure(trouble or f"no answer from inside: {error}") from error
        if "started" not in answer:
            raise self._failure(str(answer.get("failed", answer)))
        self.refused |= answer.get("left_out", {})

    def _failure(self, what: str) -> SandboxError:
        """An error with whatever bubblewrap said, after everything was ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        self._end_now()
        errors = self.run_folder / "errors"
        said = (
            errors.read_text(encoding="utf-8", errors="replace").strip() if errors.exists() else ""
        )
        return SandboxError(f"the sandbox could not be built: {what}. {said[-2000:]}".rstrip(" ."))

    # --- while it runs ---

    async def poll(self) -> int | None:
        """None while the kernel runs; then its exit status, once its files are back."""
        if self.process is None:
            return 0
        if self.report is None:
            if self._kill_at is not None and time.monotonic() > self._kill_at:
                self._end_now()
            ended = self.process.poll() is not None
            if not ended and not select.select([self.channel], [], [], 0)[0]:
                return None
            await asyncio.to_thread(self._finish)
        return int(self.report.get("ended", 1))

    def _finish(self) -> None:
        """Hear how it ended and take the files back, once, whoever asks at the same time."""
        with self._finishing:
            if self.report is not None:
                return
            try:
                report, _ = protocol.receive(self.channel)
            except (OSError, EOFError, protocol.ProtocolError):
                # not by this process, which does it where its patience is over
                outside = self._kill_at is None or time.monotonic() <= self._kill_at
                said = "the sandbox itself was ended"
                report = {"ended": -signal.SIGKILL, "reason": said, "outside": outside}
            self._take_back()
            self.report = report

    async def wait(self) -> int | None:
        """Wait for the end."""
        pause = 0.002
        while (code := await self.poll()) is None:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.1)
        await asyncio.to_thread(self._end_now)
        self.process = None
        return code

    async def send_signal(self, signum: int) -> None:
        """Pass a signal to the kernel; SIGKILL ends all processes inside."""
        if self.process is not None and self.report is None:
            with contextlib.suppress(OSError):
                protocol.send(self.channel, {"signal": int(signum)})

    async def kill(self, restart: bool = False) -> None:
        """End all processes inside; the files come back all the same, if that is soon done."""
        await self.send_signal(signal.SIGKILL)
        self._kill_at = time.monotonic() + END_SECONDS
        for _ in range(
            50
        ):  # it is soon done, and Jupyter would look only after a tenth of a second
            if await self.poll() is not None:
                break
            await asyncio.sleep(0.002)

    async def terminate(self, restart: bool = False) -> None:
        """Ask the kernel to end."""
        await self.send_signal(signal.SIGTERM)

    # --- end ---

    def _take_back(self) -> None:
        """Copy back what the submission's folder holds now."""
        limits = Limits(**self.limits)
        if self._home is None or self.stream is None:
            return
        self.stream.settimeout(END_SECONDS)
        caps = carrying.Caps(limits.file_bytes, limits.disk_bytes)
        try:
            self.refused |= carrying.receive_folder(self.stream, self._home, caps)
        except (OSError, carrying.CarryingError) as error:
            self.refused["."] = f"not all files came back: {error}"

    def _end_now(self) -> None:
        """End the whole sandbox from outside, and let go of it."""
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1 if self.report is not None else 0)
            self.process.kill()  # with it dies the first process inside, and so do all
            self.process.wait()
        if self.group is not None:
            self.group.remove()
            self.group = None
        for end in (self.channel, self.stream):
            if end is not None:
                end.close()

    async def cleanup(self, restart: bool = False) -> None:
        """Leave nothing behind; before a restart, keep the folder that clients know."""
        if self.process is not None:
            with contextlib.suppress(Exception):
                await self.poll()
        self._end_now()  # in no thread: nbclient also asks at the interpreter's end
        self.process = None
        if not restart:
            for listener in self.listeners:
                listener.close()
            self.listeners = []
            if self.run_folder is not None:
                shutil.rmtree(self.run_folder, ignore_errors=True)
                self.run_folder = None

    async def get_provisioner_info(self) -> dict[str, Any]:
        """What Jupyter keeps about a kernel: nothing here can be taken up by another process."""
        return await super().get_provisioner_info()


def _listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(100)
    listener.setblocking(False)
    return listener


def _as_text(connection: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.decode("ascii") if isinstance(value, bytes) else value
        for name, value in connection.items()
    }
