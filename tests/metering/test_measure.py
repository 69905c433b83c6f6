"""What `measure` promises, on a machine whose clocks move only when told to."""

import hashlib
import json
import subprocess
import threading
import time

import numpy as np
import pytest

from course_lib import compare, measure, page_record
from course_lib.metering import clocks, ledger
from course_lib.metering.intervals import SESSION_SPREAD, widen
from course_lib.metering.sampling import MOST, SHORTEST_SAMPLE
from tests.metering.fake_machine import ends


def test_a_steady_call_is_measured_exactly(machine):
    cost = measure(machine.task(0.01, cpu=0.02), repeats=20, flop=3e6)
    assert ends(cost.seconds) == pytest.approx((0.01, 0.01, 0.01))
    assert ends(cost.cpu_seconds) == pytest.approx((0.02, 0.02, 0.02))
    assert cost.minimum_seconds == pytest.approx(0.01)
    assert cost.minimum_cpu_seconds == pytest.approx(0.02)
    assert cost.flop_per_s.value == pytest.approx(3e8) and cost.flop_per_s.unit == "FLOP/s"
    assert cost.seconds.unit == cost.cpu_seconds.unit == "s"
    assert cost.seconds.basis == "measured" and not cost.contaminated and not cost.replayed


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_an_interval_at_any_level(machine, level):
    few = measure(machine.task(0.01), repeats=5)  # too few to tell how much they scatter
    assert few.interval(level) == pytest.approx(widen(0.01, 0.01, 0.01, level, SESSION_SPREAD)[1:])
    noisy = measure(machine.task(lambda call: 0.01 + 1e-3 * (call * 7919 % 13)), repeats=40)
    low, high = noisy.interval(level)
    assert low < noisy.seconds.value < high
    assert noisy.interval(0.9) == pytest.approx(ends(noisy.seconds)[1:])
    assert noisy.interval() == noisy.interval(0.95)
    wider = noisy.interval(level + 0.005)
    assert wider[0] < low and wider[1] > high


def test_samples_are_kept_in_order(machine):
    cost = measure(machine.task(lambda call: 1.0 + call), repeats=10)
    seconds = np.array([sample.seconds for sample in cost.samples])
    assert len(seconds) == 10 and np.diff(seconds) == pytest.approx(np.ones(9))
    assert cost.seconds.low < cost.seconds.value == np.median(seconds) < cost.seconds.high


def test_the_best_is_what_little_disturbs(machine):
    disturbed = machine.task(lambda call: 0.01 if call % 5 == 0 else 0.03)
    cost = measure(disturbed, repeats=40, flop=3e6)
    assert cost.seconds.value == pytest.approx(0.03)
    assert cost.best_seconds.value == pytest.approx(0.01)
    assert cost.best_flop_per_s.value == pytest.approx(3e8)
    assert cost.flop_per_s.value == pytest.approx(1e8)


def test_one_measurement_is_one_input(machine):
    cost = measure(machine.task(lambda call: 0.01 + 1e-3 * (call * 7919 % 13)), repeats=40, flop=1)
    assert cost.best_seconds.low < cost.best_seconds.high
    assert ends(cost.best_seconds / cost.best_seconds) == (1, 1, 1)
    assert ends(cost.seconds * cost.flop_per_s) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize("seconds", [1e-6, 3e-5, 1.9e-4, 0.3])
def test_a_short_call_is_timed_many_times_in_a_row(machine, seconds):
    cost = measure(machine.task(seconds), repeats=7)
    for sample in cost.samples:
        assert sample.calls * seconds >= 0.9 * SHORTEST_SAMPLE
        assert sample.calls == 1 or sample.calls * seconds <= 3 * SHORTEST_SAMPLE
        assert sample.seconds == pytest.approx(seconds, rel=1e-6)


@pytest.mark.parametrize("seconds", [1e-6, 3e-4, 0.004, 0.3])
@pytest.mark.parametrize("budget", [0.1, 2.0])
def test_samples_are_so_long_that_they_can_fill_the_budget(machine, seconds, budget):
    cost = measure(machine.task(seconds), budget_seconds=budget, precision=0)
    spent = sum(sample.calls * sample.seconds for sample in cost.samples)
    if seconds < budget / MOST:
        assert 0.8 * budget < spent < 1.5 * budget and len(cost.samples) > MOST / 2
    for sample in cost.samples:
        assert sample.seconds == pytest.approx(seconds, rel=1e-5)


