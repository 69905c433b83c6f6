"""Grading on a Dask cluster: a scheduler and workers that are processes of their own.

The workers see neither the course nor each other's folders; what they need travels as bytes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import pytest

from course_lib.grading import worker
from course_lib.grading.course import open_course
from course_lib.grading.environment import installed
from course_lib.grading.grade import Options, grade
from course_lib.grading.tasks import Result
from course_lib.workers import Lost
from course_lib.workers import cluster as cluster_module
from course_lib.workers.cluster import _Team as Team
from tests.grading.classes import (
    ANSWERS,
    POINTS,
    course_grade,
    graded,
    make_class,
    outcome,
    rows_of,
)
from tests.grading.cluster.processes import cluster, wait_for
from tests.grading.faking import copy_of
from tests.grading.guard.material import released, solved, submit

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.needs("sandbox")

HIDING = 'mount -t tmpfs none "$0" && exec "$@"'
# As in a container whose profile forbids namespaces, and started there by an ordinary user.
CONFINED = """
import os, sys
from course_lib.grading.sandbox import filter, privileges
filter.program()
privileges.drop()
filter.load()
os.execv(sys.argv[1], sys.argv[1:])
"""


def hiding(folder):
    """A prefix for programs that must not see a folder; nothing where one cannot mount."""
    return ["unshare", "-m", "sh", "-c", HIDING, str(folder)] if os.geteuid() == 0 else []


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A class; its workers sleep a little, so that several are under way."""
    return make_class(tmp_path_factory.mktemp("class") / "course", pause=0.5)


@pytest.fixture(scope="module")
def expected(course, tmp_path_factory):
    """What comes of it on this machine."""
    here = copy_of(course, tmp_path_factory.mktemp("local") / "course")
    rows, code, said = graded(here, "--workers", 2)
    assert {name: row["score"] for name, row in rows.items()} == POINTS, said
    assert (code, rows["eve"]["state"]) == (1, "inconclusive")
    return outcome(here)


@pytest.fixture
def copy(course, tmp_path):
    return copy_of(course, tmp_path / "course")


def written(course):
    """Whose verdicts the journal has, in the order in which they were written."""
    journal = course / ".grading" / "ps1" / "journal.jsonl"
    lines = journal.read_text().splitlines() if journal.exists() else []
    steps = [json.loads(line) for line in lines if line.endswith("}")]
    return [step["student"] for step in steps if step["step"] == "written"]


def test_workers_without_a_shared_disk_give_the_gradebook_of_this_machine(copy, expected, tmp_path):
    with cluster(tmp_path / "dask") as made:
        for name in ("one", "two"):
            made.add_worker(name, "--nthreads", "2", prefix=hiding(copy))
        _, code, said = graded(copy, "--scheduler", made.address)
    assert code == 1, said  # for the damaged one
    assert outcome(copy) == expected
    assert sorted(written(copy)) == sorted(ANSWERS)


def busy(made):
    """Workers that have something to do, as the scheduler sees it."""
    with distributed.Client(made.address, set_as_default=False) as client:
        return {worker: tasks for worker, tasks in client.processing().items() if tasks}


@pytest.mark.slow
def test_a_killed_worker_costs_nothing(tmp_path, course, expected):
    slow = make_class(tmp_path / "course", pause=4)
    with cluster(tmp_path / "dask") as made:
        made.add_worker("one")
        made.add_worker("two")
        grading = course_grade(slow, "--scheduler", made.address)
        wait_for(lambda: len(busy(made)) == 2, made)
        time.sleep(3)  # its kernel runs by now, or is about to
        made.kill("one")
        out, said = grading.communicate(timeout=200)
    assert {name: row["score"] for name, row in rows_of(out).items()} == POINTS, said
    assert grading.returncode == 1
    grades = {name: held for name, held in outcome(slow).items() if name in ANSWERS}
    assert grades == {name: held for name, held in expected.items() if name in ANSWERS}
    assert sorted(written(slow)) == sorted(ANSWERS)


