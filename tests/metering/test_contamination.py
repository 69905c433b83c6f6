"""Measurements that other work held up are marked and say why; quiet ones are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import measure
from course_lib.metering import clocks, contamination, measurement
from course_lib.metering.clocks import Sample
from tests.metering.fake_machine import autoregressive

QUIET = {"gpus": []}


def samples_of(series, waits=0.0, switches=0, cpu=None):
    """Samples of one call each, with these wall times."""
    series = np.asarray(series, dtype=float)
    return [Sample(float(s), float(s) if cpu is None else cpu, waits, 1, switches) for s in series]


# --- waiting for a core ---


@pytest.mark.parametrize(
    ("waits", "contaminated"), [(0.0, False), (0.0002, False), (0.002, True), (0.03, True)]
)
def test_waiting_for_a_core_is_contention(machine, waits, contaminated):
    cost = measure(machine.task(0.01 + waits, cpu=0.01, waits=waits), repeats=10)
    assert cost.contaminated is contaminated
    assert ("CONTAMINATED" in str(cost)) == contaminated
    assert [reason[:17] for reason in cost.contamination] == ["waited for a core"] * contaminated
    for sample in cost.samples:
        assert sample.waiting_seconds == pytest.approx(waits)


@given(st.floats(0, 0.2), st.floats(1e-6, 10.0))
def test_the_share_that_counts_is_the_same_for_short_and_long_calls(share, seconds):
    samples = samples_of([seconds] * 10, waits=share * seconds, cpu=(1 - share) * seconds)
    if abs(share - contamination.WAITING_SHARE) > 1e-9:
        found = contamination.reasons(samples, QUIET)
        assert bool(found) == (share > contamination.WAITING_SHARE)


def test_two_threads_that_never_wait_are_not_contention(machine):
    assert not measure(machine.task(0.01, cpu=0.02), repeats=10).contaminated


def test_a_call_that_sleeps_is_not_held_up_by_a_short_wait(machine):
    assert not measure(machine.task(0.01, cpu=1e-5, waits=1e-5), repeats=10).contaminated
    assert measure(machine.task(0.01, cpu=1e-5, waits=2e-3), repeats=10).contaminated


# --- put off the core ---


@pytest.mark.parametrize(
    ("every", "contaminated"),
    [(1, True), (2, True), (5, False)],  # calls of 4 ms: 250, 125 and 50 in a second
)
def test_being_put_off_the_core_again_and_again_is_contention(machine, every, contaminated):
    often = machine.task(0.004, switches=lambda call: call % every == 0)
    cost = measure(often, repeats=41)
    assert cost.contaminated is contaminated
    if contaminated:
        (reason,) = cost.contamination
        assert reason.startswith("put off its core")
    seen = [sample.involuntary_switches for sample in cost.samples]
    assert sum(seen) == pytest.approx(41 / every, abs=1)


def test_once_is_nothing(machine):
    rare = machine.task(1e-4, switches=lambda call: call == 60)
    cost = measure(rare, repeats=30)
    assert sum(s.involuntary_switches for s in cost.samples) <= 1 and not cost.contaminated


# --- wall time without CPU time ---


def test_time_off_the_core_that_comes_and_goes_is_contention(machine):
    """A hypervisor takes the core away and tells nobody: nothing waits, and the wall clock runs."""
    stolen = machine.task(lambda call: 0.01 if call % 4 == 0 else 0.013, cpu=0.01)
    (reason,) = measure(stolen, repeats=40).contamination
    assert reason.startswith("without a core 23% longer")
    asleep = machine.task(lambda call: 0.01 + 1e-4 * (call % 4), cpu=1e-4)
    assert not measure(asleep, repeats=40).contaminated


def test_on_a_machine_with_a_gpu_the_core_may_be_left(machine, monkeypatch):
    monkeypatch.setattr(measurement, "fingerprint", lambda: {"gpus": ["one"]})
    uneven = machine.task(lambda call: 0.01 if call % 4 == 0 else 0.013, cpu=0.01)
    assert not measure(uneven, repeats=40).contaminated


@pytest.mark.parametrize(("cpu", "contaminated"), [(0.01, False), (0.02, False), (0.005, True)])
def test_where_the_scheduler_is_silent_the_clocks_speak(machine, monkeypatch, cpu, contaminated):
    monkeypatch.setattr(clocks, "waiting_seconds", lambda: None)
    monkeypatch.setattr(measurement, "fingerprint", lambda: {"gpus": []})
    cost = measure(machine.task(0.01, cpu=cpu), repeats=10)
    assert cost.contaminated is contaminated
    assert cost.contamination == (("wall time is 2.0 times CPU time",) if contaminated else ())
    monkeypatch.setattr(measurement, "fingerprint", lambda: {"gpus": ["one"]})
    assert not measure(machine.task(0.01, cpu=cpu), repeats=10).contaminated


# --- drift ---


def test_a_level_that_changes_on_the_way_is_told(machine):
    def step(call):
        return 0.01 * (1.4 if machine.calls > 60 else 1.0)

    (reason,) = measure(machine.task(step), repeats=80, warmup=20).contamination
    assert reason == "level rose by 40% on the way"
    machine.calls = 0
    falling = measure(machine.task(lambda call: 0.01 * 0.99**call), repeats=60)
    (reason,) = falling.contamination
    assert reason.startswith("level fell by 2")


@pytest.mark.parametrize("memory_of_the_last", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("scatter", [0.0, 0.02, 0.1])
def test_noise_is_not_taken_for_drift(memory_of_the_last, scatter):
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(200):
        series = np.exp(
            scatter * autoregressive(rng, int(rng.integers(5, 200)), memory_of_the_last)
        )
        false += bool(contamination.reasons(samples_of(0.01 * series), QUIET))
    assert false <= 6  # 3 %


@given(st.integers(12, 200), st.floats(0.3, 1.0), st.sampled_from([-1, 1]), st.integers(0, 99))
def test_a_step_well_beyond_the_noise_is_always_seen(size, step, sign, seed):
    noise = np.random.default_rng(seed).normal(0, 0.005, size)
    level = np.where(np.arange(size) < size // 2, 0.0, sign * step)
    (reason,) = contamination.reasons(samples_of(0.01 * np.exp(level + noise)), QUIET)
    assert reason.startswith("level rose" if sign > 0 else "level fell")


def test_a_small_change_is_what_sessions_differ_by_anyway():
    assert not contamination.reasons(samples_of([0.010] * 30 + [0.012] * 30), QUIET)


def test_all_reasons_are_given():
    series = [0.01] * 10 + [0.02] * 10
    samples = samples_of(series, waits=0.005, switches=3, cpu=0.005)
    assert len(contamination.reasons(samples, QUIET)) == 4
