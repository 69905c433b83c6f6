"""How well a network says what is in a picture, and where: the measure of each of four tasks.

Classification has the share of right answers. Semantic segmentation has the mean intersection over
union (IoU) of the kinds. Detection and instance segmentation have the average precision (AP) of the
objects found, judged by the IoU of boxes or of masks (Everingham et al., 2010; Lin et al., 2014).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

Overlap = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Objects:
    """The objects of one picture, true or found.

    Attributes
    ----------
    labels : torch.Tensor
        Shape (objects,), int64.
    regions : torch.Tensor
        Boxes, shape (objects, 4), or masks, shape (objects, height, width).
    scores : torch.Tensor, optional
        Shape (objects,): how sure a network is of each. The truth has none.
    """

    labels: torch.Tensor
    regions: torch.Tensor
    scores: torch.Tensor | None = None

    def __post_init__(self) -> None:
        lengths = {"regions": self.regions, "scores": self.scores}
        for name, tensor in lengths.items():
            if tensor is not None and len(tensor) != len(self.labels):
                raise ValueError(
                    f"{name} has {len(tensor)} entries; allowed are as many as labels, "
                    f"{len(self.labels)}"
                )


def box_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union of each box of ``a`` with each of ``b``, shape (len(a), len(b)).

    Parameters
    ----------
    a, b : torch.Tensor
        Shapes (n, 4) and (m, 4): left, top, right, bottom edge, in pixels.

    Raises
    ------
    ValueError
        If a shape is another, or a box ends before it begins.

    Notes
    -----
    Two boxes without area overlap by 0. Jaccard's index of two sets of points. See chapter 4.

    Examples
    --------
    >>> box = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    >>> box_iou(box, torch.tensor([[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]]))
    tensor([[0.3333, 0.0000]])
    """
    for name, boxes in (("a", a), ("b", b)):
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"{name} has the shape {tuple(boxes.shape)}; allowed is (boxes, 4)")
        if (boxes[:, :2] > boxes[:, 2:]).any():
            raise ValueError(f"{name} holds a box whose right or bottom lies before left or top")
    near = torch.minimum(a[:, None, 2:], b[None, :, 2:])  # (n, m, 2)
    far = torch.maximum(a[:, None, :2], b[None, :, :2])
    shared = (near - far).clamp(min=0).prod(-1)
    area_a, area_b = ((boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (a, b))
    return _ratio(shared, area_a[:, None] + area_b[None] - shared)


def mask_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union of each mask of ``a`` with each of ``b``, shape (len(a), len(b)).

    Parameters
    ----------
    a, b : torch.Tensor
        Shapes (n, height, width) and (m, height, width), bool.

    Raises
    ------
    ValueError
        If they are no masks, or of pictures of another size.

    Notes
    -----
    Two empty masks overlap by 0. See chapter 4.

    Examples
    --------
    >>> whole = torch.ones(1, 2, 2, dtype=torch.bool)
    >>> half = torch.tensor([[[True, True], [False, False]]])
    >>> mask_iou(whole, half)
    tensor([[0.5000]])
    """
    for name, masks in (("a", a), ("b", b)):
        if masks.ndim != 3 or masks.dtype != torch.bool:
            raise ValueError(
                f"{name} has the shape {tuple(masks.shape)} and type {masks.dtype}; allowed are "
                "(masks, height, width) and torch.bool"
            )
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"b has pictures of {tuple(b.shape[1:])}; allowed is the size of a, "
            f"{tuple(a.shape[1:])}"
        )
    flat_a, flat_b = a.flatten(1).double(), b.flatten(1).double()
    shared = flat_a @ flat_b.T
    return _ratio(shared, flat_a.sum(1)[:, None] + flat_b.sum(1)[None] - shared).float()


def class_iou(predicted: torch.Tensor, true: torch.Tensor, classes: int) -> torch.Tensor:
    """Intersection over union of each class over all pixels, shape (classes,); NaN if it is absent.

    Its mean is the mean IoU of semantic segmentation (Everingham et al., 2010, section 4.3).

    Parameters
    ----------
    predicted, true : torch.Tensor
        Of one shape, int64: a class at each pixel, 0 to ``classes`` - 1.
    classes : int
        How many classes there are.

    Raises
    ------
    ValueError
        If the shapes differ or a class is out of range.

    Notes
    -----
    See chapter 4 of the book.

    Examples
    --------
    >>> class_iou(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 1, 1]), classes=3)
    tensor([0.5000, 0.6667,    nan])
    """
    if predicted.shape != true.shape:
        raise ValueError(
            f"predicted has the shape {tuple(predicted.shape)}; allowed is that of true, "
            f"{tuple(true.shape)}"
        )
    for name, pixels in (("predicted", predicted), ("true", true)):
        if pixels.numel() and not 0 <= int(pixels.min()) <= int(pixels.max()) < classes:
            raise ValueError(
                f"{name} runs from {int(pixels.min())} to {int(pixels.max())}; allowed are "
                f"0 to {classes - 1}"
            )
    pairs = (true.flatten() * classes + predicted.flatten()).bincount(minlength=classes**2)
    pairs = pairs.view(classes, classes).double()  # (true, predicted)
    shared = pairs.diagonal()
    return (shared / (pairs.sum(0) + pairs.sum(1) - shared)).float()


def average_precision(
    found: Sequence[Objects], true: Sequence[Objects], overlap: Overlap, threshold: float = 0.5
) -> dict[int, float]:
    """Average precision of each label, from the surest object found to the least sure.

    An object that was found is right if a true one of its label in the same picture overlaps it by
    at least ``threshold`` and was not found before: the second find of one object is wrong. The
    average is the area under precision against recall, with precision at each recall the best at
    this recall or beyond (Everingham et al., 2010, section 4.2, with all points).

    Parameters
    ----------
    found : sequence of Objects
        For each picture, with scores.
    true : sequence of Objects
        For each picture, in the same order.
    overlap : function
        `box_iou` or `mask_iou`.
    threshold : float
        Least overlap of a find, above 0 and up to 1.

    Returns
    -------
    dict of int to float
        For each label that occurs in the truth.

    Raises
    ------
    ValueError
        If the pictures are not as many, scores are missing, or the threshold is out of range.

    Notes
    -----
    Mean AP is the mean of what is returned; COCO averages it over thresholds from 0.5 to 0.95 too
    (Lin et al., 2014). See chapter 4 of the book.

    Examples
    --------
    >>> box = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    >>> truth = [Objects(torch.tensor([1]), box)]
    >>> twice = [Objects(torch.tensor([1, 1]), box.repeat(2, 1), torch.tensor([0.9, 0.8]))]
    >>> average_precision(twice, truth, box_iou)
    {1: 1.0}
    >>> far_off = [Objects(torch.tensor([1]), box + 3, torch.tensor([0.9]))]
    >>> average_precision(far_off, truth, box_iou)
    {1: 0.0}
    """
    if len(found) != len(true):
        raise ValueError(
            f"found has {len(found)} pictures; allowed are as many as true, {len(true)}"
        )
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; allowed are numbers above 0 and up to 1")
    if any(picture.scores is None for picture in found):
        raise ValueError("found has a picture without scores; each object found needs one")
    labels = sorted({int(label) for picture in true for label in picture.labels})
    return {label: _of_label(found, true, overlap, threshold, label) for label in labels}


def _of_label(found, true, overlap: Overlap, threshold: float, label: int) -> float:
    """Average precision of one label."""
    scores, right = [torch.zeros(0)], [torch.zeros(0)]
    wanted = 0
    for seen, there in zip(found, true, strict=True):
        mine, theirs = seen.labels == label, there.labels == label
        wanted += int(theirs.sum())
        order = seen.scores[mine].argsort(descending=True, stable=True)
        iou = overlap(seen.regions[mine][order], there.regions[theirs])
        scores.append(seen.scores[mine][order].float())
        right.append(_first_finds(iou, threshold))
    order = torch.cat(scores).argsort(descending=True, stable=True)
    hits = torch.cat(right)[order].double()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
    best_beyond = precision.flip(0).cummax(0).values.flip(0) if len(hits) else precision
    return float((best_beyond * hits).sum() / wanted)


def _first_finds(iou: torch.Tensor, threshold: float) -> torch.Tensor:
    """1 where an object found is the first, in this order, to meet the true one it fits best."""
    right = torch.zeros(len(iou))
    taken: set[int] = set()
    for row, overlaps in enumerate(iou):
        if not len(overlaps):
            break
        best, place = overlaps.max(0)
        if best >= threshold and int(place) not in taken:
            taken.add(int(place))
            right[row] = 1.0
    return right


def _ratio(shared: torch.Tensor, united: torch.Tensor) -> torch.Tensor:
    """Shared over united area, 0 where there is none."""
    return torch.where(united > 0, shared / united.clamp(min=torch.finfo(united.dtype).tiny), 0.0)
