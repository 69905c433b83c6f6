"""System calls that the sandbox refuses: a seccomp filter, the same for cold and warm kernels.

A list of refusals, not of permissions: NumPy, PyTorch and what a course adds must run as they are.
What is refused is what reaches outside the namespaces, makes new ones, looks into other processes,
or takes memory that no limit counts. Refused calls fail with EPERM; ``clone3`` with ENOSYS, since
its flags lie in memory where a filter cannot read them and the C library then falls back to
``clone``.
"""

from __future__ import annotations

import errno
import functools
import tempfile

# Numbers of linux/sched.h: a new mount, cgroup, uts, ipc, user, pid or net namespace.
_NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
_THREAD = 0x10000  # of clone: not a process of its own
_FAMILIES = {1, 2, 10, 16}  # unix, internet (4 and 6), netlink: what the net namespace holds apart
_MOST_FAMILIES = 64
_DEVICE_CALLS, _INJECT_INPUT, _INJECT_CONSOLE = 0x8900, 0x5412, 0x541C

REFUSED = (
    # other processes
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"),
    # namespaces and mounts
    *("unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot", "open_tree"),
    *("move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "quotactl"),
    *("quotactl_fd", "swapon", "swapoff", "open_by_handle_at", "name_to_handle_at"),
    # the kernel itself, and doors to it that have often been left open
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter"),
    *("io_uring_register", "kexec_load", "kexec_file_load", "init_module", "finit_module"),
    *("delete_module", "reboot", "acct", "syslog", "fanotify_init", "lookup_dcookie", "vhangup"),
    *("iopl", "ioperm", "modify_ldt", "uselib", "nfsservctl", "vmsplice"),
    # keys and clocks, which are the host's
    *("keyctl", "add_key", "request_key", "settimeofday", "clock_settime", "clock_settime64"),
    *("adjtimex", "clock_adjtime", "clock_adjtime64", "stime"),
    # memory that outlives its process, or that no limit of a process counts
    *("memfd_create", "memfd_secret", "shmget", "shmat", "msgget", "semget"),
)


def _seccomp():
    """The module that makes filters.

    Raises
    ------
    RuntimeError
        If pyseccomp or libseccomp is not there.
    """
    try:
        import pyseccomp
    except (ImportError, RuntimeError) as error:
        raise RuntimeError(f"no system call filter: {error} (pip install pyseccomp)") from error
    return pyseccomp


def _build():
    """The filter, as an object of libseccomp's.

    Raises
    ------
    RuntimeError
        If pyseccomp or libseccomp is not there, or does not know this processor.
    """
    seccomp = _seccomp()
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    refuse = seccomp.ERRNO(errno.EPERM)
    for name in REFUSED:
        number = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
        if number >= 0:  # below: this processor has no such call
            rules.add_rule(refuse, number)
        elif number == -1 and name in ("ptrace", "mount", "unshare", "bpf", "io_uring_setup"):
            raise RuntimeError(f"libseccomp does not know the system call {name}: it is too old")
    clone3 = seccomp.resolve_syscall(seccomp.Arch.NATIVE, "clone3")
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), clone3 if clone3 >= 0 else 435)
    for flag in _NAMESPACES:
        rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    unknown = seccomp.ERRNO(errno.EAFNOSUPPORT)
    for family in set(range(_MOST_FAMILIES)) - _FAMILIES:
        rules.add_rule(unknown, "socket", seccomp.Arg(0, seccomp.EQ, family))
    rules.add_rule(unknown, "socket", seccomp.Arg(0, seccomp.GE, _MOST_FAMILIES))
    # A kernel's sockets were made outside: asked for devices, they would name the host's network.
    word = 0xFFFFFFFF
    rules.add_rule(refuse, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, word & ~0xFF, _DEVICE_CALLS))
    for call in (_INJECT_INPUT, _INJECT_CONSOLE):
        rules.add_rule(refuse, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, word, call))
    return rules


@functools.cache
def program() -> bytes:
    """The filter as the kernel's own instructions, for ``bwrap --seccomp``.

    Raises
    ------
    RuntimeError
        If it cannot be made here; there is no sandbox without it.
    """
    return _exported(_build())


def _exported(rules) -> bytes:
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


@functools.cache
def alone() -> bytes:
    """A second filter, for a process that may start threads, but no other process.

    It may not choose its processors either. Both fail with EPERM; errors as for `program`.
    """
    seccomp = _seccomp()
    rules, refuse = seccomp.SyscallFilter(seccomp.ALLOW), seccomp.ERRNO(errno.EPERM)
    for name in ("fork", "vfork", "sched_setaffinity"):
        number = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
        if number >= 0:
            rules.add_rule(refuse, number)
    rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _THREAD, 0))
    return _exported(rules)


def loading(code: bytes) -> str:
    """Source that binds all threads of a process to a filter, with the standard library alone.

    Raises
    ------
    RuntimeError
        If libseccomp is not there.
    """
    seccomp = _seccomp()
    call = seccomp.resolve_syscall(seccomp.Arch.NATIVE, "seccomp")
    return (
        "import ctypes\n"
        "class _Code(ctypes.Structure):\n"
        "    _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_char_p)]\n"
        f"_code = bytes.fromhex({code.hex()!r})\n"
        "_taken = ctypes.CDLL(None).syscall("
        f"{call}, 1, 1, ctypes.byref(_Code(len(_code) // 8, _code)))\n"
        "assert _taken == 0, 'the filter was not taken'"
    )


def load() -> None:
    """Bind this process and all that it starts. There is no way back.

    Raises
    ------
    RuntimeError
        If it cannot be made here, or does not hold after it was loaded.
    """
    import ctypes

    try:
        _build().load()
    except OSError as error:
        raise RuntimeError(f"the system call filter was not taken: {error}") from error
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000) == 0 or ctypes.get_errno() != errno.EPERM:
        raise RuntimeError("the system call filter does not hold")
