"""Which operators of PyTorch do multiply-accumulates, which other arithmetic, and how much."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import flop_registry

from course_lib.closed_form import FLOP_PER_MAC
from course_lib.counting.shapes import tensors_in

aten = torch.ops.aten


def _trilinear(first, second, third, expand1, expand2, expand3, sumdim, unroll_dim=1) -> int:
    """Two products one after the other (the op of `torch.nn.Bilinear`)."""
    sizes: dict[int, int] = {}
    rank = first.dim() + len(expand1)
    for tensor, expanded in ((first, expand1), (second, expand2), (third, expand3)):
        kept = [dim for dim in range(rank) if dim not in expanded]
        sizes |= dict(zip(kept, tensor.shape, strict=True))
    in_first_two = [dim for dim in range(rank) if not (dim in expand1 and dim in expand2)]
    summed_first = [dim for dim in sumdim if dim in expand3]
    left = [dim for dim in range(rank) if dim not in summed_first]
    return prod(sizes[dim] for dim in in_first_two) + prod(sizes[dim] for dim in left)


def _attention(query, key, value, *_, **__) -> int:
    return query.shape[:-1].numel() * key.shape[-2] * (query.shape[-1] + value.shape[-1])


def _convolution_backward(
    gradient, x, weight, bias, stride, padding, dilation, transposed, output_padding, groups, mask
) -> int:
    """Each gradient costs a forward pass; PyTorch's own rule forgets that for groups."""
    placed = x if transposed else gradient
    return placed.shape[0] * placed.shape[2:].numel() * weight.numel() * (mask[0] + mask[1])


# Ops that PyTorch's own registry has no rule for, or another. MACs from the arguments' shapes.
MAC_RULES: dict[Any, Callable[..., int]] = {
    aten.mv: lambda matrix, vector: matrix.numel(),
    aten.addmv: lambda bias, matrix, vector, **_: matrix.numel(),
    aten.dot: lambda a, b: a.numel(),
    aten.vdot: lambda a, b: a.numel(),
    aten.addr: lambda bias, a, b, **_: a.numel() * b.numel(),
    aten.addbmm: lambda bias, a, b, **_: a.numel() * b.shape[-1],
    aten._trilinear: _trilinear,
    aten.convolution_backward: _convolution_backward,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    # Recomputing the scores on the way back is not counted: it is a matter of the routine.
    aten._scaled_dot_product_flash_attention_for_cpu_backward: (
        lambda gradient, *tensors, **_: 2 * _attention(*tensors[:3])
    ),
}

# No arithmetic with floating-point numbers: moving, making, choosing, looking up.
_MOVES = set(
    """
    _cudnn_rnn_flatten_weight _foreach_copy_ _index_put_impl_ _local_scalar_dense
    _pack_padded_sequence _pad_circular _pad_packed_sequence _to_copy _unique2 _unsafe_index
    _unsafe_index_put _unsafe_view as_strided_scatter bernoulli bernoulli_ bincount bucketize cat
    clone constant_pad_nd copy copy_ diag_embed diagonal_scatter embedding empty_like exponential_
    fill fill_ flip gather im2col index index_copy index_fill index_put index_put_ index_select
    is_same_size isin kthvalue lift_fresh lift_fresh_copy masked_fill masked_fill_ masked_scatter
    masked_select max_unpool2d median mode multinomial new_empty new_empty_strided new_full new_ones
    new_zeros nonzero normal_ one_hot ones_like pixel_shuffle pixel_unshuffle rand_like randint_like
    randn_like reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave
    replication_pad1d replication_pad2d replication_pad3d resize_ roll scatter scatter_ searchsorted
    select_backward select_scatter slice_backward slice_scatter sort split split_with_sizes stack
    sym_numel sym_size sym_storage_offset sym_stride topk tril tril_indices triu triu_indices unbind
    uniform_ unique_consecutive unsafe_split unsafe_split_with_sizes upsample_nearest1d
    upsample_nearest2d upsample_nearest3d where zero_ zeros_like
    """.split()
)


def _window(x, kernel, *_, **__) -> int:
    """Positions under a pooling window."""
    return prod(kernel) if len(kernel) > 1 else kernel[0]


