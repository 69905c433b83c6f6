"""Intervals: what they must do with any series, and how often they hold a truth that is known."""

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import measure
from course_lib.metering import block_bootstrap, session_interval
from course_lib.metering.intervals import SESSION_SPREAD, session_spread, widen
from course_lib.metering.sampling import Plan
from tests.metering.fake_machine import autoregressive

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = Plan(None, None, 0.01, 1.0, None)
STUDY = ROOT / "course_lib" / "facts" / "recorded" / "interval_coverage.json"

levels = st.floats(0.5, 0.99)
spreads = st.floats(0, 0.2)


@st.composite
def intervals(draw):
    value = draw(st.floats(1e-9, 1e3))
    return value, value / draw(st.floats(1, 2)), value * draw(st.floats(1, 2))


# --- of one session ---


def naive(series):
    """What many people would give: mean and 1.96 standard errors of independent samples."""
    error = 1.96 * series.std(ddof=1) / math.sqrt(len(series))
    return series.mean() - error, series.mean() + error


@pytest.mark.parametrize(
    ("memory_of_the_last", "least", "better_by"), [(0.0, 0.9, -0.05), (0.7, 0.7, 0.1)]
)
def test_blocks_cover_where_independent_samples_do_not(memory_of_the_last, least, better_by):
    rng = np.random.default_rng(0)
    blocks = independent = 0
    repeats = 300
    for _ in range(repeats):
        series = 10 + autoregressive(rng, 100, memory_of_the_last)  # its mean is its median
        _, low, high = block_bootstrap(series, level=0.95, resamples=200)
        blocks += low <= 10 <= high
        low, high = naive(series)
        independent += low <= 10 <= high
    assert least <= blocks / repeats <= 0.99
    assert blocks / repeats >= independent / repeats + better_by


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


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, math.nan])
def test_a_level_is_a_probability(level):
    for use in (block_bootstrap, session_interval, lambda _, level: widen(1, 1, 1, level, 0.1)):
        with pytest.raises(ValueError, match=r"level is .*; give a probability between 0 and 1"):
            use([1.0], level=level)


# --- for other sessions ---


@given(intervals(), levels, spreads)
def test_wider_holds_the_narrower_and_keeps_the_value(interval, level, spread):
    value, low, high = widen(*interval, level, spread)
    assert value == interval[0]
    assert low <= interval[1] * (1 + 1e-12) and high >= interval[2] * (1 - 1e-12)
    more = widen(*interval, level, spread + 0.01)
    assert more[1] < low and more[2] > high


