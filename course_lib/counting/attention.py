"""Attention on shapes: as a few products that can be counted, or kept as a fused routine keeps it.

On the meta device PyTorch always takes scaled-dot-product attention apart into products, and keeps
the scores of all pairs of positions for the way back. On a CPU or GPU it mostly runs one fused
routine instead, which keeps inputs, output and one number a row (Dao et al., 2022, algorithm 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from course_lib.closed_form import Layer, scaled_dot_product_attention

aten = torch.ops.aten


@contextmanager
def attention_on_shapes(
    fused: bool,
    causal: Callable[[], AbstractContextManager],
    note: Callable[[Layer], None] = lambda layer: None,
) -> Iterator[None]:
    """Say how attention runs on the meta device while the context is open.

    ``fused``: in one routine, wherever PyTorch would on a CPU. ``causal`` is entered around each
    call with ``is_causal``; ``note`` is told each call's closed form.
    """

    def attention(
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> torch.Tensor:
        with causal() if is_causal else nullcontext():
            result = run(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)
            note(
                scaled_dot_product_attention(
                    query.shape[-2],
                    key.shape[-2],
                    query.shape[-1],
                    heads=result.shape[:-2].numel(),
                    value_width=value.shape[-1],
                )
            )
        return result

    def run(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa):
        if fused and fits_fused_routine(query, key, value, attn_mask, dropout_p, enable_gqa):
            if attn_mask is not None and attn_mask.dtype == torch.bool:
                attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype)
            return aten._scaled_dot_product_flash_attention_for_cpu(
                query, key, value, 0.0, is_causal, attn_mask=attn_mask, scale=scale
            )[0]
        return aten._scaled_dot_product_attention_math(
            query, key, value, attn_mask, dropout_p, is_causal, None,
            scale=scale, enable_gqa=enable_gqa,
        )[0]  # fmt: skip

    with torch.library._scoped_library("aten", "IMPL") as library:
        library.impl("scaled_dot_product_attention", attention, "AutogradMeta")
        yield


def fits_fused_routine(
    query: Any, key: Any, value: Any, attn_mask: Any, dropout_p: float, enable_gqa: bool
) -> bool:
    """Whether PyTorch has a fused routine for this on a CPU (it checks the same)."""
    if dropout_p > 0 or not query.dim() == key.dim() == value.dim() == 4:
        return False
    same_width = query.shape[-1] == key.shape[-1] == value.shape[-1]
    same_heads = query.shape[:2] == key.shape[:2] == value.shape[:2]
    mask_is_data = attn_mask is None or (not attn_mask.requires_grad and attn_mask.dim() in (2, 4))
    return same_width and (same_heads or enable_gqa) and mask_is_data