# Other arithmetic, FLOP for each number of the "first" argument, or of the "result". Functions
# such as exp count 1, as an addition does; the way back of a normalisation twice the way there.
_FIRST = {
    "_softmax": 5, "_safe_softmax": 5, "_masked_softmax": 5, "_log_softmax": 5,
    "_softmax_backward_data": 4, "_log_softmax_backward_data": 4, "logsumexp": 4,
    "native_dropout": 1, "native_dropout_backward": 1, "_fused_dropout": 1,
    "mse_loss": 3, "l1_loss": 3, "smooth_l1_loss": 4, "huber_loss": 4, "soft_margin_loss": 4,
    "binary_cross_entropy": 6, "binary_cross_entropy_with_logits": 6,
    "mse_loss_backward": 3, "l1_loss_backward": 3,
    "smooth_l1_loss_backward": 3, "huber_loss_backward": 3, "soft_margin_loss_backward": 4,
    "binary_cross_entropy_backward": 4, "nll_loss_forward": 0, "nll_loss2d_forward": 0,
    "nll_loss_backward": 0, "nll_loss2d_backward": 0, "log_sigmoid_forward": 3,
    "log_sigmoid_backward": 3, "glu_backward": 4, "cummax": 1, "cummin": 1, "cumprod": 1,
    "cumsum": 1, "logcumsumexp": 3, "histc": 1, "trace": 1, "renorm": 3, "cross": 3,
    "embedding_dense_backward": 1, "_embedding_bag_backward": 1,
    "_embedding_bag_dense_backward": 1, "_adaptive_avg_pool2d": 1, "_adaptive_avg_pool3d": 1,
    "adaptive_max_pool2d": 1, "adaptive_max_pool3d": 1, "max_pool2d_with_indices_backward": 1,
    "max_pool3d_with_indices_backward": 1, "adaptive_max_pool2d_backward": 1,
    "adaptive_max_pool3d_backward": 1, "upsample_nearest1d_backward": 1,
    "upsample_nearest2d_backward": 1, "upsample_nearest3d_backward": 1,
    "upsample_linear1d_backward": 3, "upsample_bilinear2d_backward": 7,
    "upsample_trilinear3d_backward": 15, "upsample_bicubic2d_backward": 31,
    "grid_sampler_2d_backward": 14, "grid_sampler_3d_backward": 30, "unfold_backward": 1,
    "rrelu_with_noise": 1, "reflection_pad1d_backward": 1, "reflection_pad2d_backward": 1,
    "reflection_pad3d_backward": 1, "replication_pad1d_backward": 1,
    "replication_pad2d_backward": 1, "replication_pad3d_backward": 1, "col2im": 1,
    "hardtanh_backward": 1, "hardsigmoid_backward": 2, "hardswish": 4, "hardswish_backward": 5,
    "elu_backward": 3, "hardshrink_backward": 1, "leaky_relu_backward": 1, "softplus_backward": 4,
    "softshrink_backward": 1, "_prelu_kernel": 1, "_prelu_kernel_backward": 3,
    "rrelu_with_noise_backward": 1,
    "_weight_norm_interface": 4, "_weight_norm_interface_backward": 8,
}  # fmt: skip
_RESULT = {
    "_adaptive_avg_pool2d_backward": 1, "_adaptive_avg_pool3d_backward": 1, "glu": 2,
    "upsample_linear1d": 3, "upsample_bilinear2d": 7, "upsample_trilinear3d": 15,
    "upsample_bicubic2d": 31, "grid_sampler_2d": 7, "grid_sampler_3d": 15,
    "affine_grid_generator": 6, "index_add": 1, "scatter_add": 1, "scatter_add_": 1,
    "scatter_reduce": 1, "_embedding_bag": 1, "_embedding_bag_forward_only": 1,
    "_thnn_fused_lstm_cell": 10, "_thnn_fused_lstm_cell_backward_impl": 20,
    "avg_pool2d_backward": 1, "avg_pool3d_backward": 1,
}  # fmt: skip
_POOLS = {"avg_pool2d", "avg_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices"}
# Per number: mean, difference, square and its sum, division: 5; scale and shift 1 each.
_NORMALISATIONS = {
    "native_layer_norm": 5, "native_group_norm": 5, "native_batch_norm": 5,
    "_native_batch_norm_legit": 5, "_native_batch_norm_legit_functional": 5,
    "_batch_norm_with_update": 5, "_batch_norm_no_update": 2,
    "_native_batch_norm_legit_no_training": 2, "_fused_rms_norm": 3,
}  # fmt: skip
_NORMALISATIONS_BACK = {
    "native_layer_norm_backward": 14, "native_group_norm_backward": 14,
    "native_batch_norm_backward": 14, "batch_norm_backward": 14, "_fused_rms_norm_backward": 8,
}  # fmt: skip
_ARITHMETIC = {*_FIRST, *_RESULT, *_POOLS, *_NORMALISATIONS, *_NORMALISATIONS_BACK}


def _tags(*names: str) -> list:
    return [tag for name in names if (tag := getattr(torch.Tag, name, None)) is not None]


_POINTWISE, _REDUCTION = _tags("pointwise"), _tags("reduction")
_HARMLESS = [*_POINTWISE, *_REDUCTION, *_tags("view_copy", "inplace_view")]

_own_arithmetic: dict[Any, Callable[..., int]] = {}


