"""A fork server's life: it starts, forks, dies, comes back, and leaves nothing behind."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from course_lib.grading.sandbox import bubblewrap, protocol
from course_lib.grading.sandbox.cold import SandboxError
from course_lib.grading.sandbox.kernels import kernel_manager
from course_lib.grading.tasks import MIB, Limits
from course_lib.grading.warm import client, sharing
from tests.grading.warm.driving import Kernel, children, is_there

pytestmark = pytest.mark.needs("sandbox")
LIGHT = ("json",)  # a server that imports no more than a kernel needs starts sooner
PATIENCE = 60


def wait_until(holds, what):
    """Look again and again; fail if it never holds."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.02)


@pytest.fixture(autouse=True, scope="module")
def _no_server_stays():
    yield
    sharing.close_shared()


@pytest.fixture
def light(tmp_path):
    """A kernel of the light server."""
    with Kernel(tmp_path, preload=LIGHT) as kernel:
        yield kernel


NOTEBOOK = [
    "import numpy as np, pandas as pd, matplotlib.pyplot as plt, torch",
    "plt.plot([1, 2, 4], [1, 3, 2]); plt.title('one');",
    "pd.DataFrame({'a': [1, 2], 'b': [0.5, None]})",
    "torch.manual_seed(1); torch.nn.Linear(3, 2)(torch.ones(3))",
    "np.random.seed(0); np.random.rand(3)",
    "import sys; print('seen'); print('warned', file=sys.stderr)",
    "def deep(n):\n    return 1 / n if n == 0 else deep(n - 1)\ndeep(2)",
    "import helper; helper.answer",
    "from IPython.display import HTML, Image, display\ndisplay(HTML('<b>bold</b>'))",
    "open('made.txt', 'w').write('made here'); open('data.csv').read()",
    "%matplotlib inline\nfig, ax = plt.subplots(figsize=(2, 1)); ax.bar([1], [2]); fig",
    "!echo from a shell",
    "import warnings; warnings.warn('mind the gap')",
    "raise ValueError('ünïcode ✓')",
    "__name__, __builtins__.__name__, sys.argv[0].endswith('py') is False, sys.path.index('') > 0",
]


