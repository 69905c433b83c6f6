"""The Zipf memoriser: exact against simulated, and against the law it tends to."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.tasks import zipf

law = settings(max_examples=20)
zipfs = st.floats(zipf.LEAST, zipf.MOST)


def truncated(samples, a, items):
    """The sum over the first items alone, term by term."""
    p = np.arange(1.0, items + 1) ** -(1 + a)
    total = p.sum() + items**-a / a  # the rest as an integral
    return np.sum(p / total * (1 - p / total) ** samples)


@law
@given(zipfs, st.integers(0, 10**6), st.integers(1, 10**6))
def test_more_samples_err_less_and_none_err_always(a, samples, more):
    fewer, many = zipf.expected_error([samples, samples + more], a)
    assert 0 < many < fewer <= 1 + 1e-12
    assert zipf.expected_error(0, a) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("a", [1.0, 2.0, 4.0])
def test_the_sum_is_that_of_its_terms(a):
    for samples in (0, 1, 10, 1000):
        direct = truncated(samples, a, 10**6)
        assert zipf.expected_error(samples, a) == pytest.approx(direct, rel=1e-5, abs=2e-6)


@law
@given(zipfs, st.floats(0, 12))
def test_where_the_head_ends_does_not_matter(a, magnitude):
    samples = 10**magnitude
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipf, "HEAD", 2**13)
        shorter = zipf.expected_error(samples, a)
    assert zipf.expected_error(samples, a) == pytest.approx(shorter, rel=1e-7)


@law
@given(st.floats(zipf.LEAST, 3.0))
def test_the_local_exponent_tends_to_the_law(a):
    n = np.array([1e9, 1e10])
    low, high = zipf.expected_error(n, a)
    assert np.log10(high / low) == pytest.approx(zipf.exponent(a), rel=1e-3)
    limit = zipf.amplitude(a) * n ** zipf.exponent(a)
    np.testing.assert_allclose([low, high], limit, rtol=1e-3)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_simulations_have_the_expected_error(a):
    sizes = [10, 100, 1000, 10_000]
    errors = zipf.simulated_error(sizes, a, seeds=range(200))
    standard_error = errors.std(0, ddof=1) / 200**0.5
    z = (errors.mean(0) - zipf.expected_error(sizes, a)) / standard_error
    assert abs(z).max() < 4 and standard_error.max() < 0.02


def test_rare_items_are_not_cut_off():
    """At a = .5 a quarter of a long stream's error lies beyond the first ten thousand items."""
    assert zipf.stream(200_000, 0.5, device="cpu").max() > 10**6
    truncated_at = truncated(10**6, 0.5, 10**4)
    assert truncated_at < 0.75 * zipf.expected_error(10**6, 0.5)


def test_frequencies_are_zipfs():
    items = zipf.stream(200_000, 1.0, seed=5, device="cpu")
    assert items.shape == (200_000,) and items.dtype == torch.int64 and items.min() == 1
    wanted = 6 / np.pi**2 / np.arange(1.0, 9) ** 2
    found = np.bincount(items.clamp(max=9))[1:9] / len(items)
    assert abs(found - wanted).max() < 4 * (0.25 / len(items)) ** 0.5


def test_seeds_and_lengths_have_streams_of_their_own():
    same, again, other = (zipf.stream(1000, seed=seed, device="cpu") for seed in (1, 1, 2))
    assert torch.equal(same, again) and not torch.equal(same, other)
    errors = zipf.simulated_error([1000, 1100], seeds=range(300))
    assert abs(np.corrcoef(errors.T)[0, 1]) < 0.2  # independent: no length is part of a longer one
    alone = zipf.simulated_error([1100], seeds=[7])
    assert alone[0, 0] == errors[7, 1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: zipf.exponent(0.1), "a is 0.1"),
        (lambda: zipf.expected_error(-1), "samples is -1"),
        (lambda: zipf.expected_error([1, np.nan]), "samples is"),
        (lambda: zipf.stream(0), "samples is 0"),
        (lambda: zipf.stream(10, seed=-1), "seed is -1"),
        (lambda: zipf.simulated_error([0]), r"samples\[0\] is 0"),
        (lambda: zipf.simulated_error([10], seeds=[]), "seeds is"),
        (lambda: zipf.simulated_error([10], seeds=[1, 1]), "seeds that differ"),
        (lambda: zipf.run(a=1.0, samples=10, device="abacus"), "abacus"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_numbers_must_be_numbers():
    with pytest.raises(TypeError, match="a is 'one'"):
        zipf.amplitude("one")
    with pytest.raises(TypeError, match=r"samples is 1\.5"):
        zipf.stream(1.5)
