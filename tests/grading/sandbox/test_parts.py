"""The parts of the sandbox, each by itself: what is shown, what is refused, what is bound."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from course_lib.grading.sandbox import bubblewrap, filter, groups, levels, limits, privileges, tree
from course_lib.grading.tasks import MIB, Limits

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")
ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root has rights to give up"
)
some_limits = st.builds(
    Limits,
    memory_bytes=st.integers(MIB, 2**40),
    processes=st.integers(1, 10_000),
    file_bytes=st.integers(1, 2**40),
    disk_bytes=st.integers(1, 2**40),
    cpu_seconds=st.integers(1, 10**6),
)


# --- tree ---


@given(some_limits)
def test_parents_come_before_what_lies_in_them(allowed):
    targets = [mount.target for mount in tree.mounts(allowed)]
    assert len(targets) == len(set(targets))
    for index, target in enumerate(targets):
        later = targets[index + 1 :]
        assert not any(target.startswith(other + "/") for other in later)


@given(some_limits)
def test_every_writable_place_is_capped(allowed):
    writable = [mount for mount in tree.mounts(allowed) if mount.kind == "tmpfs"]
    assert {mount.target for mount in writable} == {"/submission", "/tmp", "/dev/shm"}
    assert {mount.size for mount in writable} == {allowed.disk_bytes}


def test_neither_the_repository_nor_a_home_is_shown():
    repository = Path(tree.__file__).resolve().parents[3]
    shown = [Path(source) for source in tree.sources(tree.mounts(Limits()))]
    for private in (repository, Path.home(), Path("/"), Path("/home"), Path("/etc"), Path("/var")):
        assert private not in shown
        assert not any(source in private.parents for source in shown)


@given(st.sampled_from(["relative", "/a/../b", "/a//b", "/a/", ""]))
def test_odd_targets_are_refused(target):
    with pytest.raises(ValueError, match="target"):
        tree.Mount("folder", target)


def test_unknown_kinds_and_uncapped_memory_are_refused():
    with pytest.raises(ValueError, match="allowed are bind"):
        tree.Mount("overlay", "/x")
    with pytest.raises(ValueError, match="no size"):
        tree.Mount("tmpfs", "/x")


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,9}", fullmatch=True), st.text()))
def test_what_is_given_wins_and_nothing_of_this_process_is_added(given_variables):
    found = tree.environment(given_variables)
    assert found == tree.environment({}) | given_variables


@given(some_limits)
def test_every_mount_is_in_bubblewraps_arguments(allowed):
    places = tree.mounts(allowed)
    words, named = bubblewrap.arguments(places)
    assert all(place.target in words for place in places)
    assert len(named) == sum(place.kind == "file" for place in places)
    assert words[-2:] == ["--remount-ro", "/"]


# --- filter ---

TRY = """
import ctypes, errno, json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from course_lib.grading.sandbox import filter
import pyseccomp
numbers = {n: pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, n) for n in filter.REFUSED}
filter.load()
libc = ctypes.CDLL(None, use_errno=True)
found = {}
for name, number in numbers.items():
    if number >= 0:
        done = libc.syscall(number, -1, -1, -1, -1, -1, -1)
        found[name] = 0 if done >= 0 else ctypes.get_errno()
found["clone3"] = 0 if libc.syscall(435, 0, 0) >= 0 else ctypes.get_errno()
for family in range(50):
    try: socket.socket(family, socket.SOCK_RAW if family == 16 else socket.SOCK_DGRAM).close()
    except OSError as error: found[f"family {family}"] = error.errno
