"""Where a machine's passport is kept, and when it is measured again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.devices import fingerprint, pick
from course_lib.passport.document import OtherVersion, Passport
from course_lib.passport.probes import device_name, measure_passport


def default_path(device: str = "cpu") -> Path:
    """Where a machine's passport is kept: the user's cache directory.

    >>> default_path("cuda").name
    'passport-cuda.json'
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "counting-the-cost" / f"passport-{device}.json"


def passport(
    path: str | Path | None = None,
    device: Any = None,
    again: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> Passport:
    """This machine's passport: read it if it is kept, else measure it (half a minute) and keep it.

    Parameters
    ----------
    path : str or Path, optional
        Where it is kept. Default: the user's cache directory, one file a device.
    device : str or torch.device, optional
        Default: the fastest there is.
    again : bool
        Measure even if one is kept. A kept one of another machine, PyTorch or version of this
        library is never used: a line is printed, and the machine is measured again.
    progress : callable, optional
        Called with a line about each step.

    Returns
    -------
    Passport

    Raises
    ------
    ValueError
        If the device is unknown, or the file that is kept is not a passport.

    Examples
    --------
    The denominator of model FLOPs utilisation (chapter 6), from the passport that ships with the
    course (yours is measured if you give no path):

    >>> from importlib.resources import files
    >>> record = files("course_lib.facts") / "recorded" / "passport-cpu-amd-epyc-2-cores.json"
    >>> Passport.load(record).peak("float32").unit
    'FLOP/s'
    """
    target = pick(device)
    path = Path(path) if path is not None else default_path(target.type)
    if path.exists() and not again:
        kept, reason = _kept(path, target)
        if kept is not None:
            return kept
        print(f"{reason}: measuring again")
    fresh = measure_passport(target, progress=progress)
    fresh.save(path)
    return fresh


def _kept(path: Path, target: Any) -> tuple[Passport | None, str]:
    """The passport in a file if it is this device's, else the reason why not."""
    try:
        kept = Passport.load(path)
    except OtherVersion as other:
        return None, str(other)
    except ValueError as error:  # perhaps another file, named by mistake: it is not written over
        raise ValueError(
            f"{error}. Measure a new one in its place with again=True, on the command line "
            "course passport --again"
        ) from error
    same_chip = kept.device_name in (None, device_name(target))
    if kept.device == target.type and same_chip and kept.machine == fingerprint():
        return kept, ""
    return None, f"{path} is the passport of another machine, device or PyTorch"
