"""What can be seen inside the sandbox: a list of mounts, as pure data.

Everything that is not in the list does not exist inside: no home, no course folder, no gradebook,
no other submission. Cold kernels turn the list into bubblewrap's arguments, warm forks mount it
themselves.
"""

from __future__ import annotations

import functools
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.tasks import Limits

SUBMISSION = "/submission"
HOME = "/tmp"
FIGURES = f"{HOME}/.matplotlib"
USER = 1000  # the kernel's user and group inside, where the sandbox can choose
HOST_NAME = "sandbox"
MOST_FILES = 50_000  # files and folders in each of the sandbox's writable places
KINDS = ("bind", "file", "link", "folder", "tmpfs", "proc", "dev")

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives", "/etc/fonts")
_PROCESSORS = "/sys/devices/system/cpu"  # PyTorch asks there how many there are
_ACCOUNTS = {
    "/etc/passwd": f"student:x:{USER}:{USER}:student:{HOME}:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "/etc/group": f"student:x:{USER}:\nnogroup:x:65534:\n",
    "/etc/hosts": f"127.0.0.1 localhost {HOST_NAME}\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


@dataclass(frozen=True)
class Mount:
    """One place inside.

    Attributes
    ----------
    kind : str
        ``bind`` (a folder or file of the host, read-only, without set-user-id and devices),
        ``file`` (read-only, with a text), ``link`` (symbolic), ``folder`` (empty), ``tmpfs``
        (writable, in memory, capped), ``proc``, ``dev`` (null, zero, full, random, urandom, tty,
        ptmx, pts, and the links fd, stdin, stdout, stderr).
    target : str
        Absolute path inside.
    source : str
        Path on the host (``bind``), text (``file``), what it points to (``link``).
    size, files : int
        Bytes and inodes of a ``tmpfs``.
    """

    kind: str
    target: str
    source: str = ""
    size: int = 0
    files: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; allowed are {', '.join(KINDS)}")
        if not self.target.startswith("/") or os.path.normpath(self.target) != self.target:
            raise ValueError(f"target is {self.target!r}; it must be a plain absolute path")
        if self.kind == "tmpfs" and not (self.size > 0 and self.files > 0):
            raise ValueError(f"tmpfs on {self.target} has no size or no number of files")


def mounts(limits: Limits) -> tuple[Mount, ...]:
    """All places inside, parents before what lies in them.

    The root itself, ``/dev`` and every ``bind`` are read-only; only the ``tmpfs`` can be written.

    Examples
    --------
    >>> inside = mounts(Limits(disk_bytes=2**20))
    >>> [mount.target for mount in inside if mount.kind == "tmpfs"]
    ['/submission', '/tmp', '/dev/shm']
    >>> any(mount.target.startswith("/home") and mount.kind == "tmpfs" for mount in inside)
    False
    """
    places = [
        *read_only(),
        *(Mount("file", target, text) for target, text in _ACCOUNTS.items()),
        Mount("proc", "/proc"),
        Mount("dev", "/dev"),
        Mount("tmpfs", "/dev/shm", size=limits.disk_bytes, files=MOST_FILES),
        Mount("tmpfs", "/tmp", size=limits.disk_bytes, files=MOST_FILES),
        Mount("tmpfs", SUBMISSION, size=limits.disk_bytes, files=MOST_FILES),
    ]
    places += _withheld(limits.withheld)
    fonts = font_list()
    if fonts is not None:  # without it, the first import of Matplotlib reads every font there is
        places.append(Mount("bind", f"{FIGURES}/{fonts.name}", str(fonts)))
    return tuple(sorted(places, key=lambda mount: (mount.target.count("/"), mount.target)))


def _withheld(modules: Iterable[str]) -> list[Mount]:
    """A module that says so in the place of each withheld one, and of what Python kept of it."""
    library = Path(__file__).resolve().parents[2]
    instead = Path(__file__).with_name("withheld") / "__init__.py"
    places = []
    for name in modules:
        path = library.joinpath(*name.split(".")[1:])
        if path.is_dir():
            places.append(Mount("bind", str(path), str(instead.parent)))
            continue
        kept = path.parent.glob(f"__pycache__/{path.name}.*.pyc")
        for file in (path.with_suffix(".py"), *kept):
            places.append(Mount("bind", str(file), str(instead)))
    return places


def read_only() -> list[Mount]:
    """What of the host is shown: the system's programs, Python, and the course's library."""
    places = [_shown(path) for path in _SYSTEM if os.path.lexists(path)]
    places += [
        Mount("bind", path, os.path.realpath(path)) for path in _SETTINGS if os.path.exists(path)
    ]
    if os.path.isdir(_PROCESSORS):
        places.append(Mount("bind", _PROCESSORS, _PROCESSORS))
    seen = [mount.target for mount in places]
    for path in python_paths():
        if not any(_is_below(path, target) for target in seen):
            places.append(Mount("bind", path, os.path.realpath(path)))
            seen.append(path)
    return places


def _shown(path: str) -> Mount:
    """A folder of the system as it is there: itself, or the link it is (``/bin -> usr/bin``)."""
    if os.path.islink(path):
        return Mount("link", path, os.readlink(path))
    return Mount("bind", path, path)


@functools.cache
def python_paths() -> tuple[str, ...]:
    """Folders that this Python needs, shorter paths first: its prefixes and editable packages."""
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    found |= {str(Path(os.path.realpath(sys.executable)).parent.parent)}
    found |= {os.path.realpath(path) for path in found}
    # The package's folder alone: around it lies the repository, with its exercises and solutions.
    found |= {str(Path(__file__).resolve().parents[2]), *_editable_packages()}
    return tuple(
        sorted((os.path.normpath(path) for path in found), key=lambda p: (p.count("/"), p))
    )


def _editable_packages() -> set[str]:
    """Folders of packages that ``pip install -e`` left where they are."""
    here = str(Path(__file__).resolve().parents[3])
    found = set()
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable___"):
            found |= {str(path) for path in getattr(module, "MAPPING", {}).values()}
    for folder in sys.path:
        if os.path.basename(folder) in ("site-packages", "dist-packages"):
            for file in Path(folder).glob("*.pth"):
                found |= {line for line in _lines(file) if line.startswith("/")}
    return {path for path in found if os.path.isdir(path) and not _is_below(here, path)}


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def font_list() -> Path | None:
    """Matplotlib's list of the host's fonts, if it has been made."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matplotlib"
    for folder in (os.environ.get("MPLCONFIGDIR"), cache):
        found = sorted(Path(folder).glob("fontlist-v*.json")) if folder else []
        if found and stat.S_ISREG(os.lstat(found[-1]).st_mode):
            return found[-1]
    return None


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """All variables that the kernel has: these few, and those given (which win).

    Examples
    --------
    >>> environment({"OMP_NUM_THREADS": "2"})["OMP_NUM_THREADS"]
    '2'
    >>> sorted(set(environment({})) & {"USER", "JPY_PARENT_PID", "PYTHONPATH"})
    []
    """
    programs = [str(Path(sys.prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]
    own = {
        "HOME": HOME,
        "PATH": ":".join(programs),
        "LANG": "C.UTF-8",
        "TMPDIR": HOME,
        "IPYTHONDIR": f"{HOME}/.ipython",
        "MPLCONFIGDIR": FIGURES,
        "OMP_NUM_THREADS": "1",
        "NBGRADER_EXECUTION": "autograde",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the debugger warns on the first error
    }
    return own | dict(given)


def sources(places: Iterable[Mount]) -> list[str]:
    """Paths of the host that the mounts show."""
    return [mount.source for mount in places if mount.kind == "bind"]


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
