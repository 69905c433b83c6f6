"""Started as root: give root's rights up first, for good, and check that they are gone.

Process limits do not bind root, and a hole in the sandbox must not lead to root. What the
unprivileged user could not reach (a Python below ``/root``, which is closed to others) is made
reachable *at the same path* in a mount namespace of this process's own: an empty folder is laid
over the closed one, with only the wanted folders in it. The host sees nothing of it, and the rest
of the closed folder is hidden.

Standard library only. As a program, ``python -I -S privileges.py PATH... -- COMMAND...`` drops and
then becomes the command.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from typing import NoReturn

NOBODY = 65534
_CLONE_NEWNS = 0x00020000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 1 << 12, 1 << 14, 1 << 18
_PR_SET_DUMPABLE = 4


class PrivilegesError(OSError):
    """Rights could not be given up, or what is needed not be shown; it says what to do."""


def drop(paths: Iterable[str] | None = None) -> bool:
    """Become an unprivileged user, if this process is root's. Not to be undone.

    Parameters
    ----------
    paths : iterable of str, optional
        What the user must be able to read; by default all that the sandbox shows.

    Returns
    -------
    bool
        Whether anything was dropped: False where this process is an ordinary user's already.

    Raises
    ------
    PrivilegesError
        If a step fails. This process may then have some rights left: it must not go on.
    """
    if os.geteuid() != 0 and os.getuid() != 0:
        return False
    if paths is None:
        from course_lib.grading.sandbox import tree

        paths = [mount.source for mount in tree.read_only() if mount.kind == "bind"]
        paths += [mount.target for mount in tree.read_only() if mount.kind == "bind"]
        fonts = tree.font_list()
        paths += [str(fonts)] if fonts else []
    user, group = _nobody()  # first: Python's own modules may be hidden soon
    show(paths)
    _become(user, group)
    return True


def show(paths: Iterable[str]) -> list[str]:
    """Make paths reachable for everybody, in a mount namespace of this process's own.

    Returns
    -------
    list of str
        The closed folders that were replaced; empty where nothing had to be done.

    Raises
    ------
    PrivilegesError
        If that is not possible here, or a path itself is closed to others.
    """
    wanted = sorted({form for path in paths for form in (path, os.path.realpath(path))})
    closed: dict[str, list[str]] = {}
    for path in wanted:
        barrier = find_barrier(path)
        if barrier is not None:
            closed.setdefault(barrier, []).append(path)
    if closed:
        _own_mounts()
    for barrier, below in sorted(closed.items()):
        _replace(barrier, below)
    return sorted(closed)


def find_barrier(path: str) -> str | None:
    """The topmost folder above a path that others may not enter, or None.

    Raises
    ------
    PrivilegesError
        If the path itself is closed: then no folder around it helps.
    """
    status = os.stat(path)
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else 0)
    if status.st_mode & needed != needed:
        raise PrivilegesError(
            f"{path} can be read by its owner only (mode {stat.S_IMODE(status.st_mode):o}), and "
            f"submissions never run as root. Allow others to read it: chmod -R go+rX {path}"
        )
    barrier = None
    folder = os.path.dirname(path)
    while folder != "/":
        if not os.stat(folder).st_mode & stat.S_IXOTH:
            barrier = folder
        folder = os.path.dirname(folder)
    return barrier


def _own_mounts() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_CLONE_NEWNS), "a mount namespace of its own")
    flags = ctypes.c_ulong(_MS_REC | _MS_PRIVATE)
    _check(libc.mount(b"none", b"/", None, flags, None), "making mounts private")


def _replace(barrier: str, below: list[str]) -> None:
    """Lay an empty folder over a closed one, with only some of what was in it."""
    handles = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in below]
    _mount("tmpfs", barrier, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755,size=1m")
    covered: list[str] = []
    for path, handle in handles:  # sorted: a folder comes before what is in it
        if not any(path.startswith(folder + "/") for folder in covered):
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                os.makedirs(path, mode=0o755, exist_ok=True)
                covered.append(path)
            else:
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
            _mount(f"/proc/self/fd/{handle}", path, None, _MS_BIND | _MS_REC, None)
        os.close(handle)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    given = [
        None if text is None else os.fsencode(text) for text in (source, target, kind, options)
    ]
    result = libc.mount(given[0], given[1], given[2], ctypes.c_ulong(flags), given[3])
    _check(result, f"mounting {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise PrivilegesError(
            number,
            f"root may not do this here: {what} ({os.strerror(number)}). Start as an ordinary "
            "user, or install Python where everybody can read it",
        )


def _nobody() -> tuple[int, int]:
    import pwd

    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return NOBODY, NOBODY
    return entry.pw_uid, entry.pw_gid


def _become(user: int, group: int) -> None:
    """Change all ids, and try to get back: that must fail."""
    try:
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    except OSError as error:
        raise PrivilegesError(
            error.errno, f"cannot become user {user}: {error.strerror}"
        ) from error
    if os.getresuid() != (user,) * 3 or os.getresgid() != (group,) * 3 or os.getgroups():
        raise PrivilegesError(f"ids are {os.getresuid()}, {os.getresgid()}, {os.getgroups()}")
    with open("/proc/self/status", "rb") as file:
        held = [line for line in file if line.startswith((b"CapEff", b"CapPrm", b"CapAmb"))]
    if len(held) != 3 or any(int(line.split()[1], 16) for line in held):
        raise PrivilegesError(f"capabilities are left: {held}")
    try:
        os.setuid(0)
    except PermissionError:
        pass
    else:
        raise PrivilegesError("root's rights came back")
    # Changing ids closed /proc/self to this process; it must write its own uid_map there.
    _check(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl DUMPABLE")


def main(arguments: list[str]) -> NoReturn:
    """Drop, then become the command after ``--``; exit status 96 says that this failed."""
    split = arguments.index("--")
    try:
        drop(arguments[:split])
        os.execv(arguments[split + 1], arguments[split + 1 :])
    except OSError as error:
        sys.stderr.write(f"{error.strerror or error}\n")
    os._exit(96)


if __name__ == "__main__":
    main(sys.argv[1:])
