"""Which operators of PyTorch do multiply-accumulates, and how many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

aten = torch.ops.aten

# Ops that PyTorch's own registry has no rule for. MACs from the arguments' shapes.
OWN_RULES: dict[Any, Callable[..., int]] = {
    aten.mv: lambda matrix, vector: matrix.numel(),
    aten.addmv: lambda bias, matrix, vector, **_: matrix.numel(),
    aten.dot: lambda a, b: a.numel(),
    aten.vdot: lambda a, b: a.numel(),
    aten.addr: lambda bias, a, b, **_: a.numel() * b.numel(),
    aten.addbmm: lambda bias, a, b, **_: a.numel() * b.shape[-1],
}

# No multiply-accumulate by the convention above, although neither views, pointwise nor reductions.
_NO_MACS = set(
    """
    _adaptive_avg_pool2d _adaptive_avg_pool2d_backward _adaptive_avg_pool3d
    _adaptive_avg_pool3d_backward _batch_norm_no_update _batch_norm_with_update
    _cudnn_rnn_flatten_weight _foreach_copy_ _fused_dropout _fused_rms_norm
    _fused_rms_norm_backward _index_put_impl_ _local_scalar_dense _log_softmax
    _log_softmax_backward_data _masked_softmax _native_batch_norm_legit
    _native_batch_norm_legit_functional _native_batch_norm_legit_no_training
    _pack_padded_sequence _pad_circular _safe_softmax _softmax _softmax_backward_data
    _thnn_fused_lstm_cell _thnn_fused_lstm_cell_backward_impl _to_copy _unique2 _unsafe_index
    _unsafe_index_put _unsafe_view _weight_norm_interface _weight_norm_interface_backward
    adaptive_max_pool2d adaptive_max_pool2d_backward affine_grid_generator as_strided_scatter
    avg_pool2d avg_pool2d_backward avg_pool3d avg_pool3d_backward batch_norm_backward bernoulli
    bernoulli_ binary_cross_entropy binary_cross_entropy_backward bincount bucketize cat col2im
    constant_pad_nd copy_ cross cummax cummin cumprod cumsum diag_embed diagonal_scatter
    embedding embedding_dense_backward empty_like exponential_ fill_ flip gather glu
    glu_backward grid_sampler_2d grid_sampler_2d_backward histc huber_loss huber_loss_backward
    im2col index index_add index_copy index_fill index_put index_put_ index_select is_same_size
    isin kthvalue l1_loss lift_fresh lift_fresh_copy log_sigmoid_backward log_sigmoid_forward
    logcumsumexp logsumexp masked_fill masked_fill_ masked_scatter masked_select
    max_pool2d_with_indices max_pool2d_with_indices_backward max_pool3d_with_indices
    max_pool3d_with_indices_backward max_unpool2d mse_loss mse_loss_backward multinomial
    native_batch_norm native_batch_norm_backward native_dropout native_dropout_backward
    native_group_norm native_group_norm_backward native_layer_norm native_layer_norm_backward
    new_empty new_empty_strided new_full new_ones new_zeros nll_loss2d_backward
    nll_loss2d_forward nll_loss_backward nll_loss_forward nonzero normal_ one_hot ones_like
    pixel_shuffle pixel_unshuffle rand_like randint_like randn_like reflection_pad1d
    reflection_pad1d_backward reflection_pad2d reflection_pad2d_backward renorm repeat
    repeat_interleave replication_pad1d replication_pad1d_backward replication_pad2d
    replication_pad2d_backward resize_ roll rrelu_with_noise scatter scatter_ scatter_add
    scatter_add_ scatter_reduce searchsorted select_backward select_scatter slice_backward
    slice_scatter smooth_l1_loss smooth_l1_loss_backward soft_margin_loss sort split
    split_with_sizes stack sym_numel sym_size sym_storage_offset sym_stride topk trace tril
    tril_indices triu triu_indices unbind unfold_backward uniform_ unique_consecutive
    unsafe_split unsafe_split_with_sizes upsample_bicubic2d upsample_bicubic2d_backward
    upsample_bilinear2d upsample_bilinear2d_backward upsample_linear1d
    upsample_linear1d_backward upsample_nearest1d upsample_nearest1d_backward upsample_nearest2d
    upsample_nearest2d_backward upsample_trilinear3d zero_ zeros_like
    """.split()
)
_NO_MACS_TAGS = [
    tag
    for name in ("pointwise", "reduction", "view_copy", "inplace_view")
    if (tag := getattr(torch.Tag, name, None)) is not None
]


def does_no_macs(func: Any) -> bool:
    """Whether an op does no multiply-accumulate by convention (or only moves data)."""
    if func.is_view or func._overloadpacket.__name__ in _NO_MACS:
        return True
    return any(tag in func.tags for tag in _NO_MACS_TAGS)
