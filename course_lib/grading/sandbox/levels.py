"""Which sandbox this host can build, found out by building one, and what to allow where it cannot.

``both``: cold kernels under bubblewrap and warm forks; ``cold`` or ``namespaces``: one of the two;
``none``: grading stops, unless it is told to go on unsandboxed.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.sandbox import bubblewrap, filter, privileges, tree
from course_lib.grading.tasks import MIB, Limits

SECONDS = 60.0
_OPEN_TREE, _MOUNT_SETATTR, _NO_SUCH_CALL = 428, 442, 38
_UNSHARE = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000
_MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 2, 4, 1 << 14, 1 << 18
# What hosts forbid namespaces with, and the words that allow them. The file's content decides.
_SWITCHES = {
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "AppArmor keeps programs without a profile from making namespaces (Ubuntu 23.10 and "
        "later). Allow bubblewrap: sudo apt-get install apparmor-profiles && sudo cp "
        "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && sudo "
        "apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict. Warm kernels need it "
        "allowed for Python too: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    "/proc/sys/kernel/unprivileged_userns_clone": (
        "0",
        "this kernel keeps ordinary users from making namespaces (Debian before 11). "
        "Allow it: sudo sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    "/proc/sys/user/max_user_namespaces": (
        "0",
        "no user namespace is allowed here (Red Hat, CentOS). Allow some: "
        "sudo sysctl -w user.max_user_namespaces=15000",
    ),
}
_CONTAINER = (
    "this is a container whose profile forbids namespaces. Start it with: docker run "
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
    "--security-opt systempaths=unconfined"
)


@dataclass(frozen=True)
class Level:
    """What was found: for cold kernels and for warm ones, None where it works, else why not."""

    cold: str | None
    warm: str | None

    @property
    def name(self) -> str:
        """``both``, ``cold``, ``namespaces`` or ``none``."""
        return {(1, 1): "both", (1, 0): "cold", (0, 1): "namespaces", (0, 0): "none"}[
            self.cold is None, self.warm is None
        ]

    def refusal(self) -> str | None:
        """What to tell who wants to grade here, or None where some sandbox works.

        >>> Level(None, "no").refusal() is None
        True
        """
        if self.name != "none":
            return None
        reasons = dict.fromkeys([self.cold, self.warm])
        return (
            "No sandbox works here, and submissions are programs of people whom nobody checked. "
            f"{' '.join(f'{reason}.' for reason in reasons)} "
            "To run them with all your own rights instead: --unsandboxed (every result is marked)"
        )


@functools.cache
def find_level() -> Level:
    """The level of this host; one sandbox of each kind is built and looked at. Asked once."""
    if platform.system() != "Linux":
        system = {"Darwin": "macOS"}.get(platform.system(), platform.system())
        reason = f"the sandbox needs Linux, this is {system}: use a Linux machine, VM or WSL 2"
        return Level(reason, reason)
    try:
        filter.program()
    except RuntimeError as error:
        return Level(str(error), str(error))
    return Level(try_cold(), try_namespaces())


def level() -> str:
    """Name of this host's level; see `Level`."""
    return find_level().name


def try_cold() -> str | None:
    """Build a cold kernel's sandbox with nothing in it; None if it holds, else what to do."""
    with contextlib.ExitStack() as stack:
        try:
            command, descriptors = bubblewrap.command(
                stack, tree.mounts(Limits(disk_bytes=MIB)), "--check"
            )
        except RuntimeError as error:
            return str(error)
        said, code = _run(command, descriptors)
    return None if code == 0 else explain(said, facts())


def try_namespaces() -> str | None:
    """Make a warm fork's namespaces with nothing in them; None if it works, else what to do."""
    said, code = _run([sys.executable, "-I", "-B", "-m", __name__], [])
    return None if code == 0 else explain(said, facts())


def _run(command: list[str], descriptors: list[int]) -> tuple[str, int]:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=descriptors,
            timeout=SECONDS,
            env={},
            cwd="/",
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error), -1
    said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
    return said or f"exit status {done.returncode}", done.returncode


def facts() -> dict[str, str]:
    """What this host says about itself: the content of each switch, and ``container``."""
    found = {}
    for path in _SWITCHES:
        try:
            found[path] = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
    marks = ("/.dockerenv", "/run/.containerenv")
    if any(os.path.exists(mark) for mark in marks) or "container" in os.environ:
        found["container"] = "1"
    return found


def explain(said: str, host: Mapping[str, str]) -> str:
    """What exactly to allow on a host where a sandbox could not be built.

    Parameters
    ----------
    said : str
        The error.
    host : mapping
        See `facts`.

    Examples
    --------
    >>> explain("bwrap: No permissions", {"/proc/sys/user/max_user_namespaces": "0"})
    'no user namespace is allowed ... user.max_user_namespaces=15000 (bwrap: No permissions)'
    """
    if "Unknown option --size" in said:
        return f"bubblewrap is too old; 0.7 or newer is needed ({said[-300:]})"
    for path, (forbids, words) in _SWITCHES.items():
        if host.get(path) == forbids:
            return f"{words} ({said[-300:]})"
    if "container" in host:
        return f"{_CONTAINER} ({said[-300:]})"
    return f"a sandbox could not be built, and no known setting forbids it: {said[-600:]}"


def main() -> None:
    """What `try_namespaces` runs: leave all namespaces, mount in them, and say how that went."""
    privileges.drop()
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int, what: str) -> None:
        if result < 0:
            sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")

    for number, name in ((_OPEN_TREE, "open_tree"), (_MOUNT_SETATTR, "mount_setattr")):
        if libc.syscall(number, -1, None, 0, None, 0) < 0 and ctypes.get_errno() == _NO_SUCH_CALL:
            sys.exit(f"{name} is not known here: warm kernels need Linux 5.12 or newer")
    user, group = os.getuid(), os.getgid()
    check(libc.unshare(_UNSHARE), "new namespaces")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    private, careful = ctypes.c_ulong(_MS_REC | _MS_PRIVATE), ctypes.c_ulong(_MS_NOSUID | _MS_NODEV)
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    check(libc.mount(b"none", b"/", None, private, None), "making mounts private")
    check(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", careful, b"size=1m"), "mounting a tmpfs")
    os.mkdir("/tmp/proc")
    check(libc.mount(b"proc", b"/tmp/proc", b"proc", careful, None), "mounting /proc")
    filter.load()
    print(json.dumps({"namespaces": True}))


if __name__ == "__main__":
    main()
