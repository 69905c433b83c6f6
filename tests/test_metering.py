"""What `measure` and `compare` promise, on a machine whose clocks move only when told to."""

import gc
import json
import math
import os
import stat
import subprocess
import time

import numpy as np
import pytest
import torch

from course_lib import compare, forget, measure, page_record, read_records, record_to
from course_lib.metering import (
    block_bootstrap,
    clocks,
    energy,
    ledger,
    measurement,
    memory,
    records,
)
from course_lib.metering.clocks import SHORTEST_SAMPLE
from course_lib.quantities import Estimate

MIB = 2**20


class Machine:
    """A machine that is told how long its work takes: wall, CPU, waiting for a core, energy."""

    watts = 30.0

    def __init__(self):
        self.wall, self.cpu, self.waited, self.joules, self.calls = 100.0, 50.0, 0.0, 1e6, 0

    def perf_counter(self):
        return self.wall

    def process_time(self):
        return self.cpu

    def task(self, seconds, cpu=None, waits=0.0):
        """Something to call; ``seconds`` is a number, or a function of the number of the call."""

        def run():
            took = seconds(self.calls) if callable(seconds) else seconds
            self.wall += took
            self.cpu += took if cpu is None else cpu
            self.waited += waits
            self.joules += self.watts * took
            self.calls += 1

        return run


@pytest.fixture
def machine(monkeypatch):
    fake = Machine()
    monkeypatch.setattr(clocks, "time", fake)
    monkeypatch.setattr(measurement, "time", fake)
    monkeypatch.setattr(clocks, "waiting_seconds", lambda: fake.waited)
    monkeypatch.setattr(energy, "counter_for", lambda device: None)
    return fake