def execute(folder, warm):
    """Run the notebook above with nbclient; its cells, and what the folder holds after it."""
    folder.mkdir()
    (folder / "data.csv").write_text("1,2\n")
    (folder / "helper.py").write_text("answer = 42\n")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(NOTEBOOK)]
    )
    manager = kernel_manager(folder, Limits(), warm=warm)
    running = NotebookClient(
        notebook, km=manager, allow_errors=True, timeout=120, record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip

    async def whole():
        await running.async_execute(cleanup_kc=False)
        running.kc.stop_channels()
        await manager.shutdown_kernel(now=True)
        running.kc.context.destroy(0)

    asyncio.run(whole())
    return notebook, {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_a_notebook_gives_what_a_cold_kernel_gives(tmp_path):
    warm, warm_files = execute(tmp_path / "warm", True)
    cold, cold_files = execute(tmp_path / "cold", False)
    for source, one, other in zip(NOTEBOOK, warm.cells, cold.cells, strict=True):
        assert one == other, source
    assert warm.metadata == cold.metadata
    assert warm_files == cold_files
    assert warm_files["made.txt"] == "made here"
    kinds = {output.output_type for cell in warm.cells for output in cell.outputs}
    assert kinds == {"display_data", "execute_result", "stream", "error"}


def test_a_fork_needs_no_bubblewrap(tmp_path, monkeypatch):
    monkeypatch.setattr(bubblewrap, "find", lambda: None)
    with Kernel(tmp_path, preload=LIGHT) as kernel:
        assert kernel.run("6 * 7").result == "42"
        assert kernel.provisioner.cold_because is None


def test_an_unfit_server_gives_cold_kernels_and_says_so(tmp_path, monkeypatch):
    with Kernel(tmp_path, preload=("no_such_module",)) as kernel:
        assert kernel.run("6 * 7").result == "42"
        assert "cannot import no_such_module" in kernel.provisioner.cold_because
    monkeypatch.setattr(bubblewrap, "find", lambda: None)
    manager = kernel_manager(tmp_path, Limits(), warm=True, preload=("no_such_module",))
    with pytest.raises(SandboxError, match="bubblewrap"):
        asyncio.run(manager.start_kernel())
    asyncio.run(manager.cleanup_resources())


def test_files_come_back_and_exit_handlers_run(tmp_path):
    with Kernel(tmp_path, preload=LIGHT) as kernel:
        kernel.run("import atexit; atexit.register(lambda: open('late.txt', 'w').write('late'))")
        kernel.do(kernel.manager.request_shutdown())
        kernel.do(kernel.manager._async_wait())
        assert kernel.provisioner.report["ended"] == 0
    assert (tmp_path / "late.txt").read_text() == "late"


def test_a_kernel_can_be_interrupted(light):
    light.start("import time\nwhile True: time.sleep(0.01)")
    time.sleep(0.2)
    light.do(light.manager.interrupt_kernel())
    # whatever was sent before the interrupt took effect is dropped with the cell, as Jupyter does
    wait_until(lambda: light.run("'alive'").result == "'alive'", "it does not answer again")


def test_a_kernel_can_be_restarted(light):
    first = light.provisioner.process.pid
    light.run("kept = 1; open('kept.txt', 'w').write('kept')")
    light.do(light.manager.restart_kernel(now=True))
    light.do(light.client.wait_for_ready(timeout=120))
    assert light.provisioner.process.pid != first
    assert light.run("kept").error.startswith("NameError")
    assert light.run("open('kept.txt').read()").result == "'kept'"


def test_a_hung_fork_is_ended_with_everything_in_it(light):
    first = children(light.provisioner.process.pid)[0]
    light.run("import os, signal, subprocess, sys")
    light.run("daemon = subprocess.Popen(['sleep', '1000'], start_new_session=True)")
    light.start(
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
        "if os.fork() == 0:\n    os.setsid()\n"
        "while True: pass"
    )
    wait_until(lambda: len(children(first)) >= 1, "nothing runs")
    inside = [first, *children(first), *(c for p in children(first) for c in children(p))]
    assert light.end()["ended"] == -signal.SIGKILL
    assert [pid for pid in inside if is_there(pid)] == []


def test_a_killed_kernel_is_noticed_and_the_server_lives(light):
    server = sharing.share(LIGHT)
    light.run("import os, signal; 1")
    light.start("os.kill(os.getpid(), signal.SIGSEGV)")
    wait_until(lambda: not light.do(light.manager.is_alive()), "the kernel's death went unseen")
    assert light.provisioner.report["ended"] == -signal.SIGSEGV
    assert is_there(server.pid)


@pytest.mark.parametrize("victim", ["keeper", "first"])
def test_a_killed_fork_takes_all_with_it(tmp_path, victim):
    with Kernel(tmp_path, preload=LIGHT) as kernel:
        server = sharing.share(LIGHT)
        keeper = kernel.provisioner.process.pid
        first = children(keeper)[0]
        inside = [first, *children(first)]
        os.kill(keeper if victim == "keeper" else first, signal.SIGKILL)
        wait_until(lambda: not any(map(is_there, inside)), "processes outlive their fork")
        wait_until(lambda: not kernel.do(kernel.manager.is_alive()), "it went unseen")
        assert kernel.provisioner.report["ended"] == -signal.SIGKILL
        assert is_there(server.pid)
    with Kernel(tmp_path, preload=LIGHT) as kernel:
        assert kernel.run("1 + 1").result == "2"


def test_a_dead_server_is_started_again_once(tmp_path):
    with Kernel(tmp_path, preload=LIGHT) as kernel:
        server = sharing.share(LIGHT)
        restarts = server.restarts
        inside = children(kernel.provisioner.process.pid)
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_there, inside)), "forks outlive their server")
        assert not kernel.do(kernel.manager.is_alive())
    with Kernel(tmp_path, preload=LIGHT) as kernel:
        assert kernel.run("1 + 1").result == "2"
    assert server.restarts == restarts + 1


