"""Build the book with plain, current Sphinx: the proof that Jupyter Book 1.x can be left.

Run by `make book-next`, with the interpreter of ``.venv``. Sphinx, myst-nb, the theme and the
extensions come newest into ``.venv-next`` (delete it to fetch newer ones); what the pages compute
with (torch, NumPy, ...) is borrowed from ``.venv``. Jupyter Book only translates ``_config.yml``
into a ``conf.py`` and takes no part in the build. Everything lands in ``_build/next``.
"""

import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv-next"
BUILD = ROOT / "_build" / "next"
PACKAGES = [
    "ipykernel",
    "myst-nb",
    "sphinx",
    "sphinx-book-theme",
    "sphinx-copybutton",
    "sphinx-design",
    "sphinx-exercise",
    "sphinx-external-toc",
    "sphinx-proof",
    "sphinx-sitemap",
    "sphinx-togglebutton",
    "sphinxcontrib-bibtex",
    "sphinxext-opengraph",
    "sphinxext-rediraffe",
]
# Sphinx looks for these beside conf.py, which is not where they are.
BESIDE_CONF = {
    "bibtex_bibfiles": "book/references.bib",
    "html_favicon": "book/_static/logo.svg",
    "html_static_path": "book/_static",
    "templates_path": "book/_templates",
}
TRANSLATE = "from jupyter_book.cli.main import main; main()"


def main() -> int:
    """Make the environment, translate the configuration, build; return Sphinx's exit status."""
    python = make_environment()
    BUILD.mkdir(parents=True, exist_ok=True)
    config = shutil.copy(ROOT / "_config.yml", BUILD)
    command = [sys.executable, "-c", TRANSLATE, "config", "sphinx", ".", "--config", config]
    subprocess.run(command, cwd=ROOT, check=True)
    with (BUILD / "conf.py").open("a", encoding="utf-8") as conf:
        for setting, place in BESIDE_CONF.items():
            place = str(ROOT / place)
            conf.write(f"{setting} = {(place if setting == 'html_favicon' else [place])!r}\n")
    report(python)
    options = ["-n", "-W", "--keep-going", "-E", "-c", str(BUILD)]
    build = [python, "-m", "sphinx", *options, str(ROOT), str(BUILD / "html")]
    return subprocess.run(build, check=False).returncode


def make_environment() -> str:
    """Return the interpreter of the environment, made on the first run."""
    windows = sys.platform == "win32"
    python = ENVIRONMENT / ("Scripts/python.exe" if windows else "bin/python")
    complete = ENVIRONMENT / "complete"
    if not complete.exists():
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
        own = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
        borrowed = Path(own.stdout.strip()) / "borrowed.pth"
        borrowed.write_text(f"{sysconfig.get_paths()['purelib']}\n{ROOT}\n")
        complete.touch()
    return str(python)


def report(python: str) -> None:
    """Print which versions build here, beside those of the book proper."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    newest = subprocess.run(
        [python, "-c", code, *PACKAGES], check=True, capture_output=True, text=True
    )
    resolved = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions()}
    for package, version in zip(PACKAGES, newest.stdout.split(), strict=True):
        print(
            f"{package:20} {version:10} (the book: {resolved.get(package, 'absent')})", flush=True
        )


if __name__ == "__main__":
    sys.exit(main())
