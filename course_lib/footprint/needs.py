"""Which sets of inputs suffice for an output, and the error that says so."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product

# part -> the sets that give it; a part of another part stands in angle brackets
NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "hours": (("hours",), ("<chip_hours>", "chips")),
    "chip_hours": (("<chip_hours>",),),
    "energy_kwh": (("<energy>",),),
    "co2e_kg": (("<energy>", "<carbon>"),),
    "marginal_co2e_kg": (("<energy>", "marginal_kgco2e_per_kwh"),),
    "embodied_kg": (("<chip_hours>", "embodied_kgco2e_per_chip"),),
    "usd": (("<chip_hours>", "<price>"), ("<chip_hours>", "<energy>", "<ownership>")),
    "mfu": (("mfu",), ("training_flop", "<peak>", "<counted>")),
    "<chip_hours>": (
        ("chip_hours",),
        ("hours", "chips"),
        ("training_flop", "achieved_flop_per_s"),
        ("training_flop", "<peak>"),
    ),
    "<counted>": (("chip_hours",), ("hours", "chips")),
    "<peak>": (("chip",), ("peak_flop_per_s",)),
    "<energy>": (("energy_kwh",), ("<chip_hours>", "<power>")),
    "<power>": (("chip_power_w",), ("chip",), ("tdp_w",)),
    "<carbon>": (("grid_kgco2e_per_kwh",), ("region", "year")),
    "<price>": (("usd_per_chip_hour",), ("chip", "date")),
    "<ownership>": (("purchase_usd_per_chip", "usd_per_kwh"),),
}


class Missing(ValueError):
    """An output was asked for that the inputs do not suffice for."""


def sufficient(part: str) -> list[frozenset[str]]:
    """Every smallest set of inputs that gives an output.

    >>> [sorted(names) for names in sufficient("hours")][:3]
    [['hours'], ['chip_hours', 'chips'], ['achieved_flop_per_s', 'chips', 'training_flop']]
    """
    found = {
        frozenset().union(*choice)
        for names in NEEDS[part]
        for choice in product(
            *(sufficient(name) if name.startswith("<") else [frozenset([name])] for name in names)
        )
    }
    smallest = [names for names in found if not any(other < names for other in found)]
    return sorted(smallest, key=lambda names: (len(names), sorted(names)))


def missing(output: str, given: Collection[str]) -> Missing:
    """The error for an output that cannot be computed, with the sets that would do."""
    told, parts = set(given), dict[str, None]()

    def visit(part: str) -> None:
        parts[part] = None
        for names in NEEDS[part]:
            for name in names:
                if name.startswith("<") and name not in parts:
                    visit(name)

    visit(output)
    lines = [
        f"  {part.strip('<>')}: " + "; or ".join(" + ".join(names) for names in NEEDS[part])
        for part in parts
        if NEEDS[part] != ((f"<{part}>",),)
    ]
    shortest = min(
        sufficient(output), key=lambda names: (len(names - told), -len(names), sorted(names - told))
    )
    return Missing(
        f"{output} cannot be computed from {', '.join(sorted(told)) or 'nothing'}. "
        f"It is enough to add {' and '.join(sorted(shortest - told))}. What would do:\n"
        + "\n".join(lines)
    )
