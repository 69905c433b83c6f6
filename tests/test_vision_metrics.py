"""Overlaps and grades of what was found in pictures: laws first, then the cases worked by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.vision_metrics import Objects, average_precision, box_iou, class_iou, mask_iou

SIDE = 12


@st.composite
def boxes(draw, least=0):
    """Boxes with whole edges inside a picture, none of them empty."""
    edge = st.integers(0, SIDE - 1)
    rows = draw(st.lists(st.tuples(edge, edge, edge, edge), min_size=least, max_size=6))
    made = [(min(a, b), min(c, d), max(a, b) + 1, max(c, d) + 1) for a, b, c, d in rows]
    return torch.tensor(made, dtype=torch.float32).view(-1, 4)


def drawn(box: torch.Tensor) -> torch.Tensor:
    """The masks of boxes."""
    masks = torch.zeros(len(box), SIDE, SIDE, dtype=torch.bool)
    for mask, (left, top, right, bottom) in zip(masks, box.int().tolist(), strict=True):
        mask[top:bottom, left:right] = True
    return masks


@st.composite
def pictures(draw):
    """What is there, and what was found, in one to four pictures."""
    found, true = [], []
    for _ in range(draw(st.integers(1, 4))):
        seen, there = draw(boxes()), draw(boxes(least=1))
        score = st.floats(0.01, 0.99).map(lambda x: round(x, 3))
        scores = draw(st.lists(score, min_size=len(seen), max_size=len(seen)))
        kinds = [
            torch.tensor(
                draw(st.lists(st.integers(1, 2), min_size=n, max_size=n)), dtype=torch.int64
            )
            for n in (len(seen), len(there))
        ]
        found.append(Objects(kinds[0], seen, torch.tensor(scores)))
        true.append(Objects(kinds[1], there))
    return found, true


def as_found(true):
    return [Objects(t.labels, t.regions, torch.full((len(t.labels),), 0.5)) for t in true]


@given(boxes(), boxes())
def test_overlap_is_a_symmetric_share(a, b):
    iou = box_iou(a, b)
    assert iou.shape == (len(a), len(b))
    assert ((iou >= 0) & (iou <= 1)).all()
    assert torch.equal(iou, box_iou(b, a).T)


@given(boxes(least=1))
def test_only_the_same_box_overlaps_fully(a):
    same = (a[:, None] == a[None]).all(-1)
    assert torch.equal(box_iou(a, a) == 1, same)


@given(boxes(), boxes(), st.integers(1, 8), st.integers(-9, 9))
def test_overlap_does_not_change_with_place_or_scale(a, b, scale, shift):
    assert torch.allclose(box_iou(a * scale + shift, b * scale + shift), box_iou(a, b))


@given(boxes(), boxes())
def test_a_box_overlaps_as_its_pixels_do(a, b):
    assert torch.allclose(mask_iou(drawn(a), drawn(b)), box_iou(a, b))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_class_iou_is_the_overlap_of_each_class(true, random):
    true = torch.tensor(true)
    predicted = torch.tensor([random.randrange(4) for _ in true])
    iou = class_iou(predicted, true, 4)
    for kind in range(4):
        said, is_so = predicted == kind, true == kind
        if (said | is_so).any():
            alone = mask_iou(said.view(1, 1, -1), is_so.view(1, 1, -1))
            assert iou[kind] == pytest.approx(alone.item())
        else:
            assert iou[kind].isnan()


@given(pictures())
def test_finding_all_and_nothing_else_is_worth_one(shown):
    _, true = shown
    distinct = [Objects(t.labels[:1], t.regions[:1]) for t in true]
    assert set(average_precision(as_found(distinct), distinct, box_iou).values()) == {1.0}


@given(pictures())
def test_precision_lies_between_nothing_and_what_was_recalled(shown):
    found, true = shown
    for label, value in average_precision(found, true, box_iou).items():
        wanted = sum(int((t.labels == label).sum()) for t in true)
        given_in = sum(int((f.labels == label).sum()) for f in found)
        assert 0 <= value <= min(1, given_in / wanted) + 1e-12


@given(pictures(), st.floats(0.1, 5), st.floats(-3, 3))
def test_only_the_order_of_the_scores_matters(shown, slope, shift):
    found, true = shown
    moved = [Objects(f.labels, f.regions, f.scores.double() * slope + shift) for f in found]
    assert average_precision(moved, true, box_iou) == average_precision(found, true, box_iou)


@given(pictures())
def test_finding_everything_twice_never_pays(shown):
    found, true = shown
    twice = [Objects(f.labels.repeat(2), f.regions.repeat(2, 1), f.scores.repeat(2)) for f in found]
    once = average_precision(found, true, box_iou)
    for label, value in average_precision(twice, true, box_iou).items():
        assert value <= once[label] + 1e-12


@given(pictures())
def test_a_stricter_overlap_never_pays_where_there_is_one_object(shown):
    found, true = shown
    single = [Objects(t.labels[:1], t.regions[:1]) for t in true]
    mild, strict = (average_precision(found, single, box_iou, at) for at in (0.3, 0.8))
    assert all(strict[label] <= mild[label] + 1e-12 for label in mild)


@given(pictures())
def test_boxes_are_graded_alike_as_boxes_and_as_their_pixels(shown):
    found, true = shown
    masks = [
        [Objects(o.labels, drawn(o.regions), o.scores) for o in objects]
        for objects in (found, true)
    ]
    assert average_precision(*masks, mask_iou) == average_precision(found, true, box_iou)


def test_two_finds_and_a_false_one_between_them():
    """By hand: precision 1, then 1/2, then 2/3, at recall 1/2, 1/2, 1."""
    box = torch.tensor([[0.0, 0.0, 4.0, 4.0], [8.0, 8.0, 12.0, 12.0]])
    true = [Objects(torch.tensor([1, 1]), box)]
    regions = torch.stack([box[0], box[0] + 6, box[1]])
    found = [Objects(torch.tensor([1, 1, 1]), regions, torch.tensor([0.9, 0.8, 0.7]))]
    assert average_precision(found, true, box_iou)[1] == pytest.approx((1 + 2 / 3) / 2)


def test_the_right_place_with_the_wrong_name_is_no_find():
    box = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    found = [Objects(torch.tensor([2]), box, torch.tensor([0.9]))]
    assert average_precision(found, [Objects(torch.tensor([1]), box)], box_iou) == {1: 0.0}


def test_another_picture_holds_no_find():
    box, none = torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.zeros(0, 4)
    empty = torch.zeros(0, dtype=torch.int64)
    true = [Objects(torch.tensor([1]), box), Objects(empty, none)]
    found = [
        Objects(empty, none, torch.zeros(0)),
        Objects(torch.tensor([1]), box, torch.tensor([1.0])),
    ]
    assert average_precision(found, true, box_iou) == {1: 0.0}


def test_nothing_overlaps_where_there_is_nothing():
    flat = torch.tensor([[1.0, 1.0, 1.0, 1.0]])
    assert box_iou(flat, flat).item() == 0
    empty = torch.zeros(1, 3, 3, dtype=torch.bool)
    assert mask_iou(empty, empty).item() == 0


ONE = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
MASK = torch.ones(1, 2, 2, dtype=torch.bool)
FOUND = Objects(torch.tensor([1]), ONE, torch.tensor([0.5]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: box_iou(ONE[0], ONE), r"a has the shape \(4,\); allowed is \(boxes, 4\)"),
        (lambda: box_iou(ONE, ONE.flip(1)), "b holds a box whose right or bottom lies before"),
        (lambda: mask_iou(MASK.float(), MASK), "a has the shape .* torch.float32; allowed are"),
        (lambda: mask_iou(MASK, MASK[:, :1]), r"b has pictures of \(1, 2\); allowed is"),
        (lambda: class_iou(torch.zeros(3), torch.zeros(2), 2), r"predicted has the shape \(3,\)"),
        (lambda: class_iou(torch.tensor([2]), torch.tensor([0]), 2), "predicted runs from 2 to 2"),
        (lambda: average_precision([], [FOUND], box_iou), "found has 0 pictures"),
        (lambda: average_precision([FOUND], [FOUND], box_iou, 0), "threshold is 0; allowed"),
        (
            lambda: average_precision([Objects(torch.tensor([1]), ONE)], [FOUND], box_iou),
            "found has a picture without scores",
        ),
        (lambda: Objects(torch.tensor([1, 2]), ONE), "regions has 1 entries; .* labels, 2"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
