"""Inputs that say the same thing twice must agree within their intervals."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

from course_lib.footprint import factors, steps
from course_lib.footprint.chain import Chain
from course_lib.footprint.inputs import Factor
from course_lib.quantities import Estimate

SLACK = 0.02  # bare numbers are rounded, published ones to a per cent or two
Ways = dict[str, Callable[[], Estimate]]


def refuse_contradiction(given: dict[str, Factor], chip: str | None, precision: str) -> None:
    """Raise where two ways to one number give intervals that do not meet.

    Raises
    ------
    ValueError
        With the inputs of both and what each gives; with the utilisation, where the work does not
        fit into the hours even at the chip's peak rate.
    """
    chain = Chain(given)
    _compare("chip-hours", _chip_hours(chain, chip, precision))
    _compare("energy", _energy(chain))
    _compare_with_peak(chain, chip, precision)


def _chip_hours(chain: Chain, chip: str | None, precision: str) -> Ways:
    ways: Ways = {}
    if chain.has("chip_hours"):
        ways["chip_hours"] = lambda: chain.take("chip_hours")
    if chain.has("hours", "chips"):
        ways["hours × chips"] = lambda: chain.take("hours") * chain.take("chips")
    if chain.has("training_flop", "achieved_flop_per_s"):
        ways["training_flop / achieved_flop_per_s"] = lambda: (
            steps.work(chain) / chain.take("achieved_flop_per_s")
        )
    if chain.has("training_flop", "mfu") and steps.has_peak(chain, chip):
        ways["training_flop / (peak_flop_per_s × mfu)"] = lambda: (
            steps.work(chain) / steps.peak_rate(chain, chip, precision) / chain.take("mfu")
        )
    return ways


def _energy(chain: Chain) -> Ways:
    hours = next(iter(_chip_hours(chain, None, "").values()), None)
    if hours is None or not chain.has("energy_kwh", "chip_power_w"):
        return {}
    kilowatts, formula = steps.power(chain, None)

    def computed() -> Estimate:
        return hours() * kilowatts

    if chain.has("pue"):  # then energy_kwh was measured at the computers
        return {
            "energy_kwh (before pue, since pue is given)": lambda: chain.take("energy_kwh"),
            f"chip-hours × {formula}": computed,
        }
    return {
        "energy_kwh": lambda: chain.take("energy_kwh"),
        f"chip-hours × {formula} × an assumed pue": lambda: (
            computed() * factors.assumed("pue").value
        ),
    }


def _compare(what: str, ways: Ways) -> None:
    if len(ways) < 2:
        return
    found = {way: compute() for way, compute in ways.items()}
    for (first, one), (second, other) in permutations(found.items(), 2):
        if one.low * (1 - SLACK) > other.high * (1 + SLACK):
            raise ValueError(
                f"inputs contradict each other: {first} gives {what} of {one}, "
                f"{second} gives {other}; leave one of them out"
            )


def _compare_with_peak(chain: Chain, chip: str | None, precision: str) -> None:
    if not chain.has("training_flop") or chain.has("mfu") or not steps.has_peak(chain, chip):
        return
    counted = steps.counted_chip_hours(chain)
    if counted is None or (counted.low <= 0 < counted.high):
        return
    needed = steps.work(chain) / steps.peak_rate(chain, chip, precision)
    if needed.low > counted.high * (1 + SLACK):
        raise ValueError(
            f"inputs contradict each other: training_flop needs {needed} chip-hours at the peak "
            f"rate, and chip_hours (or hours × chips) gives {counted}: check units and peak"
        )