def test_a_server_that_never_served_is_not_started_again():
    server = client.ForkServer(LIGHT)
    server.start()
    try:
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(client.ServerDied, match="exit status -9"):
            server.fork()
        assert server.restarts == 0
    finally:
        server.close()
    with pytest.raises(client.ServerDied, match="not started, or is closed"):
        server.fork()


def test_a_server_ends_with_its_client(tmp_path):
    code = f"""
import os, signal
from course_lib.grading.warm.client import ForkServer
server = ForkServer({LIGHT})
server.start()
fork = server.fork()
print(server.pid, fork.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGKILL
    orphans = [int(word) for word in done.stdout.split()]
    assert len(orphans) == 2
    wait_until(lambda: not any(map(is_there, orphans)), "a server outlives its client")


def private_bytes(pid):
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Private"))


def test_thirty_forks_leave_nothing(tmp_path):
    server = sharing.share(LIGHT)

    def one():
        with server.fork() as fork:
            protocol.send(fork.channel, {"nonsense": True}, [fork.channel.fileno()])
            assert "failed" in protocol.receive(fork.channel)[0]

    def state():
        gc.collect()
        wait_until(lambda: not children(server.pid), "a fork was not buried")
        mounts = Path(f"/proc/{server.pid}/mountinfo").read_text().count("\n")
        here = Path("/proc/self/mountinfo").read_text().count("\n")
        folders = sorted(Path("/tmp").glob("course-*"))
        descriptors = [len(os.listdir(f"/proc/{pid}/fd")) for pid in (server.pid, os.getpid())]
        return mounts, here, folders, descriptors

    for _ in range(3):
        one()
    before, memory = state(), private_bytes(server.pid)
    for _ in range(30):
        one()
    assert state() == before
    assert private_bytes(server.pid) - memory < 2 * MIB


def test_a_lent_server_serves_others_and_gives_way_to_an_own_one_when_it_dies(tmp_path):
    sharing.close_shared()
    address = sharing.lend(LIGHT)
    assert sharing.lend(LIGHT) == address  # begun once
    sharing.close_shared()
    address = sharing.lend(LIGHT)
    sharing.borrow(LIGHT, address)
    with Kernel(tmp_path, preload=LIGHT) as first, Kernel(tmp_path, preload=LIGHT) as second:
        assert isinstance(sharing.share(LIGHT), client.Borrowed)
        assert first.run("6 * 7").result == second.run("42").result == "42"
    first_fork = sharing.fork(LIGHT, Limits())
    sharing.close_lent()
    first_fork.wait(20)  # it ends with its server
    first_fork.close()
    with Kernel(tmp_path, preload=LIGHT) as own:
        assert isinstance(sharing.share(LIGHT), client.ForkServer)
        assert own.run("6 * 7").result == "42"


def test_a_lent_server_outlives_a_client_that_is_none_and_one_that_has_left(tmp_path):
    sharing.close_shared()
    address = sharing.lend(LIGHT)
    for message in ({"limits": {"memory_bytes": -1}}, {"other": 1}, None):
        line = client.Borrowed(LIGHT, address)._line
        if message is not None:
            protocol.send(line, message)
        line.close()
    left = client.Borrowed(LIGHT, address)
    fork = left.fork()
    left.close()
    sharing.borrow(LIGHT, address)
    with Kernel(tmp_path, preload=LIGHT) as kernel:
        assert isinstance(sharing.share(LIGHT), client.Borrowed)
        assert kernel.run("6 * 7").result == "42"
    fork.channel.close()  # nobody is left who could order it to do anything
    fork.wait(20)


def test_a_server_is_ended_while_it_still_imports():
    before = set(os.listdir("/tmp"))
    server = client.ForkServer(("torch",))
    server.begin()
    time.sleep(1.0)
    process = server._process
    server.close()
    assert process.returncode is not None
    left = {name for name in set(os.listdir("/tmp")) - before if name.startswith("course-")}
    assert not left
