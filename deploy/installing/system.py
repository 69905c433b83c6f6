"""What the course takes from the system: a sandbox for grading, a browser for the web tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from installing.steps import step

sys.path.append(str(Path(__file__).resolve().parents[2]))
from course_lib.host import PACKAGES, advice, find_browser, find_sandbox

NEEDS = {  # what for -> is it there
    "sandbox": find_sandbox,
    "browser": find_browser,
}


def apt_install(package: str) -> bool:
    """Install a package of Debian or Ubuntu where we may; False where not, or where that fails."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return False
    waits = ("DPkg::Lock::Timeout=120", "Acquire::Retries=1", "Acquire::http::Timeout=20")
    apt = ["apt-get", "-qq", *(word for wait in waits for word in ("-o", wait))]
    install = [*apt, "install", "-y", "--no-install-recommends", package]
    options = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "text": True}
    options.update(stdin=subprocess.DEVNULL, capture_output=True)
    with step(f"{package} with apt-get"):
        result = subprocess.run(install, check=False, **options)
        if result.returncode:  # in a fresh container apt-get knows no packages yet
            subprocess.run([*apt, "update"], check=False, **options)
            result = subprocess.run(install, check=False, **options)
        if result.returncode:
            print(result.stderr.strip(), flush=True)
    return result.returncode == 0


def install_system_packages(needs) -> None:
    """Install what is missing where we may; else name it, and go on."""
    for need in needs:
        package, present = PACKAGES[need][0], NEEDS[need]
        if present() or (apt_install(package) and present()):
            continue
        print(f"install: going on without a {need} ({package}): {advice(need)}", flush=True)
