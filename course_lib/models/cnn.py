"""A small convolutional classifier in the manner of LeNet."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.closed_form import Layer, convolution
from course_lib.models.checking import check_integers, check_lists, check_shape
from course_lib.models.mlp import MLP

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d}
POOLINGS = {1: F.max_pool1d, 2: F.max_pool2d}


class CNN(nn.Module):
    """Stages of convolution, ReLU and pooling, then an `MLP` (LeCun et al., 1998).

    A stage holds ``channels in * channels out * kernel^2 + channels out`` parameters. Forward:
    each of its weights does one MAC at each position before pooling. Training: three times the
    forward FLOP, less one time those of the first stage, whose input needs no gradient.

    Parameters
    ----------
    image : sequence of int
        (channels, height, width), or (channels, length) of a signal, where a kernel has one side.
    classes : int
        How many classes, one logit each.
    channels : sequence of int
        Channels after each stage. A stage halves every side, rounding down.
    kernel, padding : int
        Side of the kernels, and zeros at each edge. The defaults keep a side until it is pooled.
    hidden : sequence of int
        Widths of the dense layers before the last.

    Raises
    ------
    ValueError
        If a number is out of range, an image is too small for so many stages, or an input has
        another shape.
    TypeError
        If a number is no integer.

    Notes
    -----
    On 32 x 32 pixels without padding it is LeNet-5 as taught today, with ReLU, max pooling, and
    all channels connected. See chapters 2 and 4 of the book.

    Examples
    --------
    >>> from course_lib import count
    >>> model = CNN((1, 32, 32), padding=0)
    >>> work, formula = count(model, torch.zeros(8, 1, 32, 32)), model.closed_form(batch=8)
    >>> first, second, dense = 1 * 6 * 5**2, 6 * 16 * 5**2, 400 * 120 + 120 * 84 + 84 * 10
    >>> work.parameters == first + second + dense + (6 + 16 + 120 + 84 + 10) == formula.parameters
    True
    >>> work.forward_macs == 8 * (first * 28**2 + second * 10**2 + dense) == formula.macs
    True
    >>> work.training_flop == 3 * work.forward_flop - 2 * 8 * first * 28**2
    True
    """

    def __init__(
        self,
        image: Sequence[int],
        classes: int = 10,
        channels: Sequence[int] = (6, 16),
        kernel: int = 5,
        padding: int = 2,
        hidden: Sequence[int] = (120, 84),
    ) -> None:
        super().__init__()
        check_integers(1, classes=classes, kernel=kernel)
        check_integers(0, padding=padding)
        check_lists(1, image=image, channels=channels, hidden=hidden)
        if len(image) - 1 not in CONVOLUTIONS:
            raise ValueError(
                f"image is {image!r}; allowed are (channels, height, width) and (channels, length)"
            )
        self.image, sides = tuple(image), image[1:]
        self.pool, layer = POOLINGS[len(sides)], CONVOLUTIONS[len(sides)]
        self.positions: list[list[int]] = []  # sides of what each stage makes, before pooling
        self.stages = nn.ModuleList()
        for inputs, outputs in zip((image[0], *channels), channels, strict=False):
            self.stages.append(layer(inputs, outputs, kernel, padding=padding))
            self.positions.append([side + 2 * padding - kernel + 1 for side in sides])
            sides = [side // 2 for side in self.positions[-1]]
            if min(sides) < 1:
                raise ValueError(
                    f"image is {image!r}; allowed are sides that {len(channels)} stages with "
                    f"kernel {kernel} and padding {padding} leave above 0"
                )
        features = (image[0], *channels)[-1] * prod(sides)
        self.classifier = MLP([features, *hidden, classes])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, classes); ``x`` is a batch of images."""
        check_shape("x", x, "batch", *self.image)
        for stage in self.stages:
            x = F.relu(stage(x))  # (batch, channels, height, width)
            x = self.pool(x, 2)  # (batch, channels, height / 2, width / 2)
        return self.classifier(x.flatten(1))  # (batch, classes)

    def closed_form(self, batch: int = 1) -> Layer:
        """Parameters, and MACs of ``batch`` images, by formula."""
        total = self.classifier.closed_form(batch)
        for stage, positions in zip(self.stages, self.positions, strict=True):
            total += convolution(
                stage.in_channels, stage.out_channels, stage.kernel_size, positions, batch
            )
        return total
