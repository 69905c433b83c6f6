"""How often the intervals of `measure` hold the long-run median: a repeat study.

Three calls are measured at least 200 times each on the default path of `measure` (warm-up until
steady, early stop), in turn, in 20 fresh processes one after the other: memory layout, clock speed
and neighbours differ between them, as they do between your session and the next. The long-run value
is the median of all samples, each measurement weighing the same.

    python benchmarks/interval_coverage.py            # under 12 minutes; writes what it found
    python benchmarks/interval_coverage.py --print    # the same, and writes nothing
    python benchmarks/interval_coverage.py --repeats 5 --print    # a short trial

It ends with the constant and the lines of `measure`'s docstring that follow from it; a test
compares them with the file. Run it on a machine with nothing else to do: measurements that are
contaminated, or beside which other processes were busy, are flagged and left out. Where they are
too many, nothing is written, and what is printed takes all of them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_lib import __version__, measure
from course_lib.devices import fingerprint
from course_lib.files import write_whole
from course_lib.metering.intervals import SESSION_SPREAD, block_bootstrap, session_spread, widen

FILE = Path(__file__).parents[1] / "course_lib" / "facts" / "recorded" / "interval_coverage.json"
REPEATS, SESSIONS = 200, 20  # of each call; fresh processes
LEVEL = 0.95
WANTED = 0.85  # coverage of the 95 % interval that the constant is chosen for, for each call
STEP = 0.005  # in which the constant is given
BUSY_OTHERS = 0.2  # cores kept busy by other processes, from which on a measurement is flagged
MOST_FLAGGED = 0.20  # share of flagged measurements on a machine that counts as quiet
NORMAL_95 = 1.959964


def calls() -> dict[str, Callable[[], Any]]:
    """The calls that are measured, each with memory of its own."""
    a, b = torch.randn(512, 512), torch.randn(512, 512)
    source = torch.randn(2 * 2**20)  # 8 MiB
    goal = torch.empty_like(source)
    layers = [torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)]
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    x, y = torch.randn(256, 64), torch.randint(10, (256,))

    def training_step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return {
        "matrix product, side 512": lambda: a @ b,
        "training step of a small MLP": training_step,
        "copy of 8 MiB": lambda: goal.copy_(source),
    }


# --- one session: a process of its own ---


def run_session(rounds: int) -> None:
    """Measure each call ``rounds`` times, in turn; print a line of JSON for each measurement."""
    named = calls()
    for _ in range(rounds):
        for name, call in named.items():
            began, others = time.perf_counter(), others_cpu_seconds()
            cost = measure(call)
            others = (others_cpu_seconds() - others) / (time.perf_counter() - began)
            seconds = [sample.seconds for sample in cost.samples]
            flagged = cost.contaminated or others > BUSY_OTHERS
            print(json.dumps([name, seconds, flagged, cost.contamination, others]), flush=True)


def others_cpu_seconds() -> float:
    """CPU seconds of all other processes so far (Linux), else 0.

    Where two cores share their arithmetic units, a neighbour on the other one slows a call to half
    its speed and keeps it waiting for nothing: no measurement can see that from inside.
    """
    try:
        ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return 0.0
    idle = int(ticks[3]) + int(ticks[4])  # idle, and waiting for a disk
    busy = (sum(map(int, ticks)) - idle) / os.sysconf("SC_CLK_TCK")
    return busy - time.process_time()


def run_sessions(sessions: int, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """The measurements of each call: number of the session, seconds of the samples, flagged."""
    found: dict[str, list[dict[str, Any]]] = {}
    command = [sys.executable, __file__, "--session", str(rounds)]
    for session in range(sessions):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        if done.returncode:
            raise RuntimeError(f"session {session} ended with {done.returncode}:\n{done.stderr}")
        for line in done.stdout.splitlines():
            name, seconds, flagged, *why = json.loads(line)
            entry = {"session": session, "seconds": seconds, "flagged": flagged, "why": why}
            found.setdefault(name, []).append(entry)
        print(f"session {session + 1} of {sessions}", file=sys.stderr, flush=True)
    return found


# --- what it shows ---


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value with half of the weight below it."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])


def is_quiet(found: dict[str, list[dict[str, Any]]]) -> bool:
    """Whether few enough of all measurements are flagged."""
    flags = [entry["flagged"] for measured in found.values() for entry in measured]
    return float(np.mean(flags)) <= MOST_FLAGGED


def summarise_call(measured: list[dict[str, Any]], keep_flagged: bool) -> dict[str, Any]:
    """What the study keeps of one call; contaminated measurements are counted."""
    kept = [entry for entry in measured if keep_flagged or not entry["flagged"]]
    series = [np.array(entry["seconds"]) for entry in kept]
    weights = np.concatenate([np.full(len(s), 1 / len(s)) for s in series])
    truth = weighted_median(np.concatenate(series), weights)
    plain = np.array([block_bootstrap(s, level=LEVEL) for s in series])
    spreads = [round(session_spread(s, most=math.inf), 5) for s in series]
    of_seconds = np.array([block_bootstrap(s) for s in series])  # at 90 %
    means = np.array([s.mean() for s in series])
    errors = np.array([s.std(ddof=1) / math.sqrt(len(s)) for s in series])
    return {
        "measured": len(measured),
        "flagged": sum(entry["flagged"] for entry in measured),
        "samples_each": float(np.median([len(s) for s in series])),
        "long_run_median_seconds": truth,
        "session": [entry["session"] for entry in kept],
        # log of median, low and high end over the long-run median
        "plain_95": np.log(plain / truth).round(5).tolist(),
        "plain_90": np.log(of_seconds / truth).round(5).tolist(),
        # what its own scatter lets sessions differ by; null: too few samples to tell
        "own_spread": [own if own < math.inf else None for own in spreads],
        "naive_coverage": float((np.abs(means - means.mean()) <= NORMAL_95 * errors).mean()),
        "naive_half_width": float(np.median(NORMAL_95 * errors / means)),
    }


def widened(call: dict[str, Any], level: float, spread: float) -> np.ndarray:
    """Value, low and high end of each measurement over the long-run median, as `measure` has it."""
    plain = np.exp(call[f"plain_{100 * level:.0f}"])
    owns = [spread if own is None else min(spread, own) for own in call["own_spread"]]
    rows = zip(plain, owns, strict=True)
    return np.array([widen(*ends, level, own) for ends, own in rows])


def holds(call: dict[str, Any], level: float, spread: float) -> np.ndarray:
    """Whether each interval holds the long-run median."""
    _, low, high = widened(call, level, spread).T
    return (low <= 1) & (high >= 1)


def spread_needed(per_call: dict[str, dict[str, Any]], of: Callable[[int], bool]) -> float:
    """The least spread, in steps, with which the 95 % interval covers as wanted for every call.

    ``of`` says which sessions count. Where none is enough, the most that makes a difference.
    """
    masks = {name: np.array([of(s) for s in call["session"]]) for name, call in per_call.items()}
    most = max(own or 1.0 for call in per_call.values() for own in call["own_spread"])
    for steps in range(math.ceil(most / STEP) + 1):
        spread = round(steps * STEP, 6)
        held = [holds(call, LEVEL, spread)[masks[name]] for name, call in per_call.items()]
        if all(each.mean() >= WANTED for each in held):
            break
    return spread


def add_coverage(call: dict[str, Any], spread: float) -> None:
    """Write how often each kind of interval held, and how wide it was."""
    call["coverage"] = float(holds(call, LEVEL, spread).mean())
    call["coverage_of_90"] = float(holds(call, 0.9, spread).mean())
    call["plain_coverage"] = float(holds(call, LEVEL, 0.0).mean())
    for name, by in (("half_width", spread), ("plain_half_width", 0.0)):
        value, low, high = widened(call, LEVEL, by).T
        call[name] = float(np.median((high - low) / 2 / value))


def add_spreads(call: dict[str, Any]) -> None:
    """Write how far medians lie apart: of sessions, and of measurements beyond the bootstrap's."""
    log_median, low, high = np.asarray(call["plain_95"]).T
    sessions = np.asarray(call["session"])
    of_sessions = [np.median(log_median[sessions == s]) for s in sorted(set(sessions))]
    known = ((high - low) / 2 / NORMAL_95) ** 2  # the variance that the bootstrap knows of
    beyond = float(np.var(log_median, ddof=1) - known.mean())
    call["between_sessions_sd"] = float(np.std(of_sessions, ddof=1))
    call["beyond_bootstrap_sd"] = math.sqrt(max(0.0, beyond))


