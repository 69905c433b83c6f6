"""How a part of the installation is run, reported and remembered."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path


class InstallError(Exception):
    """Something that the person at the keyboard has to decide or repair; the message says what."""


@contextlib.contextmanager
def step(title: str):
    """Print what begins, and how long it took."""
    print(f"install: {title} ...", flush=True)
    start = time.monotonic()
    yield
    print(f"install: {title}: done in {time.monotonic() - start:.1f} s", flush=True)


def run(command, **options) -> None:
    """Run a command that has to succeed; raise `InstallError` where it does not."""
    sys.stdout.flush()
    try:
        status = subprocess.run([str(word) for word in command], **options).returncode
    except OSError as error:
        raise InstallError(f"cannot run {command[0]}: {error}") from error
    if status:
        raise InstallError(f"exit status {status} from: {' '.join(map(str, command))}")


def output(command, **options) -> str | None:
    """What a command prints, or None where it cannot be run, fails or takes over 30 s."""
    try:
        result = subprocess.run(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=30,
            **options,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def digest(*parts) -> str:
    """Hash of files (given as paths, by content) and words, in this order."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()


def stamped(stamp: Path, key: str) -> bool:
    """Whether a part was completed for exactly this key."""
    return stamp.is_file() and stamp.read_text(encoding="ascii") == key


def write_stamp(stamp: Path, key: str) -> None:
    """Say that a part is complete; the file is there in full or not at all."""
    partial = stamp.with_name(stamp.name + ".partial")
    partial.write_text(key, encoding="ascii")
    os.replace(partial, stamp)
