"""The command `course`, without measuring anything."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from course_lib import Passport, diagnosis
from course_lib.cli import app
from course_lib.devices import fingerprint
from course_lib.passport import default_path, measure_passport
from course_lib.quantities import Estimate

MODULE = measure_passport.__globals__


@pytest.fixture
def course(monkeypatch, tmp_path):
    """Run ``course`` with these arguments."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def measured(monkeypatch):
    """What `course passport` would measure; the list holds one entry a measurement."""
    times = []

    def fake(device, progress):
        times.append(device.type)
        progress("float32 256: quick")
        return Passport(
            device="cpu",
            flop_per_s={"float32": {256: Estimate(4e10, 3e10, 5e10, "FLOP/s")}},
            bytes_per_s=Estimate(1e10, 9e9, 1.1e10, "B/s"),
            launch_seconds=Estimate(2e-6, 1e-6, 3e-6, "s"),
            machine=fingerprint(),
            load_per_core=0.0,
            contaminated=len(times) > 1,
            measured="2026-01-01T00:00:00+00:00",
        )

    monkeypatch.setitem(MODULE, "measure_passport", fake)
    return times


def test_the_doctor_prints_every_finding(course, monkeypatch):
    findings = [
        diagnosis.Finding("computing", True, "Imagined 9000", ""),
        diagnosis.Finding("grading", False, "not installed", "pip install it"),
    ]
    monkeypatch.setattr(diagnosis, "findings", lambda: findings)
    result = course("doctor")
    assert result.exit_code == 0, result.output
    for part in ("computing", "yes  Imagined 9000", "grading", "no  not installed", "pip install"):
        assert part in result.output


def test_the_doctor_sees_this_machine(course):
    result = course("doctor")
    assert result.exit_code == 0 and "What this machine can do" in result.output
    assert "energy counter" in result.output


def test_a_passport_is_measured_once_and_shown(course, measured):
    first, second = course("passport", "--device", "cpu"), course("passport", "--device", "cpu")
    assert first.exit_code == second.exit_code == 0 and measured == ["cpu"]
    for part in ("float32 matmul", "40 GFLOP/s [30, 50]", "10 GB/s", "2 µs", "4 FLOP/B"):
        assert part in first.output
    assert str(default_path("cpu")) in first.output.replace("\n", "")
    assert "Other work" not in first.output
    again = course("passport", "--device", "cpu", "--again")
    assert measured == ["cpu", "cpu"] and "Other work held this up" in again.output


def test_a_passport_is_kept_and_drawn_where_asked(course, measured, tmp_path):
    result = course(
        "passport", "--device", "cpu", "--path", tmp_path / "mine.json",
        "--picture", tmp_path / "roof.svg",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert Passport.load(tmp_path / "mine.json").peak().value == 4e10
    assert "<svg" in (tmp_path / "roof.svg").read_text()
    assert not default_path("cpu").exists()


def test_what_cannot_be_done_is_exit_2_and_a_reason(course, measured, tmp_path):
    unknown = course("passport", "--device", "abacus")
    assert unknown.exit_code == 2 and "device 'abacus' is unknown" in unknown.output
    (tmp_path / "broken.json").write_text("{")
    damaged = course("passport", "--device", "cpu", "--path", tmp_path / "broken.json")
    assert damaged.exit_code == 2 and "is not a passport" in damaged.output
    assert "Traceback" not in unknown.output + damaged.output and measured == []


def test_help_names_the_commands(course):
    result = course("--help")
    assert result.exit_code == 0 and "doctor" in result.output and "passport" in result.output
    assert course("fly").exit_code == 2


def test_asking_for_help_loads_no_torch():
    program = "import sys, course_lib.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
