"""What this machine can do for the course, found out by trying; `course doctor` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from course_lib import devices, host
from course_lib.metering.energy import counter_for


@dataclass(frozen=True)
class Finding:
    """One ability: whether it is here, what exactly was found, and what to do if it is missing."""

    what: str
    present: bool
    detail: str
    remedy: str


def findings() -> Iterator[Finding]:
    """All abilities that some part of the course uses."""
    yield Finding("computing", True, devices.describe(devices.fingerprint()), "")
    kinds = devices.available()
    gpu = next((kind for kind in kinds if kind != "cpu"), None)
    yield Finding("GPU", gpu is not None, gpu or "", "" if gpu else "not needed; all runs on a CPU")
    load = devices.load_per_core()
    quiet = load is None or load < 0.3
    said = "unknown" if load is None else f"load {load:.1f} per core"
    yield Finding("quiet enough to time", quiet, said, "" if quiet else "close other programs")
    yield _energy()
    yield _program("sandbox (bubblewrap)", "sandbox", host.find_sandbox())
    yield _program("browser, for tests of the book", "browser", host.find_browser())
    yield _package("building the book", "jupyter_book", "pip install -e '.[book]'")
    yield _package("grading", "nbgrader", "pip install -e '.[grade]'")


def _energy() -> Finding:
    import torch

    counted = [kind for kind in devices.available() if kind != "mps"]
    with_counter = [kind for kind in counted if counter_for(torch.device(kind)) is not None]
    remedy = "energy is given as a range: this machine shows no counter"
    if find_spec("zeus") is None:
        remedy = "pip install -e '.[energy]' reads NVML and RAPL counters"
    return Finding(
        "energy counter",
        bool(with_counter),
        ", ".join(with_counter),
        "" if with_counter else remedy,
    )


def _program(what: str, need: str, path: str | None) -> Finding:
    return Finding(what, path is not None, path or "", "" if path else host.advice(need))


def _package(what: str, module: str, install: str) -> Finding:
    present = find_spec(module) is not None
    return Finding(
        what, present, module if present else "not installed", "" if present else install
    )
