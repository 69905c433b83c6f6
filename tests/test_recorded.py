"""The recorded sweeps: whole, plausible, and equal to what is counted today."""

import dataclasses
import doctest
import getpass
import json
import platform
import re
import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import record_sweep
from course_lib import Passport
from course_lib.devices import fingerprint
from course_lib.metering.energy import counter_for
from course_lib.passport import measure_passport

RECORDED = sorted(record_sweep.DIRECTORY.glob("sweep-*.csv"))
UNITS = ("flop", "seconds", "joule", "bytes")
WITH_INTERVAL = ("seconds", "cpu_seconds", "energy_joule", "peak_bytes")
# A sweep is measured minutes after its passport, at sizes that the passport does not try, and the
# clock of a chip moves with its temperature and with who else is on it.
ABOVE_PEAK = 1.3


def read(table: Path):
    """The table, what stands beside it, and the passport of its machine."""
    about = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
    return pd.read_csv(table), about, Passport.load(table.parent / about["passport"])


def check_numbers(rows: pd.DataFrame) -> None:
    assert list(rows.columns) == list(record_sweep.COLUMNS)
    assert len(rows) and not rows.isna().any(axis=None)
    numbers = rows.select_dtypes("number")
    for name in numbers.columns.drop("size"):
        assert any(unit in name.split("_") for unit in UNITS), f"{name} has no unit"
    # A call can stay within memory that the process already holds.
    memory = numbers.columns[numbers.columns.str.startswith("peak_bytes")]
    assert (numbers.drop(columns=memory) > 0).all(axis=None) and (rows[memory] >= 0).all(axis=None)
    assert np.isfinite(numbers).all(axis=None)
    for name in WITH_INTERVAL:
        assert (rows[f"{name}_low"] <= rows[name]).all(), name
        assert (rows[name] <= rows[f"{name}_high"]).all(), name
    for clock in ("seconds", "cpu_seconds"):
        assert (rows[f"minimum_{clock}"] <= rows[clock]).all(), clock
    for kind in ("energy_basis", "peak_basis"):
        assert set(rows[kind]) <= {"measured", "assumed"}
    assert rows["flop"].dtype == rows["size"].dtype == "int64"
    assert rows["contaminated"].dtype == bool
    assert not rows.duplicated(["experiment", "precision", "size"]).any()


def check_flop(rows: pd.DataFrame, about: dict) -> None:
    """The work is built again on shapes alone, from what the file says of it."""
    builders = {name: e.build for name, e in record_sweep.experiments(about["device"]).items()}
    for row in rows.itertuples():
        fixed = about["experiments"][row.experiment]["fixed"]
        work = builders[row.experiment](row.size, row.precision, "meta", **fixed)
        assert work.flop == row.flop, (row.experiment, row.precision, row.size)


def check_memory(rows: pd.DataFrame, about: dict) -> None:
    """A product holds its result, a training step one gradient for each parameter."""
    item_bytes = rows.precision.map({"float32": 4, "bfloat16": 2})
    products = rows.experiment == "matmul"
    assert (rows.peak_bytes_high >= item_bytes * rows["size"] ** 2)[products].all()
    steps = rows[rows.experiment == "mlp_training_step"]
    layers = about["experiments"]["mlp_training_step"]["fixed"]["layers"]
    gradients = layers * (steps["size"] ** 2 + steps["size"])
    assert len(steps) and (steps.peak_bytes_high >= 4 * gradients).all()


def check_rates(rows: pd.DataFrame, passport: Passport) -> None:
    for precision, group in rows.groupby("precision"):
        achieved = (group["flop"] / group["seconds"]).max()
        assert achieved <= ABOVE_PEAK * passport.peak(precision).value, precision


def check_about(rows: pd.DataFrame, about: dict, passport: Passport) -> None:
    assert about["machine"] == passport.machine and set(about["machine"]) == set(fingerprint())
    assert about["device"] == passport.device and about["device_name"] == passport.device_name
    assert about["machine"]["torch"] == about["versions"]["torch"]
    assert set(about["versions"]) == {"course_lib", "python", "torch", "numpy", "cuda"}
    for date in (about["recorded"], passport.measured):
        recorded = datetime.fromisoformat(date)
        assert datetime(2026, 1, 1, tzinfo=UTC) < recorded <= datetime.now(UTC)
    assert about["points"] == len(rows) and about["contaminated_points"] == rows.contaminated.sum()
    assert set(about["columns"]) == set(rows.columns) and all(about["columns"].values())
    assert set(about["experiments"]) == set(rows["experiment"])