@given(intervals(), levels, spreads, st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter(interval, level, spread, factor):
    scaled = widen(*(factor * end for end in interval), level, spread)
    assert scaled == pytest.approx([factor * end for end in widen(*interval, level, spread)])


@given(intervals(), levels)
def test_no_spread_no_change(interval, level):
    assert widen(*interval, level, 0.0) == pytest.approx(interval)


@given(levels, st.floats(0.001, 0.2))
def test_the_spread_alone_is_a_normal_interval(level, spread):
    draws = np.random.default_rng(0).standard_normal(20_000) * spread
    _, low, high = widen(1.0, 1.0, 1.0, level, spread)
    held = np.mean((math.log(low) <= draws) & (draws <= math.log(high)))
    assert held == pytest.approx(level, abs=0.01)


def test_a_clock_that_did_not_move_is_left_alone():
    assert widen(0.0, 0.0, 0.0, 0.9, 0.1) == (0, 0, 0)
    assert widen(1e-3, 0.0, 2e-3, 0.9, 0.1) == (1e-3, 0.0, 2e-3)
    assert session_interval([0.0] * 20) == (0, 0, 0)


@given(st.floats(1e-4, 3.0), st.floats(1e-6, 1e3), st.integers(0, 99))
def test_the_spread_of_sessions_is_bounded_by_what_the_samples_do(scatter, unit, seed):
    series = np.exp(scatter * np.random.default_rng(seed).standard_normal(200))
    spread = session_spread(series)
    assert 0 < spread <= SESSION_SPREAD
    assert session_spread(unit * series) == pytest.approx(spread)
    assert spread == pytest.approx(min(SESSION_SPREAD, 5 * scatter), rel=0.25)
    assert session_spread(series, most=math.inf) >= spread


def test_steady_samples_get_no_spread_and_too_few_get_all():
    assert session_interval([2.0] * 30) == (2, 2, 2)
    assert session_spread([2.0] * 9) == SESSION_SPREAD == session_spread([1.0])
    _, low, high = session_interval([2.0] * 9)
    assert low < 2 / (1 + SESSION_SPREAD) < 2 * (1 + SESSION_SPREAD) < high


def session(rng, shift):
    """Samples on the way of `measure`: taken until they seem enough, off by what sessions are."""
    level = math.exp(rng.normal(0, shift))
    series = level * np.exp(0.04 * autoregressive(rng, 200, 0.5))
    taken = 1
    while DEFAULT.wants_more(list(series[:taken]), spent_seconds=0.0):
        taken += 1
    return series[:taken]


def test_widened_intervals_cover_where_sessions_differ_and_plain_ones_do_not():
    rng = np.random.default_rng(0)
    plain = wide = 0
    repeats = 200
    for _ in range(repeats):
        series = session(rng, SESSION_SPREAD)
        _, low, high = block_bootstrap(series, level=0.95, resamples=300)
        plain += low <= 1 <= high
        _, low, high = session_interval(series, level=0.95)
        wide += low <= 1 <= high
    assert plain / repeats < 0.6
    assert 0.85 <= wide / repeats <= 0.99


# --- the study behind the constant ---


@pytest.fixture(scope="module")
def benchmark():
    path = ROOT / "benchmarks" / "interval_coverage.py"
    spec = importlib.util.spec_from_file_location("interval_coverage", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recorded():
    return json.loads(STUDY.read_text(encoding="utf-8"))


def test_the_constant_follows_from_the_recorded_study(benchmark, recorded):
    calls = recorded["calls"]
    needed = benchmark.spread_needed(calls, lambda session: True)
    assert needed == recorded["session_spread"] == SESSION_SPREAD
    for call in calls.values():
        held = benchmark.holds(call, 0.95, SESSION_SPREAD)
        assert held.mean() == pytest.approx(call["coverage"])
        assert benchmark.holds(call, 0.95, 0.0).mean() == pytest.approx(call["plain_coverage"])


def test_the_intervals_cover_on_a_quiet_machine(recorded):
    assert recorded["sessions"] >= 10 and len(recorded["calls"]) >= 3
    for call in recorded["calls"].values():
        assert call["measured"] >= 200 and call["flagged"] <= 0.2 * call["measured"]
        assert len(call["session"]) == len(call["plain_95"]) == call["measured"] - call["flagged"]
        assert call["coverage"] >= 0.85 and call["coverage_held_out"] >= 0.8
        assert call["naive_coverage"] < call["coverage"] > call["plain_coverage"]
        assert call["long_run_median_seconds"] > 0
    assert recorded["machine"]["cpu"] and recorded["date"] and recorded["versions"]["numpy"]


def test_the_docstring_prints_what_was_seen(benchmark, recorded):
    lines = [line.strip() for line in measure.__doc__.splitlines()]
    wanted = [line.strip() for line in benchmark.docstring_lines(recorded)]
    first = lines.index(wanted[0])
    assert lines[first : first + len(wanted)] == wanted
    text = " ".join(measure.__doc__.split())
    assert f"in {recorded['sessions']} sessions of one quiet machine" in text


def made_up(shift, sessions=40, rounds=5, flagged=(), scatter=0.03):
    """A study of a call that takes a second, where sessions differ by a known spread."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(sessions):
        level = math.exp(rng.normal(0, shift))
        for _ in range(rounds):
            series = (level * np.exp(scatter * rng.standard_normal(40))).tolist()
            rows.append({"session": number, "seconds": series, "flagged": number in flagged})
    return {"call": rows}


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.1])
def test_the_study_finds_the_spread_it_is_given(benchmark, shift):
    found = benchmark.study(made_up(shift))
    call = found["calls"]["call"]
    assert call["between_sessions_sd"] == pytest.approx(shift, rel=0.3, abs=0.004)
    assert call["beyond_bootstrap_sd"] == pytest.approx(shift, rel=0.3, abs=0.004)
    assert shift * 0.6 - 0.005 <= found["session_spread"] <= shift + 0.005
    assert call["coverage"] >= benchmark.WANTED and call["coverage_held_out"] >= 0.8
    assert call["long_run_median_seconds"] == pytest.approx(1, abs=0.03)
    if shift:
        assert call["plain_coverage"] < 0.6 and call["naive_coverage"] < 0.6
    assert "call" in benchmark.docstring_lines(found)[3]


def test_the_study_gives_the_intervals_that_a_measurement_has(benchmark):
    """Widened from what is written down, an interval is the one that `session_interval` gives."""
    rows = made_up(0.1, sessions=4)
    rows["call"][0]["seconds"] = rows["call"][0]["seconds"][:6]
    call = benchmark.summarise_call(rows["call"], keep_flagged=False)
    for level in (0.9, 0.95):
        ends = benchmark.widened(call, level, SESSION_SPREAD) * call["long_run_median_seconds"]
        own = [session_interval(row["seconds"], level=level) for row in rows["call"]]
        assert ends == pytest.approx(np.array(own), rel=1e-4)


def test_the_study_leaves_out_what_is_contaminated_and_says_so(benchmark):
    found = made_up(0.02, flagged=(1, 2))
    for row in found["call"]:
        if row["flagged"]:
            row["seconds"] = [9.0 * each for each in row["seconds"]]
    call = benchmark.study(found)["calls"]["call"]
    assert (call["measured"], call["flagged"]) == (200, 10)
    assert call["long_run_median_seconds"] == pytest.approx(1, abs=0.02)
    assert benchmark.is_quiet(found) and not benchmark.is_quiet(made_up(0, flagged=range(20)))


def test_each_measurement_weighs_the_same(benchmark):
    many, few = np.full(100, 2.0), np.array([1.0, 1.0])
    weights = np.concatenate([np.full(len(s), 1 / len(s)) for s in (many, few, few)])
    assert benchmark.weighted_median(np.concatenate([many, few, few]), weights) == 1
