"""What an attack on the score is made of, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Notebook = dict[str, Any]

RIGHT = "def square(x):\n    return x * x"
WRONG = "def square(x):\n    return 0\n"
SLOW = "import time\ndef square(x):\n    time.sleep(1.5 if x == 2 else 0)\n    return x * x\n"


@dataclass(frozen=True)
class Forgery:
    """A submission that aims at more points than its answer earns.

    Attributes
    ----------
    name, mechanism : str
        A short name, and in words what it does.
    answer : str
        Source of the cell for the answer, which is a function ``square(x)``. ``$course`` stands for
        the course directory.
    edit : callable, optional
        Changes the notebook (its JSON) before it is handed in.
    files : dict of str to str
        Handed in beside the notebook.
    earned : float
        What the answer is worth.
    stock : str
        What it does to stock nbgrader: ``"forged"``, ``"stopped"`` (the class ends there, with the
        others ungraded), ``"spoiled"`` (others lose points), ``"resisted"``.
    works, seen : bool
        Whether it gets its points from ours too, since whoever controls the interpreter can make a
        plain assertion pass; and whether the instructor is told of something odd.
    """

    name: str
    mechanism: str
    answer: str = WRONG
    edit: Callable[[Notebook], None] | None = None
    files: dict[str, str] = field(default_factory=dict)
    earned: float = 0.0
    stock: str = "forged"
    works: bool = False
    seen: bool = False
