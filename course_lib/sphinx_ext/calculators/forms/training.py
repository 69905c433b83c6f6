"""What a training run costs: hours, energy, carbon and money, by `course_lib.footprint`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from course_lib.facts import fact, fact_names
from course_lib.facts.tables import rows
from course_lib.facts.tables import source as source_of
from course_lib.footprint import ASSUMPTIONS, Factor, Missing, Run
from course_lib.quantities import Estimate

from .calculator import Calculator, Result, Row
from .fields import Field, InputError
from .wording import plain, short, spread

# output of Run, its name, how its unit is printed, and the unit of large ones: unit, print, from
OUTPUTS = (
    ("hours", "Wall time", "hours", ("day", "days", 72)),
    ("chip_hours", "Chip-hours", "", None),
    ("energy_kwh", "Energy", "kWh", ("MWh", "MWh", 1000)),
    ("co2e_kg", "Emissions", "kgCO2e", ("tCO2e", "tCO2e", 1000)),
    ("usd", "Price", "USD", None),
)
HEAD = ("Number", "Value", "90 % interval", "Unit", "Basis", "Source")


def calculator() -> Calculator:
    """The first calculator."""
    return Calculator(
        "training",
        "What does this training cost?",
        "From work to hours, energy, emissions and money. What you leave empty is assumed, widely.",
        _fields(),
        compute,
        columns=("Chip-hours", "Energy", "Emissions"),
        examples=_examples,
    )


def compute(given: str, **inputs: Any) -> Result:
    """The bill, as far as what was given suffices for it."""
    run = Run(**{name: value for name, value in inputs.items() if value is not None})
    try:
        found = {name: _output(run, name) for name, *_ in OUTPUTS}
    except ValueError as error:
        chip = inputs.get("chip")
        if chip is None or f"{chip}.tdp" in fact_names("accelerators"):
            raise
        raise InputError(
            "chip_power_w", f"The table has no design power of {chip}: give the power of one chip."
        ) from error
    known = {name: value for name, value in found.items() if value is not None}
    if not known:
        raise InputError("", "This does not suffice for any result: give a chip or its power.")
    shown = [
        _row(title, known[name], unit, large)
        for name, title, unit, large in OUTPUTS
        if name in known
    ]
    sentence = "; ".join(f"{row.label.lower()} {row.text}" for row in shown)
    factors = run.factors()
    return Result(
        sentence[0].upper() + sentence[1:] + ".",
        shown,
        notes=list(_notes(known, factors)),
        chain=[HEAD, *(_link(factor) for factor in factors)],
    )


def _output(run: Run, name: str) -> Estimate | None:
    try:
        return getattr(run, name)
    except Missing:
        return None


def _row(title: str, value: Estimate, unit: str, large: tuple[str, str, float] | None) -> Row:
    if large is not None and value.value >= large[2]:
        value, unit = value.to(large[0]), large[1]
    remark = ", ".join(part for part in (spread(value), value.basis) if part)
    return Row(title, f"{short(value.value)} {unit}".rstrip(), remark)


def _notes(known: dict[str, Estimate], factors: list[Factor]) -> Iterator[str]:
    labels = {field.name: field.label for field in _fields()}
    guessed = [
        labels.get(factor.name, factor.name.replace("_", " "))
        for factor in factors
        if factor.assumed
    ]
    if guessed:
        yield f"Assumed, since left empty: {', '.join(guessed)}."
    if "hours" not in known:
        yield "For the wall time, say how many chips work at once."
    if "energy_kwh" not in known:
        yield "For energy, give a chip or the power of one."
    elif "co2e_kg" not in known:
        yield "For emissions, give a region and a year, or the intensity of the grid."
    if "usd" not in known:
        yield "For a price, give that of a chip-hour, or a chip and the date of a list price."


def _link(factor: Factor) -> tuple[str, ...]:
    value = factor.value
    exact = value.low == value.high
    shown = plain(value.value) if exact else short(value.value)
    interval = "" if exact else f"{short(value.low)} to {short(value.high)}"
    return factor.name, shown, interval, value.unit, value.basis, _in_words(factor.source)


def _in_words(source: str) -> str:
    """A source with authors and year in the place of citation keys."""
    return re.sub(r"\w+", lambda word: source_of(word[0])["short"], source)


def _chips() -> list[tuple[str, str]]:
    return [(row["key"], row["name"]) for row in rows("accelerators") if row["verified"] == "yes"]


def _regions() -> list[tuple[str, str]]:
    """Codes of countries, keys of other regions, with their names."""
    found = {}
    for row in rows("grid_intensity"):
        name, _, year = row["key"].rpartition("_")
        if year == row["year"]:
            found[row["iso3"] or name] = row["region"]
    return sorted(found.items(), key=lambda pair: pair[1])


def _assumed(name: str) -> str:
    _, low, high, _ = ASSUMPTIONS[name]
    return f"empty: {low:g} to {high:g} is assumed"


@cache
def _fields() -> tuple[Field, ...]:
    work, hours, energy = ("flop",), ("flop", "hours"), ("energy",)
    return (
        Field(
            "given", "What you know", "flop", "choice",
            choices=(
                ("flop", "FLOP of the training"),
                ("hours", "chip-hours"),
                ("energy", "measured energy"),
            ),
        ),
        Field("training_flop", "Work of the training", "3.14e23", unit="FLOP", only_for=work),
        Field("chip_hours", "Chip-hours", "1e6", unit="h", only_for=("hours",)),
        Field("energy_kwh", "Energy", "433196", unit="kWh", only_for=energy,
              hint="with a PUE: measured at the computers"),
        Field("chip", "Chip", "h100_sxm", "name", choices=_chips(), only_for=hours, optional=True,
              hint="a key of the table of accelerators"),
        Field(
            "precision", "Arithmetic", "bf16_dense", "choice", only_for=work,
            choices=(
                ("bf16_dense", "16 bit, matrix units"),
                ("fp16_vector", "16 bit, vector units"),
                ("fp32", "32 bit"),
            ), more=True,
        ),
        Field("mfu", "Utilisation (MFU)", hint=_assumed("mfu"), only_for=work, optional=True),
        Field("chips", "Chips at once", "1024", "count", only_for=hours, optional=True),
        Field("chip_power_w", "Power of one chip", unit="W", only_for=hours, optional=True,
              hint="with its share of the server; empty: from the design power", more=True),
        Field("pue", "PUE", hint=_assumed("pue"), optional=True, more=True),
        Field("region", "Region", "USA", "name", choices=_regions(), optional=True,
              hint="country code, or a name of the table"),
        Field("year", "Year", "2023", "count", optional=True),
        Field("grid_kgco2e_per_kwh", "Grid intensity", unit="kgCO2e/kWh", optional=True,
              hint="where you know better than region and year", more=True),
        Field("usd_per_chip_hour", "Price of a chip-hour", unit="USD", only_for=hours,
              optional=True, more=True),
        Field("date", "Date of a list price", "", "name", only_for=hours, optional=True,
              hint="such as 2023-06-30; instead of a price", more=True),
    )  # fmt: skip


def _examples() -> list[tuple[str, Mapping[str, str]]]:
    """Published runs from their published inputs, and one of today."""
    published = {row["key"]: row for row in rows("training_footprints")}
    gpt3, meena, bloom = (
        published[key]
        for key in ("gpt3_patterson2021", "meena_patterson2021", "bloom_luccioni2023")
    )
    utilisation = float(gpt3["measured_flop_per_s"]) / fact(f"{gpt3['chip']}.bf16_dense").value
    meena_hours = float(meena["chips"]) * 24 * float(meena["training_days"])
    return [
        (
            "GPT-3 (Patterson et al., 2021)",
            _patterson(gpt3)
            | {"training_flop": gpt3["training_flop"], "mfu": f"{utilisation:.3g}"},
        ),
        (
            "Meena (Patterson et al., 2021)",
            _patterson(meena)
            | {"given": "hours", "chip_hours": f"{meena_hours:.0f}", "date": "2020-06-30"},
        ),
        (
            "BLOOM, chips alone (Luccioni et al., 2023)",
            {
                "given": "energy", "energy_kwh": plain(float(bloom["energy_mwh"]) * 1000),
                "region": "", "year": "", "grid_kgco2e_per_kwh": bloom["intensity_kgco2e_per_kwh"],
            },
        ),
        ("The FLOP of GPT-3 on H100s in the USA", {"training_flop": gpt3["training_flop"]}),
    ]  # fmt: skip


def _patterson(row: Mapping[str, str]) -> dict[str, str]:
    return {
        "chip": row["chip"], "chips": row["chips"], "chip_power_w": row["power_w"],
        "pue": row["pue"], "region": "", "year": "",
        "grid_kgco2e_per_kwh": row["intensity_kgco2e_per_kwh"],
    }  # fmt: skip
