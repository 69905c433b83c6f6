"""What a run can be told: each keyword with its unit and its bounds, read into a `Factor`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from course_lib.quantities import Estimate


@dataclass(frozen=True)
class Factor:
    """One number of a bill: its name, its value, and where it comes from.

    Attributes
    ----------
    name : str
        The keyword of `Run`, or the name of a computed quantity.
    value : Estimate
        In the unit of the bill; its basis is ``"assumed"`` where a wide default stands in.
    source : str
        ``"given"``, a citation key with its place, or the formula of a computed number.
    """

    name: str
    value: Estimate
    source: str = "given"

    @property
    def assumed(self) -> bool:
        """Whether the number is an assumption, the user's or the default."""
        return self.value.basis == "assumed" and not self.computed

    @property
    def computed(self) -> bool:
        """Whether the number follows from others of the same bill."""
        return self.source.startswith("= ")


@dataclass(frozen=True)
class Input:
    """Unit and bounds of a keyword; ``positive`` where the number is divided by."""

    unit: str
    meaning: str
    positive: bool = False
    least: float = 0.0
    most: float = math.inf


INPUTS = {
    "training_flop": Input("FLOP", "work of the run"),
    "achieved_flop_per_s": Input("FLOP/s", "rate achieved by one chip", positive=True),
    "peak_flop_per_s": Input("FLOP/s", "peak rate of one chip", positive=True),
    "mfu": Input("", "achieved over peak rate, a fraction", positive=True, most=1),
    "chips": Input("", "number of chips", positive=True),
    "chip_hours": Input("h", "chips times hours"),
    "hours": Input("h", "wall time of the run"),
    "chip_power_w": Input("W", "average power of one chip"),
    "tdp_w": Input("W", "thermal design power of one chip"),
    "tdp_fraction": Input("", "average over thermal design power of the chip", most=2),
    "server_overhead": Input("", "power of the server over that of its chips", least=1),
    "pue": Input("", "power usage effectiveness", positive=True, least=1),
    "energy_kwh": Input("kWh", "measured energy of the run"),
    "extra_share": Input("", "failed and repeated chip-hours over those of the run"),
    "idle_share": Input("", "reserved and idle chip-hours over those of the run"),
    "idle_power_fraction": Input("", "power when idle over power when busy", most=1),
    "grid_kgco2e_per_kwh": Input("kgCO2e/kWh", "average carbon intensity of the electricity"),
    "marginal_kgco2e_per_kwh": Input("kgCO2e/kWh", "intensity of one more kWh"),
    "embodied_kgco2e_per_chip": Input("kgCO2e", "making one chip and its share of the server"),
    "lifetime_years": Input("year", "years that the hardware serves", positive=True),
    "lifetime_utilisation": Input("", "share of its life that it is busy", positive=True, most=1),
    "usd_per_chip_hour": Input("USD/h", "price of one chip for one hour"),
    "purchase_usd_per_chip": Input("USD", "price of one chip and its share of the server"),
    "usd_per_kwh": Input("USD/kWh", "price of electricity that is paid apart"),
}


def read(name: str, given: Any) -> Factor:
    """Check one input and put it into its unit.

    A bare number is in the unit of the keyword and exact; an `Estimate` is converted.

    >>> read("energy_kwh", Estimate.exact(1.5, "MWh")).value.value
    1500.0
    >>> read("training_flop", Estimate.exact(1e9, "MAC"))
    Traceback (most recent call last):
    ...
    ValueError: training_flop is in MAC; cannot express MAC in 'FLOP'
    """
    rule = INPUTS[name]
    if isinstance(given, bool) or not isinstance(given, Real | Estimate):
        unit = f" in {rule.unit}" if rule.unit else ""
        raise TypeError(f"{name} is {given!r}; give a number{unit} or an Estimate")
    if isinstance(given, Estimate):
        source = getattr(given, "source", "") or "given"
        place = getattr(given, "locator", "")
        value = _converted(name, given, rule.unit)
    else:
        if not math.isfinite(given):
            raise ValueError(f"{name} is {given}; must be finite")
        source, place = "given", ""
        value = Estimate.exact(float(given), rule.unit)
    _check(name, value, rule)
    return Factor(name, value, f"{source}, {place}" if place else source)


def _converted(name: str, given: Estimate, unit: str) -> Estimate:
    try:
        return given if given.unit == unit else given.to(unit)
    except ValueError as error:
        raise ValueError(f"{name} is in {given.unit or 'no unit'}; {error}") from None


def _check(name: str, value: Estimate, rule: Input) -> None:
    shown = f"{name} is {value.value:g} {rule.unit}".rstrip()
    if not rule.least <= value.value <= rule.most:
        upper = "" if math.isinf(rule.most) else f" and at most {rule.most:g}"
        raise ValueError(f"{shown}; it must be at least {rule.least:g}{upper} ({rule.meaning})")
    if rule.positive and value.low <= 0:
        low = "" if value.value <= 0 else f" and may be as low as {value.low:g}"
        raise ValueError(f"{shown}{low}; it must be above zero ({rule.meaning})")
