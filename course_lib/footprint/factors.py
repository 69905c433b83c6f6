"""Where a bill finds what it was not told: chips, grids, and wide assumptions with a source.

Each is looked up once: its draws are then ready for the next bill.
"""

from __future__ import annotations

from functools import cache

from course_lib.facts.lookup import Fact, fact, fact_names
from course_lib.facts.tables import fields, near, rows
from course_lib.footprint.inputs import INPUTS, Factor
from course_lib.footprint.prices import cloud_price
from course_lib.footprint.regions import grid_intensity
from course_lib.quantities import Estimate

# name -> (middle, low, high, source); 90 % intervals, meant to be wide
ASSUMPTIONS = {
    "mfu": (0.35, 0.18, 0.55, "patterson2021, Table 4: 0.20 to 0.55; cottier2024: median 0.375"),
    "pue": (1.25, 1.08, 1.6, "patterson2021, Tables 1 and 4: 1.09 (Google) to 1.59 (US average)"),
    "tdp_fraction": (
        0.75,
        0.45,
        1.0,
        "cottier2024: servers draw 0.43 (TPU) to 0.75 (GPU) of rated",
    ),
    "server_overhead": (
        1.25,
        1.0,
        1.8,
        "luccioni2023bloom, Table 3: 1.59; cottier2024: 1.5 to 2.0",
    ),
    "idle_power_fraction": (0.35, 0.2, 0.5, "luccioni2023bloom, Table 3: 257 of 690 MWh are idle"),
    "lifetime_years": (4.0, 3.0, 6.0, "cottier2024: 3; luccioni2023bloom, section 4.1: 6"),
    "lifetime_utilisation": (0.75, 0.5, 0.9, "luccioni2023bloom, section 4.1: 0.85"),
}


@cache
def assumed(name: str) -> Factor:
    """The wide default that stands in for an input that was left out.

    It is one named input: two runs without a PUE share the same unknown PUE.

    >>> print(assumed("pue").value, assumed("pue").assumed)
    1.25 [1.08, 1.6] (assumed) True
    """
    middle, low, high, source = ASSUMPTIONS[name]
    unit = INPUTS[name].unit
    value = Estimate(middle, low, high, unit, "assumed", name=f"assumed.{name}")
    return Factor(name, value, source)


def check_chip(chip: str) -> None:
    """Refuse a chip that the table of accelerators does not have, with near names."""
    if not isinstance(chip, str):
        raise TypeError(f"chip is a {type(chip).__name__}; give a key such as 'h200'")
    known = {row["key"]: row["name"] for row in rows("accelerators")}
    if chip not in known:
        hints = near(chip.lower().replace("-", "_").replace(" ", "_"), known)
        raise ValueError(f"chip is {chip!r}; the table of accelerators does not have it. {hints}")


@cache
def peak(chip: str, precision: str) -> Factor:
    """Peak rate of a chip: a column of the accelerators, say ``"bf16_dense"``."""
    [row] = [row for row in rows("accelerators") if row["key"] == chip]
    rates = [
        field["fact"]
        for field in fields("accelerators")
        if "fact" in field and field.get("unit") == "FLOP/s" and row[field["name"]]
    ]
    if precision not in rates:
        raise ValueError(
            f"precision is {precision!r}; for {chip} the table has {', '.join(rates) or 'no rate'}"
        )
    return _published("peak_flop_per_s", fact(f"{chip}.{precision}"))


@cache
def tdp(chip: str) -> Factor:
    """Thermal design power of a chip."""
    if f"{chip}.tdp" not in fact_names("accelerators"):
        raise ValueError(
            f"chip is {chip!r}; the table has no design power for it. Give chip_power_w or tdp_w"
        )
    return _published("tdp_w", fact(f"{chip}.tdp"))


@cache
def grid(region: str, year: int) -> Factor:
    """Average carbon intensity of a region's electricity in a year, in kgCO2e/kWh."""
    return _published("grid_kgco2e_per_kwh", grid_intensity(region, year), "kgCO2e/kWh")


@cache
def price(chip: str, date: str, commitment: str) -> Factor:
    """List price of a chip in the clouds around a date, in USD/h."""
    return _published("usd_per_chip_hour", cloud_price(chip, date, commitment=commitment))


def _published(name: str, found: Fact, unit: str | None = None) -> Factor:
    value = found if unit in (None, found.unit) else found.to(unit)
    return Factor(name, value, f"{found.name}: {found.source}, {found.locator}")
