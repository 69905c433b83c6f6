"""`effective_work`: what is left of the nominal MACs by zeros, by few bits, by few events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from course_lib.counting.counter import count


def effective_work(
    model: nn.Module,
    *example_inputs: Any,
    weight_bits: int | Mapping[str, int] | None = None,
    activation_bits: int | Mapping[str, int] | None = None,
    activity: float | Mapping[str, float] = 1.0,
    **kwargs: Any,
) -> Any:
    """Nominal and effective work of each layer that has weights, side by side.

    Nominal work is what ordinary hardware does. Effective work is what hardware could get away
    with that skips weights which are zero, that is as wide as its numbers, or that works only
    when a neuron fires. Whether yours can, only a measurement tells (chapter 6).

    Parameters
    ----------
    model : nn.Module
        With its weights; zeros among them (after pruning) count as absent.
    *example_inputs, **kwargs
        As for `count`.
    weight_bits, activation_bits : int or mapping of layer name to int, optional
        Width of the numbers. Default: that of the layer's weights, for both.
    activity : float or mapping of layer name to float
        Events per input of a layer and pass: the share of inputs that are not zero, or spikes
        per neuron, which may exceed 1 over several time steps.

    Returns
    -------
    pandas.DataFrame
        One row a layer, and their sum (``"(sum)"``): ``module``, ``nominal_macs``, ``density``
        (share of weights that are not zero), ``effective_macs`` (times the density),
        ``weight_bits``, ``activation_bits``, ``bit_operations`` (effective MACs times both
        widths; Baskin et al., 2021, section 4), ``activity``, ``synaptic_operations`` (one
        addition a weight and event: effective MACs times the activity; Rueckauer et al., 2017).

    Raises
    ------
    ValueError
        If the model holds shapes only (its weights are not there to look at), a width is below
        1, an activity is negative or not finite, or a mapping names an unknown layer.

    Examples
    --------
    >>> import torch
    >>> layer = torch.nn.Linear(8, 4)
    >>> with torch.no_grad():
    ...     layer.weight[:, ::2] = 0
    >>> table = effective_work(layer, torch.zeros(10, 8), weight_bits=8, activation_bits=8)
    >>> whole = table.iloc[-1]
    >>> int(whole.nominal_macs), int(whole.effective_macs), int(whole.bit_operations)
    (320, 160, 10240)
    """
    import pandas as pd

    nominal = count(model, *example_inputs, **kwargs).by_module.set_index("module")["forward_macs"]
    layers = {
        name or "(root)": module
        for name, module in model.named_modules()
        if nominal[name or "(root)"] and _weights(module)
    }
    settings = {
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        "activity": activity,
    }
    for what, setting in settings.items():
        _check(what, setting, layers)
    rows = []
    for name, module in layers.items():
        weights = _weights(module)
        if any(weight.is_meta for weight in weights):
            raise ValueError(f"{name} has shapes only: which weights are zero cannot be seen")
        bits = weights[0].element_size() * 8
        density = sum(int((w != 0).sum()) for w in weights) / sum(w.numel() for w in weights)
        events = _of(activity, name, 1.0)
        widths = [_of(setting, name, bits) for setting in (weight_bits, activation_bits)]
        macs = int(nominal[name])
        rows.append(
            {
                "module": name,
                "nominal_macs": macs,
                "density": density,
                "effective_macs": density * macs,
                "weight_bits": widths[0],
                "activation_bits": widths[1],
                "bit_operations": density * macs * widths[0] * widths[1],
                "activity": events,
                "synaptic_operations": density * macs * events,
            }
        )
    table = pd.DataFrame(rows)
    if rows:
        sums = ["nominal_macs", "effective_macs", "bit_operations", "synaptic_operations"]
        table.loc[len(table)] = {"module": "(sum)", **table[sums].sum()}
    return table


def _weights(module: nn.Module) -> list[torch.Tensor]:
    """The matrices of a layer that multiplies by weights; they may be made by a mask as it runs."""
    if isinstance(module, nn.Linear | nn.modules.conv._ConvNd | nn.Bilinear):
        return [module.weight]
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return [p for name, p in module.named_parameters(recurse=False) if "weight" in name]
    return []


def _of(setting: Any, name: str, default: float) -> Any:
    if isinstance(setting, Mapping):
        return setting.get(name, default)
    return default if setting is None else setting


def _check(what: str, setting: Any, layers: Mapping[str, nn.Module]) -> None:
    if isinstance(setting, Mapping):
        if unknown := sorted(set(setting) - set(layers)):
            raise ValueError(f"{what} names {unknown}; layers with weights are {sorted(layers)}")
        values = list(setting.values())
    else:
        values = [] if setting is None else [setting]
    for value in values:
        least = 0 if what == "activity" else 1
        if not least <= value < float("inf"):
            raise ValueError(f"{what} is {value}; it must be finite and at least {least}")
