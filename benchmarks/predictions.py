"""How far predictions made before running are off: seconds and peak memory, measured / predicted.

Ten models, each for a forward pass and for a training step. `course_lib.predicting` states its
intervals by what is recorded here.

    python benchmarks/predictions.py            # a minute; prints, and records
    python benchmarks/predictions.py --print    # records nothing
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from course_lib.devices import describe, fingerprint, pick
from course_lib.files import write_whole
from course_lib.metering import measure
from course_lib.models import CNN, MLP, CharacterLSTM, SelfAttention, Transformer
from course_lib.passport import Passport, measure_passport
from course_lib.predicting import predict
from course_lib.quantities import si

RECORDED = Path(__file__).resolve().parents[1] / "course_lib" / "facts" / "recorded"
LEVEL = 0.9


def models() -> dict[str, tuple[nn.Module, torch.Tensor]]:
    """The models, each with an input."""
    torch.manual_seed(0)
    norms = [layer for _ in range(4) for layer in (nn.LayerNorm(512), nn.GELU())]
    depthwise = nn.Conv2d(128, 128, 3, padding=1, groups=128)
    separable = [depthwise, nn.ReLU(), nn.Conv2d(128, 128, 1), nn.ReLU()]
    return {
        "MLP": (MLP([512] * 9), torch.randn(1024, 512)),
        "MLP, few rows": (MLP([2048] * 5), torch.randn(4, 2048)),
        "MLP, GELU": (MLP([768, 3072, 768], activation="gelu"), torch.randn(512, 768)),
        "CNN": (CNN((3, 64, 64), 10, channels=(32, 64, 128)), torch.randn(16, 3, 64, 64)),
        "separable convolutions": (nn.Sequential(*separable), torch.randn(8, 128, 28, 28)),
        "norms and activations": (nn.Sequential(*norms), torch.randn(4096, 512)),
        "attention, fused": (SelfAttention(256, 4, fused=True), torch.randn(4, 512, 256)),
        "attention, taken apart": (SelfAttention(256, 4), torch.randn(4, 512, 256)),
        "transformer": (
            Transformer(vocabulary=1000, width=256, layers=4, heads=4, context=256),
            torch.randint(1000, (4, 256)),
        ),
        "LSTM": (CharacterLSTM(vocabulary=100, width=128, layers=2), torch.randint(100, (32, 64))),
    }


def measure_model(model: nn.Module, x: torch.Tensor, training: bool) -> Any:
    """What `predict` predicts: a forward pass without gradients, or a forward and backward."""
    model.train(training)

    def forward() -> None:
        with torch.no_grad():
            model(x)

    def step() -> None:
        model(x).sum().backward()
        model.zero_grad(set_to_none=True)

    return measure(step if training else forward, device=x.device, budget_seconds=0.5)


def compare_with_measured(machine: Passport, device: Any) -> pd.DataFrame:
    """One row a model and pass: predicted, measured, and their ratios."""
    rows = []
    for name, (model, x) in models().items():
        model, x = model.to(device), x.to(device)
        for training in (False, True):
            said = predict(model, x, training=training, machine=machine)
            cost = measure_model(model, x, training)
            rows.append(
                {
                    "model": name,
                    "pass": "training" if training else "forward",
                    "predicted_seconds": said.seconds.value,
                    "measured_seconds": cost.seconds.value,
                    "seconds_ratio": cost.seconds.value / said.seconds.value,
                    "predicted_bytes": said.peak_bytes.value,
                    "measured_bytes": cost.peak_bytes.value,
                    "bytes_ratio": cost.peak_bytes.value / said.peak_bytes.value,
                    "contaminated": cost.contaminated,
                }
            )
    return pd.DataFrame(rows)


def bounds(ratios: pd.Series) -> dict[str, float]:
    """Median and 90 % bounds of measured / predicted."""
    low, middle, high = np.quantile(ratios, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return {
        "low": round(float(low), 3),
        "median": round(float(middle), 3),
        "high": round(float(high), 3),
    }


def main() -> None:
    """Measure, print, and record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--print", action="store_true", help="record nothing")
    parser.add_argument("--device", help="cpu, cuda or mps; the fastest if unnamed")
    arguments = parser.parse_args()
    device = pick(arguments.device)
    machine = measure_passport(device, precisions=("float32",))
    table = compare_with_measured(machine, device)
    shown = table.copy()
    for column, unit in (("seconds", "s"), ("bytes", "B")):
        for kind in ("predicted", "measured"):
            shown[f"{kind}_{column}"] = [si(v, unit) for v in table[f"{kind}_{column}"]]
    print(describe(fingerprint()))
    print(shown.round(3).to_string(index=False))
    found = {name: bounds(table[f"{name}_ratio"]) for name in ("seconds", "bytes")}
    print("measured / predicted, 90 % bounds:", found)
    if not arguments.print:
        record = {
            "machine": fingerprint(),
            "device": device.type,
            "recorded": datetime.now(UTC).date().isoformat(),
            "measured_over_predicted": found,
            "models": table.to_dict("records"),
        }
        path = RECORDED / f"predictions-{device.type}.json"
        write_whole(path, json.dumps(record, indent=1) + "\n")
        print(f"recorded in {path.name}")


if __name__ == "__main__":
    main()
