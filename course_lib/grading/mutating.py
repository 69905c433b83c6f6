"""Small changes of a reference solution, each as a student might slip: do the checks see them?

One operator, constant, comparison or order of arguments is changed at a time, on the syntax tree
(DeMillo, Lipton and Sayward 1978, *Hints on test data selection*). Only what stands between
nbgrader's solution markers is changed, and nothing inside a ``print``: its output is not graded.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.Gt, ast.LtE), ast.Gt: (ast.Lt, ast.GtE), ast.LtE: (ast.GtE, ast.Lt),
    ast.GtE: (ast.LtE, ast.Gt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
UNTOUCHED = ("annotation", "returns", "decorator_list", "ctx")  # fields of a syntax tree
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


@dataclass(frozen=True)
class Mutant:
    """A solution cell with one change.

    ``before`` and ``after`` are the statement (of a loop or a condition, its head) in one line.
    """

    cell: str
    before: str
    after: str
    source: str

    @property
    def change(self) -> str:
        """How the change is written in logs, and in a declaration that it changes nothing."""
        return f"{self.cell}: {self.before} -> {self.after}"


def mutants_of(cell: str, source: str) -> list[Mutant]:
    """All mutants of a cell, no two with the same source and none with the reference's.

    Parameters
    ----------
    cell : str
        Its name.
    source : str
        Python, with nbgrader's markers; without them all of it is the solution.

    Raises
    ------
    SyntaxError
        If it is no plain Python.

    Examples
    --------
    >>> for mutant in mutants_of("area", "area = width * 2"):
    ...     print(mutant.change)
    area: area = width * 2 -> area = width / 2
    area: area = width * 2 -> area = width
    area: area = width * 2 -> area = 2
    area: area = width * 2 -> area = width * 3
    area: area = width * 2 -> area = width * 1
    """
    tree = ast.parse(source)
    inside = _solution_lines(source)
    found: dict[str, Mutant] = {ast.unparse(tree): Mutant(cell, "", "", "")}
    for place in list(_places(tree, None)):
        if inside and place.node.lineno not in inside:
            continue
        before = _said(place.statement)
        for replacement in _replacements(place.node):
            place.put(replacement)
            changed = ast.unparse(tree)
            said = _said(replacement if place.node is place.statement else place.statement)
            place.put(place.node)
            found.setdefault(changed, Mutant(cell, before, said, changed))
    return list(found.values())[1:]


def draw(cells: dict[str, str], number: int, seed: int) -> list[Mutant]:
    """Different random mutants of solution cells, each cell as likely as another.

    Parameters
    ----------
    cells : dict of str
        Sources by name, as for `mutants_of`.
    number : int
        How many; fewer come back where there are no more.
    seed : int
        The same seed draws the same mutants, and a larger number only adds to them.

    Examples
    --------
    >>> [mutant.after for mutant in draw({"a": "a = b + 1", "c": "c = d < 2"}, 3, seed=1)]
    ['a = b + 0', 'a = 1', 'a = b']
    """
    rng = random.Random(seed)
    left = {name: mutants_of(name, source) for name, source in cells.items()}
    drawn = []
    while len(drawn) < number and (possible := [name for name in left if left[name]]):
        mutants = left[rng.choice(possible)]
        drawn.append(mutants.pop(rng.randrange(len(mutants))))
    return drawn


@dataclass(frozen=True)
class _Place:
    """Where a node hangs: in a field of its parent, or in a list there."""

    node: Any
    statement: ast.stmt
    parent: ast.AST
    field: str
    index: int | None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def _places(parent: ast.AST, statement: ast.stmt | None) -> Iterator[_Place]:
    """Expressions and statements below a node, from left to right, with their statements."""
    for field, value in ast.iter_fields(parent):
        if field in UNTOUCHED:
            continue
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or _prints(node):
                continue
            within = node if isinstance(node, ast.stmt) else statement
            if within is not None and isinstance(node, ast.expr | ast.stmt):
                at = index if isinstance(value, list) else None
                yield _Place(node, within, parent, field, at)
            yield from _places(node, within)


def _prints(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "print"


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
            if value > 0:  # a negative constant would need brackets before a power
                yield ast.Constant(value - 1)
        case ast.Constant(value=float(value)):
            yield from (
                (ast.Constant(2 * value), ast.Constant(value / 2))
                if value
                else (ast.Constant(1.0),)
            )
        case ast.BinOp(left, operator, right):
            if other := OPERATORS.get(type(operator)):
                yield ast.BinOp(left, other(), right)
            yield left
            yield right
        case ast.AugAssign(target, operator, value):
            if other := OPERATORS.get(type(operator)):
                yield ast.AugAssign(target, other(), value)
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Compare(left, [operator], [right]):
            for other in COMPARISONS[type(operator)]:
                yield ast.Compare(left, [other()], [right])
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for index in range(len(values)):
                kept = values[:index] + values[index + 1 :]
                yield kept[0] if len(kept) == 1 else ast.BoolOp(operator, kept)
        case ast.Call(function, arguments, keywords):
            for index in range(len(arguments) - 1):
                first, second = arguments[index : index + 2]
                swapped = [*arguments[:index], second, first, *arguments[index + 2 :]]
                yield ast.Call(function, swapped, keywords)
        case ast.Name(name, context) if name in NAMES:
            yield ast.Name(NAMES[name], context)
        case ast.Attribute(value, name, context) if name in NAMES:
            yield ast.Attribute(value, NAMES[name], context)


def _solution_lines(source: str) -> set[int]:
    """Numbers of the lines between the markers; empty where there are none."""
    lines, inside = set(), False
    for number, line in enumerate(source.splitlines(), start=1):
        if line.strip() == BEGIN:
            inside = True
        elif line.strip() == END:
            inside = False
        elif inside:
            lines.add(number)
    return lines


def _said(statement: ast.AST) -> str:
    """A statement in one line; of one that holds others, its head."""
    lines = ast.unparse(statement).splitlines()
    if hasattr(statement, "body"):
        lines = [next(line for line in lines if not line.startswith("@"))]
    return " ".join(line.strip() for line in lines)
