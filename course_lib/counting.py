"""Parameters, MACs, FLOP and bytes of any `nn.Module`, forward and training, without running it.

The model is copied to PyTorch's *meta* device, where tensors have shapes and no contents, and run
there: the answer is the same for CPU and GPU, for train and eval, and a model of any size needs no
memory. What ran is counted per op, and a second time by the closed form of each module type.

Convention: matrix products and convolutions count, two FLOP per multiply-accumulate (MAC), and
attention in full also under a causal mask. Biases, activations, normalisation and pooling are not
counted. An op that takes tensors and has no rule is listed in ``uncounted``, never passed over.
"""

from __future__ import annotations

import copy
import warnings
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from course_lib import closed_form
from course_lib.closed_form import FLOP_PER_MAC

aten = torch.ops.aten

# Ops that PyTorch's own registry has no rule for. MACs from the arguments' shapes.
_OWN_RULES: dict[Any, Callable[..., int]] = {
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


@dataclass(frozen=True)
class ComputeCount:
    """What a model holds and what it does, from `count`.

    Attributes
    ----------
    parameters, trainable_parameters, buffers : int
        Elements; a parameter that is used in several places counts once.
    forward_macs, forward_flop : int
        Of one forward pass on the inputs given. FLOP are twice the MACs.
    training_flop : int
        Of one forward and one backward pass, both counted.
    parameter_bytes, activation_bytes : int
        Activations: what the forward pass saves for the backward pass, each storage once, inputs
        included and parameters not.
    by_module : pandas.DataFrame
        One row a module, including what is inside it: ``module``, ``type``, ``parameters``,
        ``forward_macs``, ``forward_flop``, ``training_flop``, ``closed_form_macs``, ``agrees``
        (missing where a module type has no closed form).
    uncounted : list of str
        Ops that take tensors and have no rule. Empty means that nothing was passed over.
    agrees : bool
        No closed form contradicts the count, and nothing is uncounted.
    """

    parameters: int
    trainable_parameters: int
    buffers: int
    forward_macs: int
    forward_flop: int
    training_flop: int
    parameter_bytes: int
    activation_bytes: int
    by_module: Any = field(repr=False)
    uncounted: list[str]
    agrees: bool


def count(model: nn.Module, *example_inputs: Any, **kwargs: Any) -> ComputeCount:
    """Count the parameters, MACs, FLOP and bytes of a model, without running it.

    Parameters
    ----------
    model : nn.Module
        Any module, on any device; it is not changed.
    *example_inputs, **kwargs
        What you would call it with. Only shapes and types matter, the batch size among them.

    Returns
    -------
    ComputeCount

    Raises
    ------
    ValueError
        If the model cannot run on these inputs or on shapes alone (it branches on values, or
        leaves PyTorch); the message names the module.

    Warns
    -----
    UserWarning
        If an op has no rule, or no tensor in the output leads back to a trainable parameter.

    Notes
    -----
    Attention counts in full; training FLOP are counted on the backward pass itself, so the
    familiar "three times forward" (Kaplan et al., 2020, section 2.1) can be checked instead of
    assumed: the first layer needs no gradient for its input. See chapter 6 of the book.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.Linear(512, 10))
    >>> work = count(model, torch.zeros(32, 784))
    >>> work.parameters, work.forward_macs, work.forward_flop
    (407050, 13008896, 26017792)
    >>> work.training_flop / work.forward_flop < 3, work.agrees
    (True, True)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; give a torch.nn.Module")
    with torch.inference_mode(False):
        return _count(model, example_inputs, kwargs)


def _count(model: nn.Module, example_inputs: tuple, kwargs: dict[str, Any]) -> ComputeCount:
    shapes = _on_meta(model)
    inputs, keywords = pytree.tree_map_only(
        torch.Tensor,
        lambda t: t.detach().to("meta").requires_grad_(t.requires_grad),
        (example_inputs, kwargs),
    )
    forward = _Counter()
    closed: dict[str, int | None] = {}
    shapes.eval()
    with forward.running(shapes), _closed_forms(shapes, closed), torch.enable_grad():
        shapes(*inputs, **keywords)

    training = _Counter()
    saved = _SavedBytes(shapes)
    shapes.train()
    for module in shapes.modules():  # batch statistics of one example do not exist
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    with training.running(shapes), torch.enable_grad():
        with saved:
            outputs = shapes(*inputs, **keywords)
        floats = [
            t
            for t in pytree.tree_leaves(outputs)
            if isinstance(t, torch.Tensor) and t.requires_grad
        ]
        if floats:
            sum(t.sum() for t in floats).backward()
        elif any(p.requires_grad for p in shapes.parameters()):
            warnings.warn(
                "no tensor in the output needs a gradient: training_flop has no backward pass",
                stacklevel=3,
            )

    table = _table(shapes, forward, training, closed)
    uncounted = sorted(forward.uncounted | training.uncounted)
    if uncounted:
        warnings.warn(
            f"no rule for {', '.join(uncounted)}: their work is missing from this count",
            stacklevel=3,
        )
    parameters = list(model.parameters())
    macs = forward.macs[TOTAL]
    return ComputeCount(
        parameters=sum(p.numel() for p in parameters),
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        buffers=sum(b.numel() for b in model.buffers()),
        forward_macs=macs,
        forward_flop=FLOP_PER_MAC * macs,
        training_flop=FLOP_PER_MAC * training.macs[TOTAL],
        parameter_bytes=sum(p.numel() * p.element_size() for p in parameters),
        activation_bytes=saved.total,
        by_module=table,
        uncounted=uncounted,
        agrees=not uncounted and not (table["agrees"] == False).any(),  # noqa: E712  (may be None)
    )


def _on_meta(model: nn.Module) -> nn.Module:
    """A copy on the meta device. Memory is never taken: tensors enter the copy as shapes."""
    memo: dict[int, Any] = {}
    for tensor in [*model.parameters(), *model.buffers()]:
        shape = tensor.detach().to("meta")
        if isinstance(tensor, nn.Parameter):
            shape = nn.Parameter(shape, requires_grad=tensor.requires_grad)
        memo[id(tensor)] = shape
    try:
        return copy.deepcopy(model, memo).to("meta")
    except Exception as error:
        raise ValueError(f"{type(model).__name__} cannot be copied: {error}") from error


TOTAL, ROOT = "", "(root)"  # everything that ran; what ran inside the model's own forward


class _Counter(TorchDispatchMode):
    """Adds up MACs per module while it is active; lists ops that have no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.macs: dict[str, int] = defaultdict(int)
        self.uncounted: set[str] = set()
        self._places = _Places()

    @contextmanager
    def running(self, model: nn.Module) -> Iterator[None]:
        """Count what runs inside; an error of the model is told with the module's name."""
        fast_path = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with self._places.following(model), self:
                yield
        except Exception as error:
            inside = [name for name in self._places.failed if name != ROOT][-1:]
            place = ".".join([type(model).__name__, *inside])
            raise ValueError(f"cannot count {place} on shapes alone: {error}") from error
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        packet = func._overloadpacket
        rule = flop_registry.get(packet)
        own = _OWN_RULES.get(packet)
        if rule is None and own is None and not _is_free(func):
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
            if any(isinstance(t, torch.Tensor) for t in pytree.tree_leaves((args, kwargs))):
                self.uncounted.add(str(packet))
        result = func(*args, **kwargs)
        if rule is not None or own is not None:
            macs = own(*args, **kwargs) if own else None
            if macs is None:
                macs = rule(*args, **kwargs, out_val=result) // FLOP_PER_MAC
            for place in {TOTAL, *self._places.now()}:
                self.macs[place] += macs
        return result


class _Places:
    """To which modules an op belongs, on the way forward and on the way back.

    Autograd numbers its nodes as they are made. What the backward pass runs for a node belongs to
    the modules that were running when the node got its number.
    """

    def __init__(self) -> None:
        self.running: list[str] = []
        self.failed: tuple[str, ...] = ()  # what was running when an error came
        self._numbers: list[int] = []  # the first node made after a module began or ended,
        self._stacks: list[tuple[str, ...]] = []  # and what was running from then on

    @contextmanager
    def following(self, model: nn.Module) -> Iterator[None]:
        """Follow which modules run inside."""
        names = {module: name or ROOT for name, module in model.named_modules()}

        def begin(module: nn.Module, inputs: Any) -> None:
            if module in names:
                self.running.append(names[module])
                self.failed = ()
                self._note()

        def end(module: nn.Module, inputs: Any, outputs: Any) -> None:
            if module in names:
                if outputs is None:  # after an error, the innermost module first
                    self.failed = self.failed or tuple(self.running)
                self.running.pop()
                self._note()

        handles = [
            nn.modules.module.register_module_forward_pre_hook(begin),
            nn.modules.module.register_module_forward_hook(end, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _note(self) -> None:
        self._numbers.append(torch.autograd._get_sequence_nr())
        self._stacks.append(tuple(self.running))

    def now(self) -> Iterable[str]:
        """The modules that the op which is running now belongs to."""
        node = torch._C._current_autograd_node()
        if node is None:
            return self.running
        at = bisect_right(self._numbers, node._sequence_nr()) - 1
        made_in = self._stacks[at] if at >= 0 else ()
        return (*made_in, *self.running)  # something runs here only if it is recomputed


def _is_free(func: Any) -> bool:
    """Whether an op does no multiply-accumulate by convention (or only moves data)."""
    if func.is_view or func._overloadpacket.__name__ in _NO_MACS:
        return True
    return any(tag in func.tags for tag in _NO_MACS_TAGS)


class _SavedBytes(torch.autograd.graph.saved_tensors_hooks):
    """Bytes that a forward pass keeps for the backward pass, each storage once."""

    def __init__(self, model: nn.Module) -> None:
        self.total = 0
        own = [t.untyped_storage() for t in [*model.parameters(), *model.buffers()]]
        self._seen = {storage._cdata: storage for storage in own}
        super().__init__(self._keep, lambda tensor: tensor)

    def _keep(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._seen:
            self._seen[storage._cdata] = storage  # held, so that its address is not used again
            self.total += storage.nbytes()
        return tensor


@contextmanager
def _closed_forms(model: nn.Module, macs: dict[str, int | None]) -> Iterator[None]:
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


def _table(model: nn.Module, forward: _Counter, training: _Counter, closed: dict) -> Any:
    import pandas as pd

    def macs_of(counter: _Counter, name: str, module: nn.Module) -> int:
        """What ran in a module; of a container that is never called, what ran in its children."""
        if name == "":
            return counter.macs[TOTAL]
        if name in counter.macs:
            return counter.macs[name]
        children = module.named_children()
        return sum(macs_of(counter, f"{name}.{child}", inner) for child, inner in children)

    rows = []
    for name, module in model.named_modules():
        counted, formula = macs_of(forward, name, module), closed.get(name)
        rows.append(
            {
                "module": name or ROOT,
                "type": type(module).__name__,
                "parameters": sum(p.numel() for p in module.parameters()),
                "forward_macs": counted,
                "forward_flop": FLOP_PER_MAC * counted,
                "training_flop": FLOP_PER_MAC * macs_of(training, name, module),
                "closed_form_macs": formula,
                "agrees": None if formula is None else formula == counted,
            }
        )
    table = pd.DataFrame(rows)
    return table.astype({"closed_form_macs": "Int64", "agrees": "boolean"})
