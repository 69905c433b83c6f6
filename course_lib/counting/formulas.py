"""A second count: the closed form of each module type, from the shapes that it meets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

from torch import nn

from course_lib import closed_form


@contextmanager
def closed_forms(model: nn.Module, macs: dict[str, int | None]) -> Iterator[None]:
    """Fill in the MACs by formula of each module that has one, from the shapes it meets."""

    def hook_for(name: str):
        def hook(module: nn.Module, args: tuple, keywords: dict, output: Any) -> None:
            layer = _by_formula(module, args, keywords, output)
            if layer is not None:
                macs[name] = (macs.get(name) or 0) + layer.macs

        return hook

    handles = [
        module.register_forward_hook(hook_for(name), with_kwargs=True)
        for name, module in model.named_modules()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _by_formula(module: nn.Module, args: tuple, keywords: dict, output: Any) -> Any:
    """The closed form of one call of a module, or None for types without one."""
    if isinstance(module, nn.Linear):
        rows = prod(output.shape[:-1])
        return closed_form.linear(
            module.in_features, module.out_features, rows, module.bias is not None
        )
    if isinstance(module, nn.modules.conv._ConvNd):
        spatial = len(module.kernel_size)
        placed = args[0] if module.transposed else output
        batched = placed.dim() == spatial + 2
        return closed_form.convolution(
            module.in_channels,
            module.out_channels,
            module.kernel_size,
            placed.shape[-spatial:],
            batch=placed.shape[0] if batched else 1,
            groups=module.groups,
            bias=module.bias is not None,
        )
    if isinstance(module, nn.Embedding):
        return closed_form.embedding(module.num_embeddings, module.embedding_dim)
    if isinstance(module, nn.MultiheadAttention):
        given = dict(zip(("query", "key", "value"), args, strict=False)) | keywords
        query, key = given["query"], given["key"]
        simple = module._qkv_same_embed_dim and module.bias_k is None and not module.add_zero_attn
        if not simple:
            return None
        time = 1 if module.batch_first and query.dim() == 3 else 0
        batch = 1 if query.dim() == 2 else query.shape[1 - time]
        return closed_form.multihead_attention(
            module.embed_dim, module.num_heads, query.shape[time], key.shape[time], batch,
            bias=module.in_proj_bias is not None,
        )  # fmt: skip
    return None
