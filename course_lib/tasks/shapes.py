"""Synthetic pictures of circles, squares and triangles, with the truth for four tasks.

Each picture holds up to so many objects of random kind, place, size, angle and colour on a noisy
ground. It is divided into cells, and each object has a cell to itself: none hides another, so that
kind, mask, box and label of each are exact. One picture serves classification (one object a
picture), semantic segmentation (`Pictures.classes`), detection (`Pictures.boxes`) and instance
segmentation (`Pictures.masks`). Kinds differ in outline only, not in colour.

A regular polygon with m corners, of radius r around c and turned by an angle t, is what lies within
``r cos(pi / m)`` of c in each of the m directions between its corners; a circle has no corners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, cos, pi, sqrt
from typing import Any

import torch
from torch.nn import functional as F

from course_lib.devices import pick
from course_lib.models import CNN
from course_lib.models.checking import check_integers
from course_lib.tasks.checking import check_number, check_seeds, generator_of
from course_lib.tasks.trained import TEST_SEED, batches_of_own_set, error_rate, rows_of
from course_lib.training import train_many

KINDS = ("circle", "square", "triangle")  # labels 1, 2 and 3; 0 is the ground, or no object
CORNERS = (None, 4, 3)
CELL = 8  # least side of an object's cell, in pixels, for outlines that can be told apart
RADII = (0.28, 0.48)  # of an object, over the side of its cell
CONTRASTS = (0.25, 0.75)  # of an object's red, green and blue to the ground's, around the circle

RUN_SIDE, RUN_NOISE = 16, 0.05
STEPS, BATCH, LEARNING_RATE, TEST = 600, 64, 0.005, 8000


@dataclass(frozen=True)
class Pictures:
    """Pictures and the truth about them; made by `pictures`.

    Attributes
    ----------
    images : torch.Tensor
        Shape (pictures, 3, side, side), float32: red, green, blue, about 0 to 1.
    labels : torch.Tensor
        Shape (pictures, objects), int64: 1 circle, 2 square, 3 triangle; 0 where there is no
        object. Objects come first.
    boxes : torch.Tensor
        Shape (pictures, objects, 4), float32, pixels: left, top, right, bottom edge of the mask.
    masks : torch.Tensor
        Shape (pictures, objects, side, side), bool: the object's pixels.
    classes : torch.Tensor
        Shape (pictures, side, side), int64: the label at each pixel, 0 for the ground.
    """

    images: torch.Tensor
    labels: torch.Tensor
    boxes: torch.Tensor
    masks: torch.Tensor
    classes: torch.Tensor


def pictures(
    samples: int,
    side: int = 32,
    objects: int = 1,
    noise: float = 0.1,
    seed: int = 0,
    device: Any = None,
) -> Pictures:
    """Draw pictures.

    Parameters
    ----------
    samples : int
        How many pictures.
    side : int
        Pixels of a side; at least 8 for each object's cell, of which there are enough in a square.
    objects : int
        Most objects in a picture; each holds 1 to that many, all numbers as likely.
    noise : float
        Standard deviation of the noise on every pixel, 0 to 10.
    seed : int
        The same seed gives the same pictures, on every device. Use another one to test.
    device : str or torch.device, optional
        Where the tensors go; see `course_lib.devices.pick`.

    Returns
    -------
    Pictures

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of another type.

    Notes
    -----
    See chapters 4 and 12 of the book.

    Examples
    --------
    >>> shown = pictures(100, side=48, objects=4, device="cpu")
    >>> shown.images.shape, shown.masks.shape
    (torch.Size([100, 3, 48, 48]), torch.Size([100, 4, 48, 48]))
    >>> one = pictures(1, side=12, noise=0.0, seed=1, device="cpu")
    >>> KINDS[one.labels[0, 0] - 1], one.boxes[0, 0].tolist()
    ('square', [2.0, 3.0, 10.0, 11.0])
    >>> print("\\n".join("".join("-#"[pixel] for pixel in row) for row in one.masks[0, 0].int()))
    ------------
    ------------
    ------------
    -----##-----
    ----###-----
    ---#####----
    --#######---
    --########--
    ---#####----
    ----###-----
    -----#------
    ------------
    """
    check_integers(1, samples=samples, side=side, objects=objects)
    check_number("noise", noise, 0, 10)
    cells = ceil(sqrt(objects))  # along a side
    if side < CELL * cells:
        raise ValueError(
            f"side is {side} and objects is {objects}; allowed are sides of at least {CELL * cells}"
        )
    device, generator = pick(device), generator_of(seed)
    shape = (samples, objects)

    def uniform(low: float, high: float, *more: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, *more, generator=generator)

    # Where: distinct cells, and a place in each that keeps the whole circle around it inside.
    cell = torch.rand(samples, cells**2, generator=generator).argsort(1)[:, :objects]
    corner = torch.stack([cell % cells, cell // cells], -1) * (
        side / cells
    )  # (samples, objects, 2)
    radius = uniform(*RADII) * (side / cells)
    room = (side / cells - 2 * radius)[..., None]
    centre = corner + radius[..., None] + room * uniform(0, 1, 2)

    number = torch.randint(1, objects + 1, (samples, 1), generator=generator)
    there = torch.arange(objects) < number
    labels = torch.randint(1, len(KINDS) + 1, shape, generator=generator) * there
    masks = _inside(labels, centre, radius, uniform(0, 2 * pi), side)

    ground = torch.rand(samples, 1, 3, generator=generator)
    colour = (ground + uniform(*CONTRASTS, 3)) % 1.0  # (samples, objects, 3)
    images = torch.einsum("nkc,nkyx->ncyx", colour - ground, masks.float())
    images += ground.view(samples, 3, 1, 1)
    images += noise * torch.randn(images.shape, generator=generator)
    classes = (labels[..., None, None] * masks).sum(1)
    made = (images, labels, boxes_of(masks), masks, classes)
    return Pictures(*(tensor.to(device) for tensor in made))


def run(
    samples: int, seeds: Sequence[int] = (0,), steps: int = STEPS, device: Any = None
) -> list[dict[str, Any]]:
    """One row for each seed: a CNN that names the one object in a picture of 16 x 16 pixels.

    It is trained on so many pictures, a set for each seed.

    >>> row = run(samples=50, steps=10, device="cpu")[0]
    >>> row["parameters"], 0 < row["error"] < 1
    (9715, True)
    """
    check_integers(1, samples=samples, steps=steps)
    check_seeds(seeds)
    device = pick(device)

    def classified(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        shown = pictures(count, RUN_SIDE, noise=RUN_NOISE, seed=seed, device=device)
        return shown.images, shown.labels[:, 0] - 1

    trainings = train_many(
        lambda: CNN((3, RUN_SIDE, RUN_SIDE), len(KINDS), (8, 16), 3, 1, (32,)),
        batches_of_own_set(lambda seed: classified(samples, seed), BATCH), F.cross_entropy, seeds,
        learning_rate=LEARNING_RATE, schedule="cosine", steps=steps, device=device, progress=False,
        evaluate=error_rate(*classified(TEST, TEST_SEED)),
    )  # fmt: skip
    return rows_of(trainings, "error")


def truth(**_: Any) -> dict[str, Any]:
    """What is known of a setting: nothing exactly.

    >>> truth()["form"]
    'falls with samples as far as the steps suffice; measured, not known'
    """
    return {"form": "falls with samples as far as the steps suffice; measured, not known"}


def boxes_of(masks: torch.Tensor) -> torch.Tensor:
    """The tightest boxes around masks: left, top, right and bottom edge; zeros around nothing.

    ``masks`` has the shape (..., height, width), bool; the boxes are float32, shape (..., 4).

    >>> boxes_of(torch.tensor([[False, True, True], [False, True, False]])).tolist()
    [1.0, 0.0, 3.0, 2.0]
    """
    edges = []
    for axis in (-2, -1):  # what is seen from above tells left and right
        seen = masks.any(axis)
        first = seen.int().argmax(-1)
        last = seen.shape[-1] - seen.flip(-1).int().argmax(-1)
        edges.append((first, last * seen.any(-1)))
    (left, right), (top, bottom) = edges
    return torch.stack([left, top, right, bottom], -1).float()


def _inside(labels, centre, radius, angle, side: int) -> torch.Tensor:
    """Whether each pixel's middle lies in each object, shape (samples, objects, side, side)."""
    middles = torch.arange(side) + 0.5
    x = middles - centre[..., 0, None]  # (samples, objects, side)
    y = middles - centre[..., 1, None]
    inside = torch.zeros(*labels.shape, side, side, dtype=torch.bool)
    for label, corners in enumerate(CORNERS, 1):
        chosen = labels == label
        across, down, r = x[chosen][:, None], y[chosen][:, :, None], radius[chosen][:, None, None]
        if corners is None:
            found = across**2 + down**2 <= r**2
        else:
            found = torch.ones(len(r), side, side, dtype=torch.bool)
            for turn in range(corners):
                t = (angle[chosen] + 2 * pi * turn / corners)[:, None, None]
                found &= across * t.cos() + down * t.sin() <= r * cos(pi / corners)
        inside[chosen] = found
    return inside
