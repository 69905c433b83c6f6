"""What a fork sees of the host, of the server it came from, and of other forks: nothing."""

import ast
import os
import re
from pathlib import Path

import pytest

from course_lib.grading.sandbox import tree
from course_lib.grading.sandbox.cold import SandboxError
from course_lib.grading.tasks import MIB, Limits
from course_lib.grading.warm import client, preload, sharing
from tests.grading.warm.driving import Kernel

pytestmark = pytest.mark.needs("sandbox")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", autouse=True)
def _no_server_stays():
    yield
    sharing.close_shared()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("submission")
    (folder / "data.csv").write_text("1,2\n")
    with Kernel(folder) as running:
        yield running


def value(kernel, expression: str):
    said = kernel.run(expression)
    assert not said.error, said.error
    return ast.literal_eval(said.result)


def test_it_is_warm(kernel):
    assert kernel.provisioner.cold_because is None
    loaded = value(kernel, "import sys; [name in sys.modules for name in ('torch', 'pandas')]")
    assert loaded == [True, True]


def test_nothing_of_the_host_is_there(kernel, tmp_path):
    hidden = [str(tmp_path), str(ROOT / "exercises"), str(ROOT / "README.md"), str(ROOT / ".git")]
    hidden += [os.path.expanduser("~/.bashrc"), "/home", "/var", "/etc/shadow", "/run", "/boot"]
    found = value(kernel, f"import os; [path for path in {hidden} if os.path.exists(path)]")
    assert found == []
    shown = {"/" + mount.target.split("/")[1] for mount in tree.mounts(Limits())}
    assert set(value(kernel, "['/' + name for name in os.listdir('/')]")) == shown


def test_only_three_places_can_be_written(kernel):
    code = """
def writable(folder):
    try:
        open(folder + '/.try', 'w').close()
        os.unlink(folder + '/.try')
    except OSError:
        return False
    return True
folders = {line.split()[4] for line in open('/proc/self/mountinfo')} | {'/', '/etc', '/usr/bin'}
folders |= {os.path.dirname(os.__file__), '/dev', sys.prefix}
sorted(folder for folder in folders if os.path.isdir(folder) and writable(folder))
"""
    assert value(kernel, code) == ["/dev/shm", "/submission", "/tmp"]


