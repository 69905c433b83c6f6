"""All calculators by name, and the one question that the page's worker asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .calculator import Calculator

NAMES = ("training", "network", "power-law")


def calculator(name: str, laws: Mapping[str, Mapping[str, Any]]) -> Calculator:
    """One of the three by name; only what it needs is imported, since a reader waits for it."""
    if name == "training":
        from . import training

        return training.calculator()
    if name == "network":
        from . import network

        return network.calculator()
    if name == "power-law":
        from . import power_law

        return power_law.calculator(laws)
    raise ValueError(f"name is {name!r}; allowed are {', '.join(NAMES)}")


def ask(question: str) -> str:
    """Answer ``{"name": ..., "values": {...}}`` with JSON, from the laws beside this file."""
    asked = json.loads(question)
    return json.dumps(_here(asked["name"]).answer(asked["values"]))


@cache
def _here(name: str) -> Calculator:
    laws = Path(__file__).with_name("laws.json").read_text(encoding="utf-8")
    return calculator(name, json.loads(laws))