import threading, subprocess
thread = threading.Thread(target=lambda: found.update(thread=0)); thread.start(); thread.join()
found["process"] = subprocess.run(["true"]).returncode
print(json.dumps(found))
"""


@LINUX
@pytest.mark.needs("sandbox")
def test_refused_calls_fail_and_the_rest_works():
    import json

    root = str(Path(filter.__file__).resolve().parents[3])
    done = subprocess.run(
        [sys.executable, "-c", TRY, root], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout or done.stderr)
    assert {found[name] for name in filter.REFUSED if name in found} == {errno.EPERM}
    assert len([name for name in filter.REFUSED if name in found]) > 40
    assert found["clone3"] == errno.ENOSYS
    assert (found["thread"], found["process"]) == (0, 0)
    families = {name for name, code in found.items() if name.startswith("family") and code}
    assert families == {f"family {number}" for number in range(50)} - {
        f"family {number}" for number in (1, 2, 10, 16)
    }


@LINUX
@pytest.mark.needs("sandbox")
def test_the_program_is_whole_instructions():
    assert len(filter.program()) % 8 == 0 and len(filter.program()) > 800


# --- limits ---


@given(some_limits, st.booleans())
def test_hard_limits_are_what_is_allowed(allowed, cuda):
    found = limits.resources(allowed, cuda)
    assert all(soft <= hard for soft, hard in found.values())
    assert found["DATA" if cuda else "AS"] == (allowed.memory_bytes,) * 2
    assert found["FSIZE"] == (allowed.file_bytes,) * 2
    assert found["NPROC"] == (allowed.processes,) * 2
    assert found["CORE"] == (0, 0)


@LINUX
def test_a_limit_holds_and_is_never_raised():
    code = (
        "import resource, sys; sys.path.insert(0, sys.argv[1])\n"
        "from course_lib.grading.sandbox import limits\n"
        "limits.set_resources({'FSIZE': (1000, 1000)})\n"
        "limits.set_resources({'FSIZE': (5000, 5000)})\n"
        "print(resource.getrlimit(resource.RLIMIT_FSIZE))"
    )
    root = str(Path(limits.__file__).resolve().parents[3])
    done = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True)
    assert done.stdout.strip() == "(1000, 1000)", done.stderr


# --- privileges ---


def test_an_ordinary_user_has_nothing_to_drop(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 1000, raising=False)
    assert privileges.drop() is False


def test_a_path_that_is_closed_itself_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o700)
    with pytest.raises(privileges.PrivilegesError, match="chmod -R go\\+rX"):
        privileges.find_barrier(str(tmp_path / "closed"))


def test_the_topmost_closed_folder_is_found(tmp_path):
    inner = tmp_path / "top" / "middle" / "inner"
    inner.mkdir(parents=True)
    inner.chmod(0o755)
    open_barrier = privileges.find_barrier(str(inner))
    (tmp_path / "top" / "middle").chmod(0o700)
    (tmp_path / "top").chmod(0o700)
    expected = open_barrier or str(tmp_path / "top")  # pytest's own folder may be closed already
    assert privileges.find_barrier(str(inner)) == expected


DROP = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import privileges
shown, closed = sys.argv[2:]
dropped = privileges.drop([shown, sys.executable])
def can(action):
    try: action(); return True
    except OSError: return False
print(json.dumps({
    "dropped": dropped, "user": os.getresuid(), "groups": os.getgroups(),
    "shown": open(shown).read(),
    "closed": can(lambda: open(closed).read()),
    "beside": os.listdir(os.path.dirname(os.path.dirname(shown))),
    "back": can(lambda: os.setuid(0)), "mount": can(lambda: os.chroot("/tmp")),
}))
"""


