"""Laws of the one formula: its derivatives are those of its values; its special cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.scaling.forms import Form

law = settings(max_examples=60)
STEP = 1e-4

FORMS = {
    f"{terms} term(s), E {name}{soft}": Form(
        terms, name == "free", 0.3 if name == "given" else -np.inf, bool(soft), sign
    )
    for terms in (1, 2)
    for name in ("free", "given", "absent")
    for soft, sign in {1: [("", 1)], 2: [("", 1), (", soft", 1), (", sharp", -1)]}[terms]
}


@st.composite
def places(draw, terms=(1, 2)):
    """A form, rows of parameters for it, and places: (form, theta, log_x)."""
    form = draw(st.sampled_from([form for form in FORMS.values() if form.terms in terms]))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    theta = rng.uniform(-1.5, 1.5, (3, form.size))
    return form, theta, rng.uniform(-2, 2, (form.terms, 5))


def central(function, theta, k):
    """The derivative of a function of rows of parameters by the k-th, to fourth order."""
    step = STEP * np.eye(theta.shape[1])[k]
    near = function(theta + step) - function(theta - step)
    far = function(theta + 2 * step) - function(theta - 2 * step)
    return (8 * near - far) / (12 * STEP)


def test_every_form_is_among_those_tried():
    assert len(FORMS) == 12 and len(set(FORMS.values())) == 12
    assert {form.size for form in FORMS.values()} == {2, 3, 4, 5, 6}


@law
@given(places())
def test_the_prediction_is_the_formula(place):
    form, theta, log_x = place
    factors, exponents = np.exp(theta[:, 0:4:2]), theta[:, 1:4:2]
    g = np.ones(len(theta))
    if form.free_softness:
        g = form.soft_sign * np.exp(theta[:, 4])
    floor = np.exp(theta[:, -1]) if form.free_floor else np.exp(np.full(3, form.log_floor))
    terms = [factors[:, k, None] * np.exp(log_x[k]) ** exponents[:, k, None]
             for k in range(form.terms)]  # fmt: skip
    reducible = sum(term ** (1 / g[:, None]) for term in terms) ** g[:, None]
    wanted = np.log(floor[:, None] + reducible)
    np.testing.assert_allclose(form.log_y(theta, log_x), wanted, rtol=1e-9, atol=1e-9)
    derived = form.derivatives(theta, log_x)
    np.testing.assert_array_equal(derived.prediction, form.log_y(theta, log_x))


@law
@given(places())
def test_first_derivatives(place):
    form, theta, log_x = place
    jacobian = form.derivatives(theta, log_x).jacobian
    assert jacobian.shape == (3, form.size, 5)
    for k in range(form.size):
        wanted = central(lambda at: form.log_y(at, log_x), theta, k)
        np.testing.assert_allclose(jacobian[:, k], wanted, rtol=1e-7, atol=1e-9)


@law
@given(places(), st.integers(0, 99))
def test_second_derivatives(place, seed):
    form, theta, log_x = place
    weights = np.random.default_rng(seed).normal(size=(3, 5))

    def gradient(at):
        return np.einsum("rm,rpm->rp", weights, form.derivatives(at, log_x).jacobian)

    curvature = form.derivatives(theta, log_x).curvature(weights)
    for k in range(form.size):
        wanted = central(gradient, theta, k)
        np.testing.assert_allclose(curvature[:, k], wanted, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(curvature, curvature.swapaxes(1, 2), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("floor", [-np.inf, 0.3, None])
@law
@given(st.integers(0, 10**6))
def test_with_softness_one_the_terms_add(floor, seed):
    rng = np.random.default_rng(seed)
    free, given_floor = floor is None, -np.inf if floor is None else floor
    plain = Form(2, free, given_floor)
    soft = Form(2, free, given_floor, free_softness=True)
    theta, log_x = rng.uniform(-2, 2, (4, plain.size)), rng.uniform(-3, 3, (2, 6))
    added = plain.log_y(theta, log_x)
    for log_g, apart in ((0.0, 1e-13), (1e-6, 1e-5)):
        row = np.insert(theta, 4, log_g, axis=1)
        np.testing.assert_allclose(soft.log_y(row, log_x), added, atol=apart)
    np.testing.assert_allclose(
        np.delete(soft.derivatives(np.insert(theta, 4, 0.0, axis=1), log_x).jacobian, 4, axis=1),
        plain.derivatives(theta, log_x).jacobian,
        atol=1e-13,
    )


@law
@given(places(terms=(2,)))
def test_the_order_of_the_terms_does_not_matter(place):
    form, theta, log_x = place
    swapped = np.concatenate([theta[:, 2:4], theta[:, :2], theta[:, 4:]], axis=1)
    np.testing.assert_allclose(
        form.log_y(swapped, log_x[::-1]), form.log_y(theta, log_x), rtol=1e-13, atol=1e-14
    )


def test_the_softness_says_which_term_rules():
    def level(sign, log_g):
        form = Form(2, False, free_softness=True, soft_sign=sign)
        theta = np.array([[np.log(2.0), -1.0, np.log(3.0), -0.2, log_g]])
        return float(np.exp(form.log_y(theta, np.zeros((2, 1))))[0, 0])

    # Of two terms of 2 and 3, a hard maximum, a sum, a hard minimum and the parallel sum.
    assert level(1, np.log(0.02)) == pytest.approx(3.0, rel=1e-6)
    assert level(1, 0.0) == pytest.approx(5.0)
    assert level(-1, np.log(0.02)) == pytest.approx(2.0, rel=1e-6)
    assert level(-1, 0.0) == pytest.approx(1 / (1 / 2 + 1 / 3))


def test_terms_far_apart_have_finite_derivatives():
    for form in FORMS.values():
        for start in (-600.0, 600.0):
            theta = np.full((1, form.size), 0.5)
            theta[0, 0] = start
            derived = form.derivatives(theta, np.full((form.terms, 3), 2.0))
            assert np.isfinite(derived.prediction).all() and np.isfinite(derived.jacobian).all()
            assert np.isfinite(derived.curvature(np.ones((1, 3)))).all()