@pytest.mark.slow
def test_a_worker_that_cannot_sandbox_refuses_and_others_take_over(copy, expected, tmp_path):
    confined = [sys.executable, "-c", CONFINED]
    with cluster(tmp_path / "dask") as made, tempfile.TemporaryDirectory(dir="/tmp") as open_to_all:
        os.chmod(open_to_all, 0o777)
        made.add_worker("confined", "--local-directory", open_to_all, prefix=confined)
        rows, code, _ = graded(copy, "--scheduler", made.address)
        assert code == 1
        for name in set(ANSWERS) - {"eve"}:
            assert rows[name]["state"] == "failed"
            assert "No sandbox works here" in rows[name]["reasons"][0]
            assert not (copy / "autograded" / name).exists()
        made.add_worker("fit")
        graded(copy, "--scheduler", made.address)
    assert outcome(copy) == expected


@pytest.mark.slow
def test_a_lost_scheduler_is_told_and_what_was_graded_stands(copy, expected, tmp_path):
    with cluster(tmp_path / "dask") as made:
        made.add_worker("one")
        grading = course_grade(copy, "--scheduler", made.address)
        wait_for(lambda: len(written(copy)) == 2, made)
        made.kill("scheduler")
        out, said = grading.communicate(timeout=120)
        address = made.address
    assert grading.returncode == 1 and out == ""
    assert f"the scheduler at {address} is gone" in said and "grade again" in said
    assert "Traceback" not in said
    before = written(copy)
    _, code, said = graded(
        copy, "--scheduler", address, DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="1s"
    )
    assert code == 1 and f"no scheduler answers at {address}" in said
    graded(copy)
    assert outcome(copy) == expected
    assert written(copy)[: len(before)] == before and sorted(written(copy)) == sorted(ANSWERS)


@pytest.mark.slow
def test_workers_may_come_late_and_submissions_may_be_large(copy, tmp_path):
    folder = submit(copy, "big", solved(released(copy)))
    (folder / "data.bin").write_bytes(os.urandom(24 * 2**20))
    with cluster(tmp_path / "dask") as made:
        grading = course_grade(copy, "--scheduler", made.address, "--student", "big")
        time.sleep(5)
        made.add_worker("late")
        out, said = grading.communicate(timeout=120)
    assert rows_of(out)["big"]["score"] == 3.0 and "large graph" not in said
    assert (copy / "autograded" / "big" / "ps1" / "data.bin").stat().st_size == 24 * 2**20


@pytest.mark.slow
def test_a_worker_under_a_nanny_grades_and_leaves_nothing_behind(copy, tmp_path):
    """Dask's own default: the worker is a child that may have no children of Python's."""
    with cluster(tmp_path / "dask") as made:
        made.add_worker("one", "--nanny")
        rows, _, said = graded(copy, "--scheduler", made.address, "--student", "ada")
        assert rows["ada"]["score"] == 3.0, said
        own = f"{tmp_path / 'dask' / 'one'}"
    wait_for(lambda: not processes_in(own), seconds=30)


