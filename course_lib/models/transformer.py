"""A small decoder-only transformer in the manner of GPT-2."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from course_lib.closed_form import Layer, transformer
from course_lib.models.attention import SelfAttention
from course_lib.models.checking import check_divides, check_integers, check_tokens
from course_lib.models.mlp import MLP


class Block(nn.Module):
    """Attention, then two dense layers; each adds to what passes by."""

    def __init__(self, width: int, heads: int, feedforward: int, bias: bool, fused: bool) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width, bias=bias)
        self.attention = SelfAttention(width, heads, causal=True, bias=bias, fused=fused)
        self.norm_dense = nn.LayerNorm(width, bias=bias)
        self.dense = MLP([width, feedforward, width], "gelu", bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As ``x``: (batch, time, width)."""
        x = x + self.attention(self.norm_attention(x))  # (batch, time, width)
        return x + self.dense(self.norm_dense(x))  # (batch, time, width)


class Transformer(nn.Module):
    """Predicts each next token from those before it (Radford et al., 2019).

    With L layers, width d, vocabulary V, context T and the default ``feedforward`` of 4 d it holds
    ``V d + T d + L (12 d^2 + 13 d) + 2 d`` parameters. Forward, a sequence of T tokens:
    ``T (12 L d^2 + 2 L T d + V d)`` MACs. Training: three times the forward FLOP, so that a token
    takes ``6 (12 L d^2 + V d) + 12 L T d`` (Chowdhery et al., 2023, appendix B).

    Parameters
    ----------
    vocabulary : int
        How many tokens there are.
    width, layers, heads : int
        Channels of a position; blocks; attention heads in each block.
    context : int
        Most tokens in a sequence: positions are learned, one vector each.
    feedforward : int, optional
        Hidden width of a block's dense layers; 4 times ``width`` if not given.
    bias : bool
        Whether dense layers and normalisations have biases. The head has none.
    tied : bool
        Whether the head uses the weights of the table of tokens.
    fused : bool
        Whether PyTorch's kernel does the attention, which is faster; see `SelfAttention`.

    Raises
    ------
    ValueError
        If a number is out of range, the heads do not divide the width, or a sequence is longer
        than ``context``.
    TypeError
        If a number or the ``tokens`` are no integers.

    Notes
    -----
    No dropout: training and evaluation mode compute the same. See chapters 5 and 8 of the book.

    Examples
    --------
    >>> from course_lib import count
    >>> model = Transformer(vocabulary=50, width=32, layers=3, heads=4, context=16)
    >>> work = count(model, torch.zeros(5, 16, dtype=torch.long))
    >>> V, d, L, T = 50, 32, 3, 16
    >>> parameters = V * d + T * d + L * (12 * d**2 + 13 * d) + 2 * d
    >>> work.parameters == parameters == model.closed_form().parameters
    True
    >>> macs = 5 * T * (12 * L * d**2 + 2 * L * T * d + V * d)
    >>> work.forward_macs == macs == model.closed_form(batch=5).macs
    True
    >>> work.training_flop == 3 * work.forward_flop
    True
    """

    def __init__(
        self,
        vocabulary: int,
        width: int,
        layers: int,
        heads: int,
        context: int,
        feedforward: int | None = None,
        bias: bool = True,
        tied: bool = True,
        fused: bool = True,
    ) -> None:
        super().__init__()
        feedforward = 4 * width if feedforward is None else feedforward
        check_integers(1, vocabulary=vocabulary, width=width, layers=layers, heads=heads)
        check_integers(1, context=context, feedforward=feedforward)
        check_divides(width, heads)
        self.vocabulary, self.width, self.context = vocabulary, width, context
        self.feedforward, self.bias, self.tied = feedforward, bias, tied
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(
            Block(width, heads, feedforward, bias, fused) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width, bias=bias)
        self.head = nn.Linear(width, vocabulary, bias=False)
        if tied:
            self.head.weight = self.tokens.weight
        # Small, so that all tokens begin equally likely (Radford et al., 2018), and smaller where a
        # block adds to what passes by, so that depth does not add up (2019, section 2.3).
        for name, parameter in self.named_parameters():
            adds = name.endswith(("project_out.weight", "dense.layers.1.weight"))
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02 / (2 * layers) ** 0.5 if adds else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    @classmethod
    def of_depth(
        cls, depth: int, vocabulary: int = 256, context: int = 256, **options: Any
    ) -> Transformer:
        """A family with one dial: ``depth`` layers and heads, and 64 channels for each.

        The blocks hold ``12 * 64^2 * depth^3`` weights (and biases on top), so that twice the
        depth is eight times the model. By default a token is a byte.

        >>> small, large = Transformer.of_depth(2), Transformer.of_depth(4)
        >>> large.width, len(large.blocks), large.blocks[0].attention.heads
        (256, 4, 4)
        >>> sum(p.numel() for p in large.blocks.parameters() if p.dim() == 2) == 12 * 64**2 * 4**3
        True
        """
        check_integers(1, depth=depth)
        return cls(vocabulary, 64 * depth, depth, depth, context, **options)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of each next token, shape (batch, time, vocabulary); ``tokens``: (batch, time)."""
        check_tokens(tokens)
        self._check_time(tokens.shape[1])
        places = torch.arange(tokens.shape[1], device=tokens.device)  # (time,)
        x = self.tokens(tokens) + self.positions(places)  # (batch, time, width)
        for block in self.blocks:
            x = block(x)  # (batch, time, width)
        return self.head(self.norm(x))  # (batch, time, vocabulary)

    def closed_form(self, time: int | None = None, batch: int = 1) -> Layer:
        """Parameters, and MACs of ``batch`` sequences of ``time`` tokens, by formula.

        Without ``time`` a sequence fills the context.
        """
        if time is not None:
            self._check_time(time)
        return transformer(
            len(self.blocks), self.width, self.vocabulary, self.context, length=time, batch=batch,
            feedforward=self.feedforward, bias=self.bias, tied=self.tied,
        )  # fmt: skip

    def _check_time(self, time: int) -> None:
        if not 0 < time <= self.context:
            raise ValueError(f"time is {time}; allowed is 1 to {self.context}, the context")
