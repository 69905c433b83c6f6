"""Energy: no number without an interval and a basis, whatever counts on the machine."""

import math
import multiprocessing
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib import measure
from course_lib.metering import energy
from course_lib.quantities import Estimate
from tests.metering.fake_machine import ends

HALF = Estimate.exact(0.5, "s")


def test_a_counter_is_measured(machine, monkeypatch):
    monkeypatch.setattr(energy, "counter_for", lambda device: lambda: machine.joules)
    cost = measure(machine.task(0.01), repeats=10)
    assert cost.energy_joule.value == pytest.approx(0.3) and cost.energy_joule.unit == "J"
    assert cost.energy_joule.basis == "measured"
    assert cost.energy_joule.low < 0.3 < cost.energy_joule.high
    assert list(cost.energy_by_part) == ["cpu"]


def test_without_a_counter_power_is_assumed(machine):
    cost = measure(machine.task(0.5), repeats=10)
    assert cost.energy_joule.basis == "assumed" and cost.energy_joule.unit == "J"
    assert cost.energy_joule.low == pytest.approx(1.5, rel=0.02)
    assert cost.energy_joule.high == pytest.approx(30, rel=0.02)


def test_a_counter_that_stands_still_tells_nothing(machine, monkeypatch):
    monkeypatch.setattr(energy, "counter_for", lambda device: lambda: 7.0)
    assert measure(machine.task(0.5), repeats=3).energy_joule.basis == "assumed"


def test_the_assumed_power_of_two_runs_is_one_unknown():
    seconds = [Estimate.exact(value, "s") for value in (6.0, 2.0)]
    first, second = (energy.energy_per_call(None, 1, each) for each in seconds)
    assert ends(first / second) == pytest.approx((3, 3, 3))


@given(
    st.one_of(st.none(), st.floats(-1, 0), st.floats(1e-9, 1e6)),
    st.integers(1, 10**6),
    st.floats(1e-9, 1e4),
)
@pytest.mark.parametrize("part", ["cpu", "cuda:0", "cuda", "mps"])
def test_every_number_has_an_interval_and_a_basis(part, joules, calls, seconds):
    each = energy.energy_per_call(joules, calls, Estimate.exact(seconds, "s"), part)
    counted = joules is not None and joules > 0
    assert each.basis == ("measured" if counted else "assumed") and each.unit == "J"
    assert 0 <= each.low < each.value < each.high
    assert each.high / each.value >= 1 + energy.COUNTER_ERROR * (1 - 1e-9)
    if counted:
        assert each.value == pytest.approx(joules / calls)


@given(st.floats(1e-3, 1e3), st.floats(1.01, 1e3))
def test_a_longer_look_at_a_counter_is_a_surer_one(seconds, longer):
    def relative(factor):
        each = energy.energy_per_call(300.0, 1, Estimate.exact(seconds * factor, "s"), "cuda:0")
        return (each.high - each.value) / each.value

    assert relative(longer) < relative(1.0)
    assert relative(1e9) == pytest.approx(energy.COUNTER_ERROR)


# --- two chips ---


@pytest.mark.parametrize(
    ("counted", "basis"),
    [(("cuda", "cpu"), "measured"), (("cuda",), "assumed"), (("cpu",), "assumed"), ((), "assumed")],
)
def test_work_on_a_gpu_is_the_sum_of_both_chips(counted, basis):
    joules = {"cuda:0": 2000.0, "cpu": 150.0}
    joules = {part: j if part.partition(":")[0] in counted else None for part, j in joules.items()}
    parts = energy.energy_by_part(joules, 10, HALF)
    assert list(parts) == ["cuda:0", "cpu"]
    for part, each in parts.items():
        assert (each.basis == "measured") == (part.partition(":")[0] in counted)
    total, value = sum(parts.values()), sum(each.value for each in parts.values())
    assert total.basis == basis and total.value == pytest.approx(
        sum(p.value for p in parts.values())
    )
    assert total.low <= value <= total.high
    if "cuda" in counted:
        assert parts["cuda:0"].value == 200


def test_a_gpu_without_a_counter_is_not_taken_for_a_laptop():
    gpu, cpu = (energy.energy_per_call(None, 1, HALF, part) for part in ("cuda:1", "cpu"))
    assert gpu.high > 5 * cpu.high and gpu.low > 0
    assert gpu.high / 0.5 >= 700  # the largest that are built draw that much, and more


@pytest.mark.parametrize(
    ("device", "parts"),
    [
        (None, ["cpu"]),
        ("cpu", ["cpu"]),
        (torch.device("cpu"), ["cpu"]),
        ("mps", ["mps"]),
        (torch.device("mps"), ["mps"]),
        (torch.device("mps:0"), ["mps:0"]),
        (torch.device("cuda:1"), ["cuda:1", "cpu"]),
    ],
)
def test_each_device_has_its_parts(monkeypatch, device, parts):
    asked = []
    monkeypatch.setattr(energy, "_cpu_counter", lambda: asked.append("cpu"))
    monkeypatch.setattr(energy, "_gpu_counter", lambda index: asked.append(index))
    assert list(energy.counters_for(device)) == parts
    assert asked == [{"cpu": "cpu", "cuda:1": 1}[p] for p in parts if not p.startswith("mps")]