def processes_in(folder):
    """Commands of processes whose working folder is this one."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdecimal() and os.readlink(f"/proc/{entry}/cwd") == folder:
                found.append(entry)
        except OSError:
            continue
    return found


def test_other_versions_on_a_worker_are_told(monkeypatch):
    result = Result("ada", {"p1.ipynb": b"{}"})
    monkeypatch.setattr(worker, "_apart", lambda item: result.to_bytes())
    same = worker.work_on_cluster(("ada", b""), installed_here=installed())
    assert Result.from_bytes(same) == result
    other = installed() | {"numpy": "0.1", "only-here": "2.0"}
    (event,) = Result.from_bytes(worker.work_on_cluster(("ada", b""), other)).events
    assert "numpy" in event.text and "for 0.1, no only-here" in event.text
    lost = Lost("killed")
    monkeypatch.setattr(worker, "_apart", lambda item: lost)
    assert worker.work_on_cluster(("ada", b""), other) is lost


class Deserted:
    """A client whose scheduler has no workers."""

    status = "running"
    workers: dict = {}

    def scheduler_info(self, n_workers):
        return {"workers": self.workers}


def test_a_cluster_without_workers_is_waited_for_and_told_once(monkeypatch):
    team = Team(Deserted(), "tcp://127.0.0.1:1", abs)
    monkeypatch.setattr(cluster_module, "NOBODY_SECONDS", -1.0)
    with pytest.warns(RuntimeWarning, match="no workers; one is waited for"):
        team.look()
    team.look()  # a second warning would be an error
    Deserted.workers = {"a": {}}
    team.look()
    Deserted.workers = {}
    with pytest.warns(RuntimeWarning, match="no workers"):
        team.look()


def test_a_scheduler_beyond_this_machine_needs_tls(copy):
    beyond = Options(scheduler="tcp://10.9.8.7:8786")
    with pytest.raises(ValueError, match="without TLS"):
        grade(open_course(copy, "ps1"), beyond)
    assert not (copy / ".grading").exists()


# --- other machines ---


@pytest.fixture
def certificate(tmp_path):
    """Words for Dask's programs, and variables for its clients: one certificate, of itself."""
    key, signed = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=course"]
    try:
        subprocess.run(
            ["openssl", "req", *words, "-keyout", str(key), "-out", str(signed)],
            check=True, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("needs openssl")
    files = {"ca-file": signed, "cert": signed, "key": key}
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    variables = {f"{tls}CA_FILE": signed, f"{tls}CLIENT__CERT": signed, f"{tls}CLIENT__KEY": key}
    return (
        [word for name, path in files.items() for word in (f"--tls-{name}", str(path))],
        {name: str(path) for name, path in variables.items()},
    )


@pytest.mark.slow
def test_machines_that_share_a_network_only(copy, expected, certificate, tmp_path, networks):
    """A scheduler and two workers, each in a network namespace of its own, under TLS."""
    options, variables = certificate
    centre, first, second = (["nsenter", "-t", str(one), "-n"] for one in networks)
    with cluster(tmp_path / "dask", prefix=centre, host="10.77.1.1", options=options) as made:
        assert made.address.startswith("tls://10.77.1.1:")
        made.add_worker("one", prefix=[*first, *hiding(copy)])
        made.add_worker("two", prefix=[*second, *hiding(copy)])
        _, code, said = graded(copy, "--scheduler", made.address, prefix=centre)
        assert code == 2 and "needs TLS certificates" in said
        _, code, said = graded(copy, "--scheduler", made.address, prefix=centre, **variables)
    assert code == 1, said
    assert outcome(copy) == expected


@pytest.mark.slow
def test_an_insecure_network_must_be_asked_for(copy, expected, tmp_path, networks):
    centre, first, _ = (["nsenter", "-t", str(one), "-n"] for one in networks)
    with cluster(tmp_path / "dask", prefix=centre, host="10.77.1.1") as made:
        made.add_worker("one", prefix=[*first, *hiding(copy)])
        _, code, said = graded(copy, "--scheduler", made.address, prefix=centre)
        assert code == 2 and "without TLS" in said
        graded(copy, "--scheduler", made.address, "--insecure", prefix=centre)
    assert outcome(copy) == expected


@pytest.fixture
def networks():
    """Three network namespaces, by a process in each: the first is joined to both others."""
    if os.geteuid() != 0:
        pytest.skip("only root may join network namespaces")
    held = [subprocess.Popen(["unshare", "-n", "sleep", "1000"]) for _ in range(3)]
    try:
        own = os.readlink("/proc/self/ns/net")
        wait_for(lambda: all(os.readlink(f"/proc/{one.pid}/ns/net") != own for one in held))
        inside = [f"nsenter -t {one.pid} -n ip" for one in held]
        lines = [f"{ip} link set lo up" for ip in inside]
        for number in (1, 2):
            here, there, other = inside[0], inside[number], held[number].pid
            lines += [
                f"{here} link add to{number} type veth peer name out netns {other}",
                f"{here} addr add 10.77.{number}.1/24 dev to{number}",
                f"{here} link set to{number} up",
                f"{there} addr add 10.77.{number}.2/24 dev out",
                f"{there} link set out up",
                f"{there} route add default via 10.77.{number}.1",
            ]
        for line in lines:
            done = subprocess.run(line.split(), capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"network namespaces cannot be joined here: {line}: {done.stderr}")
        yield [one.pid for one in held]
    finally:
        for one in held:
            one.kill()
            one.wait()
