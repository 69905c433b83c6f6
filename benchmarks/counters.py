"""Counting beside running, and beside other counters: time as a ratio, and error in MACs.

For eight models, one after the other in the same run: the time of each counter over the time of one
forward pass (the median of several calls each, taken in turn), and its MACs over the sum of the
layers' closed forms. 1 is right; 0 is a silent zero.

    python benchmarks/counters.py              # about two minutes; prints, and writes nothing
"""

from __future__ import annotations

import argparse
from statistics import median
from time import perf_counter

import pandas as pd
import torch
from torch import nn

from course_lib.counting import compare_counters, count
from course_lib.devices import describe, fingerprint


def encoder(depth: int = 4) -> nn.Module:
    """A transformer encoder."""
    layer = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True)
    return nn.TransformerEncoder(layer, depth)


class SelfAttention(nn.Module):
    """Attention of a sequence to itself, called with one argument."""

    def __init__(self):
        super().__init__()
        self.mix = nn.MultiheadAttention(256, 4, batch_first=True)

    def forward(self, x):
        """From (batch, positions, width) to the same."""
        return self.mix(x, x, x, need_weights=False)[0]


def convolutions(transposed: bool) -> nn.Module:
    """A small convolutional network, downwards or (transposed) upwards."""
    if transposed:
        return nn.Sequential(
            nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 3, 4, 2, 1)
        )
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1, groups=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(64, 10),
    )  # fmt: skip


def models() -> dict[str, tuple[nn.Module, torch.Tensor]]:
    """The models, each with an input."""
    torch.manual_seed(0)
    dense = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)]
    return {
        "MLP": (nn.Sequential(*dense), torch.randn(64, 784)),
        "CNN, grouped": (convolutions(transposed=False), torch.randn(8, 3, 32, 32)),
        "CNN, transposed": (convolutions(transposed=True), torch.randn(8, 64, 16, 16)),
        "GRU": (nn.GRU(64, 128), torch.randn(32, 8, 64)),
        "LSTM": (nn.LSTM(64, 128, 2), torch.randn(32, 8, 64)),
        "attention": (SelfAttention(), torch.randn(8, 128, 256)),
        "encoder": (encoder(), torch.randn(8, 128, 256)),
        "encoder, long": (encoder(2), torch.randn(1, 1024, 256)),
    }


def truth(model: nn.Module, x: torch.Tensor) -> int:
    """MACs by the closed forms of the layers, which must cover all of the model."""
    whole = count(model, x).by_module.iloc[0]
    if pd.isna(whole["agrees"]):
        raise SystemExit(f"closed forms do not cover {type(model).__name__}")
    return int(whole["closed_form_macs"])


def seconds_of_forward(model: nn.Module, x: torch.Tensor) -> float:
    """One forward pass, warmed up."""
    began = perf_counter()
    with torch.no_grad():
        model(x)
    return perf_counter() - began


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="calls of each (default: 5)")
    rounds = parser.parse_args().rounds
    times, errors = {}, {}
    for name, (model, x) in models().items():
        model.eval()
        right = truth(model, x)
        seconds_of_forward(model, x)
        taken = []
        for _ in range(rounds):
            forward = seconds_of_forward(model, x)
            table = compare_counters(model, x).set_index("counter")
            taken.append(table["seconds"] / forward)
        times[name] = pd.concat(taken, axis=1).apply(median, axis=1)
        errors[name] = table["macs"] / right
    print(describe(fingerprint()))
    print("\nMACs, as a share of the closed form (1: right; NaN: it failed)")
    print(pd.DataFrame(errors).T.round(4).to_string())
    print("\nTime, as a multiple of one forward pass")
    print(pd.DataFrame(times).T.round(1).to_string())


if __name__ == "__main__":
    main()
