"""Laws of `compare_growth`: the form that made the data is preferred, by either criterion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_lib.scaling import compare_growth

law = settings(max_examples=30)
FORMS = ("polynomial", "exponential")
X = np.linspace(1, 12, 16)


def grown(form, rate, x=X):
    return 3 * x**rate if form == "polynomial" else 3 * np.exp(rate * x)


@law
@given(st.sampled_from(FORMS), st.floats(0.3, 3), st.sampled_from([-1, 1]), st.floats(-3, 3))
def test_growth_without_noise_is_recovered(form, rate, sign, log_factor):
    y = 10.0**log_factor * grown(form, sign * rate)
    growth = compare_growth(X, y)
    assert growth.by_information == growth.by_hold_out == form and growth.agree
    row = growth.table.loc[form]
    assert row.rate == pytest.approx(sign * rate, rel=1e-7)
    assert row.factor == pytest.approx(3 * 10.0**log_factor, rel=1e-7)
    assert row.r_squared == pytest.approx(1) and row.weight == pytest.approx(1)
    assert row.hold_out_error == pytest.approx(0, abs=1e-10)
    assert growth.predict(form, 30.0) == pytest.approx(
        float(10.0**log_factor * grown(form, sign * rate, np.array(30.0))), rel=1e-6
    )
    np.testing.assert_allclose(growth.predict(form, X), y, rtol=1e-8)


@pytest.mark.parametrize(("form", "rate"), [("polynomial", 2.0), ("exponential", 0.4)])
def test_the_form_that_made_the_data_is_preferred(form, rate):
    chosen = {"by_information": 0, "by_hold_out": 0}
    for seed in range(100):
        noise = np.exp(0.15 * np.random.default_rng(seed).standard_normal(len(X)))
        growth = compare_growth(X, grown(form, rate) * noise)
        for criterion in chosen:
            chosen[criterion] += getattr(growth, criterion) == form
    assert min(chosen.values()) >= 90, chosen


def aicc_of(axis, log_y):
    """Of a line, from the normal likelihood itself; three parameters."""
    line = stats.linregress(axis, log_y)
    residual = log_y - line.intercept - line.slope * axis
    n, k = len(log_y), 3
    likelihood = stats.norm.logpdf(residual, scale=np.sqrt(np.mean(residual**2))).sum()
    return -2 * likelihood + 2 * k + 2 * k * (k + 1) / (n - k - 1)


@law
@given(st.integers(0, 999), st.integers(6, 25), st.floats(0.05, 1))
def test_the_criterion_is_that_of_hurvich_and_tsai(seed, points, noise):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(1, 20, points))
    y = np.exp(noise * rng.standard_normal(points)) * x
    table = compare_growth(x, y).table
    wanted = [aicc_of(axis, np.log(y)) for axis in (np.log(x), x)]
    # Up to the constant that every normal likelihood has.
    constant = points * (np.log(2 * np.pi) + 1)
    assert list(table.aicc) == pytest.approx([each - constant for each in wanted], abs=1e-7)
    assert table.weight.sum() == pytest.approx(1)
    ratio = np.exp((wanted[1] - wanted[0]) / 2)
    assert table.weight["polynomial"] / table.weight["exponential"] == pytest.approx(ratio)
    for form, axis in zip(FORMS, (np.log(x), x), strict=True):
        known = stats.linregress(axis, np.log(y))
        assert table.r_squared[form] == pytest.approx(known.rvalue**2, abs=1e-9)


@law
@given(st.integers(0, 999), st.integers(1, 6), st.randoms())
def test_the_largest_points_are_forecast_from_the_others(seed, held, random):
    rng = np.random.default_rng(seed)
    y = grown("polynomial", 1.5) * np.exp(0.2 * rng.standard_normal(len(X)))
    order = list(range(len(X)))
    random.shuffle(order)
    growth = compare_growth(X[order], y[order], held)
    assert growth.held_out == held
    for form, axis in zip(FORMS, (np.log(X), X), strict=True):
        line = stats.linregress(axis[:-held], np.log(y)[:-held])
        missed = np.log(y)[-held:] - line.intercept - line.slope * axis[-held:]
        assert growth.table.hold_out_error[form] == pytest.approx(np.sqrt(np.mean(missed**2)))


def test_points_of_one_x_are_held_out_together():
    x = np.array([1, 2, 3, 4, 5, 6, 6, 6.0])
    assert compare_growth(x, x**2, 1).held_out == 3
    assert compare_growth(x, x**2).held_out == 3, "a quarter of 8 points, and the third 6"
    assert compare_growth(X, X**2).held_out == 4


def test_criteria_may_disagree_and_say_so():
    # Growth that was exponential and has just bent: inside it looks one way, ahead the other.
    x = np.linspace(1, 10, 20)
    log_y = np.where(x < 8, 0.6 * x, 0.6 * 8 + 0.1 * (x - 8))
    growth = compare_growth(x, np.exp(log_y), 3)
    assert not growth.agree and growth.by_information == "exponential"
    assert f"by information exponential, by hold-out {growth.by_hold_out}\n" in str(growth)


@pytest.mark.parametrize(
    ("x", "y", "hold_out", "message"),
    [
        (X, X**2, 0, r"hold_out is 0; allowed are 1 to 13 of 16 points"),
        (X, X**2, 14, r"hold_out is 14; allowed are 1 to 13"),
        (X, X**2, 2.5, r"hold_out is 2\.5; allowed"),
        (X[:4], X[:4], None, "4 parameters need at least 5 distinct x; got 4"),
        ([1, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6], 3, "at least 3 distinct x that are not held out"),
        (X, np.where(X > 5, -X, X), None, r"y must be positive and finite.*row 6 has -5"),
        (X, np.where(X > 5, np.nan, X), None, r"y must be positive and finite.*row 6 has nan"),
        (X, X[:-1], None, r"x has the shape \(16,\) and y has the shape \(15,\)"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_compared(x, y, hold_out, message):
    with pytest.raises(ValueError, match=message):
        compare_growth(x, y, hold_out)


def test_a_form_that_is_unknown():
    with pytest.raises(ValueError, match="form is 'linear'; allowed are 'polynomial', 'exponen"):
        compare_growth(X, X**2).predict("linear", 3)
