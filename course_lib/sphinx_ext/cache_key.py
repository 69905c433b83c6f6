"""Key the execution cache on what a page's numbers rest on: the library and the resolved versions.

myst-nb compares a page's own code with its cache and nothing else, so a changed helper would go
unnoticed. Here each state of the library gets a cache directory of its own. Its path is a setting
that myst-nb declares as part of the environment, so Sphinx reads every page again when the key
changes; what the directory already holds is not executed again.
"""

import hashlib
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

NOT_COUNTED = {"grading", "sphinx_ext", "cli.py", "__pycache__"}
PACKAGES = ("torch", "numpy", "scipy", "pandas", "matplotlib")
KEPT = 3


def setup(app: Sphinx) -> None:
    """Declare `course_cache_depends_on`: files and directories, from the source directory."""
    app.add_config_value("course_cache_depends_on", ["course_lib", "constraints.txt"], "", [list])
    app.connect("config-inited", _key_the_cache)


def state_of(paths: list[Path]) -> str:
    """Return a short hash of the files below `paths` and of the installed versions that matter."""
    versions = [f"{package} {_installed(package)}" for package in PACKAGES]
    return hash_of(paths, f"python {platform.python_version()}", *versions)


def hash_of(paths: list[Path], *words: str) -> str:
    """Return a short hash of words and of the names and contents of the files below `paths`."""
    digest = hashlib.sha256("\n".join(words).encode())
    for path in paths:
        for file in _files(path):
            digest.update(f"\n{file.relative_to(path.parent).as_posix()}\n".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    counted = (file for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc")
    return sorted(file for file in counted if file.relative_to(path).parts[0] not in NOT_COUNTED)


def _key_the_cache(app: Sphinx, config: Config) -> None:
    paths = [Path(app.srcdir, name) for name in config.course_cache_depends_on]
    for path in paths:
        if not path.exists():
            raise ConfigError(f"course_cache_depends_on names {path}, which does not exist")
    root = Path(app.outdir).parent / ".jupyter_cache"
    cache = root / state_of(paths)
    cache.mkdir(parents=True, exist_ok=True)
    cache.touch()
    config.nb_execution_cache_path = str(cache)
    _forget_old_states(root)


def _forget_old_states(root: Path) -> None:
    newest_first = sorted(
        (d for d in root.iterdir() if d.is_dir()), key=lambda d: d.stat().st_mtime, reverse=True
    )
    for directory in newest_first[KEPT:]:
        shutil.rmtree(directory)
