"""Record what work of growing size costs on the machine at hand, for pages and grading to build on.

Matrix products, an MLP forward and in training, and self-attention: for each size the time, CPU
time, energy and peak memory, beside the FLOP that it counts. Three files are written: the table
(`sweep-<device>-<machine>.csv`), what it was measured on and how (the same name, `.json`), and the
machine's passport (`passport-<device>-<machine>.json`). Sizes are measured in random order, so that
a machine that slows down over the minutes does not bend the curves.

    python benchmarks/record_sweep.py                  # the fastest device; under 5 minutes
    python benchmarks/record_sweep.py --device cpu     # this one

Run it with nothing else to do: what other work held up is marked, and the share is printed.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from course_lib import Passport, __version__, count, measure
from course_lib.closed_form import linear
from course_lib.devices import load_per_core, pick
from course_lib.files import write_whole
from course_lib.models import MLP, SelfAttention
from course_lib.passport import measure_passport
from course_lib.passport.probes import float32_products
from course_lib.quantities import LEVEL, Estimate, si

DIRECTORY = Path(__file__).parents[1] / "course_lib" / "facts" / "recorded"
SECONDS_A_POINT = 2.0
SEED = 0  # of the order
LEARNING_RATE = 1e-3


def _with_interval(column: str, what: str) -> dict[str, str]:
    ends = {f"{column}_low": "lower end of its interval", f"{column}_high": "upper end"}
    return {column: what} | ends


COLUMNS = {
    "experiment": "which; the experiments stand in the JSON file of the same name",
    "precision": "number format of inputs, weights and products",
    "size": "what grows: side, width or length, as the experiment says",
    "flop": "FLOP of one call, counted: 2 per multiply-accumulate of matrix products",
    **_with_interval("seconds", "wall time of one call, median"),
    "minimum_seconds": "the shortest wall time of a call, raw",
    **_with_interval("cpu_seconds", "CPU time of one call over all threads, median"),
    "minimum_cpu_seconds": "the least CPU time of a call, raw",
    **_with_interval("energy_joule", "energy of one call"),
    "energy_basis": "measured: from hardware counters; assumed: time and a range of power",
    **_with_interval("peak_bytes", "the most memory held beyond what was held before the call"),
    "peak_basis": "measured, or assumed where the system does not tell",
    "contaminated": "whether other work on the machine held this point up",
}


@dataclass(frozen=True)
class Work:
    """Something to call, and the FLOP that one call counts."""

    call: Callable[[], Any]
    flop: int


@dataclass(frozen=True)
class Experiment:
    """One kind of work that comes in many sizes.

    ``build(size, precision, device, **fixed)`` makes it; ``fixed`` is what does not grow.
    """

    what: str
    size: str
    precisions: tuple[str, ...]
    sizes: tuple[int, ...]
    fixed: dict[str, int]
    build: Callable[..., Work]


def matmul(side: int, precision: str, device: Any) -> Work:
    """A product of two square matrices, both (side, side)."""
    dtype = getattr(torch, precision)
    a, b = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    return Work(partial(torch.mm, a, b), linear(side, side, rows=side, bias=False).flop)


def mlp_forward(width: int, precision: str, device: Any, batch: int, layers: int) -> Work:
    """A forward pass of an MLP whose layers are all (width, width), without gradients."""
    model, x = _mlp(width, precision, device, batch, layers)
    return Work(torch.no_grad()(partial(model, x)), count(model, x).forward_flop)


def mlp_training_step(width: int, precision: str, device: Any, batch: int, layers: int) -> Work:
    """Forward pass, squared error, backward pass, and a step of stochastic gradient descent."""
    model, x = _mlp(width, precision, device, batch, layers)
    optimiser = torch.optim.SGD(model.parameters(), LEARNING_RATE)
    target = torch.zeros_like(x)

    def step() -> None:
        nn.functional.mse_loss(model(x), target).backward()
        optimiser.step()
        optimiser.zero_grad()  # last, so that the gradients are memory of this step

    return Work(step, count(model, x).training_flop)


def _mlp(width: int, precision: str, device: Any, batch: int, layers: int) -> tuple:
    kind = {"device": device, "dtype": getattr(torch, precision)}
    with torch.device(device):
        model = MLP([width] * (layers + 1)).to(**kind)
    return model, torch.rand(batch, width, **kind)


def attention(length: int, precision: str, device: Any, batch: int, width: int, heads: int) -> Work:
    """Multi-head self-attention over all positions, projections included, without gradients."""
    kind = {"device": device, "dtype": getattr(torch, precision)}
    with torch.device(device):
        model = SelfAttention(width, heads, fused=True).to(**kind)
    x = torch.rand(batch, length, width, **kind)
    return Work(torch.no_grad()(partial(model, x)), count(model, x).forward_flop)


def sizes(first: int, last: int) -> tuple[int, ...]:
    """Powers of two and the numbers half way between them.

    >>> sizes(64, 256)
    (64, 96, 128, 192, 256)
    """
    powers = [first * 2**k for k in range((last // first).bit_length())]
    return tuple(sorted(s for p in powers for s in (p, 3 * p // 2) if s <= last))


def experiments(kind: str) -> dict[str, Experiment]:
    """What is recorded on a kind of device; a GPU needs larger work to be busy."""
    large = kind != "cpu"
    side = sizes(512, 8192) if large else sizes(64, 2048)
    dense = {"batch": 4096 if large else 256, "layers": 4}
    return {
        "matmul": Experiment(
            "product of two square matrices", "side of the matrices", ("float32", "bfloat16"),
            side, {}, matmul,
        ),
        "mlp_forward": Experiment(
            "forward pass of an MLP, ReLU between its square layers, without gradients",
            "width of every layer", ("float32",), side, dense, mlp_forward,
        ),
        "mlp_training_step": Experiment(
            "forward and backward pass of the same MLP on squared error, and a step of SGD, whose "
            "additions are not counted",
            "width of every layer", ("float32",), side, dense, mlp_training_step,
        ),
        "attention": Experiment(
            "forward pass of multi-head self-attention, projections and biases included, not "
            "causal, in PyTorch's fused kernel, without gradients",
            "positions in the sequence", ("float32",),
            sizes(512, 16384) if large else sizes(64, 4096),
            {"batch": 1, "width": 1024 if large else 256, "heads": 16 if large else 4}, attention,
        ),
    }  # fmt: skip


def record(
    device: Any = None,
    directory: Path = DIRECTORY,
    seconds_a_point: float = SECONDS_A_POINT,
    chosen: dict[str, Experiment] | None = None,
    progress: Callable[[str], None] = print,
) -> Path:
    """Measure the passport and every point; write the three files; return the table's path."""
    began, load = time.perf_counter(), load_per_core()
    target = pick(device)
    chosen = experiments(target.type) if chosen is None else chosen
    machine = measure_passport(target, progress=progress)
    points = [
        (name, precision, size)
        for name, experiment in chosen.items()
        for precision in experiment.precisions
        for size in experiment.sizes
    ]
    rows, left_out = {}, []
    for point in random.Random(SEED).sample(points, len(points)):
        try:
            rows[point] = _measure_point(chosen[point[0]], *point, target, seconds_a_point)
        except torch.OutOfMemoryError:
            left_out.append(f"{' '.join(map(str, point))} does not fit the device's memory")
            continue
        held_up = " (held up)" if rows[point]["contaminated"] else ""
        progress(f"{' '.join(map(str, point))}: {si(rows[point]['seconds'], 's')}{held_up}")
    ordered = [rows[point] for point in points if point in rows]
    took = time.perf_counter() - began
    named = f"{target.type}-{slug(machine)}"
    directory.mkdir(parents=True, exist_ok=True)
    passport, table = f"passport-{named}.json", directory / f"sweep-{named}.csv"
    machine.save(directory / passport)
    sidecar = {"passport": passport, "load_per_core": load, "left_out": left_out}
    sidecar |= {"seconds_a_point": seconds_a_point, "took_seconds": round(took, 1)}
    sidecar = _about(machine, chosen, ordered) | sidecar
    write_whole(table.with_suffix(".json"), json.dumps(sidecar, indent=1) + "\n")
    content = pd.DataFrame(ordered, columns=[*COLUMNS])
    write_whole(table, content.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    return table


def _measure_point(
    experiment: Experiment, name: str, precision: str, size: int, device: Any, seconds: float
) -> dict[str, Any]:
    work = experiment.build(size, precision, device, **experiment.fixed)
    with float32_products("highest"):
        cost = measure(work.call, device=device, flop=work.flop, budget_seconds=seconds)
    values = (
        *(name, precision, size, work.flop),
        *(*_ends(cost.seconds), cost.minimum_seconds),
        *(*_ends(cost.cpu_seconds), cost.minimum_cpu_seconds),
        *(*_ends(cost.energy_joule), cost.energy_joule.basis),
        *(*map(round, _ends(cost.peak_bytes)), cost.peak_bytes.basis),
        cost.contaminated,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _about(
    machine: Passport, chosen: dict[str, Experiment], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the numbers mean, and what they were measured on."""
    return {
        "what": "cost of work of growing size on one machine (benchmarks/record_sweep.py)",
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": machine.device,
        "device_name": machine.device_name,
        "machine": machine.machine,
        "versions": {
            "course_lib": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "cuda": torch.version.cuda,
        },
        "points": len(rows),
        "contaminated_points": sum(row["contaminated"] for row in rows),
        "interval_level": LEVEL,
        "order": f"random, seed {SEED}",
        "experiments": {
            name: {"what": experiment.what, "size": experiment.size, "fixed": experiment.fixed}
            for name, experiment in chosen.items()
        },
        "columns": COLUMNS,
    }


def slug(machine: Passport) -> str:
    """The machine in a file's name: its chip, and of a processor the cores used.

    >>> from types import SimpleNamespace
    >>> chip = "Intel(R) Xeon(R) CPU @ 2.20GHz"
    >>> slug(SimpleNamespace(device="cpu", device_name=chip, machine={"cores": 2}))
    'intel-xeon-2-cores'
    """
    name = re.sub(r"\((r|tm)\)|\b(cpu|processor)\b|@.*", " ", machine.device_name.lower())
    words = re.findall("[a-z0-9]+", name)
    if machine.device == "cpu":
        words += [str(machine.machine["cores"]), "cores"]
    return "-".join(words)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Record what work of growing size costs here.")
    parser.add_argument("--device", help="cpu, cuda or mps; the fastest if unnamed")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help="where the files go")
    parser.add_argument(
        "--seconds-a-point", type=float, default=SECONDS_A_POINT, help="to spend on each size"
    )
    given = parser.parse_args(arguments)
    table = record(given.device, given.directory, given.seconds_a_point)
    about = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
    print(f"{about['points']} points in {about['took_seconds']:.0f} s: {table}")
    for line in about["left_out"]:
        print(f"left out: {line}")
    if about["contaminated_points"]:
        print(f"{about['contaminated_points']} of them were held up by other work, and say so")


if __name__ == "__main__":
    main()