def test_no_right_is_left(kernel):
    status = kernel.run("print(open('/proc/self/status').read())").printed
    lines = dict(line.partition(":\t")[::2] for line in status.splitlines())
    capabilities = [lines[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    assert {int(held, 16) for held in capabilities} == {0}
    assert lines["NoNewPrivs"] == "1"
    assert lines["Seccomp"] == "2"
    assert lines["Uid"].split() == [str(tree.USER)] * 4
    assert lines["Groups"].split() in ([], [str(tree.USER)])


@pytest.mark.parametrize(
    "call",
    [
        "libc.unshare(0x10000000)",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
        "libc.ptrace(16, 1, 0, 0)",
        "libc.syscall(425, 1, 0)",  # io_uring_setup
        "libc.setns(0, 0)",
        "libc.chroot(b'/tmp')",
    ],
)
def test_doors_are_shut(kernel, call):
    kernel.run("import ctypes; libc = ctypes.CDLL(None, use_errno=True)")
    assert value(kernel, f"{call}, ctypes.get_errno()") == (-1, 1)


def test_no_network_but_its_own(kernel):
    assert value(kernel, "import socket; [name for _, name in socket.if_nameindex()]") in (
        ["lo"],
        [],  # the filter may refuse to name it
    )
    code = """
def reach(family, address):
    with socket.socket(family) as end:
        end.settimeout(5)
        try:
            end.connect(address)
        except OSError as error:
            return type(error).__name__
listening = socket.create_server(('127.0.0.1', 0))
reach(socket.AF_INET, ('192.0.2.1', 80)), reach(socket.AF_INET, listening.getsockname())
"""
    outside, inside = value(kernel, code)
    assert outside == "OSError"  # network is unreachable
    assert inside is None  # a notebook may talk to itself


def test_variables_are_the_stated_ones(kernel):
    expected = tree.environment({})
    seen = value(kernel, "dict(os.environ)")
    added = {"MPLBACKEND", "TERM", "CLICOLOR", "FORCE_COLOR"}  # by ipykernel
    added |= {"CLICOLOR_FORCE", "PAGER", "GIT_PAGER"}
    assert {name: text for name, text in seen.items() if name not in added} == {
        name: text for name, text in expected.items() if name not in added
    }
    first = value(kernel, "sorted(open('/proc/self/environ').read().split('\\0'))[1:]")
    assert {entry.partition("=")[0] for entry in first} <= {*client._VARIABLES}


def test_no_descriptor_is_the_servers(kernel):
    server = sharing.share()
    theirs = {
        os.readlink(f"/proc/{server.pid}/fd/{n}") for n in os.listdir(f"/proc/{server.pid}/fd")
    }
    code = """
links = []
for name in os.listdir('/proc/self/fd'):
    try:
        links.append(os.readlink('/proc/self/fd/' + name))
    except OSError:
        pass
links
"""
    ours = set(value(kernel, code))
    assert any(link.startswith("socket:") for link in theirs)
    assert {
        link for link in ours & theirs if not link.startswith(("/dev/null", "anon_inode"))
    } == set()


def test_first_process_is_closed_and_immortal(kernel):
    code = """
import signal
def refused(path):
    try:
        open(path, 'rb').read(1)
    except OSError:
        return True
    return False
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSTOP, signal.SIGUSR1):
    os.kill(1, number)
import time; time.sleep(0.3)
[refused(f'/proc/1/{name}') for name in ('mem', 'environ', 'maps')], os.getppid()
"""
    assert value(kernel, code) == ([True] * 3, 1)
    with pytest.raises(AssertionError, match="PermissionError"):
        value(kernel, "os.listdir('/proc/1/fd')")


def test_only_its_own_processes_are_seen(kernel):
    seen = value(kernel, "sorted(int(name) for name in os.listdir('/proc') if name.isdecimal())")
    assert seen[0] == 1
    assert len(seen) == 2


def test_two_forks_share_nothing(kernel, tmp_path):
    kernel.run(
        "for f in ('/tmp', '/dev/shm', '/submission'): open(f + '/mark', 'w').write('x')\n"
        "hidden = socket.socket(socket.AF_UNIX); hidden.bind('\\0abstract'); hidden.listen()"
    )
    with Kernel(tmp_path) as other:
        code = (
            "import os; [f for f in ('/tmp', '/dev/shm', '/submission') if 'mark' in os.listdir(f)]"
        )
        assert value(other, code) == []
        said = other.run("import socket; socket.socket(socket.AF_UNIX).connect('\\0abstract')")
        assert said.error.startswith("ConnectionRefusedError")
        names = ("net", "mnt", "pid", "ipc", "uts", "user")
        ask = f"import os; [os.readlink('/proc/self/ns/' + name) for name in {names}]"
        assert not set(value(kernel, ask)) & set(value(other, ask))


def test_forks_have_their_own_random_numbers(kernel, tmp_path):
    draw = """
import random, numpy, torch
(random.random(), float(numpy.random.rand()), float(torch.rand(1, dtype=torch.float64)),
 int(numpy.random.default_rng().integers(2**62)))
"""
    with Kernel(tmp_path) as other:
        mine, theirs = value(kernel, draw), value(other, draw)
        assert all(a != b for a, b in zip(mine, theirs, strict=True))
        # One thing is the server's: documented in `reseed`.
        assert value(kernel, "hash('word')") == value(other, "hash('word')")


def test_its_own_modules_can_be_imported_but_shadow_nothing(tmp_path):
    (tmp_path / "helper.py").write_text("answer = 42")
    for name in ("ipykernel_launcher", "json", "numpy", "sitecustomize", "usercustomize", "socket"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    with Kernel(tmp_path) as shadowed:
        assert value(shadowed, "import helper, json, numpy, socket; helper.answer") == 42
        assert value(shadowed, "numpy.__file__.startswith('/submission')") is False


def test_threads_are_what_the_task_says(tmp_path):
    with Kernel(tmp_path, environment={"OMP_NUM_THREADS": "2"}) as two:
        assert value(two, "import torch; torch.get_num_threads()") == 2
        code = "torch.conv2d(torch.ones(4, 8, 64, 64), torch.ones(8, 8, 3, 3)).max().item()"
        assert value(two, code) == 72.0


def test_limits_bind_and_leave_a_clean_error(tmp_path):
    limits = Limits(memory_bytes=1536 * MIB, file_bytes=4 * MIB, disk_bytes=8 * MIB, processes=40)
    with Kernel(tmp_path, limits=limits) as small:
        assert small.run("block = bytearray(2**31)").error.startswith("MemoryError")
        assert "File too large" in small.run("open('big', 'wb').write(bytes(6 * 2**20))").error
        fill = "for n in range(4): open(f'part{n}', 'wb').write(bytes(3 * 2**20))"
        assert "No space left" in small.run(fill).error
        crowd = "for n in range(60): threading.Thread(target=time.sleep, args=(5,)).start()"
        assert "can't start new thread" in small.run("import threading, time\n" + crowd).error
        assert value(small, "1 + 1") == 2


def test_less_memory_than_the_imports_take_is_refused_with_how_much_is_needed(tmp_path):
    refused = Kernel(tmp_path, limits=Limits(memory_bytes=256 * MIB))
    with refused.runner, pytest.raises(SandboxError, match="modules that are imported") as told:
        refused.do(refused.manager.start_kernel(cwd=str(tmp_path)))
    needed = float(re.search(r"Allow at least --memory (\S+),", str(told.value))[1])
    with Kernel(tmp_path, limits=Limits(memory_bytes=int(needed * 2**30))) as enough:
        assert value(enough, "1 + 1") == 2


def test_default_modules_leave_the_server_fit():
    assert sharing.share().modules == preload.DEFAULT
