"""Programs of the host are found by trying them, and a missing one comes with its command."""

import sys

import pytest

from course_lib import host

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """A PATH that holds only what the test puts there: name to exit status."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CHROMIUM", raising=False)

    def install(**statuses):
        for name, status in statuses.items():
            file = folder / name.replace("_", "-")
            file.write_text(f"#!/bin/sh\nexit {status}\n")
            file.chmod(0o755)
        return folder

    return install


def test_a_sandbox_counts_only_if_it_works(programs):
    assert host.find_sandbox() is None
    programs(bwrap=1)
    assert host.find_sandbox() is None
    folder = programs(bwrap=0)
    assert host.find_sandbox() == str(folder / "bwrap")


def test_the_first_browser_that_runs_is_taken(programs, monkeypatch):
    monkeypatch.setattr(host, "_BROWSERS", host._BROWSERS[:4])
    assert host.find_browser({}) is None
    folder = programs(chromium=1, google_chrome=0)
    assert host.find_browser({}) == str(folder / "google-chrome")
    programs(chromium=0)
    assert host.find_browser({}) == str(folder / "chromium")


def test_a_browser_that_is_named_is_the_only_one_tried(programs):
    folder = programs(chromium=0, special=0, broken=1)
    assert host.find_browser({"CHROMIUM": str(folder / "special")}) == str(folder / "special")
    assert host.find_browser({"CHROMIUM": str(folder / "broken")}) is None
    assert host.find_browser({"CHROMIUM": "/nowhere/chromium"}) is None


def test_a_program_that_hangs_or_is_no_program_does_not_work(programs, monkeypatch):
    folder = programs(chromium=0)
    (folder / "chromium").write_text("not a program")
    assert not host._runs([str(folder / "chromium")])

    def hangs(*_, timeout, **__):
        raise host.subprocess.TimeoutExpired("chromium", timeout)

    monkeypatch.setattr(host.subprocess, "run", hangs)
    assert not host._runs(["chromium"])


@pytest.mark.parametrize("manager", ["apt-get", "dnf"])
@pytest.mark.parametrize(("need", "package"), [("sandbox", "bubblewrap"), ("browser", "chromium")])
def test_what_is_missing_is_installed_by_the_host_s_own_manager(programs, manager, need, package):
    programs(**{manager: 0})
    assert host.advice(need) == f"sudo {manager} install {package}"


def test_what_is_here_and_does_not_work_is_told_apart_from_what_is_missing(programs):
    programs(apt_get=0, bwrap=1, chromium=1)
    assert "may not make namespaces" in host.advice("sandbox")
    assert "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in host.advice("sandbox")
    assert "does not run" in host.advice("browser") and "CHROMIUM=" in host.advice("browser")


def test_without_a_manager_there_is_still_advice(programs):
    programs()
    assert host.advice("sandbox") == "bubblewrap runs on Linux only"
    assert "brew install" in host.advice("browser")
    with pytest.raises(KeyError):
        host.advice("abacus")
