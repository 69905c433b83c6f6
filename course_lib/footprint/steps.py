"""The steps of a bill: chip-hours from work, power from a chip, shares of extra and idle time."""

from __future__ import annotations

from course_lib.footprint import factors
from course_lib.footprint.chain import Chain
from course_lib.quantities import Estimate

HOURS_PER_YEAR = Estimate.exact(8766, "h/year")
HOURS_PER_SECOND = Estimate.exact(1 / 3600, "h/s")
KW_PER_W = Estimate.exact(1e-3, "kWh/h/W")  # so that kilowatts times hours are kWh


def counted_chip_hours(chain: Chain) -> Estimate | None:
    """Chip-hours of the run itself where they were counted: given, or hours times chips."""
    if chain.has("chip_hours"):
        return chain.note("run_chip_hours", chain.take("chip_hours"), "chip_hours")
    if chain.has("hours", "chips"):
        hours = chain.take("hours") * chain.take("chips")
        return chain.note("run_chip_hours", hours, "hours × chips")
    return None


def work(chain: Chain) -> Estimate:
    """The training FLOP as hours at one FLOP/s: divided by a rate they are chip-hours."""
    return chain.take("training_flop") * HOURS_PER_SECOND


def has_peak(chain: Chain, chip: str | None) -> bool:
    """Whether the peak rate of a chip is given or can be looked up."""
    return chip is not None or chain.has("peak_flop_per_s")


def rate(chain: Chain, chip: str | None, precision: str) -> tuple[Estimate, str] | None:
    """FLOP/s of one chip, and how it was found: achieved, or peak rate times utilisation."""
    if chain.has("achieved_flop_per_s"):
        return chain.take("achieved_flop_per_s"), "achieved_flop_per_s"
    if not has_peak(chain, chip):
        return None
    achieved = peak_rate(chain, chip, precision) * chain.take_or_assume("mfu")
    return achieved, "(peak_flop_per_s × mfu)"


def peak_rate(chain: Chain, chip: str | None, precision: str) -> Estimate:
    """Peak FLOP/s of one chip, given or from the table of accelerators."""
    return chain.take("peak_flop_per_s", lambda: factors.peak(chip, precision))


def run_chip_hours(chain: Chain, chip: str | None, precision: str) -> Estimate | None:
    """Chip-hours of the run itself, from any of the ways to know them."""
    counted = chain.noted("run_chip_hours") or counted_chip_hours(chain)
    if counted is not None or not chain.has("training_flop"):
        return counted
    found = rate(chain, chip, precision)
    if found is None:
        return None
    return chain.note("run_chip_hours", work(chain) / found[0], f"training_flop / {found[1]}")


def power(chain: Chain, chip: str | None) -> tuple[Estimate, str] | None:
    """Power of one chip with its share of the server, in kW, and how it was found."""
    if chain.has("chip_power_w"):
        kilowatts, formula = chain.take("chip_power_w") * KW_PER_W, "chip_power_w"
        if chain.has("server_overhead"):
            kilowatts = kilowatts * chain.take("server_overhead")
            formula = "chip_power_w × server_overhead"
        return kilowatts, formula
    if chip is None and not chain.has("tdp_w"):
        return None
    kilowatts = chain.take("tdp_w", lambda: factors.tdp(chip)) * KW_PER_W
    kilowatts = kilowatts * chain.take_or_assume("tdp_fraction")
    kilowatts = kilowatts * chain.take_or_assume("server_overhead")
    return kilowatts, "tdp_w × tdp_fraction × server_overhead"


def has_extra(chain: Chain) -> bool:
    """Whether anything was spent beside the run."""
    return chain.has("extra_share") or chain.has("idle_share")


def with_extra(
    chain: Chain, amount: Estimate, formula: str, idle_power: bool = False
) -> tuple[Estimate, str]:
    """Add what was spent beside the run: extra hours in full, idle ones in full or by power."""
    terms, names = [], []
    if chain.has("extra_share"):
        terms, names = [chain.take("extra_share")], ["extra_share"]
    if chain.has("idle_share"):
        idle, name = chain.take("idle_share"), "idle_share"
        if idle_power:
            idle = idle * chain.take_or_assume("idle_power_fraction")
            name = "idle_share × idle_power_fraction"
        terms.append(idle)
        names.append(name)
    if not terms:
        return amount, formula
    return amount * (sum(terms) + 1), f"{formula} × (1 + {' + '.join(names)})"


def lifetime_hours(chain: Chain) -> Estimate:
    """Busy hours in the life of a chip, over which its making and its price are spread."""
    years = chain.take_or_assume("lifetime_years")
    hours = HOURS_PER_YEAR * years * chain.take_or_assume("lifetime_utilisation")
    return chain.note("lifetime_hours", hours, "8766 h × lifetime_years × lifetime_utilisation")
