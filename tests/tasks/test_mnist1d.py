"""MNIST-1D: the published recipe, one signal after the other, has the same distribution."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from course_lib.tasks import mnist1d

law = settings(max_examples=20)


def one_by_one(label, random, noise):
    """A signal as the recipe says, step by step."""
    curve = mnist1d.templates()[label].double().numpy()
    padded = np.concatenate([curve, np.zeros(random.integers(36, 61))])
    on_curve = np.linspace(0, len(padded) - 1, 72)
    signal = np.interp(on_curve, np.arange(len(padded)), padded) * random.uniform(0.8, 1.2)
    shift = random.integers(48)
    signal, on_curve = np.roll(signal, shift), np.roll(on_curve, shift)
    smooth = gaussian_filter1d(0.25 * noise * random.standard_normal(72), 2)
    signal = np.where(on_curve < 12, signal, smooth)
    signal = signal + 0.02 * noise * random.standard_normal(72)
    signal = signal - random.uniform(-0.375, 0.375) * np.linspace(-0.5, 0.5, 72)
    return np.interp(np.linspace(0, 71, 40), np.arange(72), signal)


@law
@given(st.integers(1, 300), st.integers(0, 99))
def test_any_number_of_signals_of_balanced_classes(samples, seed):
    signals, classes = mnist1d.data(samples, seed, "cpu")
    assert signals.shape == (samples, 40) and signals.dtype == torch.float32
    assert classes.shape == (samples,) and classes.dtype == torch.int64
    counts = classes.bincount(minlength=10)
    assert len(counts) == 10 and counts.max() - counts.min() <= 1
    again, _ = mnist1d.data(samples, seed, "cpu")
    other, _ = mnist1d.data(samples, seed + 1, "cpu")
    assert torch.equal(signals, again) and not torch.equal(signals, other)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_signals_have_the_distribution_of_the_recipe(noise):
    """Mean and covariance of three classes, against signals that are made one after the other."""
    random = np.random.default_rng(0)
    signals, classes = mnist1d.data(20_000, 1, "cpu", noise)
    for label in (0, 4, 9):
        slow = np.array([one_by_one(label, random, noise) for _ in range(1500)])
        slow = (slow - mnist1d.MEAN) / mnist1d.DEVIATION
        fast = signals[classes == label].double().numpy()
        error = np.sqrt(slow.var(0) / len(slow) + fast.var(0) / len(fast))
        assert abs((slow.mean(0) - fast.mean(0)) / error).max() < 5
        size = np.sqrt(np.outer(slow.var(0), slow.var(0)))
        assert (abs(np.cov(slow.T) - np.cov(fast.T)) / size).max() < 0.35


@law
@given(st.integers(36, 60), st.floats(0.5, 2), st.floats(-1, 1))
def test_without_chance_signals_are_exactly_the_recipe_s(zeros, scale, slope):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist1d, "PADDING", (zeros, zeros))
        patch.setattr(mnist1d, "SHIFTS", 1)
        patch.setattr(mnist1d, "SCALES", (scale, scale))
        patch.setattr(mnist1d, "SLOPES", (slope, slope))
        signals, classes = mnist1d.data(20, 0, "cpu", noise=0.0)
    for signal, label in zip(signals, classes, strict=True):
        padded = np.append(mnist1d.templates()[label].numpy(), np.zeros(zeros))
        places = np.linspace(0, len(padded) - 1, 72)
        stretched = np.interp(places, np.arange(len(padded)), padded) * scale
        stretched[places >= 12] = 0
        sheared = stretched - slope * np.linspace(-0.5, 0.5, 72)
        kept = np.interp(np.linspace(0, 71, 40), np.arange(72), sheared)
        expected = (kept - mnist1d.MEAN) / mnist1d.DEVIATION
        np.testing.assert_allclose(signal.numpy(), expected, atol=1e-4)


def test_the_published_ranges():
    assert (mnist1d.PADDING, mnist1d.SHIFTS, mnist1d.SCALES) == ((36, 60), 48, (0.8, 1.2))
    assert (mnist1d.SMOOTH_NOISE, mnist1d.WHITE_NOISE) == (0.25, 0.02)
    assert mnist1d.SLOPES == (-0.375, 0.375)


def test_noise_is_smoothed_by_a_gaussian_filter():
    expected = gaussian_filter1d(np.eye(72), mnist1d.SMOOTHING, axis=0)
    np.testing.assert_allclose(mnist1d._smoothing().numpy(), expected, atol=1e-6)


def test_all_signals_together_have_mean_0_and_deviation_1():
    signals, _ = mnist1d.data(100_000, 3, "cpu")
    assert abs(signals.mean()) < 0.01 and abs(signals.std() - 1) < 0.01


def test_templates_start_at_0_and_are_as_published():
    curves = mnist1d.templates()
    assert curves.shape == (10, 12) and (curves[:, 0] == 0).all()
    assert torch.allclose(curves.std(1, correction=0), torch.tensor(1 / 6))
    assert np.corrcoef(curves[7], [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5])[0, 1] > 0.999


@pytest.mark.parametrize("label", range(10))
def test_the_mean_of_a_class_moved_back_resembles_its_template(label, monkeypatch):
    """Without moving around the circle, the mean signal begins with the stretched curve."""
    monkeypatch.setattr(mnist1d, "SHIFTS", 1)
    signals, classes = mnist1d.data(5000, 2, "cpu")
    mean = signals[classes == label].mean(0).numpy()
    place = np.arange(40) * 71 / 39 * (11 + 48) / 71  # on the curve, padded with 48 zeros
    padded = np.append(mnist1d.templates()[label].numpy(), np.zeros(60))
    curve = np.interp(place, np.arange(72), padded)
    assert np.corrcoef(mean, curve)[0, 1] > 0.9
    others = [k for k in range(10) if k != label]
    distances = {}
    for other in [label, *others]:
        padded = np.append(mnist1d.templates()[other].numpy(), np.zeros(60))
        expected = (np.interp(place, np.arange(72), padded) - mnist1d.MEAN) / mnist1d.DEVIATION
        distances[other] = ((mean - expected) ** 2).sum()
    assert min(distances, key=distances.get) == label


def test_more_noise_is_noisier():
    calm, _ = mnist1d.data(2000, 1, "cpu", noise=0.0)
    loud, _ = mnist1d.data(2000, 1, "cpu", noise=3.0)
    assert loud.var() > 2 * calm.var()


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_networks_learn_it(model, monkeypatch):
    monkeypatch.setattr(mnist1d, "TEST", 2000)
    few, many = (
        mnist1d.run(model, samples, [0, 1], steps=100, device="cpu") for samples in (40, 1500)
    )
    assert all(row["error"] < 0.75 for row in many)
    assert sum(row["error"] for row in many) < sum(row["error"] for row in few)
    assert few[0]["error"] != few[1]["error"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mnist1d.data(0), "samples is 0"),
        (lambda: mnist1d.data(10, seed=-1), "seed is -1"),
        (lambda: mnist1d.data(10, noise=-1.0), r"noise is -1\.0"),
        (lambda: mnist1d.run("tree", 10), "model is 'tree'; allowed are mlp, cnn"),
        (lambda: mnist1d.run("mlp", 10, steps=0), "steps is 0"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.gpu
def test_signals_are_the_same_on_the_accelerator():
    assert torch.equal(mnist1d.data(100, 1)[0].cpu(), mnist1d.data(100, 1, "cpu")[0])
