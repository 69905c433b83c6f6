"""The settings of a sweep: a grid or a list, in a fixed order, each of them once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from typing import Any

from course_lib.sweeps.runs import check_json

Settings = dict[str, list[Any]] | list[dict[str, Any]]
Case = tuple[dict[str, Any], int | None]  # a setting and a seed


def cases_of(settings: Settings, seeds: Sequence[int] | None) -> list[Case]:
    """Each setting with each seed; the last name of a grid, and then the seed, changes fastest.

    >>> [(s["a"], s["b"], seed) for s, seed in cases_of({"a": [1, 2], "b": [3]}, seeds=[0, 1])]
    [(1, 3, 0), (1, 3, 1), (2, 3, 0), (2, 3, 1)]
    """
    listed = _grid(settings) if isinstance(settings, dict) else settings
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"settings is {settings!r}; give a dict of lists, or a list of dicts")
    cases = [(setting, seed) for setting in listed for seed in _seeds(seeds)]
    seen = set()
    for setting, seed in cases:
        _check_setting(setting, seeds is not None)
        if key_of(setting, seed) in seen:
            raise ValueError(f"{setting!r} is in the settings twice")
        seen.add(key_of(setting, seed))
    return cases


def key_of(setting: dict[str, Any], seed: int | None) -> str:
    """The same text for the same setting and seed, whatever the order of the names."""
    return json.dumps([setting, seed], sort_keys=True)


def _grid(lists: dict[str, list[Any]]) -> list[dict[str, Any]]:
    for name, values in lists.items():
        if not isinstance(values, list | tuple | range) or not len(values):
            raise ValueError(f"settings[{name!r}] is {values!r}; give a list of values")
    return [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]


def _seeds(seeds: Sequence[int] | None) -> list[int | None]:
    if seeds is None:
        return [None]
    listed = list(seeds)
    if not listed or len(set(listed)) != len(listed) or any(type(s) is not int for s in listed):
        raise ValueError(f"seeds is {seeds!r}; give whole numbers, each once")
    return listed


def _check_setting(setting: Any, seeded: bool) -> None:
    if not isinstance(setting, dict) or any(not isinstance(name, str) for name in setting):
        raise ValueError(f"a setting is {setting!r}; give a dict from names to values")
    taken = {"problem"} | ({"seed", "seeds"} if seeded else set())
    if taken & setting.keys():
        raise ValueError(f"a setting has the name {(taken & setting.keys()).pop()!r}: it is taken")
    check_json("a setting", setting)
