"""What this machine achieves: matmul FLOP/s by precision, bandwidth, launch overhead; kept as JSON.

A data sheet says what a chip could do; a passport says what it does here, through PyTorch, now.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from course_lib.devices import fingerprint, load_per_core, pick
from course_lib.files import write_whole
from course_lib.metering import measure
from course_lib.quantities import Estimate

PRECISIONS = ("float32", "bfloat16", "float16", "float64")
SIZES = {"cpu": (256, 512, 1024, 2048), "cuda": (1024, 2048, 4096, 8192), "mps": (1024, 2048, 4096)}
COPY_BYTES = {"cpu": 2**28, "cuda": 2**31, "mps": 2**29}
BUDGET_SECONDS = 0.25  # for each size and precision
LONGEST_CALL_SECONDS = 0.2  # a size that would take longer, at the rate just seen, is left out
SCHEMA = 1


@dataclass(frozen=True)
class Passport:
    """What a machine achieves.

    Attributes
    ----------
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    flop_per_s : dict of str to dict of int to Estimate
        Achieved FLOP/s of a square matmul, by precision and size: the fastest tenth of the calls.
    bytes_per_s : Estimate
        Of a copy of memory much larger than the caches; bytes read and bytes written both count.
    launch_seconds : Estimate
        Of the smallest operation: what each call costs before it does anything.
    machine : dict
        See `course_lib.devices.fingerprint`.
    load_per_core : float or None
        Of the machine when it was measured; well above 0 means it was not quiet.
    contaminated : bool
        Whether any of the measurements was held up by other work.
    measured : str
        When (UTC).
    """

    device: str
    flop_per_s: dict[str, dict[int, Estimate]]
    bytes_per_s: Estimate
    launch_seconds: Estimate
    machine: dict[str, Any]
    load_per_core: float | None
    contaminated: bool
    measured: str

    def peak(self, precision: str = "float32") -> Estimate:
        """The best achieved FLOP/s of a precision over the sizes tried.

        Raises
        ------
        ValueError
            If the precision was not measured.
        """
        if precision not in self.flop_per_s:
            known = ", ".join(self.flop_per_s)
            raise ValueError(f"precision is {precision!r}; this passport has {known}")
        return max(self.flop_per_s[precision].values(), key=lambda rate: rate.value)

    def ridge(self, precision: str = "float32") -> Estimate:
        """Arithmetic intensity (FLOP/B) above which arithmetic is the limit, below it memory."""
        return self.peak(precision) / self.bytes_per_s

    def save(self, path: str | Path) -> None:
        """Write as JSON, whole or not at all."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = asdict(self) | {"schema": SCHEMA}
        data["flop_per_s"] = {
            precision: {str(size): _plain(rate) for size, rate in rates.items()}
            for precision, rates in self.flop_per_s.items()
        }
        data["bytes_per_s"], data["launch_seconds"] = map(
            _plain, (self.bytes_per_s, self.launch_seconds)
        )
        write_whole(path, json.dumps(data, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Passport:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the file is not a passport of this version.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            if data.pop("schema") != SCHEMA:
                raise ValueError("it was written by another version")
            data["flop_per_s"] = {
                precision: {int(size): Estimate(**rate) for size, rate in rates.items()}
                for precision, rates in data["flop_per_s"].items()
            }
            for name in ("bytes_per_s", "launch_seconds"):
                data[name] = Estimate(**data[name])
            return cls(**data)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"{path} is not a passport ({error}); delete it to make one"
            ) from error


def _plain(estimate: Estimate) -> dict[str, Any]:
    names = ("value", "low", "high", "unit", "basis")
    return {name: getattr(estimate, name) for name in names}


def default_path(device: str = "cpu") -> Path:
    """Where a machine's passport is kept: the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "counting-the-cost" / f"passport-{device}.json"


def passport(
    path: str | Path | None = None,
    device: Any = None,
    again: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> Passport:
    """This machine's passport: read it if it is kept, else measure it (half a minute) and keep it.

    Parameters
    ----------
    path : str or Path, optional
        Where it is kept. Default: the user's cache directory, one file a device.
    device : str or torch.device, optional
        Default: the fastest there is.
    again : bool
        Measure even if one is kept. A passport of another machine or PyTorch is never used.
    progress : callable, optional
        Called with a line about each step.

    Returns
    -------
    Passport

    Examples
    --------
    ``passport().peak("float32")`` is the denominator of model FLOPs utilisation (chapter 6).
    """
    target = pick(device)
    path = Path(path) if path is not None else default_path(target.type)
    if path.exists() and not again:
        kept = Passport.load(path)
        if kept.machine == fingerprint() and kept.device == target.type:
            return kept
    fresh = measure_passport(target, progress=progress)
    fresh.save(path)
    return fresh


def measure_passport(
    device: Any = None,
    sizes: tuple[int, ...] | None = None,
    precisions: tuple[str, ...] = PRECISIONS,
    copy_bytes: int | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Passport:
    """Measure a passport now; it is not kept."""
    target = pick(device)
    sizes = sizes or SIZES[target.type]
    contaminated = False
    load = load_per_core()
    rates: dict[str, dict[int, Estimate]] = {}
    for precision in precisions:
        for size in sizes:
            seen = list(rates.get(precision, {}).values())
            if seen and 2 * size**3 / seen[-1].value > LONGEST_CALL_SECONDS:
                progress(f"{precision} {size} and above: too slow here")
                break
            cost = _matmul(precision, size, target)
            if cost is None:
                progress(f"{precision}: not on this device")
                break
            contaminated |= cost.contaminated
            rate = cost.best_flop_per_s
            rates.setdefault(precision, {})[size] = rate
            progress(f"{precision} {size}: {rate}")
    bandwidth, held_up = copy_bandwidth(target, copy_bytes)
    progress(f"copy: {bandwidth}")
    one = torch.ones(1, device=target)
    launch = measure(one.add, one, device=target, budget_seconds=BUDGET_SECONDS)
    progress(f"launch: {launch.seconds}")
    return Passport(
        device=target.type,
        flop_per_s=rates,
        bytes_per_s=bandwidth,
        launch_seconds=launch.seconds,
        machine=fingerprint(),
        load_per_core=load,
        contaminated=bool(contaminated or held_up or launch.contaminated),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _matmul(precision: str, size: int, device: Any) -> Any:
    dtype = getattr(torch, precision)
    try:
        a = torch.rand(size, size, device=device).to(dtype)
        b = torch.rand(size, size, device=device).to(dtype)
        torch.mm(a, b)
    except (RuntimeError, TypeError):  # this device does not know this precision
        return None
    return measure(
        torch.mm, a, b, device=device, flop=2 * size**3, warmup=2, budget_seconds=BUDGET_SECONDS
    )


def copy_bandwidth(device: Any, size_bytes: int | None = None) -> tuple[Estimate, bool]:
    """B/s of copying a block of memory, read and write both counted; and whether it was held up."""
    target = pick(device)
    size_bytes = size_bytes or COPY_BYTES[target.type]
    source = torch.ones(size_bytes // 4, device=target)
    goal = torch.empty_like(source)
    cost = measure(goal.copy_, source, device=target, budget_seconds=BUDGET_SECONDS)
    return Estimate.exact(2 * source.numel() * 4, "B") / cost.best_seconds, cost.contaminated
