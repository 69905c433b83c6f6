"""One-pass SGD on a power-law spectrum: simulation against recursion, and against theory."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.tasks import spectrum

law = settings(max_examples=20)
degrees = st.floats(1.2, 3.0)


@st.composite
def spectra(draw):
    degree = draw(degrees)
    return {"spectrum": degree, "source": draw(st.floats(1.1, degree))}


@law
@given(spectra(), st.integers(1, 200), st.integers(4, 64))
def test_the_loss_lies_above_what_is_irreducible_and_unseen(powers, width, batches):
    expected = spectrum.expected_loss(width, 8 * batches, **powers, noise_variance=0.3)
    assert expected > 0.3 + spectrum.unseen(width, powers["source"])


@law
@given(st.floats(1.1, 3.0), st.integers(1, 500))
def test_one_feature_more_leaves_its_share_less_unseen(source, width):
    less = spectrum.unseen(width, source) - spectrum.unseen(width + 1, source)
    assert less == pytest.approx((width + 1) ** -source, rel=1e-6)
    assert spectrum.unseen(1, 2.0) == pytest.approx(np.pi**2 / 6 - 1)


@law
@given(spectra(), st.integers(4, 64), st.integers(16, 128))
def test_the_loss_falls_with_width_and_with_samples(powers, width, batches):
    at = [
        spectrum.expected_loss(w, 8 * b, **powers, noise_variance=0.01)
        for w, b in [(width, batches), (2 * width, batches), (width, 2 * batches)]
    ]
    assert at[1] < at[0] and at[2] < at[0]


@pytest.mark.parametrize(
    ("width", "samples", "batch", "powers"),
    [
        (4, 8, 8, {}),
        (16, 512, 8, {}),
        (64, 520, 8, {}),  # an odd number of steps
        (16, 256, 1, {}),
        (32, 1024, 32, {"spectrum": 1.5, "source": 1.2, "noise_variance": 0.0}),
    ],
)
def test_simulations_have_the_expected_loss(width, samples, batch, powers):
    losses = spectrum.simulate(width, samples, range(400), batch=batch, device="cpu", **powers)
    assert losses.shape == (400,) and losses.dtype == torch.float32
    expected = spectrum.expected_loss(width, samples, batch=batch, **powers)
    standard_error = losses.std() / 400**0.5
    assert abs(losses.mean() - expected) < 4 * standard_error
    assert standard_error < 0.02 * expected


def test_both_exponents_are_those_of_the_theory():
    """Where one limit binds and the other does not, a loss falls with its own exponent."""
    known = spectrum.truth()
    widths, samples = [16, 64], [2**13, 2**15]
    wide = [spectrum.expected_loss(1024, n) - known["irreducible"] for n in samples]
    assert np.log(wide[1] / wide[0]) / np.log(4) == pytest.approx(-known["beta"], abs=0.03)
    unseen = [spectrum.unseen(4 * width) for width in widths]
    assert np.log(unseen[1] / unseen[0]) / np.log(4) == pytest.approx(-known["alpha"], abs=0.01)


def test_the_limits_do_not_add_up():
    """The corner lies below the sum of both sides: the additive form is the wrong one."""
    narrow = spectrum.unseen(32)
    short = spectrum.expected_loss(1024, 2**12) - spectrum.NOISE_VARIANCE
    both = spectrum.expected_loss(32, 2**12) - spectrum.NOISE_VARIANCE
    assert max(narrow, short) < both < 0.9 * (narrow + short)


def test_a_seed_does_not_depend_on_the_others():
    together = spectrum.simulate(16, 512, seeds=[3, 4, 5], device="cpu")
    alone = spectrum.simulate(16, 512, seeds=[4], device="cpu")
    assert torch.allclose(together[1], alone[0], rtol=1e-5)
    assert len(set(together.tolist())) == 3


@law
@given(spectra(), st.sampled_from([1, 8, 64]))
def test_twice_the_step_size_is_still_safe(powers, batch):
    """The mean squares stay bounded if this sum is below 1; far beyond the step size it is not."""
    variance = np.arange(1.0, 10_001) ** -powers["spectrum"]
    rate = spectrum.step_size(powers["spectrum"], batch)

    def growth(rate):
        left = 2 - (1 + 1 / batch) * rate * variance
        return np.sum(rate * variance / batch / left) if left.min() > 0 else np.inf

    assert growth(2 * rate) < 1 < growth(2 * rate * (1 + 2 * np.sum(variance)))


def test_too_large_a_step_does_not_stay_bounded(monkeypatch):
    rate = spectrum.step_size(spectrum.SPECTRUM, 8)
    for factor, bounded in ((1.0, True), (2.0, True), (2.3, False)):
        monkeypatch.setattr(spectrum, "step_size", lambda *_: factor * rate)  # noqa: B023
        assert (spectrum.expected_loss(100, 8000) < 1) is bounded


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"width": 0, "samples": 8}, "width is 0"),
        ({"width": 8, "samples": 9}, "samples is 9; allowed are multiples of the batch, 8"),
        ({"width": 8, "samples": 8, "spectrum": 1.0}, r"spectrum is 1\.0"),
        ({"width": 8, "samples": 8, "spectrum": 2.0, "source": 2.5}, r"source is 2\.5"),
        ({"width": 8, "samples": 8, "noise_variance": -1.0}, r"noise_variance is -1\.0"),
    ],
)
def test_bad_input_is_named(arguments, words):
    for call in (spectrum.simulate, spectrum.expected_loss):
        with pytest.raises(ValueError, match=words):
            call(**arguments)


@pytest.mark.gpu
def test_the_accelerator_has_the_same_loss_on_average():
    losses = spectrum.simulate(16, 512, range(200)).cpu()
    expected = spectrum.expected_loss(16, 512)
    assert abs(losses.mean() - expected) < 4 * losses.std() / 200**0.5