@pytest.fixture(autouse=True)
def file(monkeypatch, tmp_path):
    """Records in a folder of their own, and nothing of it left behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(records, "_settings", records._Settings())
    monkeypatch.setattr(ledger, "_ledger", ledger._Ledger(started=0.0))
    return tmp_path / "records.jsonl"


def ends(estimate):
    return estimate.value, estimate.low, estimate.high


# --- the interval of a series ---


def autoregressive(rng, size, memory_of_the_last):
    series = np.empty(size)
    series[0] = rng.standard_normal()
    for i in range(1, size):
        noise = rng.standard_normal() * math.sqrt(1 - memory_of_the_last**2)
        series[i] = memory_of_the_last * series[i - 1] + noise
    return series


def naive_interval(series, rng):
    index = rng.integers(0, len(series), (200, len(series)))
    return np.quantile(np.median(series[index], axis=1), [0.05, 0.95])


@pytest.mark.parametrize(("memory_of_the_last", "least"), [(0.0, 0.84), (0.7, 0.62)])
def test_blocks_cover_where_single_values_do_not(memory_of_the_last, least):
    rng = np.random.default_rng(0)
    blocks = single = 0
    repeats = 300
    for _ in range(repeats):
        series = 10 + autoregressive(rng, 100, memory_of_the_last)
        _, low, high = block_bootstrap(series, resamples=200)
        blocks += low <= 10 <= high
        low, high = naive_interval(series, rng)
        single += low <= 10 <= high
    assert least <= blocks / repeats <= 0.97
    if memory_of_the_last:
        assert blocks / repeats > single / repeats + 0.1


def test_an_interval_moves_and_scales_with_the_series():
    series = np.random.default_rng(1).gamma(5, size=60)
    median, low, high = block_bootstrap(series)
    assert median == np.median(series) and low <= median <= high
    assert block_bootstrap(series) == (median, low, high)
    assert block_bootstrap(3 * series + 1) == pytest.approx(
        (3 * median + 1, 3 * low + 1, 3 * high + 1)
    )
    lowest, *_ = block_bootstrap(series, 0.1)
    assert lowest == np.quantile(series, 0.1) < median
    wider = block_bootstrap(series, level=0.99)
    assert wider[1] <= low and wider[2] >= high
    assert block_bootstrap([4.0]) == (4, 4, 4)
    assert block_bootstrap([2.0] * 7) == (2, 2, 2)


@pytest.mark.parametrize("bad", [[], [1, math.nan], [math.inf], [[1, 2]]])
def test_a_series_holds_finite_numbers(bad):
    with pytest.raises(ValueError, match="non-empty series of finite numbers"):
        block_bootstrap(bad)


# --- what is measured ---


def test_a_steady_call_is_measured_exactly(machine):
    cost = measure(machine.task(0.01, cpu=0.02), repeats=20, flop=3e6)
    assert ends(cost.seconds) == pytest.approx((0.01, 0.01, 0.01))
    assert ends(cost.cpu_seconds) == pytest.approx((0.02, 0.02, 0.02))
    assert cost.minimum_seconds == pytest.approx(0.01)
    assert cost.minimum_cpu_seconds == pytest.approx(0.02)
    assert cost.flop_per_s.value == pytest.approx(3e8) and cost.flop_per_s.unit == "FLOP/s"
    assert cost.seconds.unit == cost.cpu_seconds.unit == "s"
    assert cost.seconds.basis == "measured" and not cost.contaminated and not cost.replayed


def test_warm_up_is_kept_apart(machine):
    slow_at_first = machine.task(lambda call: (9.0, 4.0, 3.0)[call] if call < 3 else 1.0)
    cost = measure(slow_at_first, repeats=6)
    assert [sample.seconds for sample in cost.samples] == pytest.approx([1.0] * 6)
    warm = [sample.seconds for sample in cost.warmup_samples]
    assert warm == pytest.approx([9, 3, 1])  # the call of 4 seconds was watched for its memory
    machine.calls = 0
    cold = measure(slow_at_first, warmup=1, repeats=6)
    assert len(cold.warmup_samples) == 1


def test_samples_are_kept_in_order(machine):
    cost = measure(machine.task(lambda call: 1.0 + call), repeats=10)
    seconds = np.array([sample.seconds for sample in cost.samples])
    assert len(seconds) == 10 and np.diff(seconds) == pytest.approx(np.ones(9))
    assert cost.seconds.low < cost.seconds.value == np.median(seconds) < cost.seconds.high


def test_the_best_is_what_little_disturbs(machine):
    disturbed = machine.task(lambda call: 0.01 if call % 5 == 0 else 0.03)
    cost = measure(disturbed, repeats=40, flop=3e6)
    assert ends(cost.seconds) == pytest.approx((0.03,) * 3)
    assert ends(cost.best_seconds) == pytest.approx((0.01,) * 3)
    assert cost.best_flop_per_s.value == pytest.approx(3e8)
    assert cost.flop_per_s.value == pytest.approx(1e8)


def test_one_measurement_is_one_input(machine):
    cost = measure(machine.task(lambda call: 0.01 + 1e-3 * (call * 7919 % 13)), repeats=40, flop=1)
    assert cost.best_seconds.low < cost.best_seconds.high
    assert ends(cost.best_seconds / cost.best_seconds) == (1, 1, 1)
    assert ends(cost.seconds * cost.flop_per_s) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize(
    ("seconds", "budget", "expected"), [(1.0, 0.1, 5), (0.02, 1.0, 50), (0.001, 60.0, 200)]
)
def test_the_budget_is_kept(machine, seconds, budget, expected):
    cost = measure(machine.task(seconds), budget_seconds=budget)
    assert len(cost.samples) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("seconds", [1e-6, 3e-5, 1.9e-4, 0.3])
def test_a_short_call_is_timed_many_times_in_a_row(machine, seconds):
    cost = measure(machine.task(seconds), repeats=7)
    for sample in cost.samples:
        assert sample.calls * seconds >= 0.9 * SHORTEST_SAMPLE
        assert sample.calls == 1 or sample.calls * seconds <= 3 * SHORTEST_SAMPLE
        assert sample.seconds == pytest.approx(seconds, rel=1e-6)


@pytest.mark.parametrize("seconds", [1e-5, 0.1])
def test_the_page_is_charged_for_every_call(machine, monkeypatch, seconds):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append((data, raw)))
    measure(machine.task(seconds), repeats=8, flop=1000)
    measure(machine.task(seconds), repeats=8)  # not told its FLOP: not counted
    told = machine.calls
    page_record()
    (data, raw) = shown[0]
    assert raw and list(data) == [ledger.MIME_TYPE]
    record = data[ledger.MIME_TYPE]
    assert record["counted_flop"] == 1000 * told / 2
    assert json.loads(json.dumps(record)) == record and record["machine"]


def test_arguments_are_passed_on():
    seen = []
    cost = measure(lambda *given: seen.append(given), 1, "two", warmup=1, repeats=1)
    assert set(seen) == {(1, "two")} and cost.name is None


def test_sleep_takes_wall_time_and_no_cpu_time():
    cost = measure(time.sleep, 0.02, warmup=1, repeats=5)
    assert cost.minimum_seconds >= 0.02 > 2 * cost.minimum_cpu_seconds


@pytest.mark.parametrize("arguments", [{"warmup": 0}, {"repeats": 0}, {"repeats": -1}])
def test_at_least_one_of_each(machine, arguments):
    task = machine.task(1.0)
    for use in (lambda: measure(task, **arguments), lambda: compare(task, task, **arguments)):
        with pytest.raises(ValueError, match="both must be at least 1"):
            use()
    assert machine.calls == 0


def test_other_bad_arguments(machine):
    task = machine.task(1.0)
    with pytest.raises(ValueError, match="clock is 'gpu'; allowed are 'wall' and 'cpu'"):
        compare(task, task, clock="gpu")
    with pytest.raises(ValueError, match="device 'abacus' is unknown"):
        measure(task, device="abacus")
    with pytest.raises(ValueError, match="was not told its FLOP"):
        _ = measure(task, repeats=1).flop_per_s


# --- contention ---


@pytest.mark.parametrize(
    ("waits", "contaminated"), [(0.0, False), (0.0002, False), (0.002, True), (0.03, True)]
)
def test_waiting_for_a_core_is_contention(machine, waits, contaminated):
    cost = measure(machine.task(0.01 + waits, cpu=0.01, waits=waits), repeats=10)
    assert cost.contaminated is contaminated
    assert ("CONTAMINATED" in str(cost)) == contaminated
    for sample in cost.samples:
        assert sample.waiting_seconds == pytest.approx(waits)


def test_two_threads_that_never_wait_are_not_contention(machine):
    assert not measure(machine.task(0.01, cpu=0.02), repeats=10).contaminated


def test_a_call_that_sleeps_is_not_held_up_by_a_short_wait(machine):
    assert not measure(machine.task(0.01, cpu=1e-5, waits=1e-5), repeats=10).contaminated
    assert measure(machine.task(0.01, cpu=1e-5, waits=2e-3), repeats=10).contaminated


@pytest.mark.parametrize(("cpu", "contaminated"), [(0.01, False), (0.02, False), (0.005, True)])
def test_where_the_scheduler_is_silent_the_clocks_speak(machine, monkeypatch, cpu, contaminated):
    monkeypatch.setattr(clocks, "waiting_seconds", lambda: None)
    monkeypatch.setattr(measurement, "fingerprint", lambda: {"gpus": []})
    assert measure(machine.task(0.01, cpu=cpu), repeats=10).contaminated is contaminated
    monkeypatch.setattr(measurement, "fingerprint", lambda: {"gpus": ["one"]})
    assert not measure(machine.task(0.01, cpu=cpu), repeats=10).contaminated


def test_linux_tells_who_waited():
    waited = clocks.waiting_seconds()
    if waited is None:
        pytest.skip("this system does not tell how long threads waited")
    assert 0 <= waited <= clocks.waiting_seconds()


# --- comparing ---


@pytest.mark.parametrize("clock", ["wall", "cpu"])
@pytest.mark.parametrize(("a", "b"), [(0.01, 0.01), (0.03, 0.01), (1e-5, 4e-5), (0.002, 1e-6)])
def test_the_ratio_of_two_steady_calls_is_exact(machine, clock, a, b):
    ratio = compare(machine.task(a), machine.task(b), clock=clock, repeats=9)
    assert ends(ratio) == pytest.approx((a / b,) * 3, rel=1e-5) and ratio.unit == ""


def test_clocks_are_compared_each_with_itself(machine):
    busy, idle = machine.task(0.04, cpu=0.04), machine.task(0.04, cpu=0.01)
    assert compare(busy, idle, repeats=5).value == pytest.approx(1)
    assert compare(busy, idle, repeats=5, clock="cpu").value == pytest.approx(4)


def test_turns_cancel_what_drifts(machine):
    def drifting(call):
        return 0.01 * 1.002**call

    ratio = compare(machine.task(drifting), machine.task(drifting), repeats=100)
    assert ends(ratio) == pytest.approx((1, 1, 1), abs=0.01)
    machine.calls = 0
    first, second = (measure(machine.task(drifting), repeats=100) for _ in range(2))
    assert second.seconds.value > 1.15 * first.seconds.value


def test_calls_take_turns(machine):
    order = []
    first, second = machine.task(0.01), machine.task(0.01)
    compare(lambda: (order.append("a"), first()), lambda: (order.append("b"), second()), repeats=6)
    assert "".join(order).endswith("ab" * 6) and order[:6] == list("ababab")


def test_three_times_the_work_takes_longer():
    def work(size):
        return lambda: sum(range(size))

    assert compare(work(60_000), work(20_000), clock="cpu", repeats=30).value > 2
    itself = compare(work(20_000), work(20_000), clock="cpu", repeats=30)
    assert 0.5 < itself.value < 2


# --- energy ---


def test_a_counter_is_measured(machine, monkeypatch):
    monkeypatch.setattr(energy, "counter_for", lambda device: lambda: machine.joules)
    cost = measure(machine.task(0.01), repeats=10)
    assert cost.energy_joule.value == pytest.approx(0.3) and cost.energy_joule.unit == "J"
    assert cost.energy_joule.basis == "measured"
    assert cost.energy_joule.low < 0.3 < cost.energy_joule.high


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


# --- memory ---

resets = pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="the high-water mark cannot be reset"
)


def allocate(*mebibytes):
    return [torch.ones(size * MIB, dtype=torch.uint8) for size in mebibytes]


def one_after_the_other():
    for size in (64, 64):
        allocate(size)


@resets
@pytest.mark.parametrize(
    ("function", "mebibytes"),
    [(lambda: allocate(64), 64), (lambda: allocate(64, 64), 128), (one_after_the_other, 64)],
    ids=["one", "two at a time", "one after the other"],
)
def test_peak_memory_is_what_is_held_at_a_time(function, mebibytes):
    gc.collect()  # what other tests left may not be freed while memory is watched
    function()  # what torch sets up once is not this call's
    peaks = [memory.peak_bytes(function, "cpu") for _ in range(3)]  # pages of others may move
    assert any(peak.low <= mebibytes * MIB <= peak.high for peak in peaks), [
        str(peak) for peak in peaks
    ]
    assert np.median([peak.value for peak in peaks]) == pytest.approx(mebibytes * MIB, rel=0.1)


@resets
def test_a_call_that_holds_nothing_holds_next_to_nothing():
    assert memory.peak_bytes(lambda: None, "cpu").value < 4 * MIB


def test_where_the_mark_cannot_be_reset_the_range_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "missing" / "clear_refs")
    peak = memory.peak_bytes(lambda: allocate(64), "cpu")
    assert peak.low <= 64 * MIB <= peak.high and peak.unit == "B"


# --- records ---


def same(a, b):
    names = ("seconds", "cpu_seconds", "peak_bytes", "energy_joule")
    alike = all(
        ends(getattr(a, n)) == ends(getattr(b, n))
        and getattr(a, n).basis == getattr(b, n).basis
        and getattr(a, n).unit == getattr(b, n).unit
        for n in names
    )
    others = ("flop", "samples", "warmup_samples", "contaminated", "machine", "name")
    return alike and all(getattr(a, n) == getattr(b, n) for n in others)


@pytest.mark.parametrize("counter", [False, True])
@pytest.mark.parametrize("waits", [0.0, 0.01])
def test_a_replayed_measurement_is_the_measurement(machine, monkeypatch, capsys, counter, waits):
    if counter:
        monkeypatch.setattr(energy, "counter_for", lambda device: lambda: machine.joules)
    record_to()
    task = machine.task(lambda call: 0.02 + 1e-4 * (call * 7919 % 13) + waits, 0.01, waits)
    first = measure(task, name="sweep 64", flop=2e6, repeats=12)
    calls = machine.calls
    again = measure(task, name="sweep 64", flop=2e6, repeats=12)
    assert machine.calls == calls and again.replayed and not first.replayed
    assert same(first, again)
    assert "replayed 'sweep 64'" in capsys.readouterr().out


def test_only_named_measurements_are_recorded(machine, file):
    measure(machine.task(0.1), repeats=2)
    assert not file.exists()
    measure(machine.task(0.1), repeats=2, name="kept")
    assert file.read_text().count("\n") == 1
    assert read_records() == {"kept": json.loads(file.read_text())}


def test_unless_asked_nothing_is_replayed_and_the_last_counts(machine, file):
    for seconds in (0.1, 0.2):
        measure(machine.task(seconds), repeats=2, name="twice")
    assert file.read_text().count("\n") == 2
    record_to()
    assert measure(machine.task(9.0), name="twice").seconds.value == pytest.approx(0.2)


def test_existing_measures_what_is_missing(machine, file):
    record_to(file, "existing")
    measure(machine.task(0.1), repeats=2, name="a")
    measure(machine.task(0.2), repeats=2, name="b")
    assert list(read_records()) == ["a", "b"]


def test_grading_runs_nothing_whatever_the_notebook_asks(machine, monkeypatch, file):
    record_to(file, "never")
    kept = measure(machine.task(0.1), repeats=2, name="kept")
    calls, before = machine.calls, file.read_bytes()
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    for replay in ("never", "existing", "always"):
        record_to(file, replay)
        assert same(measure(machine.task(9.0), name="kept"), kept)
        with pytest.raises(
            LookupError,
            match=r"no recorded measurement 'missing' in records\.jsonl \(it holds kept\)\. "
            "Run the notebook and hand that file in",
        ):
            measure(machine.task(9.0), name="missing")
    assert machine.calls == calls and file.read_bytes() == before


def test_always_without_a_file_says_that_it_holds_nothing(machine, file):
    record_to(file, "always")
    with pytest.raises(LookupError, match="it holds nothing"):
        measure(machine.task(1.0), name="missing")


def test_an_error_passes_through_and_leaves_no_record(machine, file):
    tasks = machine.task(0.1)

    def fails_late():
        tasks()
        if machine.calls > 8:
            raise KeyError("the function's own")

    with pytest.raises(KeyError, match="the function's own"):
        measure(fails_late, name="broken", repeats=10, flop=1.0)
    assert not file.exists() and ledger._ledger.counted_flop == 0


def test_forgetting_removes_one_name_and_nothing_else(machine, file):
    for name in ("a", "b", "a", "c"):
        measure(machine.task(0.1), repeats=2, name=name)
    file.chmod(0o644)
    lines = file.read_text().splitlines(keepends=True)
    forget("a")
    assert file.read_text() == lines[1] + lines[3]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644  # a grader can still read it
    assert [path.name for path in file.parent.iterdir()] == ["records.jsonl"]
    with pytest.raises(KeyError, match="no record 'a'; it has b, c"):
        forget("a")


@pytest.mark.parametrize("damage", ['{"name": "b", "sam', "7", "[]", '{"samples": []}'])
def test_a_damaged_line_is_named(machine, file, damage):
    measure(machine.task(0.1), repeats=2, name="a")
    with file.open("a") as end:
        end.write("\n" + damage + "\n")
    record_to(file)
    for use in (read_records, lambda: measure(machine.task(1.0), name="a"), lambda: forget("a")):
        with pytest.raises(ValueError, match=r"records\.jsonl, line 3, is not a record: "):
            use()


@pytest.mark.parametrize("part", ["samples", "warmup_samples", "peak_bytes", "machine", "flop"])
def test_a_damaged_record_is_named(machine, file, part):
    measure(machine.task(0.1), repeats=2, name="a")
    record = json.loads(file.read_text())
    del record[part]
    file.write_text(json.dumps(record) + "\n")
    record_to(file)
    with pytest.raises(ValueError, match="the record 'a' is damaged"):
        measure(machine.task(0.1), name="a")


def test_no_records_are_no_error(file):
    assert read_records() == {} == read_records(file.parent / "elsewhere.jsonl")
    with pytest.raises(ValueError, match="replay is 'often'; allowed are 'never', 'existing'"):
        record_to(file, "often")


def test_records_say_nothing_of_where_they_are(machine, file):
    measure(machine.task(0.1), repeats=2, name="a")
    assert file.parent.name not in file.read_text()


# --- neighbours ---


def test_neighbours_compute_until_the_end_also_after_an_error(monkeypatch):
    from course_lib.metering import busy_neighbours, neighbours

    started = []

    def popen(*arguments, **keywords):
        started.append(subprocess.Popen(*arguments, **keywords))
        return started[-1]

    class Watched:
        Popen = staticmethod(popen)

    monkeypatch.setattr(neighbours, "subprocess", Watched)
    with pytest.raises(KeyError), busy_neighbours(2):
        assert len(started) == 2 and all(process.poll() is None for process in started)
        raise KeyError
    assert all(process.poll() is not None for process in started)
    with busy_neighbours(0):
        assert len(started) == 2
    with pytest.raises(ValueError, match="number is -1"), busy_neighbours(-1):
        pass


# --- on an accelerator ---


def cuda():
    if not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    return torch.device("cuda")


@pytest.mark.gpu
def test_the_device_is_waited_for():
    device = cuda()
    a = torch.rand(8192, 8192, device=device)
    cost = measure(torch.mm, a, a, repeats=5)
    torch.cuda.synchronize()
    began = time.perf_counter()
    torch.mm(a, a)
    launch = time.perf_counter() - began
    torch.cuda.synchronize()
    assert launch < cost.minimum_seconds / 2


@pytest.mark.gpu
@pytest.mark.parametrize("mebibytes", [1, 64])
def test_the_allocator_tells_peak_memory_exactly(mebibytes):
    device = cuda()
    peak = memory.peak_bytes(
        lambda: torch.ones(mebibytes * MIB, dtype=torch.uint8, device=device), device
    )
    assert ends(peak) == (mebibytes * MIB,) * 3
