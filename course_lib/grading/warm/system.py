"""The few calls to Linux that Python 3.11 has no name for; each raises where it fails.

Numbers are those of the kernel's headers (``linux/sched.h``, ``linux/mount.h``, ``linux/prctl.h``,
``linux/capability.h``); from 424 on, calls have one number on all processors. Manual pages:
unshare(2), mount_setattr(2), open_tree and move_mount (2), pivot_root(2), prctl(2), capset(2).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import socket
import struct
from collections.abc import Mapping

NEW = {  # namespaces, by name
    "user": 0x10000000,
    "mount": 0x00020000,
    "pid": 0x20000000,
    "net": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
    "cgroup": 0x02000000,
}
READ_ONLY, NO_SETUID, NO_DEVICES, NO_EXEC = 1, 2, 4, 8  # MOUNT_ATTR_*, and MS_* alike
_MS_REC, _MS_PRIVATE, _MNT_DETACH = 1 << 14, 1 << 18, 2
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC, _MOVE_EMPTY_PATH = 1, os.O_CLOEXEC, 4
_PR_DEATHSIG, _PR_DUMPABLE, _PR_CAPBSET_DROP, _PR_NO_NEW_PRIVS = 1, 4, 24, 38
_PR_AMBIENT, _AMBIENT_CLEAR_ALL, _PR_SECUREBITS = 47, 4, 28
_SECURE = 0x2F | 0xC0  # no rights from being root or changing ids, none to be raised; all locked
_CAPABILITIES_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)


def unshare(names: list[str]) -> None:
    """Leave the namespaces that are named, for new ones."""
    flags = 0
    for name in names:
        flags |= NEW[name]
    _check(_libc.unshare(flags), f"unshare {' '.join(names)}")


def make_private() -> None:
    """Let no mount of this namespace travel to another."""
    _check(
        _libc.mount(b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None),
        "make mounts private",
    )


def mount(
    kind: str, target: str, flags: int, options: Mapping[str, str | int] | None = None
) -> None:
    """Mount a new file system (``tmpfs``, ``proc``, ``mqueue``, ``devpts``)."""
    data = ",".join(
        f"{key}={value}" if value != "" else key for key, value in (options or {}).items()
    )
    _check(
        _libc.mount(
            _bytes(kind), _bytes(target), _bytes(kind), ctypes.c_ulong(flags), _bytes(data)
        ),
        f"mount {kind} on {target}",
    )


def take_tree(path: str) -> int:
    """A descriptor of a copy of the mounts from a path on, for `attach`."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_RECURSIVE
    return _check(_libc.syscall(_OPEN_TREE, _AT_FDCWD, _bytes(path), flags), f"open_tree {path}")


def restrict(tree: int, attributes: int, what: str) -> None:
    """Add attributes (read-only, ...) to all mounts of a tree; none can be taken away."""
    record = struct.pack("QQQQ", attributes, 0, 0, 0)
    _check(
        _libc.syscall(
            _MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH | _AT_RECURSIVE, record, len(record)
        ),
        f"mount_setattr {what} (needs Linux 5.12)",
    )


def restrict_one(mount_point: int, attributes: int, what: str) -> None:
    """Add attributes to one mount that is in place, by a descriptor of it."""
    record = struct.pack("QQQQ", attributes, 0, 0, 0)
    _check(
        _libc.syscall(_MOUNT_SETATTR, mount_point, b"", _AT_EMPTY_PATH, record, len(record)),
        f"mount_setattr {what} (needs Linux 5.12)",
    )


def attach(tree: int, target: str) -> None:
    """Show a tree that was taken at a path."""
    _check(
        _libc.syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, _bytes(target), _MOVE_EMPTY_PATH),
        f"move_mount to {target}",
    )


def change_root(folder: str) -> None:
    """Make a mount the root, and let go of everything that was outside."""
    machine = platform.machine()
    if machine not in _PIVOT_ROOT:
        raise OSError(f"pivot_root: unknown processor {machine!r}")
    os.chdir(folder)
    _check(_libc.syscall(_PIVOT_ROOT[machine], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount of the old root")
    os.chdir("/")


def die_with_parent(signal: int) -> None:
    """Get a signal when the thread that made this process ends."""
    _check(_libc.prctl(_PR_DEATHSIG, ctypes.c_ulong(signal), 0, 0, 0), "prctl PDEATHSIG")


def set_dumpable(value: bool) -> None:
    """Whether processes of the same user may look into this one."""
    _check(_libc.prctl(_PR_DUMPABLE, ctypes.c_ulong(value), 0, 0, 0), "prctl DUMPABLE")


def drop_capabilities() -> None:
    """Give up all capabilities, for this process and whatever it starts, for good."""
    last = int(_read("/proc/sys/kernel/cap_last_cap"))
    for capability in range(last + 1):
        _check(
            _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0),
            f"prctl CAPBSET_DROP {capability}",
        )
    _check(_libc.prctl(_PR_SECUREBITS, ctypes.c_ulong(_SECURE), 0, 0, 0), "prctl SECUREBITS")
    _check(
        _libc.prctl(_PR_AMBIENT, ctypes.c_ulong(_AMBIENT_CLEAR_ALL), 0, 0, 0), "prctl CAP_AMBIENT"
    )
    header = struct.pack("Ii", _CAPABILITIES_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")
    _check(_libc.prctl(_PR_NO_NEW_PRIVS, ctypes.c_ulong(1), 0, 0, 0), "prctl NO_NEW_PRIVS")


def raise_loopback() -> None:
    """Bring ``lo`` up in a new network namespace: 127.0.0.1 is all there is in it."""
    get_flags, set_flags, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, get_flags, struct.pack("16sH14x", b"lo", 0))
        flags = struct.unpack_from("16sH", answer)[1]
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", flags | up))


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()
