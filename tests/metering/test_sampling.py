"""When warm-up ends and when there are samples enough: laws of the plan, then of `measure`."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import compare, measure
from course_lib.metering import block_bootstrap
from course_lib.metering.sampling import (
    FEWEST,
    LOOKS,
    MOST,
    QUICKER,
    STEADY_CALLS,
    WARMUP_CALLS,
    WARMUP_SECONDS,
    Plan,
)

times = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=WARMUP_CALLS - 1)


def plan(warmup=None, repeats=None, precision=0.01, budget_seconds=1.0, limit_seconds=None):
    return Plan(warmup, repeats, precision, budget_seconds, limit_seconds)


# --- warm-up ---


@given(times)
def test_warm_means_that_the_last_calls_were_no_quicker(series):
    if plan().is_warm(series) and sum(series) < WARMUP_SECONDS:
        before, after = series[:-STEADY_CALLS], series[-STEADY_CALLS:]
        assert len(before) >= 1
        assert min(after) >= min(before) * (1 - QUICKER) ** 2
        assert sum(series) >= 0.01


@given(times, st.floats(1e-6, 1.0))
def test_calls_that_stay_alike_are_warm_soon(series, each):
    assert plan().is_warm(series + [min(series)] * WARMUP_CALLS)
    steady = [each] * max(4, math.ceil(0.01 / each) + 2)
    assert plan().is_warm(steady)
    assert not plan().is_warm([0.005] * 3)


@pytest.mark.parametrize("each", [1e-5, 0.005, 0.3])
def test_calls_that_go_on_getting_quicker_are_cut_off(each):
    def quicker(number):
        return [each * 0.97**i for i in range(number)]

    number = next(n for n in range(1, 1000) if plan().is_warm(quicker(n)))
    assert number == WARMUP_CALLS or sum(quicker(number)) >= WARMUP_SECONDS > sum(
        quicker(number - 1)
    )


@given(times, st.integers(1, 60))
def test_a_given_number_is_kept(series, number):
    assert plan(warmup=number).is_warm(series) == (len(series) >= number)


def test_warm_up_goes_on_until_the_calls_are_steady(machine):
    speeds = (9.0, 4.0, 0.06, 0.05, 0.04, 0.03)
    task = machine.task(lambda call: speeds[call] if call < len(speeds) else 0.02)
    cost = measure(task, warmup=None, repeats=6)
    warm = [sample.seconds for sample in cost.warmup_samples]
    assert warm == pytest.approx([9.0])  # no more than half a second, where one call takes longer
    machine.calls = 1
    cost = measure(machine.task(lambda call: speeds[min(call, 5)] / 100), repeats=6)
    warm = [sample.seconds for sample in cost.warmup_samples]
    assert warm[:4] == pytest.approx([0.04, 0.0005, 0.0004, 0.0003])  # one was for the memory
    assert warm[4:] == pytest.approx([0.0003] * len(warm[4:])) and len(warm) > 20
    assert [sample.seconds for sample in cost.samples] == pytest.approx([0.0003] * 6)


def test_warm_up_is_kept_apart(machine):
    slow_at_first = machine.task(lambda call: (9.0, 4.0, 3.0)[call] if call < 3 else 1.0)
    cost = measure(slow_at_first, warmup=3, repeats=6)
    assert [sample.seconds for sample in cost.samples] == pytest.approx([1.0] * 6)
    warm = [sample.seconds for sample in cost.warmup_samples]
    assert warm == pytest.approx([9, 3, 1])  # the call of 4 seconds was watched for its memory
    machine.calls = 0
    cold = measure(slow_at_first, warmup=1, repeats=6)
    assert len(cold.warmup_samples) == 1


# --- samples ---


def noisy(seed, size, sd):
    return np.exp(np.random.default_rng(seed).normal(0, sd, size)).tolist()


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.3), st.floats(0.001, 0.1))
def test_it_stops_early_only_where_the_interval_is_narrow(seed, sd, precision):
    series = noisy(seed, MOST + 1, sd)
    asked = plan(precision=precision)
    taken = next(n for n in range(1, MOST + 1) if not asked.wants_more(series[:n], 0.0))
    assert taken == MOST or taken in LOOKS
    if taken < MOST:
        median, low, high = block_bootstrap(series[:taken])
        assert (high - low) / 2 <= 1.5 * precision * median  # other resamples, other ends


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=MOST), st.floats(0, 10))
def test_what_is_given_is_kept(series, spent):
    assert plan(repeats=7).wants_more(series, spent) == (len(series) < 7)
    patient = plan(precision=0)
    assert patient.wants_more(series, spent) == (
        len(series) < FEWEST or (len(series) < MOST and spent < 1.0)
    )


@pytest.mark.parametrize(
    ("seconds", "budget", "precision", "expected"),
    [(1.0, 0.1, 0.01, 5), (0.02, 1.0, 0.01, 20), (0.02, 1.0, 0, 50), (0.005, 1.0, 0, 200)],
)
def test_a_quiet_call_stops_early_and_the_budget_is_kept(
    machine, seconds, budget, precision, expected
):
    task = machine.task(seconds)
    cost = measure(task, budget_seconds=budget, precision=precision)
    assert len(cost.samples) == pytest.approx(expected, abs=precision == 0)
    before = machine.calls
    compare(task, task, budget_seconds=2 * budget, precision=precision, warmup=1)
    assert (machine.calls - before) / 2 - 1 == pytest.approx(expected, abs=1)


def test_a_noisy_call_gets_more_samples(machine):
    def taken(scatter):
        factors = noisy(0, 3000, scatter)
        machine.calls = 0
        task = machine.task(lambda call: 0.3 * factors[call])
        cost = measure(task, budget_seconds=60)
        return len(cost.samples)

    numbers = [taken(scatter) for scatter in (0.01, 0.05, 0.2)]
    assert numbers[0] == 20 < numbers[1] <= numbers[2] and numbers[2] > 190


# --- what may be asked for ---


@pytest.mark.parametrize("arguments", [{"warmup": 0}, {"repeats": 0}, {"repeats": -1}])
def test_at_least_one_of_each(machine, arguments):
    task = machine.task(1.0)
    for use in (lambda: measure(task, **arguments), lambda: compare(task, task, **arguments)):
        with pytest.raises(ValueError, match="both must be at least 1"):
            use()
    assert machine.calls == 0


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("precision", -0.01),
        ("precision", math.nan),
        ("precision", math.inf),
        ("budget_seconds", 0.0),
        ("budget_seconds", math.inf),
        ("limit_seconds", 0.0),
        ("limit_seconds", -1.0),
        ("limit_seconds", math.nan),
    ],
)
def test_numbers_out_of_range_are_named(machine, argument, value):
    task = machine.task(1.0)
    for use in (measure, lambda task, **given: compare(task, task, **given)):
        with pytest.raises(ValueError, match=f"{argument} is {value}"):
            use(task, **{argument: value})
    assert machine.calls == 0


# --- how long all of it may take ---


def test_the_limit_grows_with_what_was_asked_for():
    assert plan().first_limit() == 60
    assert plan(budget_seconds=30).first_limit() == 300
    assert plan().limit_after(1e-3) == pytest.approx(60, rel=0.01)
    assert plan().limit_after(50) >= 60 + 7 * 50  # one to warm up, one for memory, five samples
    assert plan(repeats=1000).limit_after(1.0) >= 1000
    for given_limit in (0.5, 7200):
        asked = plan(limit_seconds=given_limit, repeats=1000)
        assert asked.first_limit() == asked.limit_after(100) == given_limit
