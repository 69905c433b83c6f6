"""What the doctor finds, on machines that have and that lack each thing."""

import pytest

from course_lib import devices, diagnosis, host


@pytest.fixture
def machine(monkeypatch):
    """A machine to be told what it has; nothing by default."""

    def has(gpu=None, load=0.0, sandbox=None, browser=None, packages=(), counters=()):
        monkeypatch.setattr(devices, "available", lambda: ["cpu", *([gpu] if gpu else [])])
        monkeypatch.setattr(devices, "load_per_core", lambda: load)
        monkeypatch.setattr(host, "find_sandbox", lambda: sandbox)
        monkeypatch.setattr(host, "find_browser", lambda: browser)
        monkeypatch.setattr(diagnosis, "find_spec", lambda name: name in packages or None)
        monkeypatch.setattr(
            diagnosis, "counter_for", lambda d: (lambda: 0.0) if d.type in counters else None
        )
        return {finding.what.split(" (")[0]: finding for finding in diagnosis.findings()}

    return has


def test_a_bare_machine_is_told_what_to_do(machine):
    found = machine(load=None)
    assert found["computing"].present
    for what, finding in found.items():
        if what not in ("computing", "quiet enough to time"):
            assert not finding.present and finding.remedy, what
    assert found["grading"].remedy == "pip install -e '.[grade]'"
    assert "'.[energy]'" in found["energy counter"].remedy
    assert found["quiet enough to time"].detail == "unknown"


def test_a_machine_that_has_everything_is_left_alone(machine):
    found = machine(
        "cuda", 0.1, "/bin/bwrap", "/bin/chromium", ("jupyter_book", "nbgrader", "zeus"),
        ("cpu", "cuda"),
    )  # fmt: skip
    assert all(finding.present and not finding.remedy for finding in found.values())
    assert found["GPU"].detail == "cuda"
    assert found["sandbox"].detail == "/bin/bwrap"
    assert found["energy counter"].detail == "cpu, cuda"


@pytest.mark.parametrize(("load", "quiet"), [(0.0, True), (0.29, True), (0.3, False), (4.0, False)])
def test_a_busy_machine_is_not_quiet(machine, load, quiet):
    finding = machine(load=load)["quiet enough to time"]
    assert finding.present == quiet and bool(finding.remedy) != quiet
    assert f"{load:.1f} per core" in finding.detail


def test_each_lack_is_told_by_itself(machine):
    everything = {
        "sandbox": "/bin/bwrap",
        "browser": "/bin/chromium",
        "packages": ("jupyter_book", "nbgrader", "zeus"),
        "counters": ("cpu",),
    }
    for missing, what in (
        ("sandbox", "sandbox"),
        ("browser", "browser, for tests of the book"),
        ("counters", "energy counter"),
    ):
        found = machine(**{name: value for name, value in everything.items() if name != missing})
        lacks = [name for name, finding in found.items() if not finding.present]
        assert lacks == ["GPU", what]
    with_zeus = machine(packages=("zeus",))["energy counter"]
    assert "shows no counter" in with_zeus.remedy


def test_apple_s_gpu_is_not_asked_for_a_counter(machine):
    assert machine("mps", counters=("cpu",))["energy counter"].detail == "cpu"


def test_this_machine_can_be_diagnosed():
    found = list(diagnosis.findings())
    assert len({finding.what for finding in found}) == len(found) >= 8
    assert all(finding.present or finding.remedy for finding in found)
