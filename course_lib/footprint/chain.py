"""The books of a bill: what was given, what was looked up or assumed, what was computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from course_lib.footprint.factors import assumed
from course_lib.footprint.inputs import INPUTS, Factor
from course_lib.quantities import Estimate

UNITS = {name: rule.unit for name, rule in INPUTS.items()} | {
    "run_chip_hours": "h",
    "lifetime_hours": "h",
    "energy_kwh": "kWh",
    "co2e_kg": "kgCO2e",
    "embodied_kg": "kgCO2e",
    "marginal_co2e_kg": "kgCO2e",
    "usd": "USD",
}


@dataclass(frozen=True)
class Chain:
    """Numbers that were given, and those that were used on the way, in the order of their use."""

    given: dict[str, Factor]
    used: dict[str, Factor] = field(default_factory=dict)

    def has(self, *names: str) -> bool:
        """Whether all of these were given."""
        return all(name in self.given for name in names)

    def take(self, name: str, otherwise: Callable[[], Factor] | None = None) -> Estimate:
        """An input's value; where it was left out, what ``otherwise`` finds for it."""
        if name not in self.used:
            found = self.given[name] if name in self.given or otherwise is None else otherwise()
            self.used[name] = found
        return self.used[name].value

    def take_or_assume(self, name: str) -> Estimate:
        """An input's value, or the wide assumption that stands in for it."""
        return self.take(name, lambda: assumed(name))

    def noted(self, name: str) -> Estimate | None:
        """A number that was computed before."""
        return self.used[name].value if name in self.used else None

    def note(self, name: str, value: Estimate, formula: str) -> Estimate:
        """Write down a computed number, in its unit."""
        value = value if value.unit == UNITS[name] else value.to(UNITS[name])
        shown = f"{name}, in all" if name in self.given else name
        self.used[shown] = Factor(shown, value, f"= {formula}")
        return value
