"""The passport itself: what it holds, and how it is written as JSON and read again.

`schema.json` beside this file is the same said as a JSON Schema, for programs in any language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from course_lib.files import write_whole
from course_lib.quantities import Estimate

SCHEMA = 2
UNITS = {"flop_per_s": "FLOP/s", "op_per_s": "OP/s", "bytes_per_s": "B/s", "launch_seconds": "s"}
_ESTIMATE = ("value", "low", "high", "unit", "basis")


class OtherVersion(ValueError):
    """A passport that an older or newer version of the library wrote."""


@dataclass(frozen=True)
class Passport:
    """What a machine achieves.

    Attributes
    ----------
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    flop_per_s : dict of str to dict of int to Estimate
        Achieved FLOP/s of a square matmul, by precision and side: the fastest tenth of the calls.
        ``"float32"`` is the full precision; ``"tf32"`` is float32 numbers multiplied with 10 bits
        of mantissa, as NVIDIA's tensor cores do on request.
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
    op_per_s : dict of str to dict of int to Estimate
        The same for ``"int8"``, in OP/s: integer operations, two a multiply-accumulate. They are
        not floating point, so they are not FLOP.
    device_name : str or None
        Of the chip; one machine may hold several.
    device_memory_bytes : int or None
        The device's own memory.

    Examples
    --------
    The peak is that of the best size:

    >>> rates = {side: Estimate.exact(rate, "FLOP/s") for side, rate in ((256, 3e10), (512, 5e10))}
    >>> bandwidth, launch = Estimate.exact(2e10, "B/s"), Estimate.exact(1e-6, "s")
    >>> machine = Passport("cpu", {"float32": rates}, bandwidth, launch, {}, 0.0, False, "today")
    >>> print(machine.peak("float32"), machine.peak_side("float32"), machine.ridge("float32"))
    50 GFLOP/s (counted) 512 2.5 FLOP/B (counted)
    """

    device: str
    flop_per_s: dict[str, dict[int, Estimate]]
    bytes_per_s: Estimate
    launch_seconds: Estimate
    machine: dict[str, Any]
    load_per_core: float | None
    contaminated: bool
    measured: str
    op_per_s: dict[str, dict[int, Estimate]] = field(default_factory=dict)
    device_name: str | None = None
    device_memory_bytes: int | None = None

    def peak(self, precision: str = "float32") -> Estimate:
        """The best achieved rate of a precision over the sizes tried: FLOP/s; of ``int8``, OP/s.

        Raises
        ------
        ValueError
            If the precision was not measured.
        """
        return self._rates(precision)[self.peak_side(precision)]

    def peak_side(self, precision: str = "float32") -> int:
        """The side of the square matrices that reached the peak.

        Raises
        ------
        ValueError
            If the precision was not measured.
        """
        rates = self._rates(precision)
        return max(rates, key=lambda side: rates[side].value)

    def ridge(self, precision: str = "float32") -> Estimate:
        """Arithmetic intensity (FLOP/B) above which arithmetic is the limit, below it memory."""
        return self.peak(precision) / self.bytes_per_s

    def _rates(self, precision: str) -> dict[int, Estimate]:
        both = self.flop_per_s | self.op_per_s
        if precision not in both:
            raise ValueError(f"precision is {precision!r}; this passport has {', '.join(both)}")
        return both[precision]

    def save(self, path: str | Path) -> None:
        """Write as JSON, whole or not at all."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        data: dict[str, Any] = {"schema": SCHEMA}
        for entry in fields(self):
            write = _WRITERS.get(entry.name, lambda value: value)
            data[entry.name] = write(getattr(self, entry.name))
        write_whole(path, json.dumps(data, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Passport:
        """Read what `save` wrote.

        Raises
        ------
        OtherVersion
            If another version of the library wrote it (a ValueError, too).
        ValueError
            If the file is not a passport; the message says where it departs from one.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            _check(isinstance(data, dict) and "schema" in data, "it has no 'schema'")
            if _whole(data["schema"], "schema") != SCHEMA:
                raise OtherVersion(
                    f"{path} is a passport of version {data['schema']}, and this library reads "
                    f"version {SCHEMA}"
                )
            return cls(**_read(data))
        except OtherVersion:
            raise
        except ValueError as error:
            raise ValueError(f"{path} is not a passport: {error}") from error


def _read(data: dict[str, Any]) -> dict[str, Any]:
    """A passport's fields, each one checked."""
    names = [entry.name for entry in fields(Passport)]
    missing = [name for name in names if name not in data]
    unknown = sorted(set(data) - set(names) - {"schema"})
    _check(not missing, f"it has no {', '.join(map(repr, missing))}")
    _check(not unknown, f"it has {', '.join(map(repr, unknown))}, which no passport has")
    return {name: _READERS[name](data[name], name) for name in names}


def _check(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)


def _of(kind: type | tuple[type, ...], what: str) -> Callable[[Any, str], Any]:
    def read(value: Any, where: str) -> Any:
        kinds = kind if isinstance(kind, tuple) else (kind,)
        # To Python True is an int; to JSON it is not.
        fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        _check(fits, f"{where} is {value!r}; it must be {what}")
        return value

    return read


def _one_estimate(value: Any, where: str) -> Estimate:
    _check(
        isinstance(value, dict) and set(value) == set(_ESTIMATE),
        f"{where} is {value!r}; it must have {', '.join(_ESTIMATE)}",
    )
    for name in ("value", "low", "high"):
        _of((int, float), "a number")(value[name], f"{where}.{name}")
        _check(value[name] > 0, f"{where}.{name} is {value[name]}; it must be above zero")
    unit = UNITS[where.split(".")[0]]
    _check(value["unit"] == unit, f"{where}.unit is {value['unit']!r}; it must be {unit!r}")
    try:
        return Estimate(**value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def _estimates(value: Any, where: str) -> dict[str, dict[int, Estimate]]:
    _of(dict, "an object")(value, where)
    result: dict[str, dict[int, Estimate]] = {}
    for precision, rates in value.items():
        here = f"{where}.{precision}"
        _check(isinstance(rates, dict) and rates != {}, f"{here} is {rates!r}; it needs a size")
        for side, rate in rates.items():
            fits = re.fullmatch("[1-9][0-9]*", side) is not None
            _check(fits, f"{here} has the size {side!r}; it must be a whole number")
            result.setdefault(precision, {})[int(side)] = _one_estimate(rate, f"{here}.{side}")
    return result


def _machine(value: Any, where: str) -> dict[str, Any]:
    _of(dict, "an object")(value, where)
    missing = [name for name in _MACHINE if name not in value]
    _check(not missing, f"{where} has no {', '.join(map(repr, missing))}")
    for name, read in _MACHINE.items():
        read(value[name], f"{where}.{name}")
    return value


def _names(value: Any, where: str) -> list[str]:
    for name in _of(list, "a list of names")(value, where):
        _of(str, "a name")(name, where)
    return value


def _write_one(estimate: Estimate) -> dict[str, Any]:
    return {name: getattr(estimate, name) for name in _ESTIMATE}


def _write_all(rates: dict[str, dict[int, Estimate]]) -> dict[str, Any]:
    return {
        precision: {str(side): _write_one(rate) for side, rate in by_side.items()}
        for precision, by_side in rates.items()
    }


_name, _whole = _of(str, "a name"), _of(int, "a whole number")
_name_or_null = _of((str, type(None)), "a name or null")
_whole_or_null = _of((int, type(None)), "a whole number or null")
_MACHINE = {
    "cpu": _name,
    "cores": _whole,
    "threads": _whole,
    "memory_bytes": _whole_or_null,
    "system": _name,
    "python": _name,
    "torch": _name,
    "gpus": _names,
}
_READERS: dict[str, Callable[[Any, str], Any]] = {
    "device": _name,
    "flop_per_s": _estimates,
    "bytes_per_s": _one_estimate,
    "launch_seconds": _one_estimate,
    "machine": _machine,
    "load_per_core": _of((int, float, type(None)), "a number or null"),
    "contaminated": _of(bool, "true or false"),
    "measured": _of(str, "a date"),
    "op_per_s": _estimates,
    "device_name": _name_or_null,
    "device_memory_bytes": _whole_or_null,
}
_WRITERS: dict[str, Callable[[Any], Any]] = {
    "flop_per_s": _write_all,
    "bytes_per_s": _write_one,
    "launch_seconds": _write_one,
    "op_per_s": _write_all,
}
