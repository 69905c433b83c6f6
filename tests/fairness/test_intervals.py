"""Intervals of rates and gaps: what they must obey, whom they agree with, and that they cover."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from course_lib.fairness import bootstrap_gap, log_ratio, newcombe, wilson

LEVELS = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99])


@st.composite
def counts(draw, least=0):
    total = draw(st.integers(max(1, least), 3000))
    return draw(st.integers(least, total)), total


# --- one rate ---


@given(counts(), LEVELS)
def test_wilson_holds_the_rate_and_stays_in_bounds(pair, level):
    low, high = wilson(*pair, level)
    assert 0 <= low <= pair[0] / pair[1] <= high <= 1
    assert low < high


@given(counts(), LEVELS)
def test_wilson_of_the_opposite_is_mirrored(pair, level):
    count, total = pair
    low, high = wilson(count, total, level)
    assert wilson(total - count, total, level) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(counts(), st.integers(2, 50))
def test_more_people_with_the_same_rate_narrow_it(pair, times):
    low, high = wilson(*pair)
    lower, higher = wilson(pair[0] * times, pair[1] * times)
    assert higher - lower < high - low


@given(counts(), LEVELS)
def test_its_ends_are_the_rates_that_the_count_just_does_not_refute(pair, level):
    """Wilson (1927): the observed rate is z standard errors of the end away from the end."""
    count, total = pair
    z = stats.norm.ppf((1 + level) / 2)
    for end in wilson(count, total, level):
        if 0 < end < 1:
            away = abs(count / total - end) / math.sqrt(end * (1 - end) / total)
            assert away == pytest.approx(z, rel=1e-6)


@given(counts(), LEVELS)
def test_wilson_is_that_of_scipy(pair, level):
    theirs = stats.binomtest(*pair).proportion_ci(level, method="wilson")
    assert wilson(*pair, level) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def exact_coverage(rate, total, level=0.9):
    cases = np.arange(total + 1)
    low, high = wilson(cases, total, level)
    return stats.binom.pmf(cases, total, rate)[(low <= rate) & (rate <= high)].sum()


@pytest.mark.parametrize("total", [30, 100, 400])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_wilson_covers_on_average_over_rates(total, level):
    """Exact sums over all counts; single rates may differ, since counts jump."""
    coverage = [exact_coverage(rate, total, level) for rate in np.linspace(0.005, 0.995, 397)]
    assert np.mean(coverage) == pytest.approx(level, abs=0.012)
    assert np.quantile(coverage, 0.05) > level - 0.07


# --- a difference ---


@given(counts(), counts(), LEVELS)
def test_a_difference_turns_round_with_its_groups(pair, other, level):
    low, high = newcombe(*pair, *other, level)
    assert -1 <= low <= pair[0] / pair[1] - other[0] / other[1] <= high <= 1
    assert newcombe(*other, *pair, level) == pytest.approx((-high, -low), abs=1e-12)


@given(counts(), counts(), LEVELS)
def test_newcombe_is_that_of_statsmodels(pair, other, level):
    theirs = confint_proportions_2indep(
        *pair, *other, method="newcomb", compare="diff", alpha=1 - level
    )
    assert newcombe(*pair, *other, level) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(
    ("pair", "other", "printed"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0000)),
    ],
)
def test_newcombe_prints_his_own_examples(pair, other, printed):
    """Newcombe (1998), table II, method 10, 95 %."""
    assert newcombe(*pair, *other, level=0.95) == pytest.approx(printed, abs=6e-5)


@pytest.mark.parametrize(
    ("rate", "people", "reference", "others"),
    [(0.3, 60, 0.1, 300), (0.05, 100, 0.02, 400), (0.5, 40, 0.5, 40), (0.15, 50, 0.1, 950)],
)
def test_newcombe_covers(rate, people, reference, others):
    """Exact double sum over both counts."""
    a, b = np.meshgrid(np.arange(people + 1), np.arange(others + 1), indexing="ij")
    low, high = newcombe(a, people, b, others)
    chance = np.outer(
        stats.binom.pmf(np.arange(people + 1), people, rate),
        stats.binom.pmf(np.arange(others + 1), others, reference),
    )
    gap = rate - reference
    assert 0.87 < chance[(low <= gap) & (gap <= high)].sum() < 0.95


# --- a ratio ---


@given(counts(least=1), counts(least=1), LEVELS)
def test_a_ratio_turns_over_with_its_groups(pair, other, level):
    low, high = log_ratio(*pair, *other, level)
    ratio = pair[0] / pair[1] * other[1] / other[0]
    assert low * (1 - 1e-9) <= ratio <= high * (1 + 1e-9)
    assert log_ratio(*other, *pair, level) == pytest.approx((1 / high, 1 / low), rel=1e-9)


@given(counts(least=1), counts(least=1), LEVELS)
def test_log_ratio_is_that_of_scipy(pair, other, level):
    assume(pair[0] < pair[1] or other[0] < other[1])
    result = stats.contingency.relative_risk(*pair, *other)
    theirs = result.confidence_interval(level)
    assert log_ratio(*pair, *other, level) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_log_ratio_covers():
    rng = np.random.default_rng(1)
    for rate, people, reference, others in ((0.3, 100, 0.1, 400), (0.5, 60, 0.4, 60)):
        a, b = rng.binomial(people, rate, 20_000), rng.binomial(others, reference, 20_000)
        low, high = log_ratio(a, people, b, others)  # a count of 0 would raise; none is likely
        held = np.mean((low <= rate / reference) & (rate / reference <= high))
        assert held == pytest.approx(0.9, abs=0.025)


# --- means of people ---


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=30), st.floats(-10, 10))
def test_a_shift_of_one_group_shifts_the_gap(values, shift):
    reference = [1.0, 2.0, 4.0, 3.0]
    low, high = bootstrap_gap(values, reference, draws=100)
    moved = bootstrap_gap([v + shift for v in values], reference, draws=100)
    assert moved == pytest.approx((low + shift, high + shift), abs=1e-9)


@pytest.mark.parametrize("of", ["difference", "ratio"])
def test_the_bootstrap_covers(of):
    rng = np.random.default_rng(2)
    true = 3.0 - 2.0 if of == "difference" else 3.0 / 2.0
    held = 0
    for study in range(400):
        people, others = rng.gamma(4, 3.0 / 4, 60), rng.gamma(4, 2.0 / 4, 80)
        low, high = bootstrap_gap(people, others, of=of, draws=400, seed=study)
        held += low <= true <= high
    low, high = wilson(held, 400, 0.999)
    assert low < 0.9 and high > 0.86  # known to hold a little less than it says


# --- errors ---


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: wilson(5, 4), "count holds 5; allowed are whole numbers from 0"),
        (lambda: wilson(0, 0), "total holds 0; allowed are 1 or more"),
        (lambda: wilson(0.5, 4), "count holds 0.5; allowed are whole numbers"),
        (lambda: wilson(1, 4, 90), r"level is 90; allowed are numbers in \(0, 1\)"),
        (lambda: wilson(1, 4, 1.0), "level is 1.0"),
        (lambda: log_ratio(0, 4, 1, 4), "count holds 0; allowed are counts above 0"),
        (lambda: log_ratio(1, 4, 0, 4), "reference_count holds 0"),
        (lambda: bootstrap_gap([1.0], [1.0, 2.0]), r"values has the shape \(1,\)"),
        (lambda: bootstrap_gap([1.0, 2.0], [1.0, math.nan]), "reference has the shape"),
        (lambda: bootstrap_gap([1, 2], [1, 2], of="log"), "of is 'log'; allowed are"),
        (lambda: bootstrap_gap([1, 2], [1, 2], draws=5), "draws is 5"),
        (lambda: bootstrap_gap([1, 2], [-1, 1], of="ratio"), "mean of 0 or below"),
    ],
)
def test_errors_name_what_came(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_words_are_no_counts():
    with pytest.raises(TypeError, match="count is 'three'"):
        wilson("three", 4)
