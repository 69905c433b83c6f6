"""What the course takes from the system: a sandbox for grading, a browser for the web tests."""

from __future__ import annotations

import os
import shutil
import subprocess

from installing.steps import output, step


def sandbox_works() -> bool:
    """Whether bubblewrap is here and may make the namespaces that isolate a submission."""
    return output(["bwrap", "--ro-bind", "/", "/", "--unshare-all", "true"]) is not None


def find_browser(environment=os.environ) -> str | None:
    """A Chromium that runs: ``CHROMIUM``, else the first of the usual names."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    apps = "/Applications/Chromium.app/Contents/MacOS/Chromium"
    chrome = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    named = environment.get("CHROMIUM")
    for name in (named,) if named else (*names, apps, chrome):
        path = shutil.which(name)
        if path and output([path, "--version"]) is not None:
            return path
    return None


NEEDS = {  # what for -> (package, is it there, program)
    "sandbox": ("bubblewrap", sandbox_works, "bwrap"),
    "browser": ("chromium", find_browser, "chromium"),
}


def advice(need: str) -> str:
    """What to do on this machine about a missing need."""
    package, _, program = NEEDS[need]
    if shutil.which(program) and need == "sandbox":
        return (
            "bubblewrap is installed but may not make namespaces; on Ubuntu: "
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if need == "browser" and (shutil.which(program) or shutil.which("chromium-browser")):
        return "chromium is installed but does not run (a snap's stub?): set CHROMIUM=/path/to/one"
    if shutil.which("apt-get"):
        return f"sudo apt-get install {package}"
    if shutil.which("dnf"):
        return f"sudo dnf install {package}"
    if need == "browser":
        return "brew install --cask chromium, or set CHROMIUM=/path/to/one"
    return f"{package} runs on Linux only"


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
        package, present, _ = NEEDS[need]
        if present() or (apt_install(package) and present()):
            continue
        print(f"install: going on without a {need} ({package}): {advice(need)}", flush=True)
