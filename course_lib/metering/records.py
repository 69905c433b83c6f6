"""Named measurements on disk: raw samples in ``records.jsonl``, one line each, to be handed in.

When a notebook runs again, its named measurements can return what was recorded instead of running:
always while nbgrader grades it, on request while a student works (`record_to`).
"""

from __future__ import annotations

import json
import os
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from course_lib.files import append_line, read_lines, write_whole
from course_lib.metering.clocks import Sample
from course_lib.metering.result import Measurement, summarise
from course_lib.quantities import Estimate

Replay = Literal["never", "existing", "always"]
FILE = "records.jsonl"


@dataclass
class _Settings:
    path: Path = Path(FILE)
    replay: Replay = "never"


_settings = _Settings()


def record_to(path: str | Path = FILE, replay: Replay = "existing") -> None:
    """Say where named measurements are kept, and when a kept one is used instead of measuring.

    Parameters
    ----------
    path : str or Path
        A file beside the notebook; it is made by the first named measurement.
    replay : {"existing", "never", "always"}
        ``"existing"``: a name that is on record is not measured again, so that "restart and run
        all" is quick and changes nothing. ``"never"``: measure and append. ``"always"``: run
        nothing; a name that is not on record is an error. While nbgrader grades or validates a
        notebook (it sets ``NBGRADER_EXECUTION``), ``"always"`` holds whatever is asked for.

    Raises
    ------
    ValueError
        If ``replay`` is none of the three.

    Examples
    --------
    >>> import tempfile
    >>> from course_lib import measure
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     record_to(f"{folder}/records.jsonl")
    ...     _ = measure(sum, range(100), name="a sum", repeats=5)
    ...     list(read_records())
    ['a sum']
    >>> record_to(replay="never")
    """
    if replay not in ("never", "existing", "always"):
        raise ValueError(f"replay is {replay!r}; allowed are 'never', 'existing', 'always'")
    _settings.path, _settings.replay = Path(path), replay


def replay_mode() -> Replay:
    """What holds now; grading overrides what the notebook asked for."""
    return "always" if os.environ.get("NBGRADER_EXECUTION") else _settings.replay


def read_records(path: str | Path | None = None) -> dict[str, dict[str, Any]]:
    """The records of a file by name; of several with one name, the last.

    Raises
    ------
    ValueError
        If a line is not a record, with its number.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "records.jsonl"
    ...     _ = path.write_text('{"name": "a", "flop": 1.0}\\n{"name": "a", "flop": 2.0}\\n')
    ...     read_records(path)["a"]["flop"]
    2.0
    """
    entries = read_lines(path or _settings.path, "a record", needs=("name",))
    return {entry["name"]: entry for entry in entries}


def find(name: str) -> dict[str, Any] | None:
    """The record to replay for a name, or None if it is to be measured.

    Raises
    ------
    LookupError
        If everything must be replayed and the name is not on record.
    """
    mode = replay_mode()
    if mode == "never":
        return None
    records = read_records()
    if name not in records and mode == "always":
        known = ", ".join(sorted(records)) or "nothing"
        raise LookupError(
            f"no recorded measurement {name!r} in {_settings.path.name} (it holds {known}). "
            "Run the notebook and hand that file in with it"
        )
    return records.get(name)


def append(record: dict[str, Any]) -> None:
    """Add a record to the file."""
    append_line(_settings.path, record)


def forget(name: str) -> None:
    """Remove the records of a name, so that it is measured anew.

    Raises
    ------
    KeyError
        If there is no record of that name.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "records.jsonl"
    ...     _ = path.write_text('{"name": "a"}\\n{"name": "b"}\\n')
    ...     record_to(path)
    ...     forget("a")
    ...     list(read_records())
    ['b']
    >>> record_to(replay="never")
    """
    path = _settings.path
    known = read_records()
    if name not in known:
        raise KeyError(f"{path} has no record {name!r}; it has {', '.join(sorted(known))}")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.strip() and json.loads(line)["name"] != name]
    write_whole(path, "".join(kept))


def to_record(result: Measurement, joules: dict[str, float | None]) -> dict[str, Any]:
    """A measurement as a line of the file holds it: what was read, not what follows from it."""
    peak = result.peak_bytes
    return {
        "name": result.name,
        "recorded": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "samples": _columns(result.samples),
        "warmup_samples": _columns(result.warmup_samples),
        "peak_bytes": [peak.value, peak.low, peak.high, peak.basis],
        "counter_joule": joules,
        "flop": result.flop,
        "contaminated": result.contaminated,
        "contamination": list(result.contamination),
        "machine": result.machine,
    }


def from_record(record: dict[str, Any]) -> Measurement:
    """The measurement that a line of the file holds, also a line of an earlier version.

    Raises
    ------
    ValueError
        If the record is damaged.
    """
    try:
        value, low, high, basis = record["peak_bytes"]
        joules = record["counter_joule"]
        return summarise(
            _rows(record["samples"]),
            _rows(record["warmup_samples"]),
            Estimate(value, low, high, "B", basis),
            joules if isinstance(joules, dict) else {"cpu": joules},  # 0.1 had one counter
            record["flop"],
            record["machine"],
            record["name"],
            replayed=True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the record {record.get('name')!r} is damaged: {error}") from error


def _columns(samples: tuple[Sample, ...]) -> dict[str, list]:
    """Samples as one list for each clock."""
    return {clock.name: [getattr(s, clock.name) for s in samples] for clock in fields(Sample)}


def _rows(columns: dict[str, list]) -> list[Sample]:
    """Samples again; a column that came later than the record takes its default."""
    clocks = [c for c in fields(Sample) if c.default is MISSING or c.name in columns]
    rows = zip(*(columns[clock.name] for clock in clocks), strict=True)
    return [Sample(*row) for row in rows]
