"""`compare_counters`: one model, counted by every counter that is installed."""

from __future__ import annotations

import contextlib
import copy
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from course_lib.closed_form import FLOP_PER_MAC
from course_lib.counting.counter import count


def compare_counters(model: nn.Module, *example_inputs: Any) -> Any:
    """Forward MACs of one model by several counters, each called as its documentation shows.

    The others run the model on the inputs, so it must fit into memory. Their figures are turned
    into MACs by what they mean (some call MACs "FLOPs"); of `torchinfo` and `thop` they include
    some arithmetic that is no product.

    Parameters
    ----------
    model, *example_inputs
        As for `count`.

    Returns
    -------
    pandas.DataFrame
        One row a counter: ``counter``, ``macs``, ``ratio`` (to `count`), ``seconds`` (of one
        call). A counter that is not installed is left out; one that fails has ``macs`` missing.

    Examples
    --------
    >>> import torch
    >>> table = compare_counters(torch.nn.Linear(8, 4), torch.zeros(2, 8)).set_index("counter")
    >>> int(table.loc["course_lib.count", "macs"]), float(table.loc["FlopCounterMode", "ratio"])
    (64, 1.0)
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for name, counter in COUNTERS.items():
        own = copy.deepcopy(model).eval()  # some leave attributes or hooks behind
        began = time.perf_counter()
        try:
            with _quietly(), torch.no_grad():
                macs = counter(own, example_inputs)
        except ImportError:
            continue
        except Exception:  # whatever it raises, it has no answer for this model
            macs = None
        rows.append({"counter": name, "macs": macs, "seconds": time.perf_counter() - began})
    table = pd.DataFrame(rows)
    table["macs"] = pd.to_numeric(table["macs"])
    table.insert(2, "ratio", table["macs"] / table["macs"].iloc[0])
    return table


def _ours(model: nn.Module, inputs: tuple) -> float:
    return count(model, *inputs).forward_macs


def _flop_counter_mode(model: nn.Module, inputs: tuple) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    return counter.get_total_flops() / FLOP_PER_MAC


def _fvcore(model: nn.Module, inputs: tuple) -> float:
    from fvcore.nn import FlopCountAnalysis

    return FlopCountAnalysis(model, inputs).total()  # one a multiply-add, its documentation says


def _torchinfo(model: nn.Module, inputs: tuple) -> float:
    import torchinfo

    return torchinfo.summary(model, input_data=inputs, verbose=0).total_mult_adds


def _thop(model: nn.Module, inputs: tuple) -> float:
    import thop

    return thop.profile(model, inputs=inputs, verbose=False)[0]


COUNTERS: dict[str, Callable[[nn.Module, tuple], float]] = {
    "course_lib.count": _ours,
    "FlopCounterMode": _flop_counter_mode,
    "fvcore": _fvcore,
    "torchinfo": _torchinfo,
    "thop": _thop,
}


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Several warn at length of what they leave out; the figures show it."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
