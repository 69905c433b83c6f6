"""`Measurement`: what `measure` returns, and how it follows from the samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from course_lib.metering import contamination
from course_lib.metering.clocks import Sample
from course_lib.metering.energy import energy_by_part
from course_lib.metering.intervals import session_interval
from course_lib.quantities import Estimate


@dataclass(frozen=True)
class Measurement:
    """What one call cost, from `measure`.

    Attributes
    ----------
    seconds, cpu_seconds : Estimate
        Median wall time, and CPU time of this process over all its threads, in s.
    peak_bytes : Estimate
        The most memory a call held beyond what was held before it, in B.
    energy_by_part : dict of str to Estimate
        In J, of each chip that takes part: ``"cpu"``, and for work on a GPU that GPU too. The basis
        tells a hardware counter ("measured") from time multiplied by a range of power ("assumed").
    flop : float or None
        FLOP of a call, if `measure` was told.
    samples, warmup_samples : tuple of Sample
        In the order measured; the warm-up is kept apart.
    contamination : tuple of str
        Why the measurement should not be trusted: other work held it up, or its level changed.
    machine : dict
        See `course_lib.devices.fingerprint`.
    name : str or None
        Under which it was recorded.
    replayed : bool
        Whether it was read from a record instead of run.
    """

    seconds: Estimate
    cpu_seconds: Estimate
    peak_bytes: Estimate
    energy_by_part: dict[str, Estimate]
    flop: float | None
    samples: tuple[Sample, ...] = field(repr=False)
    warmup_samples: tuple[Sample, ...] = field(repr=False)
    contamination: tuple[str, ...]
    machine: dict[str, Any] = field(repr=False)
    name: str | None = None
    replayed: bool = False

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Both ends, in s, of an interval of the median wall time; ``.seconds`` has that at 90 %.

        Parameters
        ----------
        level : float
            The probability meant, between 0 and 1; `measure` says what was seen of it.

        Returns
        -------
        low, high : float
        """
        series = [sample.seconds for sample in self.samples]
        return session_interval(series, level=level)[1:]

    @property
    def contaminated(self) -> bool:
        """Whether there is any ``contamination``."""
        return bool(self.contamination)

    @property
    def energy_joule(self) -> Estimate:
        """Energy of a call in J, over all parts; its basis is that of the least sure of them."""
        return sum(self.energy_by_part.values())

    @property
    def minimum_seconds(self) -> float:
        """The shortest wall time of a call: what is left when nothing interfered."""
        return min(sample.seconds for sample in self.samples)

    @property
    def minimum_cpu_seconds(self) -> float:
        """The least CPU time of a call."""
        return min(sample.cpu_seconds for sample in self.samples)

    @property
    def flop_per_s(self) -> Estimate:
        """Achieved FLOP/s by median wall time; needs ``flop``."""
        return self._flop() / self.seconds

    @property
    def best_seconds(self) -> Estimate:
        """Wall time that a tenth of the calls stay under: what is left when little interferes.

        For peaks and rooflines, where the question is what the machine can do.
        """
        return _seconds("wall", [sample.seconds for sample in self.samples], quantile=0.1)

    @property
    def best_flop_per_s(self) -> Estimate:
        """Achieved FLOP/s in `best_seconds`; needs ``flop``."""
        return self._flop() / self.best_seconds

    def _flop(self) -> Estimate:
        if self.flop is None:
            raise ValueError("this measurement was not told its FLOP: measure(..., flop=...)")
        return Estimate.exact(self.flop, "FLOP")

    def __str__(self) -> str:
        parts = [self.name, f"{self.seconds}", f"CPU {self.cpu_seconds}"]
        if self.replayed:
            parts.append("replayed, not run now")
        if self.contaminated:
            parts.append(f"CONTAMINATED: {'; '.join(self.contamination)}")
        return "  ".join(part for part in parts if part)


def summarise(
    samples: list[Sample],
    warmups: list[Sample],
    peak: Estimate,
    joules: dict[str, float | None],
    flop: float | None,
    machine: dict[str, Any],
    name: str | None,
    replayed: bool = False,
) -> Measurement:
    """A measurement from its raw parts, the same whether they were taken now or recorded.

    ``joules`` holds what each part's counter rose over all samples; None where nothing counts.
    """
    seconds = _seconds("wall", [s.seconds for s in samples])
    cpu = _seconds("CPU", [s.cpu_seconds for s in samples])
    total_calls = sum(sample.calls for sample in samples)
    return Measurement(
        seconds=seconds,
        cpu_seconds=cpu,
        peak_bytes=peak,
        energy_by_part=energy_by_part(joules, total_calls, seconds),
        flop=flop,
        samples=tuple(samples),
        warmup_samples=tuple(warmups),
        contamination=contamination.reasons(samples, machine),
        machine=machine,
        name=name,
        replayed=replayed,
    )


def _seconds(clock: str, series: list[float], quantile: float = 0.5) -> Estimate:
    """Named after its own digits: asked for again, or replayed, it is the same input."""
    ends = session_interval(series, quantile)
    return Estimate(*ends, "s", "measured", name=f"{clock} time {ends}")
