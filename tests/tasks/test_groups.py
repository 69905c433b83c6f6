"""Two groups: closed forms against people who are drawn."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.tasks import groups
from course_lib.tasks.groups import TwoGroups, least_squares

law = settings(max_examples=20)


@st.composite
def populations(draw):
    return TwoGroups(
        draw(st.floats(0.05, 0.95)),
        (draw(st.floats(0.5, 5)), draw(st.floats(0.5, 5))),
        draw(st.floats(0, 180)),
        draw(st.integers(2, 6)),
    )


def count_errors(people, weights, bias, seed=0, samples=100_000):
    """Errors in both groups of a linear classifier, counted on a sample, and how sure they are."""
    features, classes, members = people.draw(samples, seed, "cpu")
    wrong = (features @ weights + bias > 0) != (classes == 1)
    found = [wrong[members == group].float().mean().item() for group in (0, 1)]
    sizes = [(members == group).sum().item() for group in (0, 1)]
    return found, [0.5 / size**0.5 for size in sizes]


@law
@given(populations(), st.floats(-2, 2), st.integers(0, 99))
def test_exact_errors_are_those_that_are_counted(people, bias, seed):
    weights = torch.randn(people.dimensions, generator=torch.Generator().manual_seed(seed))
    found, error = count_errors(people, weights, bias, seed)
    exact = people.errors(weights, bias)
    for group in (0, 1):
        assert abs(found[group] - exact[group].item()) < 4 * error[group]


@law
@given(populations())
def test_bayes_errors_are_those_of_each_groups_own_direction(people):
    for group in (0, 1):
        own = people.errors(people.middles[group])[group].item()
        assert own == pytest.approx(people.bayes_errors[group], abs=1e-5)
    found, error = count_errors(people, people.middles[0], 0.0)
    assert abs(found[0] - people.bayes_errors[0]) < 4 * error[0]


@law
@given(populations(), st.floats(-2, 2), st.integers(0, 99))
def test_no_linear_classifier_beats_bayes(people, bias, seed):
    weights = torch.randn(9, people.dimensions, generator=torch.Generator().manual_seed(seed))
    least = torch.tensor(people.bayes_errors)
    assert (people.errors(weights, bias) >= least - 1e-5).all()
    assert (people.errors(people.limit()) >= least - 1e-5).all()


@law
@given(populations())
def test_the_planted_gap_is_that_of_the_separations(people):
    a, b = people.separations
    assert people.bayes_gap == pytest.approx(people.bayes_errors[1] - people.bayes_errors[0])
    assert (people.bayes_gap > 0) is (b < a) or people.bayes_gap == pytest.approx(0)
    turned = TwoGroups(people.share, people.separations, 0.0, people.dimensions)
    assert turned.bayes_gap == pytest.approx(people.bayes_gap)


@law
@given(populations())
def test_a_sample_has_the_population_s_middles_and_shares(people):
    features, classes, members = people.draw(50_000, 3, "cpu")
    assert features.dtype == torch.float32 and classes.dtype == members.dtype == torch.int64
    assert abs(members.float().mean() - people.share) < 0.01
    assert abs(classes.float().mean() - 0.5) < 0.01
    for group in (0, 1):
        for label, sign in ((0, -1), (1, 1)):
            chosen = features[(members == group) & (classes == label)]
            error = len(chosen) ** -0.5
            assert abs(chosen.mean(0) - sign * people.middles[group]).max() < 5 * error


@law
@given(populations())
def test_least_squares_tends_to_its_limit(people):
    features, classes, _ = people.draw(200_000, 1, "cpu")
    weights, bias = least_squares(features, classes)
    limit = people.limit()
    assert torch.nn.functional.cosine_similarity(weights, limit, dim=0) > 0.99
    assert abs(bias) < 0.02
    assert torch.allclose(people.errors(weights, bias), people.errors(limit), atol=0.03)


def test_least_squares_is_that_of_numpy():
    features, classes, _ = TwoGroups().draw(200, 1, "cpu")
    weights, bias = least_squares(features, classes)
    design = np.column_stack([features, np.ones(200)])
    expected = np.linalg.lstsq(design, 2.0 * classes.numpy() - 1, rcond=None)[0]
    np.testing.assert_allclose([*weights, bias], expected, rtol=1e-4, atol=1e-5)


def test_the_minority_pays_and_pays_less_as_its_share_grows():
    errors = [groups.truth(share=share) for share in (0.02, 0.1, 0.3, 0.5)]
    of_b = [known["irreducible_b"] for known in errors]
    assert of_b == sorted(of_b, reverse=True)
    gaps = [known["irreducible_b"] - known["irreducible_a"] for known in errors]
    assert all(gap > TwoGroups().bayes_gap for gap in gaps)
    equal = groups.truth(share=0.5, separations=(2.0, 2.0))
    assert equal["irreducible_a"] == pytest.approx(equal["irreducible_b"], abs=1e-6)


def test_the_mean_error_falls_to_its_limit_as_one_over_samples():
    irreducible = groups.truth(share=0.3)["irreducible"]
    beyond = []
    for samples in (100, 400, 1600):
        rows = groups.run(share=0.3, samples=samples, seeds=range(400), device="cpu")
        beyond.append(np.mean([row["error"] for row in rows]) - irreducible)
    slopes = np.diff(np.log(beyond)) / np.log(4)
    np.testing.assert_allclose(slopes, groups.truth(share=0.3)["exponent"], atol=0.12)


def test_a_row_weighs_the_groups_by_their_share():
    [row] = groups.run(share=0.2, samples=500, device="cpu")
    assert row["error"] == pytest.approx(0.8 * row["error_a"] + 0.2 * row["error_b"])
    first, again, other = (
        groups.run(share=0.2, samples=500, seeds=[seed], device="cpu")[0] for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: TwoGroups(share=1.0), r"share is 1\.0; allowed are numbers in \(0, 1\)"),
        (lambda: TwoGroups(separations=(1.0, 0.0)), r"separations is 0\.0"),
        (lambda: TwoGroups(separations=(1.0,)), "allowed are two numbers"),
        (lambda: TwoGroups(degrees=181.0), r"degrees is 181\.0"),
        (lambda: TwoGroups(dimensions=1), "dimensions is 1"),
        (lambda: TwoGroups().draw(0), "samples is 0"),
        (lambda: TwoGroups(dimensions=3).errors(torch.ones(2)), r"weights has the shape \(2,\)"),
        (lambda: groups.run(0.1, samples=8, device="cpu"), "allowed are more samples"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.gpu
def test_people_and_errors_are_the_same_on_the_accelerator():
    people = TwoGroups()
    for here, there in zip(people.draw(100, 1, "cpu"), people.draw(100, 1), strict=True):
        assert torch.equal(here, there.cpu())
    [here], [there] = (groups.run(0.1, 500, [3], device) for device in ("cpu", None))
    assert here["error_b"] == pytest.approx(there["error_b"], abs=1e-3)
