"""A folder that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def place(files: dict[str, bytes], target: Path, finish: Callable[[Path], None]) -> None:
    """Put files into a folder that replaces what was there.

    Parameters
    ----------
    files : dict of bytes
        By path relative to the folder; none leads out of it.
    target : Path
        The folder; what it held is gone afterwards.
    finish : callable
        Called with the new folder before it takes its place, to set permissions.

    Raises
    ------
    OSError
        If there is no room, or a folder may not be written; ``target`` is as it was.
    ValueError
        If a path leads out of the folder.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in sorted(target.parent.glob(f".{target.name}.*.part")):  # of a killed process
        if leftover.name.endswith(".old.part") and not target.exists():
            os.replace(leftover, target)  # killed between the two renames below
        else:
            remove(leftover)
    new = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        new.chmod(0o755)
        for name, data in files.items():
            path = new / name
            if not path.resolve().is_relative_to(new.resolve()):
                raise ValueError(f"{name!r} leads out of the folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        finish(new)
        if target.exists():
            old = new.with_name(new.name.replace(".part", ".old.part"))
            os.replace(target, old)
            os.replace(new, target)
            remove(old)
        else:
            os.replace(new, target)
    except BaseException:
        remove(new)
        raise


def remove(folder: Path) -> None:
    """Delete a folder whatever its permissions; nothing happens where there is none."""
    for path in [folder, *folder.rglob("*")] if folder.is_dir() else []:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
