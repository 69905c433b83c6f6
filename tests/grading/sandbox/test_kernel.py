"""A kernel in the sandbox: what it sees, what it may use up, what is left of it."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from jupyter_client.kernelspec import NoSuchKernel

from course_lib.grading.sandbox import bubblewrap, kernels, tree
from course_lib.grading.sandbox.cold import SandboxError
from course_lib.grading.tasks import MIB, Limits
from tests.grading.sandbox.driving import as_ordinary_user, run_cells

pytestmark = pytest.mark.needs("sandbox")

LOOK = """
import json, os, socket, sys
print(json.dumps({
    "root": sorted(os.listdir("/")),
    "here": sorted(os.listdir(".")),
    "folder": os.getcwd(),
    "user": [os.getuid(), os.getgid(), os.getgroups()],
    "processes": [int(name) for name in os.listdir("/proc") if name.isdecimal()],
    "network": [name for _, name in socket.if_nameindex()],
    "host": socket.gethostname(),
    "open": sorted(os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                   if os.path.exists(f"/proc/self/fd/{n}")),
    "status": dict("".join(line.split()).split(":", 1) for line in open("/proc/self/status")),
    "mounts": [line.split() for line in open("/proc/self/mounts")],
    "path": sys.path,
    "environment": dict(os.environ),
}))
"""


def look(folder: Path) -> dict:
    """What a kernel sees of the world."""
    import json

    ran = run_cells(folder, LOOK, environment={"COURSE_TEST": "1"})
    return json.loads(ran.said[0])


@pytest.fixture(scope="module")
def seen(tmp_path_factory, need):
    need("sandbox")
    folder = tmp_path_factory.mktemp("seen")
    (folder / "data.csv").write_text("a,b\n")
    (folder.parent / "beside.txt").write_text("another's")
    os.environ["COURSE_SECRET_OF_TEST"] = "not to be seen"
    try:
        return look(folder)
    finally:
        del os.environ["COURSE_SECRET_OF_TEST"]


def test_only_the_submission_is_there(seen):
    assert (seen["folder"], seen["here"]) == ("/submission", ["data.csv"])
    assert not {"home", "var", "opt", "mnt", "boot", "run", "media"} & set(seen["root"])


def test_nothing_but_the_tmpfs_can_be_written(seen):
    writable = {m[1] for m in seen["mounts"] if "rw" in m[3].split(",")}
    # /proc is the sandbox's own, and /dev/null and its like are devices without a memory.
    assert writable - {"/proc", "/dev/pts"} <= {
        "/submission",
        "/tmp",
        "/dev/shm",
        *(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")),
    }


def test_processes_and_network_are_its_own(seen):
    assert max(seen["processes"]) < 50 and len(seen["processes"]) <= 3
    assert (seen["network"], seen["host"]) == (["lo"], "sandbox")


def test_it_has_no_rights(seen):
    status = seen["status"]
    assert seen["user"][:2] == [tree.USER, tree.USER]
    assert all(int(status[name], 16) == 0 for name in status if name.startswith("Cap"))
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_no_descriptor_of_the_grader_is_open(seen):
    kinds = {entry.split(":")[0] for entry in seen["open"]}
    files = {kind for kind in kinds if kind.startswith("/")}
    assert files <= {"/dev/null", "/tmp/.words (deleted)"} | {
        kind for kind in files if kind.startswith(("/proc", "/dev/pts"))
    }


def test_the_environment_is_the_stated_one(seen):
    stated = tree.environment({"COURSE_TEST": "1"})
    set_by_ipython = {
        *("TERM", "CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PAGER", "GIT_PAGER", "MPLBACKEND"),
        *("PYDEVD_USE_FRAME_EVAL", "LINES", "COLUMNS"),
    }
    assert {k: v for k, v in seen["environment"].items() if k not in set_by_ipython} == stated


def test_the_library_is_there_and_the_repository_is_not(seen, tmp_path):
    repository = Path(__file__).resolve().parents[3]
    ran = run_cells(
        tmp_path,
        "import course_lib, os; print(os.path.dirname(course_lib.__file__))",
        f"import os; print(sorted(os.listdir({str(repository)!r})))",
    )
    assert ran.said[0].endswith("course_lib")
    assert set(eval(ran.said[1])) <= {"course_lib", ".venv"}


def test_files_are_copied_in_and_back(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "in.txt").write_text("given")
    (tmp_path / "mine.py").write_text("value = 42")
    ran = run_cells(
        tmp_path,
        "text = open('deep/in.txt').read(); open('deep/out.txt', 'w').write(text + ' back')",
        "import mine; mine.value",
    )
    assert ran.said[1] == "42"
    assert (tmp_path / "deep" / "out.txt").read_text() == "given back"
    assert ran.refused == {}


def test_links_are_never_followed_or_made(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("not theirs")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    ran = run_cells(
        folder,
        "import os; print(os.listdir('.')); os.symlink('/etc/passwd', 'new'); os.mkfifo('pipe')",
    )
    assert ran.said[0] == "[]"
    assert set(ran.refused) == {"link", "new", "pipe"}
    assert sorted(path.name for path in folder.iterdir()) == ["link"]
    assert outside.read_text() == "not theirs"


def test_a_restarted_kernel_has_the_same_sockets_and_finds_its_files(tmp_path):
    async def run():
        manager = kernels.kernel_manager(tmp_path, Limits())
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            await client.execute_interactive("open('kept', 'w').close(); x = 1", timeout=60)
            await manager.restart_kernel(now=True)
            await client.wait_for_ready(timeout=60)
            shown = []
            await client.execute_interactive(
                "import os; print(os.listdir('.'), 'x' in dir())",
                output_hook=lambda message: shown.append(message["content"].get("text", "")),
                timeout=60,
            )
            return "".join(shown)
        finally:
            client.stop_channels()
            await manager.shutdown_kernel()
            await manager.cleanup_resources()

    assert asyncio.run(run()).strip() == "['kept'] False"


def test_an_interrupt_comes_by_message(tmp_path):
    async def run():
        manager = kernels.kernel_manager(tmp_path, Limits())
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            client.execute("import time\nwhile True: time.sleep(0.05)")
            await asyncio.sleep(0.5)
            await manager.interrupt_kernel()
            while True:
                reply = await client.get_shell_msg(timeout=60)
                if reply["msg_type"] == "execute_reply":
                    return reply["content"]["ename"]
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)
            await manager.cleanup_resources()

    assert asyncio.run(run()) == "KeyboardInterrupt"


def test_nothing_is_left(tmp_path):
    def state():
        mounts = len(Path("/proc/self/mounts").read_text().splitlines())
        return mounts, len(os.listdir("/proc/self/fd"))

    run_cells(tmp_path, "1")  # what libraries open once
    before = state()
    tag = f"left-{os.getpid()}-{time.time_ns()}"
    run_cells(
        tmp_path,
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', "
        f"'import time; time.sleep(60)', {tag!r}], start_new_session=True)",
    )
    assert state() == before
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(tag.encode() in line for line in lines)


@pytest.mark.parametrize(
    ("limits", "cell", "error"),
    [
        (Limits(memory_bytes=1024 * MIB), "x = bytearray(1200 * 2**20)", "MemoryError"),
        (Limits(file_bytes=MIB), "open('x', 'wb').write(bytes(2 * 2**20))", "OSError"),
        (Limits(disk_bytes=MIB), "open('x', 'wb').write(bytes(2 * 2**20))", "OSError"),
        (
            Limits(processes=64),
            "import os, time\nfor _ in range(100):\n"
            "    if not os.fork(): time.sleep(9); os._exit(0)",
            "BlockingIOError",
        ),
    ],
    ids=["memory", "file", "disk", "processes"],
)
def test_a_limit_is_an_error_in_the_cell(tmp_path, limits, cell, error):
    ran = run_cells(tmp_path, cell, "'still ' + 'here'", limits=limits)
    assert ran.said == [error, "'still here'"]


def test_processor_time_ends_the_kernel_with_a_reason(tmp_path):
    ran = run_cells(tmp_path, "while True: pass", limits=Limits(cpu_seconds=2))
    assert ran.died
    assert "processor time" in ran.report["reason"]


def test_a_submission_beyond_its_limits_is_an_error_and_no_kernel(tmp_path):
    (tmp_path / "large").write_bytes(bytes(2 * MIB))
    with pytest.raises(SandboxError, match="large"):
        run_cells(tmp_path, "1", limits=Limits(file_bytes=MIB))


def test_without_bubblewrap_there_is_no_kernel(tmp_path, monkeypatch):
    monkeypatch.setattr(bubblewrap, "find", lambda: None)
    with pytest.raises(SandboxError, match="not installed"):
        run_cells(tmp_path, "1")


def test_a_failed_step_is_an_error_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(
        bubblewrap, "arguments", lambda places: (["--ro-bind", "/no/such", "/x"], {})
    )
    with pytest.raises(SandboxError, match="/no/such"):
        run_cells(tmp_path, "1")


def test_a_missing_part_of_the_sandbox_ends_it(tmp_path, monkeypatch):
    whole = bubblewrap.arguments

    def without_network(places):
        words, named = whole(places)
        return [*words[:1], "--share-net", *words[1:]], named

    monkeypatch.setattr(bubblewrap, "arguments", without_network)
    with pytest.raises(SandboxError, match="no network"):
        run_cells(tmp_path, "1")


def test_an_ordinary_user_gets_the_same(tmp_path):
    said = as_ordinary_user(
        "import os, sys, tempfile; from pathlib import Path\n"
        "from course_lib.grading.tasks import Limits\n"
        "from tests.grading.sandbox.driving import run_cells\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    bomb = 'import os, time\\nfor _ in range(100):\\n'\n"
        "    bomb += '    if not os.fork(): time.sleep(9); os._exit(0)'\n"
        '    ran = run_cells(Path(folder), \'import os; open("x", "w").close(); os.getuid()\',\n'
        "                    bomb, limits=Limits(processes=64))\n"
        "    print(ran.said, os.listdir(folder), os.getuid())\n",
    )
    user = os.getuid() or 1001
    assert said.strip() == f"['1000', 'BlockingIOError'] ['x'] {user}"


def test_levels_and_names_are_checked(tmp_path):
    with pytest.raises(ValueError, match="allowed are sandbox, none"):
        kernels.kernel_manager(tmp_path, Limits(), level="some")


def test_the_kernel_is_found_by_its_name_once_it_is_offered(tmp_path, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager

    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(NoSuchKernel):
        KernelSpecManager().get_kernel_spec(kernels.NAME)
    kernels.offer()
    kernels.offer()
    assert os.environ["JUPYTER_PATH"].split(os.pathsep) == [str(kernels.DATA), str(tmp_path)]
    spec = KernelSpecManager().get_kernel_spec(kernels.NAME)
    assert spec.interrupt_mode == "message"
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] in kernels.PROVISIONERS
