"""Evidence that recorded samples may be invented: words for the instructor, never a score.

It looks at what `course_lib.measure` wrote, with nothing but that to go by. A record that a careful
person invents passes; a finding is a reason to look, and to ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from scipy.stats import rankdata

from course_lib.checking.audit_series import Finding, Series, instant, of_one, read_series

FEWEST_TO_COMPARE, FEWEST_TO_RANK = 8, 20  # samples
SAME_ORDER = 0.95  # rank correlation of two records, at which one looks like the other's copy
MOST_COMPARED = 100  # records
CLOCK_STEP = timedelta(milliseconds=20)  # by which a computer's calendar clock may be set back
FASTER_THOUGH_LARGER = 0.4  # of the time, at which twice the work or more is not believed
CORE_FLOP_PER_S = 4e11  # 5.6 GHz, two 512-bit units, float32: more than any core achieves
APPLE_FLOP_PER_S = 6e12  # its matrix units are shared by the cores


def audit_records(
    records: Mapping[str, Any],
    forecasts: Mapping[str, Any] | None = None,
    flop: Mapping[str, float] | None = None,
    peak_flop_per_s: float | None = None,
    handed_in: datetime | None = None,
) -> tuple[Finding, ...]:
    """Look for signs that samples were not measured as they say.

    Parameters
    ----------
    records : dict
        As `course_lib.read_records` returns them; untrusted, they may hold anything.
    forecasts : dict, optional
        As `course_lib.forecasting.read_forecasts` returns them. A forecast and a record of one name
        belong together.
    flop : dict, optional
        FLOP of a call by name, where the records were not told; counted by the instructor.
    peak_flop_per_s : float, optional
        The most that such a machine achieves, say from its passport. Without it, the most that any
        machine with so many cores could.
    handed_in : datetime, optional
        With its time zone.

    Returns
    -------
    tuple of Finding
        Each with the ``records`` that it is about, its ``kind``, and the ``evidence`` in words.

    Notes
    -----
    False alarms: of 30 files with 9 records each, measured on one and two threads of two cores,
    beside none, two and four busy processes (and whatever else ran), none had a finding: below
    9.5 % of files with 95 % confidence (Clopper and Pearson, 1934). The rule for numbers of calls
    was changed after the first seven of them, where it had raised one false alarm;
    tests/checking/test_audit.py measures anew. On other systems than Linux the clocks are
    coarser, and fewer signs are looked for.

    Examples
    --------
    >>> for finding in audit_records({"mlp-32": {"name": "mlp-32", "samples": [1, 2, 3]}}):
    ...     print(finding)
    mlp-32: is not what measure writes: it has no 'recorded'
    """
    findings: list[Finding] = []
    whole: list[Series] = []
    for name, record in records.items():
        try:
            series = read_series(str(name), record, (flop or {}).get(name))
        except ValueError as error:
            words = f"is not what measure writes: {error}"
            findings.append(Finding((str(name),), "damaged", words))
            continue
        whole.append(series)
        findings.extend(of_one(series))
    for look in (_copies, _rates, _times, _machines):
        findings.extend(look(whole))
    findings.extend(_peaks(whole, peak_flop_per_s))
    findings.extend(_forecasts(whole, forecasts or {}))
    if handed_in is not None:
        findings.extend(_late(whole, handed_in))
    return tuple(findings)


def _copies(whole: list[Series]) -> Iterator[Finding]:
    """The same samples under two names, as they are, scaled and shifted, reordered, or jittered."""
    for one, other in combinations(whole[:MOST_COMPARED], 2):
        said = _how_alike(one.wall, other.wall)
        if said:
            yield Finding((one.name, other.name), "copied", f"have {said}")


def _how_alike(a: np.ndarray, b: np.ndarray) -> str | None:
    common = min(len(a), len(b))
    if common < FEWEST_TO_COMPARE:
        return None
    shared = len(np.intersect1d(a, b))
    if shared > common / 2:
        return f"{shared} samples in common to the last digit"
    a, b = a[:common], b[:common]
    forms = [_standard(series) for series in (a, b)]
    if np.allclose(*forms, rtol=0, atol=1e-6):
        return "the same samples but for a factor and a constant"
    if np.allclose(*(np.sort(form) for form in forms), rtol=0, atol=1e-6):
        return "the same samples in another order, but for a factor and a constant"
    if common >= FEWEST_TO_RANK:
        alike = float(np.corrcoef(rankdata(a), rankdata(b))[0, 1]) if np.ptp(a) * np.ptp(b) else 0.0
        if alike > SAME_ORDER:
            return f"samples that rise and fall together (rank correlation {alike:.3f})"
    return None


def _standard(series: np.ndarray) -> np.ndarray:
    """Free of scale and place, by what one wild sample does not move."""
    low, middle, high = np.quantile(series, [0.25, 0.5, 0.75])
    return (series - middle) / (high - low) if high > low else np.zeros(len(series))


def _rates(whole: list[Series]) -> Iterator[Finding]:
    """Twice the work in much less time."""
    timed = sorted((series for series in whole if series.flop), key=lambda series: series.flop)
    for smaller, larger in combinations(timed[:MOST_COMPARED], 2):
        times = [max(float(np.min(s.cpu)), float(np.min(s.wall))) for s in (smaller, larger)]
        if larger.flop >= 2 * smaller.flop and times[1] < FASTER_THOUGH_LARGER * times[0]:
            yield Finding(
                (smaller.name, larger.name), "rates",
                f"{larger.flop / smaller.flop:.1f} times the FLOP took "
                f"{times[1] / times[0]:.2f} times the time",
            )  # fmt: skip


def _peaks(whole: list[Series], peak: float | None) -> Iterator[Finding]:
    for series in whole:
        if not series.flop:
            continue
        rate, most = series.flop / float(np.min(series.wall)), peak or _most(series)
        if most and rate > 2 * most:
            yield Finding(
                (series.name,), "peak",
                f"{rate:.2g} FLOP/s is {rate / most:.1f} times what "
                + ("its machine achieves" if peak else "any machine with its cores could reach"),
            )  # fmt: skip


def _most(series: Series) -> float | None:
    """FLOP/s beyond any machine of this kind; None where a GPU may have done the work."""
    if series.machine.get("gpus"):
        return None
    cores = series.cores
    apple = str(series.machine.get("system", "")).startswith("Darwin")
    return CORE_FLOP_PER_S * cores + (APPLE_FLOP_PER_S if apple else 0.0)


def _times(whole: list[Series]) -> Iterator[Finding]:
    """One process measures one thing after another, and writes each down when it is done."""
    inorder = sorted(whole, key=lambda series: series.recorded)
    for earlier, later in pairwise(inorder):
        gap = later.recorded - earlier.recorded
        if gap + CLOCK_STEP < later.took:
            yield Finding(
                (earlier.name, later.name), "times",
                f"were recorded {gap.total_seconds():.3f} s apart, and the samples of the second "
                f"alone took {later.took.total_seconds():.3f} s: they overlap",
            )  # fmt: skip
    gaps = [(b.recorded - a.recorded).total_seconds() for a, b in pairwise(inorder)]
    if len(gaps) >= 4 and max(gaps) > 0 and max(gaps) - min(gaps) < 0.002:
        names = tuple(series.name for series in inorder)
        yield Finding(names, "times", f"were all recorded {gaps[0]:.3f} s apart")
    whole_seconds = [series.name for series in inorder if series.recorded.microsecond == 0]
    if len(inorder) >= 3 and len(whole_seconds) >= 3 and len(whole_seconds) > len(inorder) / 2:
        words = "were recorded at whole seconds, to the millisecond"
        yield Finding(tuple(whole_seconds), "times", words)


def _machines(whole: list[Series]) -> Iterator[Finding]:
    """Cores, processor and versions are of one machine; the number of threads may be changed."""
    for key in dict.fromkeys(key for series in whole for key in series.machine):
        by_value: dict[str, list[str]] = {}
        for series in whole:
            by_value.setdefault(repr(series.machine.get(key)), []).append(series.name)
        if key != "threads" and len(by_value) > 1:
            said = "; ".join(f"{value[:40]} ({names[0]} ...)" for value, names in by_value.items())
            names = tuple(names[0] for names in by_value.values())
            yield Finding(names, "machine", f"were measured where {key} differs: {said}")


def _forecasts(whole: list[Series], forecasts: Mapping[str, Any]) -> Iterator[Finding]:
    for series in whole:
        said = forecasts.get(series.name)
        if not isinstance(said, Mapping):
            continue
        committed, verified = (instant(said.get(key)) for key in ("time", "verified"))
        if committed is None or (verified is None and "verified" in said):
            yield Finding((series.name,), "forecast", "has a forecast without a date")
            continue
        late = (committed - (series.recorded - series.took)).total_seconds()
        if late > 0:
            words = f"its forecast was committed {late:.1f} s after it began to be measured"
            yield Finding((series.name,), "forecast", words)
        early = (series.recorded - verified).total_seconds() if verified else 0.0
        if early > 0:
            words = f"its forecast was verified {early:.1f} s before it was recorded"
            yield Finding((series.name,), "forecast", words)


def _late(whole: list[Series], handed_in: datetime) -> Iterator[Finding]:
    for series in whole:
        ahead = (series.recorded - handed_in).total_seconds()
        if ahead > 0:
            words = f"was recorded {ahead:.0f} s after it was handed in"
            yield Finding((series.name,), "times", words)
