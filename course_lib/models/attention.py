"""Self-attention from scratch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.closed_form import Layer, multihead_attention
from course_lib.models.checking import check_divides, check_integers, check_shape


class SelfAttention(nn.Module):
    """Each position mixes in what it finds at the others (Vaswani et al., 2017, section 3.2).

    Holds ``4 * width^2 + 4 * width`` parameters. Forward MACs for ``time`` positions:
    ``4 * time * width^2`` in the projections, ``2 * time^2 * width`` between the positions, the
    masked ones included. Training: three times the forward FLOP, less ``6 * time * width^2`` FLOP
    where the input needs no gradient.

    Parameters
    ----------
    width : int
        Channels of a position.
    heads : int
        How many patterns of attention stand side by side, on ``width / heads`` channels each.
    causal : bool
        Whether a position sees only itself and what came before.
    bias : bool
        Whether the projections have biases.
    fused : bool
        Whether PyTorch's kernel does the middle part: the same numbers, faster, and without a table
        of ``time^2`` weights for each head. It has no rule for `torch.vmap` on a CPU.

    Raises
    ------
    ValueError
        If a number is below 1, the heads do not divide the width, or an input has another shape.
    TypeError
        If a number is no integer.

    Notes
    -----
    See chapter 5 of the book.

    Examples
    --------
    >>> from course_lib import count
    >>> model = SelfAttention(width=64, heads=4)
    >>> work = count(model, torch.zeros(2, 100, 64))
    >>> work.parameters == 4 * 64**2 + 4 * 64 == model.closed_form(time=100).parameters
    True
    >>> macs = 2 * (4 * 100 * 64**2 + 2 * 100**2 * 64)
    >>> work.forward_macs == macs == model.closed_form(time=100, batch=2).macs
    True
    >>> work.training_flop == 3 * work.forward_flop - 2 * 6 * 100 * 64**2
    True
    """

    def __init__(
        self, width: int, heads: int, causal: bool = False, bias: bool = True, fused: bool = False
    ) -> None:
        super().__init__()
        check_integers(1, width=width, heads=heads)
        check_divides(width, heads)
        self.width, self.heads, self.bias = width, heads, bias
        self.causal, self.fused = causal, fused
        self.project_in = nn.Linear(width, 3 * width, bias)
        self.project_out = nn.Linear(width, width, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mixed positions, shape (batch, time, width), as ``x``."""
        check_shape("x", x, "batch", "time", self.width)
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (batch, heads, time, head width)
            for part in self.project_in(x).chunk(3, dim=-1)  # (batch, time, width)
        )
        if self.fused:
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        else:
            scores = query @ key.mT / query.shape[-1] ** 0.5  # (batch, heads, time, time)
            if self.causal:
                later = torch.ones_like(scores, dtype=torch.bool).triu(1)
                scores = scores.masked_fill(later, float("-inf"))
            mixed = scores.softmax(-1) @ value  # (batch, heads, time, head width)
        return self.project_out(mixed.transpose(1, 2).flatten(2))  # (batch, time, width)

    def closed_form(self, time: int, batch: int = 1) -> Layer:
        """Parameters, and MACs of ``batch`` sequences of ``time`` positions, by formula."""
        return multihead_attention(self.width, self.heads, time, time, batch, self.bias)
