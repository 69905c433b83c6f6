"""What the host offers besides Python: a sandbox for grading, a browser for tests of the book.

Standard library only: the installation asks before anything is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

PACKAGES = {"sandbox": ("bubblewrap", "bwrap"), "browser": ("chromium", "chromium")}
_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_sandbox() -> str | None:
    """Bubblewrap, if it is here and may make the namespaces that isolate a submission."""
    path = shutil.which("bwrap")
    works = path and _runs([path, "--ro-bind", "/", "/", "--unshare-all", "true"])
    return path if works else None


def find_browser(environment: Mapping[str, str] = os.environ) -> str | None:
    """A Chromium that runs: ``CHROMIUM``, else the first of the usual names."""
    named = environment.get("CHROMIUM")
    for name in (named,) if named else _BROWSERS:
        path = shutil.which(name)
        if path and _runs([path, "--version"]):
            return path
    return None


def advice(need: str) -> str:
    """What to do on this host about a missing ``"sandbox"`` or ``"browser"``."""
    package, program = PACKAGES[need]
    if shutil.which(program) and need == "sandbox":
        return (
            "bubblewrap is installed but may not make namespaces; on Ubuntu: "
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if need == "browser" and (shutil.which(program) or shutil.which("chromium-browser")):
        return "chromium is installed but does not run (a snap's stub?): set CHROMIUM=/path/to/one"
    for manager in ("apt-get", "dnf"):
        if shutil.which(manager):
            return f"sudo {manager} install {package}"
    if need == "browser":
        return "brew install --cask chromium, or set CHROMIUM=/path/to/one"
    return f"{package} runs on Linux only"


def _runs(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