@pytest.mark.parametrize("seconds", [1e-5, 0.1])
@pytest.mark.parametrize("warmup", [None, 4])
def test_the_page_is_charged_for_every_call(machine, monkeypatch, seconds, warmup):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append((data, raw)))
    measure(machine.task(seconds), repeats=8, flop=1000, warmup=warmup)
    told = machine.calls
    measure(machine.task(seconds), repeats=8)  # not told its FLOP: not counted
    page_record()
    (data, raw) = shown[0]
    assert raw and list(data) == [ledger.MIME_TYPE]
    record = data[ledger.MIME_TYPE]
    assert record["counted_flop"] == 1000 * told
    assert json.loads(json.dumps(record)) == record and record["machine"]


def test_arguments_are_passed_on():
    seen = []
    cost = measure(lambda *given: seen.append(given), 1, "two", warmup=1, repeats=1)
    assert set(seen) == {(1, "two")} and cost.name is None


def test_sleep_takes_wall_time_and_no_cpu_time():
    cost = measure(time.sleep, 0.02, warmup=1, repeats=5)
    assert cost.minimum_seconds >= 0.02 > 2 * cost.minimum_cpu_seconds


def test_cpu_time_is_that_of_all_threads_however_short_the_call():
    """What each thread's own clock says, added up, is what a sample says."""
    if not clocks._threads():
        pytest.skip("this system does not tell its threads")
    stop, block = threading.Event(), bytes(2**22)

    def work():
        while not stop.is_set():
            hashlib.sha256(block).digest()  # outside of the interpreter's lock

    other = threading.Thread(target=work)
    other.start()
    theirs = time.pthread_getcpuclockid(other.ident)
    missed = []
    try:
        for _ in range(1000):
            began, before = time.perf_counter(), time.thread_time() + time.clock_gettime(theirs)
            sample = clocks.time_calls(lambda: hashlib.sha256(block).digest(), 1, "cpu")
            spent = time.thread_time() + time.clock_gettime(theirs) - before
            around = time.perf_counter() - began
            if spent > 1.7 * around and around < 1.2 * sample.seconds:  # both ran, all the time
                missed.append(1 - sample.cpu_seconds / spent)
            if len(missed) == 50:
                break
    finally:
        stop.set()
        other.join()
    if len(missed) < 50:
        pytest.skip("no second core was free")
    assert 0 <= np.median(missed) < 0.2


def test_other_bad_arguments(machine):
    task = machine.task(1.0)
    with pytest.raises(ValueError, match="device 'abacus' is unknown"):
        measure(task, device="abacus")
    with pytest.raises(ValueError, match="was not told its FLOP"):
        _ = measure(task, repeats=1).flop_per_s
    assert machine.calls == 3  # one to warm up, one for the memory, one sample


def test_the_system_tells_who_waited_and_who_was_put_off():
    waited, switched = clocks.waiting_seconds(), clocks.involuntary_switches()
    if waited is None or switched is None:
        pytest.skip("this system does not tell")
    assert 0 <= waited <= clocks.waiting_seconds()
    assert 0 <= switched <= clocks.involuntary_switches()


def test_where_the_system_counts_no_switches_none_are_made_up(machine, monkeypatch):
    monkeypatch.setattr(clocks, "involuntary_switches", lambda: None)
    cost = measure(machine.task(0.01), repeats=5)
    assert {sample.involuntary_switches for sample in cost.samples} == {None}
    monkeypatch.undo()
    monkeypatch.setattr(clocks, "resource", None)  # Windows
    assert clocks.involuntary_switches() is None
    assert clocks.time_calls(lambda: None, 1, "cpu").involuntary_switches is None


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


def test_one_call_takes_turns_with_none(machine):
    """A measurement makes its calls and no others: warm-up, memory, trials, samples."""
    cost = measure(machine.task(0.02), repeats=9, warmup=3)
    assert machine.calls == 3 + 1 + 9 == sum(s.calls for s in cost.samples) + 4
    before = machine.calls
    compare(machine.task(0.02), machine.task(0.02), repeats=9, warmup=3)
    assert machine.calls - before == 2 * (3 + 9)
