"""Kernels of both kinds for tests: start one, run code in it, end it."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading.sandbox.kernels import kernel_manager
from course_lib.grading.tasks import Limits

SECONDS = 120


@dataclass
class Said:
    """What a cell gave: printed text, the result's text, an error's name."""

    printed: str = ""
    result: str = ""
    error: str = ""
    outputs: list = field(default_factory=list)


class Kernel:
    """One kernel over a folder, as a context."""

    def __init__(self, folder: Path, *, warm=True, limits=None, preload=(), environment=None):
        self.folder = folder
        self.manager = kernel_manager(
            folder, limits or Limits(), warm=warm, preload=preload, environment=environment
        )
        self.runner = asyncio.Runner()
        self.client = None

    def __enter__(self):
        self.do(self.manager.start_kernel(cwd=str(self.folder)))
        self.provisioner = self.manager.provisioner
        self.connect()
        return self

    def connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        self.do(self.client.wait_for_ready(timeout=SECONDS))

    def __exit__(self, *_):
        if self.client is not None:
            self.client.stop_channels()
        if self.manager.has_kernel:
            self.do(self.manager.shutdown_kernel(now=True))
        self.do(self.manager.cleanup_resources())
        self.runner.close()
        if self.client is not None:
            self.client.context.destroy(0)

    def do(self, coroutine):
        return self.runner.run(coroutine)

    def run(self, code: str, seconds=SECONDS) -> Said:
        """Run one cell."""
        said = Said()

        def note(message):
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                said.printed += content["text"]
            elif kind == "execute_result":
                said.result += content["data"]["text/plain"]
            elif kind == "error":
                said.error = f"{content['ename']}: {content['evalue']}"
            if kind in ("stream", "execute_result", "error", "display_data"):
                said.outputs.append(content)

        self.do(
            self.client.execute_interactive(
                code, timeout=seconds, output_hook=note, allow_stdin=False
            )
        )
        return said

    def start(self, code: str) -> None:
        """Run a cell without waiting."""
        self.client.execute(code)

    def end(self) -> dict:
        """End the kernel at once; how it ended."""
        self.do(self.manager.shutdown_kernel(now=True))
        return self.provisioner.report


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def is_there(pid: int) -> bool:
    """Whether a process lives (one that is only not buried yet does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
