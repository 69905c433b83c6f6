"""The command `course`, measuring hardly anything."""

import subprocess
import sys

import pytest
import torch
from typer.testing import CliRunner

from course_lib import Passport, cli, diagnosis
from course_lib.cli import app
from course_lib.devices import fingerprint
from course_lib.passport import default_path, keeping
from course_lib.quantities import Estimate
from tests.grading.loops import no_running_loop  # noqa: F401


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
            flop_per_s={
                "float32": {256: rate(3e10), 2048: rate(4e10)},
                "bfloat16": {1024: rate(6e10)},
                "float64": {512: rate(5.9e10)},  # as near to bfloat16 as one label can stand
                "float16": {512: rate(1e10)},
                "tf32": {512: rate(2e11)},
            },
            op_per_s={"int8": {512: rate(9e11, "OP/s")}},
            bytes_per_s=Estimate(1e10, 9e9, 1.1e10, "B/s"),
            launch_seconds=Estimate(2e-6, 1e-6, 3e-6, "s"),
            machine=fingerprint(),
            load_per_core=0.125,
            contaminated=len(times) > 1,
            measured="2026-01-01T00:00:00+00:00",
        )

    monkeypatch.setattr(keeping, "measure_passport", fake)
    return times


def rate(value, unit="FLOP/s"):
    return Estimate(value, 0.75 * value, 1.25 * value, unit)


def test_the_doctor_prints_every_finding(course, monkeypatch):
    findings = [
        diagnosis.Finding("computing", True, "Imagined 9000", ""),
        diagnosis.Finding("grading", False, "not installed", "pip install it"),
    ]
    monkeypatch.setattr(diagnosis, "findings", lambda: findings)
    monkeypatch.setattr(cli, "_timing", lambda: ("", ""))
    result = course("doctor")
    assert result.exit_code == 0, result.output
    for part in ("computing", "yes  Imagined 9000", "grading", "no  not installed", "pip install"):
        assert part in result.output


def test_the_doctor_sees_this_machine(course):
    from course_lib.grading.sandbox.levels import find_level

    result = course("doctor")
    assert ("timed questions" in result.output) == (find_level().cold is None)
    assert result.exit_code == 0 and "What this machine can do" in result.output
    assert "energy counter" in result.output


def test_a_passport_is_measured_once_and_shown(course, measured):
    first, second = course("passport", "--device", "cpu"), course("passport", "--device", "cpu")
    assert first.exit_code == second.exit_code == 0 and measured == ["cpu"]
    for part in ("float32 matmul", "40 GFLOP/s [30, 50]", "2,048", "10 GB/s", "2 µs", "4 FLOP/B"):
        assert part in first.output
    int8 = next(line for line in first.output.splitlines() if "int8" in line)
    assert "OP/s" in int8 and "FLOP" not in int8
    assert f"PyTorch {torch.__version__} with {torch.get_num_threads()} threads" in first.output
    assert "load 0.12 per core" in first.output
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
    drawing = (tmp_path / "roof.svg").read_text()
    assert "<svg" in drawing
    for text in ("What this machine achieves", "bfloat16 60 GFLOP/s, float64 59 GFLOP/s",
                 "float16 10 GFLOP/s", "tf32 200 GFLOP/s", "copy 10 GB/s"):  # fmt: skip
        assert f"<!-- {text} -->" in drawing
    assert not default_path("cpu").exists()


def test_the_roofline_stands_below_the_table_and_fits_a_terminal(course, measured, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    output = course("passport", "--device", "cpu").output
    picture = output[output.index("FLOP/s, log scale") :]
    heights = {
        name: number
        for number, line in enumerate(picture.splitlines())
        for name in line.rpartition("_ ")[2].split(", ")
    }
    order = ["tf32", "bfloat16", "float64", "float32", "float16"]
    assert sorted(order, key=heights.get) == order
    assert "int8" not in picture  # its operations are not FLOP: it has no place on that axis
    assert all(len(line) <= 80 for line in output.splitlines())


def test_a_passport_of_an_older_version_is_measured_again_with_a_word(course, measured, tmp_path):
    (tmp_path / "old.json").write_text('{"schema": 1, "device": "cpu"}')
    result = course("passport", "--device", "cpu", "--path", tmp_path / "old.json")
    assert result.exit_code == 0 and measured == ["cpu"]
    assert "version 1" in result.output and "measuring again" in result.output
    assert "40 GFLOP/s [30, 50]" in result.output and "delete" not in result.output


def test_what_cannot_be_done_is_exit_2_and_a_reason(course, measured, tmp_path):
    unknown = course("passport", "--device", "abacus")
    assert unknown.exit_code == 2 and "device 'abacus' is unknown" in unknown.output
    (tmp_path / "broken.json").write_text("{")
    damaged = course("passport", "--device", "cpu", "--path", tmp_path / "broken.json")
    assert damaged.exit_code == 2 and "is not a passport" in damaged.output
    assert "--again" in damaged.output
    assert "Traceback" not in unknown.output + damaged.output and measured == []


def test_help_names_the_commands(course):
    result = course("--help")
    assert result.exit_code == 0 and "doctor" in result.output and "passport" in result.output
    assert course("fly").exit_code == 2


def test_asking_for_help_loads_no_torch():
    program = "import sys, course_lib.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
