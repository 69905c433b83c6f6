"""Power and sample size: inverse to one another, and true in simulated studies."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import power_proportions_2indep

from course_lib.fairness import detection_power, newcombe, people_needed

RATES = st.floats(0.01, 0.99)
SHARES = st.floats(0.02, 0.98)
PEOPLE = st.integers(2, 5000)
LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(RATES, RATES, SHARES, st.floats(0.25, 0.99), LEVELS)
def test_the_sample_is_the_smallest_with_that_power(a, b, share, power, level):
    assume(abs(a - b) > 0.005)
    number = people_needed(a, b, share, power, level)

    def seen(people):
        return detection_power(a, b, (1 - share) * people, share * people, level)

    assert seen(number) >= power
    if min(share, 1 - share) * (number - 1) >= 1:
        assert seen(number - 1) < power


@given(RATES, PEOPLE, PEOPLE, LEVELS)
def test_equal_rates_are_seen_to_differ_by_false_alarm_only(rate, people_a, people_b, level):
    assert detection_power(rate, rate, people_a, people_b, level) == pytest.approx(1 - level)


@given(RATES, RATES, PEOPLE, PEOPLE, LEVELS)
def test_groups_may_change_places(a, b, people_a, people_b, level):
    power = detection_power(a, b, people_a, people_b, level)
    assert detection_power(b, a, people_b, people_a, level) == pytest.approx(power)
    assert detection_power(1 - a, 1 - b, people_a, people_b, level) == pytest.approx(power)


@given(RATES, RATES, PEOPLE, PEOPLE)
def test_more_people_see_more_once_more_than_chance(a, b, people_a, people_b):
    power = detection_power(a, b, people_a, people_b)
    assume(power > 0.2)
    assert detection_power(a, b, 2 * people_a, 2 * people_b) >= power - 1e-12


@given(RATES, RATES, PEOPLE, st.floats(0.1, 10), LEVELS)
def test_power_is_that_of_statsmodels(a, b, people, ratio, level):
    assume(abs(a - b) > 1e-3)
    theirs = power_proportions_2indep(
        a - b, b, people, ratio=ratio, alpha=1 - level, return_results=False
    )
    assume(people * ratio >= 1)
    assert detection_power(a, b, people, people * ratio, level) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
@pytest.mark.parametrize(("a", "b"), [(0.10, 0.15), (0.30, 0.42)])
def test_simulated_studies_see_the_gap_as_often_as_planned(a, b, share):
    number = people_needed(a, b, share)
    n_b = round(share * number)
    n_a, z = number - n_b, stats.norm.ppf(0.95)
    rng = np.random.default_rng(7)
    for true, wanted in ((b, 0.8), (a, 0.1)):
        x, y = rng.binomial(n_a, a, 20_000), rng.binomial(n_b, true, 20_000)
        pooled = (x + y) / number
        spread = np.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
        seen = np.mean(np.abs(x / n_a - y / n_b) > z * spread)
        assert seen == pytest.approx(wanted, abs=0.02)
        low, high = newcombe(y, n_b, x, n_a)
        assert np.mean((low > 0) | (high < 0)) == pytest.approx(wanted, abs=0.035)


def test_half_the_gap_takes_four_times_the_people_and_a_rare_group_one_over_its_share():
    near = [people_needed(0.2, 0.2 + gap) for gap in (0.02, 0.01)]
    assert near[1] / near[0] == pytest.approx(4, rel=0.05)
    rare = [people_needed(0.2, 0.25, share_b=share) for share in (0.02, 0.01)]
    assert rare[1] / rare[0] == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: people_needed(0.1, 0.1), "rate_a and rate_b are both 0.1"),
        (lambda: people_needed(0.1, 0.2, power=0.05), "power is 0.05; allowed are numbers above"),
        (lambda: people_needed(0.1, 0.2, share_b=0), r"share_b is 0; allowed are numbers in \("),
        (lambda: detection_power(10, 15, 100, 100), "rate_a is 10"),
        (lambda: detection_power(0.1, 0.15, 0, 100), "people_a is 0; allowed are numbers of 1"),
    ],
)
def test_errors_name_what_came(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_word_is_no_rate():
    with pytest.raises(TypeError, match="rate_b is 'much'"):
        detection_power(0.1, "much", 10, 10)
