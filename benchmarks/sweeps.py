"""What batched seeds and a second worker are worth: times of the same sweep, as ratios.

64 small networks learn ten classes of forty numbers (the size of MNIST-1D), each in the same number
of steps: one by one, and with batched seeds. Then one network after the other in one local worker,
and in two. The ways are taken in turns, start-up included, with one thread of PyTorch a process.

    python benchmarks/sweeps.py                # about six minutes; prints, and writes nothing
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import pandas as pd
import torch
from torch.nn.functional import cross_entropy

from course_lib.devices import describe, fingerprint, load_per_core
from course_lib.models import MLP
from course_lib.sweeps import sweep
from course_lib.training import Training, train, train_many

EXAMPLES, INPUTS, CLASSES = 4000, 40, 10
WIDTHS = [8, 12, 16, 24, 32, 48, 64, 96]


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """Examples that are their class's centre, and noise."""
    numbers = torch.Generator().manual_seed(0)
    centres = torch.randn(CLASSES, INPUTS, generator=numbers)
    y = torch.randint(CLASSES, (EXAMPLES,), generator=numbers)
    return centres[y] + torch.randn(EXAMPLES, INPUTS, generator=numbers), y


X, Y = data()


def batches(size: int) -> Callable[[int, torch.Generator], tuple[torch.Tensor, torch.Tensor]]:
    """Examples drawn with replacement."""

    def draw(step: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.randint(EXAMPLES, (size,), generator=generator)
        return X[chosen], Y[chosen]

    return draw


def row(done: Training) -> dict[str, float]:
    """What a run reports."""
    return {"loss": done.final_loss, "together": done.together}


def one(width: int, batch: int, steps: int, seed: int) -> dict[str, float]:
    """A network from one seed."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = MLP([INPUTS, width, CLASSES])
    return row(train(model, batches(batch), cross_entropy, steps=steps, seed=seed, progress=False))


def many(width: int, batch: int, steps: int, seeds: list[int]) -> list[dict[str, float]]:
    """The same network from several seeds at once."""
    torch.set_num_threads(1)

    def make() -> MLP:
        return MLP([INPUTS, width, CLASSES])

    trained = train_many(make, batches(batch), cross_entropy, seeds, steps=steps, progress=False)
    return [row(done) for done in trained]


def timed(run: Callable[..., Any], settings: dict[str, list], **how: Any) -> tuple[float, Any]:
    """Seconds of a sweep, and its table."""
    began = perf_counter()
    table = sweep(run, settings, progress=False, **how)
    return perf_counter() - began, table


def compare(ways: dict[str, Callable[[], tuple[float, Any]]], rounds: int) -> dict[str, Any]:
    """Median seconds of two ways, taken in turns, and the median of the ratios within a round."""
    taken = [{name: way() for name, way in ways.items()} for _ in range(rounds)]
    first, second = ways
    for tables in taken:
        a, b = (tables[name][1]["loss"] for name in (first, second))
        if not torch.allclose(torch.tensor(a), torch.tensor(b), rtol=1e-3):
            raise SystemExit("the two ways do not give the same losses")
    return {
        "first": median(each[first][0] for each in taken),
        "second": median(each[second][0] for each in taken),
        "ratio": median(each[first][0] / each[second][0] for each in taken),
    }


def batched_seeds(rounds: int, steps: int) -> pd.DataFrame:
    """64 networks, one by one and with batched seeds."""
    lines = []
    cases = [([32], 16), ([32], 64), ([96], 64), (WIDTHS, 32)]
    for widths, batch in cases:
        settings = {"width": widths, "batch": [batch], "steps": [steps]}
        seeds = list(range(64 // len(widths)))
        ways = {
            "one": lambda s=settings, n=seeds: timed(one, s, seeds=n),
            "many": lambda s=settings, n=seeds: timed(many, s, seeds=n, batched=True),
        }
        spread = f"{widths[0]} to {widths[-1]}" if len(widths) > 1 else f"{widths[0]}"
        about = {"widths": spread, "settings": len(widths), "seeds": len(seeds), "batch": batch}
        lines.append(about | compare(ways, rounds))
    return pd.DataFrame(lines).rename(columns={"first": "one by one, s", "second": "batched, s"})


def two_workers(rounds: int, steps: int) -> pd.DataFrame:
    """The same 32 networks in one worker and in two."""
    settings = {"width": [96], "batch": [64], "steps": [steps]}
    ways = {
        str(workers): lambda n=workers: timed(one, settings, seeds=range(32), workers=n)
        for workers in (1, 2)
    }
    line = {"networks": 32} | compare(ways, rounds)
    return pd.DataFrame([line]).rename(columns={"first": "one, s", "second": "two, s"})


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="sweeps of each way (default: 3)")
    parser.add_argument("--steps", type=int, default=200, help="of each network (default: 200)")
    given = parser.parse_args()
    load = load_per_core()
    print(describe(fingerprint()), "" if load is None else f"; load per core {load:.1f} at first")
    one(8, 16, 5, seed=0)  # what PyTorch prepares once is in none of the times
    many(8, 16, 5, seeds=[0, 1])
    print(
        f"\n64 networks of one hidden layer, {given.steps} steps each; ratio: one by one / batched"
    )
    print(batched_seeds(given.rounds, given.steps).round(2).to_string(index=False))
    print("\nLocal workers, one network at a time; ratio: one worker / two")
    print(two_workers(given.rounds, 12 * given.steps).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
