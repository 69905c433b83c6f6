"""Synthetic pictures: images, masks, boxes and labels say the same thing."""

from math import pi

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.tasks import shapes
from course_lib.tasks.shapes import CELL, KINDS, pictures

law = settings(max_examples=20)


@st.composite
def drawn(draw):
    objects = draw(st.integers(1, 7))
    least = CELL * (1 if objects == 1 else 2 if objects <= 4 else 3)
    return pictures(
        draw(st.integers(1, 12)), draw(st.integers(least, 48)), objects,
        draw(st.sampled_from([0.0, 0.2])), draw(st.integers(0, 999)), "cpu",
    )  # fmt: skip


@law
@given(drawn())
def test_shapes_and_types(shown):
    n, k, side, _ = shown.masks.shape
    assert shown.images.shape == (n, 3, side, side) and shown.images.dtype == torch.float32
    assert shown.labels.shape == (n, k) and shown.labels.dtype == torch.int64
    assert shown.boxes.shape == (n, k, 4) and shown.boxes.dtype == torch.float32
    assert shown.masks.dtype == torch.bool and shown.classes.dtype == torch.int64
    assert shown.classes.shape == (n, side, side)


@law
@given(drawn())
def test_an_object_has_a_label_a_mask_and_a_box_or_none_of_them(shown):
    there = shown.labels > 0
    assert there[:, 0].all() and shown.labels.max() <= len(KINDS)
    assert (there.int().diff(dim=1) <= 0).all()  # objects come first
    assert torch.equal(there, shown.masks.any((-1, -2)))
    assert torch.equal(there, shown.boxes.any(-1))


@law
@given(drawn())
def test_masks_do_not_overlap_and_make_up_the_classes(shown):
    covered = shown.masks.sum(1)
    assert covered.max() == 1
    assert torch.equal(covered.bool(), shown.classes > 0)
    for mask, label, classes in zip(shown.masks, shown.labels, shown.classes, strict=True):
        for one, kind in zip(mask, label, strict=True):
            assert (classes[one] == kind).all()


@law
@given(drawn())
def test_boxes_are_the_tightest_around_their_masks(shown):
    for mask, box in zip(shown.masks.flatten(0, 1), shown.boxes.flatten(0, 1), strict=True):
        rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
        if len(rows):
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert box.tolist() == [float(edge) for edge in edges]


@law
@given(st.integers(8, 40), st.integers(0, 99))
def test_without_noise_each_object_and_the_ground_have_a_colour_of_their_own(side, seed):
    shown = pictures(5, 2 * side, objects=4, noise=0.0, seed=seed, device="cpu")
    for image, masks in zip(shown.images, shown.masks, strict=True):
        ground = image[:, ~masks.any(0)]
        assert ((ground - ground[:, :1]).abs() < 1e-5).all()
        for mask in masks[masks.any((-1, -2))]:
            inside = image[:, mask]
            assert ((inside - inside[:, :1]).abs() < 1e-5).all()
            assert ((inside[:, 0] - ground[:, 0]).abs() > 0.24).all()


def test_areas_are_those_of_the_outlines():
    """The share of its smallest circle that each kind fills, in large pictures."""
    shown = pictures(300, 200, noise=0.0, seed=1, device="cpu")
    area = shown.masks[:, 0].sum((-1, -2)).double()
    reach = []  # the farthest pixel from the middle of gravity, which is the centre
    for mask in shown.masks[:, 0]:
        place = mask.nonzero().double()
        reach.append((place - place.mean(0)).norm(dim=1).max())
    share = area / (pi * torch.stack(reach) ** 2)
    wanted = {"circle": 1.0, "square": 2 / pi, "triangle": 3 * 3**0.5 / (4 * pi)}
    for label, kind in enumerate(KINDS, 1):
        found = share[shown.labels[:, 0] == label]
        assert len(found) > 50 and found.mean() == pytest.approx(wanted[kind], rel=0.03)


def test_kinds_and_numbers_of_objects_are_as_likely():
    shown = pictures(6000, 16, objects=3, noise=0.0, device="cpu")
    there = shown.labels > 0
    for counts in (there.sum(1).bincount()[1:], shown.labels[there].bincount()[1:]):
        share = counts / counts.sum()
        assert len(share) == 3 and abs(share - 1 / 3).max() < 0.03


def test_noise_is_added_to_every_pixel():
    calm, loud = (pictures(50, 32, noise=sd, seed=4, device="cpu").images for sd in (0.0, 0.5))
    assert abs((loud - calm).std() - 0.5) < 0.01


def test_seeds():
    same, again, other = (pictures(5, seed=seed, device="cpu").images for seed in (1, 1, 2))
    assert torch.equal(same, again) and not torch.equal(same, other)


def test_a_network_learns_to_tell_them(monkeypatch):
    monkeypatch.setattr(shapes, "TEST", 1000)
    [row] = shapes.run(2000, [0], steps=150, device="cpu")
    assert row["error"] < 0.5 and row["training_flop"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"samples": 0}, "samples is 0"),
        ({"samples": 1, "side": 7}, "side is 7 and objects is 1; allowed are sides of at least 8"),
        ({"samples": 1, "side": 20, "objects": 5}, "allowed are sides of at least 24"),
        ({"samples": 1, "objects": 0}, "objects is 0"),
        ({"samples": 1, "noise": -1.0}, r"noise is -1\.0"),
        ({"samples": 1, "seed": -1}, "seed is -1"),
    ],
)
def test_bad_input_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        pictures(**arguments)


@pytest.mark.gpu
def test_pictures_are_the_same_on_the_accelerator():
    assert torch.equal(pictures(9, seed=1).images.cpu(), pictures(9, seed=1, device="cpu").images)