def test_a_measurement_counts_each_part_on_its_own(machine, monkeypatch):
    counters = {"cuda:0": lambda: 20 * machine.wall, "cpu": None}
    monkeypatch.setattr(energy, "counters_for", lambda device: counters)
    cost = measure(machine.task(0.5), repeats=10, warmup=1)
    assert cost.energy_by_part["cuda:0"].value == pytest.approx(10)
    assert cost.energy_by_part["cuda:0"].basis == "measured"
    assert cost.energy_by_part["cpu"].basis == cost.energy_joule.basis == "assumed"
    assert cost.energy_joule.low > 10 * 0.85 + 0.5 * 3 * 0.9


# --- counters as zeus finds them ---


@pytest.fixture
def rapl(monkeypatch, tmp_path):
    """A machine's RAPL folder: two packages, the memory of one, and the whole board."""
    zeus_cpu = pytest.importorskip("zeus.device.cpu")
    from zeus.device.cpu import rapl as zeus_rapl

    root = tmp_path / "intel-rapl"
    zones = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0/intel-rapl:0:0": "dram",
        "intel-rapl:0/intel-rapl:0:1": "core",
        "intel-rapl:1": "package-1",
        "intel-rapl:2": "psys",
    }
    for folder, name in zones.items():
        (root / folder).mkdir(parents=True)
        (root / folder / "name").write_text(name + "\n")
        (root / folder / "energy_uj").write_text("900000\n")
        (root / folder / "max_energy_range_uj").write_text("1000000\n")
    monkeypatch.setattr(zeus_rapl, "RAPL_DIR", str(root))
    for module in (zeus_cpu, zeus_rapl):
        monkeypatch.setattr(module, "rapl_is_available", lambda: True)
    monkeypatch.setattr(zeus_cpu, "_cpus", None)
    for variable in ("ZEUSD_SOCK_PATH", "ZEUSD_HOST_PORT"):
        monkeypatch.delenv(variable, raising=False)
    energy._cpu_counter.cache_clear()
    yield root
    energy._cpu_counter.cache_clear()


def rise(zone: Path, microjoules):
    file = zone / "energy_uj"
    file.write_text(f"{(int(file.read_text()) + microjoules) % 1000000}\n")


def test_packages_and_their_memory_are_counted_once(rapl):
    count = energy.counter_for("cpu")
    before = count()
    rise(rapl / "intel-rapl:0", 50_000)
    rise(rapl / "intel-rapl:0" / "intel-rapl:0:0", 7_000)
    rise(rapl / "intel-rapl:0" / "intel-rapl:0:1", 30_000)  # a part of the package
    rise(rapl / "intel-rapl:1", 20_000)
    rise(rapl / "intel-rapl:2", 90_000)  # the board, packages and all
    assert count() - before == pytest.approx(0.077)
    assert multiprocessing.active_children() == []


def test_a_counter_that_begins_again_at_zero_goes_on(rapl):
    count = energy.counter_for("cpu")
    before = count()
    for _ in range(5):
        rise(rapl / "intel-rapl:0", 600_000)
        last = count()
    assert last - before == pytest.approx(3.0)


def test_a_measurement_reads_the_packages(rapl, monkeypatch):
    def work():
        rise(rapl / "intel-rapl:1", 20_000)

    cost = measure(work, repeats=10, warmup=2)
    calls = cost.samples[0].calls
    assert cost.energy_joule.basis == "measured"
    if 20_000 * 10 * calls < 1_000_000:  # else it has begun again more than once
        assert cost.energy_joule.value == pytest.approx(0.02)


def test_what_may_not_be_read_does_not_count(rapl):
    for file in rapl.rglob("energy_uj"):
        file.unlink()
    assert energy.counter_for("cpu") is None


def test_a_daemon_is_asked_for_its_sum(monkeypatch):
    zeus_cpu = pytest.importorskip("zeus.device.cpu")
    from zeus.device.cpu.common import CpuDramMeasurement

    class Package:
        def __init__(self, dram):
            self.reading = CpuDramMeasurement(5000.0, dram)

        def get_total_energy_consumption(self):
            return self.reading

    class Both:
        cpus = [Package(None), Package(2500.0)]

    monkeypatch.setattr(zeus_cpu, "_cpus", Both())
    energy._cpu_counter.cache_clear()
    try:
        assert energy.counter_for("cpu")() == pytest.approx(12.5)
    finally:
        energy._cpu_counter.cache_clear()


@pytest.mark.parametrize("supported", [True, False])
def test_a_gpu_counts_in_joules(monkeypatch, supported):
    zeus_device = pytest.importorskip("zeus.device")

    class Gpus:
        def supports_get_total_energy_consumption(self, index):
            return supported

        def get_total_energy_consumption(self, index):
            return 1000 * (index + 1)  # mJ

    monkeypatch.setattr(zeus_device, "get_gpus", Gpus)
    energy._gpu_counter.cache_clear()
    try:
        counter = energy.counter_for(torch.device("cuda:1"))
        assert (counter is not None) == supported
        assert counter is None or math.isclose(counter(), 2.0)
    finally:
        energy._gpu_counter.cache_clear()