def study(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """All of what is written down; no clock is read here."""
    noisy = not is_quiet(found)
    return conclude({name: summarise_call(rows, noisy) for name, rows in found.items()})


def conclude(per_call: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The constant, and what it achieves, from what is kept of each call."""
    spread = spread_needed(per_call, lambda session: True)
    # Chosen on the sessions of one half, tried on the others.
    halves = [spread_needed(per_call, lambda s, odd=odd: s % 2 != odd) for odd in (0, 1)]
    for call in per_call.values():
        add_coverage(call, spread)
        add_spreads(call)
        odd = np.asarray(call["session"]) % 2
        held = [holds(call, LEVEL, halves[which])[odd == which] for which in (0, 1)]
        call["coverage_held_out"] = float(np.concatenate(held).mean())
    return {
        "session_spread": spread,
        "sessions": 1 + max(max(call["session"]) for call in per_call.values()),
        "level": LEVEL,
        "wanted": WANTED,
        "calls": per_call,
    }


def docstring_lines(found: dict[str, Any]) -> list[str]:
    """The lines about coverage that the docstring of `measure` must hold."""
    width = max(map(len, found["calls"]))
    rule = f"{'=' * width}  =========  =========  ========="
    rows = [
        f"{name:{width}}  {call['coverage']:9.1%}  {call['plain_coverage']:9.1%}  "
        f"{call['naive_coverage']:9.1%}"
        for name, call in found["calls"].items()
    ]
    return [rule, f"{'call':{width}}    measure  bootstrap      naive", rule, *rows, rule]


def show(found: dict[str, Any]) -> None:
    """Print the study for people, and what follows from it for the code."""
    print(f"\n{'':30} ours  held out  90 %  plain  naive  half-width  between  flagged")
    for name, call in found["calls"].items():
        print(
            f"{name:30} {call['coverage']:4.0%} {call['coverage_held_out']:8.0%} "
            f"{call['coverage_of_90']:6.0%} {call['plain_coverage']:6.0%} "
            f"{call['naive_coverage']:6.0%} {call['half_width']:10.1%} "
            f"{call['between_sessions_sd']:9.1%} {call['flagged']:4} of {call['measured']}"
        )
    print(f"\nSESSION_SPREAD = {found['session_spread']}  (now {SESSION_SPREAD})\n")
    print("\n".join(docstring_lines(found)))


def as_text(value: Any, indent: str = "") -> str:
    """JSON with a line for each entry of an object, and lists on one line."""
    if not isinstance(value, dict):
        return json.dumps(value)
    deeper = indent + " "
    entries = [f"{deeper}{json.dumps(key)}: {as_text(each, deeper)}" for key, each in value.items()]
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each call")
    parser.add_argument("--sessions", type=int, help="fresh processes; at most the repeats")
    parser.add_argument("--print", action="store_true", help="write nothing")
    parser.add_argument("--session", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.session:
        run_session(asked.session)
        return 0
    sessions = asked.sessions or min(SESSIONS, asked.repeats)
    measured = run_sessions(sessions, math.ceil(asked.repeats / sessions))
    found = study(measured) | {
        "machine": fingerprint(),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"course_lib": __version__, "numpy": np.__version__},
    }
    show(found)
    if not is_quiet(measured):
        print("\nThe machine was not quiet: nothing is written, and nothing above can be trusted.")
        return 1
    if not asked.print:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        write_whole(FILE, as_text(found) + "\n")
        print(f"\nwritten to {FILE.relative_to(FILE.parents[3])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