def register_rule(
    operator: Any, macs: Callable[..., int], other_flop: Callable[..., int] | None = None
) -> None:
    """Tell `count` what an operator of your own does.

    Parameters
    ----------
    operator : torch.ops operator, or what ``torch.library.custom_op`` returns
        For example ``torch.ops.mine.attend``. It needs a rule for shapes too
        (``register_fake``), because `count` runs on shapes.
    macs : callable
        Called with the operator's arguments (tensors without contents); returns MACs of one call.
    other_flop : callable, optional
        The same for arithmetic that is no MAC, in FLOP (for ``all_arithmetic``). Default: none.

    Raises
    ------
    TypeError
        If the operator is none, or a rule cannot be called.

    Notes
    -----
    If gradients flow through it, its backward pass counts too: as the operators that your
    ``register_autograd`` calls. See chapter 6.

    Examples
    --------
    >>> import torch
    >>> from course_lib import count
    >>> @torch.library.custom_op("course_docs::gram", mutates_args=())
    ... def gram(x: torch.Tensor) -> torch.Tensor:
    ...     return x @ x.T
    >>> _ = gram.register_fake(lambda x: x.new_empty(x.shape[0], x.shape[0]))
    >>> register_rule(gram, lambda x: x.shape[0] * x.numel())
    >>> class Gram(torch.nn.Module):
    ...     def forward(self, x):
    ...         return gram(x)
    >>> count(Gram(), torch.zeros(4, 3)).forward_macs
    48
    """
    packet = _packet(operator)
    for name, rule in (("macs", macs), ("other_flop", other_flop)):
        if not callable(rule) and not (name == "other_flop" and rule is None):
            raise TypeError(f"{name} is {rule!r}; give a function of the operator's arguments")
    MAC_RULES[packet] = macs
    _own_arithmetic[packet] = other_flop or (lambda *args, **kwargs: 0)


def _packet(operator: Any) -> Any:
    """The operator over all its overloads."""
    operator = getattr(operator, "_opoverload", operator)  # of a custom_op
    operator = getattr(operator, "overloadpacket", operator)  # of one overload
    if not isinstance(operator, torch._ops.OpOverloadPacket):
        raise TypeError(f"operator is {operator!r}; give one from torch.ops, or a custom_op")
    return operator


def has_rule(func: Any) -> bool:
    """Whether it is known what MACs an op does, also if there are none."""
    packet = func._overloadpacket
    if packet in MAC_RULES or packet in flop_registry or func.is_view:
        return True
    name = packet.__name__
    tagged = any(tag in func.tags for tag in _HARMLESS)
    return tagged or name in _MOVES or name in _ARITHMETIC


def macs_of(func: Any, args: tuple, kwargs: dict, result: Any) -> int:
    """MACs of one call of an op; 0 where it has no rule."""
    packet = func._overloadpacket
    if packet in MAC_RULES:
        return MAC_RULES[packet](*args, **kwargs)
    if packet in flop_registry:
        return flop_registry[packet](*args, **kwargs, out_val=result) // FLOP_PER_MAC
    return 0


def other_flop_of(func: Any, args: tuple, kwargs: dict, result: Any) -> int:
    """FLOP of one call of an op that are not in its MACs: floating-point arithmetic only."""
    packet = func._overloadpacket
    if packet in _own_arithmetic:
        return _own_arithmetic[packet](*args, **kwargs)
    name = packet.__name__
    made = _floats(result)
    if func.is_view or name in _MOVES or not made:
        return 0
    first = args[0].numel() if args and isinstance(args[0], torch.Tensor) else 0
    if name in _FIRST:
        return _FIRST[name] * first
    if name in _RESULT:
        return _RESULT[name] * made[0].numel()
    if name in _POOLS:
        return _window(*args) * made[0].numel()
    if name in _NORMALISATIONS:
        scale_and_shift = args[2:4] if "layer" in name or "rms" in name else args[1:3]
        affine = sum(isinstance(tensor, torch.Tensor) for tensor in scale_and_shift)
        given = name == "native_batch_norm" and not args[5]  # statistics that are not computed
        return (2 if given else _NORMALISATIONS[name]) * first + affine * first
    if name in _NORMALISATIONS_BACK:
        return _NORMALISATIONS_BACK[name] * first
    if packet in (aten.addmm, aten.baddbmm, aten.addmv, aten.addbmm, aten.addr):
        return made[0].numel()  # the bias
    if packet is aten.convolution:
        return made[0].numel() if args[2] is not None else 0
    if packet is aten.convolution_backward:
        return first if args[10][2] else 0  # the gradient of the bias is a sum
    if packet is aten._scaled_dot_product_flash_attention_for_cpu:
        causal = len(args) > 4 and args[4]  # defaults at the end are left out
        return _softmax_flop(*args[:3], 5, causal or kwargs.get("attn_mask") is not None)
    if packet is aten._scaled_dot_product_flash_attention_for_cpu_backward:
        return _softmax_flop(*args[1:4], 4, masked=False)
    if any(tag in func.tags for tag in _POINTWISE):
        return sum(tensor.numel() for tensor in made)
    if any(tag in func.tags for tag in _REDUCTION):
        return sum(tensor.numel() for tensor in _floats(args[:1]))
    return 0


def _floats(values: Any) -> list[torch.Tensor]:
    return [tensor for tensor in tensors_in(values) if tensor.dtype.is_floating_point]


def _softmax_flop(query, key, value, each: int, masked: bool) -> int:
    """Scaling queries and keys, adding a mask, and ``each`` for a score's part in the softmax."""
    scores = query.shape[:-1].numel() * key.shape[-2]
    return query.numel() + key.numel() + scores * (each + bool(masked))
