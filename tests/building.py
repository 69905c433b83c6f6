"""Build the book as `make book` does, once for all tests that look at it; serve it on loopback."""

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import filelock
import pytest

ROOT = Path(__file__).resolve().parents[1]
JUPYTER_BOOK = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]


@functools.cache
def build() -> Path:
    """Return the directory of the built book; where it is up to date nothing is executed.

    Of several processes that test together the first builds it, and the others wait.
    """
    together = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    (ROOT / "_build").mkdir(exist_ok=True)
    built_by = ROOT / "_build" / "tested-by.txt"
    with filelock.FileLock(ROOT / "_build" / "tests.lock"):
        if not together or not built_by.is_file() or built_by.read_text() != together:
            _run_jupyter_book()
            built_by.write_text(together)
    return ROOT / "_build" / "html"


def _run_jupyter_book() -> None:
    command = [*JUPYTER_BOOK, "build", ".", "-n", "-W", "--keep-going"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        doctrees = ROOT / "_build" / ".doctrees"
        shutil.rmtree(doctrees, ignore_errors=True)  # or the next build would pass
        pytest.fail(
            f"the book does not build:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}", pytrace=False
        )


def pages_of(book: Path) -> list[str]:
    """Return the address of every page, from the site's root, but for those that only lead on."""
    pages = (page for page in book.rglob("*.html") if "_static" not in page.parts)
    moved = (ROOT / "book" / "redirects.txt").read_text(encoding="utf-8").split()[::2]
    leading = {"index.html", *(name.replace(".md", ".html") for name in moved)}
    return sorted({page.relative_to(book).as_posix() for page in pages} - leading)


@contextlib.contextmanager
def served(directory: Path) -> Iterator[str]:
    """Serve a directory on loopback while the context is open; gives the site's address."""
    handler = functools.partial(QuietHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, *_: object) -> None:
        """Keep the test output readable."""

    def handle(self) -> None:
        """Serve one connection; a browser may close it at any time."""
        with contextlib.suppress(ConnectionError):
            super().handle()
