"""A second count: the closed form of each module type, from the shapes that it meets."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from math import prod
from typing import Any

from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import PackedSequence

from course_lib import closed_form
from course_lib.closed_form import Layer
from course_lib.counting.following import HALVED, ROOT, TOTAL


class ClosedForms:
    """MACs by formula, for each module whose work is covered by formulas.

    Of a module with a closed form its own; of any other the sum over what ran in it.
    """

    def __init__(self, model: nn.Module) -> None:
        self.macs: dict[str, int] = defaultdict(int)
        self.parameters: dict[str, int] = {}
        self._own = {name or ROOT for name, m in model.named_modules() if _has_formula(m)}

    def finished(self, running: list[str], name: str, module: nn.Module, *call: Any) -> None:
        """Note one call of a module, made inside ``running``."""
        layer = formula(module, *call)
        if layer is not None:
            self.macs[name] += layer.macs
            self.parameters[name] = layer.parameters
            self._pass_up(running, layer.macs)

    def called(self, running: list[str], layer: Layer) -> None:
        """Note a function with a closed form (attention), called inside ``running``."""
        macs = Fraction(layer.macs, 2) if HALVED in running else layer.macs
        self._pass_up([place for place in running if place != HALVED], macs)

    def verdict(self, name: str, module: nn.Module, macs: int) -> dict[str, Any]:
        """The second count of a module, and whether it agrees with the first."""
        if name in self._own and name not in self.parameters:  # never called itself
            return {"closed_form_macs": None, "agrees": None}
        own = name in self._own
        by_formula = self.macs[name if own or name != ROOT else TOTAL]
        agrees: bool | None = by_formula == macs
        if own and not _is_reparametrised(module):
            held = sum(p.numel() for p in module.parameters())
            agrees = agrees and self.parameters[name] == held
        elif by_formula < macs:
            agrees = None  # part of its work has no formula
        return {"closed_form_macs": int(by_formula), "agrees": agrees}

    def _pass_up(self, running: list[str], macs: int) -> None:
        for place in reversed(running):
            if place in self._own:
                return
            self.macs[place] += macs
        self.macs[TOTAL] += macs


def _has_formula(module: nn.Module) -> bool:
    """Whether a module is of a type with a closed form (and not a subclass that does its own)."""
    own_forward = not type(module).forward.__module__.startswith("torch.nn")
    return not own_forward and isinstance(
        module,
        nn.Linear | nn.modules.conv._ConvNd | nn.Embedding | nn.EmbeddingBag
        | nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm | nn.RMSNorm
        | nn.RNNBase | nn.RNNCellBase | nn.Bilinear | nn.MultiheadAttention
        | nn.TransformerEncoderLayer | nn.TransformerDecoderLayer,
    )  # fmt: skip


def _is_reparametrised(module: nn.Module) -> bool:
    """Whether its weights are made from others as it runs (weight norm, spectral norm, pruning)."""
    return parametrize.is_parametrized(module) or bool(module._forward_pre_hooks)


def formula(module: nn.Module, args: tuple, keywords: dict, output: Any) -> Layer | None:
    """The closed form of one call of a module, or None for types without one."""
    if not _has_formula(module):
        return None
    if isinstance(module, nn.Linear):
        rows = prod(output.shape[:-1])
        bias = module.bias is not None
        return closed_form.linear(module.in_features, module.out_features, rows, bias)
    if isinstance(module, nn.modules.conv._ConvNd):
        return _convolution(module, args, keywords, output)
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        return closed_form.embedding(module.num_embeddings, module.embedding_dim)
    if isinstance(module, nn.Bilinear):
        rows = prod(output.shape[:-1])
        return closed_form.bilinear(
            module.in1_features, module.in2_features, module.out_features, rows,
            module.bias is not None,
        )  # fmt: skip
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return _recurrent(module, args, keywords)
    if isinstance(module, nn.MultiheadAttention):
        return _attention(module, args, keywords)
    if isinstance(module, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer):
        return _transformer_layer(module, args, keywords)
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if weight is None:
        return Layer(0, 0)
    return closed_form.normalisation(weight.numel(), bias is not None)


def _given(names: tuple[str, ...], args: tuple, keywords: dict) -> dict[str, Any]:
    return dict(zip(names, args, strict=False)) | keywords


def _convolution(module: Any, args: tuple, keywords: dict, output: Any) -> Layer:
    spatial = len(module.kernel_size)
    placed = _given(("input",), args, keywords)["input"] if module.transposed else output
    return closed_form.convolution(
        module.in_channels,
        module.out_channels,
        module.kernel_size,
        placed.shape[-spatial:],
        batch=placed.shape[0] if placed.dim() == spatial + 2 else 1,
        groups=module.groups,
        bias=module.bias is not None,
    )


GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4, "RNNCell": 1, "GRUCell": 3,
         "LSTMCell": 4}  # fmt: skip


def _recurrent(module: Any, args: tuple, keywords: dict) -> Layer:
    x = _given(("input",), args, keywords)["input"]
    rows = x.data.shape[0] if isinstance(x, PackedSequence) else x.shape[:-1].numel()
    if isinstance(module, nn.RNNCellBase):
        gates = next(
            GATES[base.__name__] for base in type(module).__mro__ if base.__name__ in GATES
        )
        return closed_form.recurrent(
            module.input_size, module.hidden_size, batch=rows, gates=gates, bias=module.bias
        )
    return closed_form.recurrent(
        module.input_size, module.hidden_size, module.num_layers, steps=1, batch=rows,
        gates=GATES[module.mode], bidirectional=module.bidirectional, bias=module.bias,
        projection=module.proj_size,
    )  # fmt: skip


def _lengths(x: Any, batch_first: bool) -> tuple[int, int]:
    """Positions and batch size of a sequence (an unbatched one has a batch of 1)."""
    if x.dim() == 2:
        return x.shape[0], 1
    return (x.shape[1], x.shape[0]) if batch_first else (x.shape[0], x.shape[1])


def _attention(module: nn.MultiheadAttention, args: tuple, keywords: dict) -> Layer:
    given = _given(("query", "key", "value"), args, keywords)
    queries, batch = _lengths(given["query"], module.batch_first)
    keys, _ = _lengths(given["key"], module.batch_first)
    learned = module.bias_k is not None
    layer = closed_form.multihead_attention(
        module.embed_dim, module.num_heads, queries, keys, batch,
        bias=module.in_proj_bias is not None, key_width=module.kdim, value_width=module.vdim,
        extra_keys=learned + module.add_zero_attn,
    )  # fmt: skip
    return layer + Layer(2 * module.embed_dim * learned, 0)


def _transformer_layer(module: Any, args: tuple, keywords: dict) -> Layer | None:
    attention = module.self_attn
    sizes = {
        "width": attention.embed_dim,
        "heads": attention.num_heads,
        "feedforward": module.linear1.out_features,
        "bias": module.linear1.bias is not None,
    }
    if isinstance(module, nn.TransformerEncoderLayer):
        x = _given(("src",), args, keywords)["src"]
        length, batch = _lengths(x, attention.batch_first)
        return closed_form.transformer_encoder_layer(**sizes, length=length, batch=batch)
    given = _given(("tgt", "memory"), args, keywords)
    length, batch = _lengths(given["tgt"], attention.batch_first)
    memory, _ = _lengths(given["memory"], attention.batch_first)
    return closed_form.transformer_decoder_layer(**sizes, length=length, memory=memory, batch=batch)