@LINUX
@ROOT
def test_root_is_given_up_and_only_what_is_wanted_is_reachable(tmp_path):
    import json

    for name in ("shown", "closed"):
        folder = tmp_path / "vault" / name
        folder.mkdir(parents=True)
        (folder / "file").write_text(name)
        (folder / "file").chmod(0o644)
    (tmp_path / "vault").chmod(0o700)
    done = subprocess.run(
        [
            sys.executable,
            *("-I", "-c", DROP, str(Path(privileges.__file__).parent)),
            *(str(tmp_path / "vault" / name / "file") for name in ("shown", "closed")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout or done.stderr)
    user = found["user"][0]
    assert found == {
        "dropped": True,
        "user": [user] * 3,
        "groups": [],
        "shown": "shown",
        "closed": False,
        "beside": ["shown"],
        "back": False,
        "mount": False,
    }
    assert user != 0
    assert sorted(os.listdir(tmp_path / "vault")) == ["closed", "shown"]  # here it is as it was


# --- levels ---


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "unprivileged_userns_clone=1"),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "bwrap-userns-restrict",
        ),
        ("container", "1", "--security-opt"),
    ],
)
def test_a_refusal_names_the_exact_setting(path, value, words):
    assert words in levels.explain("bwrap: No permissions", {path: value})


def test_a_setting_that_allows_is_not_blamed():
    host = {"/proc/sys/user/max_user_namespaces": "96365"}
    assert "no known setting" in levels.explain("something else", host)
    assert "something else" in levels.explain("something else", host)


@pytest.mark.parametrize(
    ("cold", "warm", "name"),
    [
        (None, None, "both"),
        (None, "x", "cold"),
        ("x", None, "namespaces"),
        ("x", "y", "none"),
    ],
)
def test_only_where_nothing_works_is_there_a_refusal(cold, warm, name):
    found = levels.Level(cold, warm)
    assert found.name == name
    assert (found.refusal() is None) == (name != "none")
    if name == "none":
        assert "x." in found.refusal() and "--unsandboxed" in found.refusal()


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_other_systems_are_told_what_they_need(monkeypatch, system):
    monkeypatch.setattr(levels.platform, "system", lambda: system)
    refusal = levels.find_level.__wrapped__().refusal()
    assert "needs Linux" in refusal


def test_without_the_filter_there_is_no_level(monkeypatch):
    def none():
        raise RuntimeError("no system call filter: pip install pyseccomp")

    monkeypatch.setattr(levels.filter, "program", none)
    monkeypatch.setattr(levels.platform, "system", lambda: "Linux")
    assert "pip install pyseccomp" in levels.find_level.__wrapped__().refusal()


@pytest.mark.needs("sandbox")
def test_a_host_with_a_sandbox_has_a_level():
    assert levels.try_cold() is None
    assert levels.level() in ("both", "cold")


# --- groups ---


@LINUX
def test_a_group_holds_a_process_with_its_children_and_is_gone_afterwards():
    group = groups.make_group(Limits(memory_bytes=64 * MIB, disk_bytes=MIB))
    if group is None:
        pytest.skip("this process may not make control groups here")
    words = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen(
        [sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not (started := children.read_text().split()):
            assert process.poll() is None
        group.add(process.pid)
        held = [(folder / "cgroup.procs").read_text().split() for folder in group.folders]
        assert all({str(process.pid), *started} <= set(numbers) for numbers in held)
        process.communicate(b"\n")
    group.remove()
    assert not any(folder.exists() for folder in group.folders)


def test_where_no_group_can_be_made_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "ROOT", tmp_path)
    assert groups.make_group(Limits()) is None
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "cgroup.subtree_control").write_text("cpu")
    monkeypatch.setattr(groups, "_own_folder", lambda: tmp_path)
    assert groups.make_group(Limits()) is None
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids")
    group = groups.make_group(Limits(processes=10))
    (folder,) = group.folders
    assert (folder / "pids.max").read_text() == "14"


@pytest.mark.needs("sandbox")
def test_the_level_is_the_same_when_python_is_started_by_a_path_through_another_folder(tmp_path):
    program = os.path.relpath(sys.executable, tmp_path)
    ask = "from course_lib.grading.sandbox.levels import find_level; print(find_level().name)"
    said = {
        subprocess.run([python, "-c", ask], cwd=tmp_path, capture_output=True, text=True).stdout
        for python in (program, sys.executable)
    }
    assert said == {f"{levels.find_level().name}\n"}