def words_of(table: Path) -> set[str]:
    """Every word in a sweep's files."""
    about = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
    files = (table, table.with_suffix(".json"), table.parent / about["passport"])
    return {word for file in files for word in re.findall(r"[\w.-]+", file.read_text())}


def check_all(table: Path) -> None:
    """All but the rates: here and now, the machine may be busy, and its passport of little use."""
    rows, about, passport = read(table)
    check_numbers(rows)
    check_flop(rows, about)
    check_about(rows, about, passport)
    words = words_of(table)
    assert "float32" in words  # the search sees what is there
    assert not words & ({socket.gethostname(), platform.node(), getpass.getuser()} - {""})


# --- what was recorded ---


def test_there_is_a_recorded_sweep():
    assert RECORDED


@pytest.mark.parametrize("table", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_sweep_is_whole_and_plausible(table):
    check_all(table)
    rows, about, passport = read(table)
    check_rates(rows, passport)
    check_memory(rows, about)


@pytest.mark.parametrize("table", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_sweep_reaches_far_enough_to_fit_a_law(table):
    rows, about, _ = read(table)
    planned = record_sweep.experiments(about["device"])
    assert set(rows["experiment"]) == set(planned)
    for name, experiment in planned.items():
        for precision in experiment.precisions:
            series = rows[(rows.experiment == name) & (rows.precision == precision)]
            series = series.sort_values("size")
            assert len(series) >= 8 and series["size"].iloc[-1] >= 16 * series["size"].iloc[0]
            for cost in ("flop", "minimum_seconds"):
                assert series[cost].iloc[-1] > 10 * series[cost].iloc[0], (name, cost)


@pytest.mark.parametrize("table", RECORDED, ids=lambda path: path.stem)
def test_the_files_are_named_after_the_machine(table):
    _, about, passport = read(table)
    name = f"{about['device']}-{record_sweep.slug(passport)}"
    assert table.name == f"sweep-{name}.csv" and about["passport"] == f"passport-{name}.json"


# --- recording ---


def quickly(device, **_):
    """A passport of little precision, in little time."""
    return measure_passport(device, (256, 512), ("float32", "bfloat16"), 2**20)


def small(sizes=(16, 32)):
    """Every experiment, at two small sizes."""
    return {
        name: dataclasses.replace(experiment, sizes=sizes)
        for name, experiment in record_sweep.experiments("cpu").items()
    }


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory):
    """A sweep of this machine's CPU, recorded now at small sizes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on a busy machine threads wait for one another
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_sweep, "measure_passport", quickly)
        patch.setattr(socket, "gethostname", lambda: "planted-name")
        patch.setenv("USER", "planted-name")
        patch.setenv("LOGNAME", "planted-name")
        directory = tmp_path_factory.mktemp("recorded") / "new"
        yield record_sweep.record("cpu", directory, 0.01, small(), lambda line: None)
    torch.set_num_threads(threads)


@pytest.fixture
def recorded(recorded_once, tmp_path):
    """A copy of it, to be damaged."""
    copy = shutil.copytree(recorded_once.parent, tmp_path / "copy")
    return copy / recorded_once.name


def test_a_sweep_recorded_now_passes_the_same_checks(recorded):
    check_all(recorded)
    rows, about, _ = read(recorded)
    assert len(rows) == 5 * 2 and about["left_out"] == [] and about["device"] == "cpu"
    assert "planted-name" not in words_of(recorded)
    assert len(list(recorded.parent.iterdir())) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda rows: rows.assign(seconds_low=rows.seconds * 2),
        lambda rows: rows.assign(minimum_seconds=rows.seconds * 2),
        lambda rows: rows.assign(energy_joule=-rows.energy_joule, energy_joule_low=-1e9),
        lambda rows: rows.assign(flop=rows.flop + 2),
        lambda rows: rows.assign(flop=2 * rows.flop),
        lambda rows: rows.assign(experiment="matmul"),
        lambda rows: rows.drop(columns="energy_basis"),
        lambda rows: rows.assign(energy_basis="guessed"),
        lambda rows: rows.assign(contaminated=True, seconds=np.nan),
        lambda rows: rows.rename(columns={"seconds": "time"}),
        lambda rows: rows.iloc[1:],
        lambda rows: pd.concat([rows, rows.iloc[:1]]),
    ],
)
def test_the_checks_see_damage(recorded, damage):
    check_all(recorded)
    damage(pd.read_csv(recorded)).to_csv(recorded, index=False)
    with pytest.raises((AssertionError, AttributeError)):
        check_all(recorded)


def test_the_checks_see_a_rate_that_the_machine_cannot_reach(recorded):
    rows, _, passport = read(recorded)
    peaks = rows.precision.map(lambda precision: passport.peak(precision).value)
    check_rates(rows.assign(seconds=rows.flop / (1.2 * peaks)), passport)
    for precision in ("float32", "bfloat16"):
        too_fast = np.where(rows.precision == precision, 1.4, 0.5)
        with pytest.raises(AssertionError, match=precision):
            check_rates(rows.assign(seconds=rows.flop / (too_fast * peaks)), passport)


def test_what_does_not_fit_the_memory_is_left_out_and_said(monkeypatch, tmp_path, capsys):
    chosen = small()

    def no_room(size, precision, device):
        if size == 32:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return record_sweep.matmul(size, precision, device)

    chosen = {"matmul": dataclasses.replace(chosen["matmul"], build=no_room)}
    monkeypatch.setattr(record_sweep, "measure_passport", quickly)
    monkeypatch.setattr(record_sweep, "experiments", lambda kind: chosen)
    options = ["--device", "cpu", "--directory", str(tmp_path), "--seconds-a-point", "0.01"]
    record_sweep.main(options)
    rows, about, _ = read(next(tmp_path.glob("sweep-*.csv")))
    assert set(rows["size"]) == {16} and len(about["left_out"]) == 2
    said = capsys.readouterr().out
    assert "2 points in" in said and "left out: matmul float32 32 does not fit" in said


def test_an_interrupted_recording_leaves_no_file(monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(record_sweep, "measure_passport", quickly)
    monkeypatch.setattr(record_sweep, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        record_sweep.record("cpu", tmp_path, 0.01, small(), lambda line: None)
    assert list(tmp_path.iterdir()) == []


def test_a_training_step_trains_and_counts_more_than_a_forward_pass():
    fixed = {"batch": 8, "layers": 2}
    torch.manual_seed(0)
    model, x = record_sweep._mlp(16, "float32", "cpu", **fixed)
    before = model(x).square().mean()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_sweep, "_mlp", lambda *_: (model, x))
        step = record_sweep.mlp_training_step(16, "float32", "cpu", **fixed)
        forward = record_sweep.mlp_forward(16, "float32", "cpu", **fixed)
    for _ in range(100):
        step.call()
    assert model(x).square().mean() < before and not forward.call().requires_grad
    # Three times the forward pass, less the first layer's gradient of its input.
    assert step.flop == 3 * forward.flop - 2 * 8 * 16 * 16


def test_the_examples_of_the_script_run():
    assert doctest.testmod(record_sweep) == doctest.TestResults(failed=0, attempted=4)


# --- on an accelerator ---


@pytest.mark.gpu
def test_a_sweep_of_the_accelerator(monkeypatch, tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU")
    sizes = (256, 512)
    monkeypatch.setattr(
        record_sweep, "measure_passport",
        lambda device, **_: measure_passport(device, (1024, 4096), ("float32", "bfloat16"), 2**26),
    )  # fmt: skip
    table = record_sweep.record("cuda", tmp_path, 0.05, small(sizes), lambda line: None)
    check_all(table)
    rows, about, _ = read(table)
    assert about["device_name"] == torch.cuda.get_device_name()
    # The caching allocator tells exactly: a product holds its result and nothing else.
    assert (rows.peak_bytes_low == rows.peak_bytes_high).all()
    for precision, item_bytes in (("float32", 4), ("bfloat16", 2)):
        products = rows[(rows.experiment == "matmul") & (rows.precision == precision)]
        assert (products.peak_bytes == item_bytes * products["size"] ** 2).all()
    # NVML counts the GPU's joules and RAPL the processor's; where one is missing it is assumed.
    counted = all(counter_for(torch.device(kind)) is not None for kind in ("cuda", "cpu"))
    assert set(rows["energy_basis"]) == {"measured" if counted else "assumed"}
