"""What is installed: a verdict is that of these versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata

_SHOWN = 4


def installed() -> dict[str, str]:
    """Versions by name: every package that is installed here, and Python itself."""
    about = [one.metadata for one in metadata.distributions()]  # read once: each is a file
    packages = sorted({(str(one["Name"]).lower(), str(one["Version"])) for one in about})
    return dict(packages) | {"Python": platform.python_version()}


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """How the versions there differ from those here, in words; empty where they do not.

    >>> difference({"numpy": "2.1", "torch": "2.13"}, {"numpy": "2.2", "torch": "2.13"})
    'numpy 2.2 for 2.1'
    >>> difference({"numpy": "2.1"}, {})
    'no numpy'
    """
    said = [
        f"{name} {there[name]} for {version}" if name in there else f"no {name}"
        for name, version in here.items()
        if there.get(name) != version
    ]
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return ", ".join(said[:_SHOWN]) + more
