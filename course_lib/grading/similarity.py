"""How alike submissions are to each other and to what is public: for a person to look at.

Solutions are compared as sequences of syntax: without the names that a solution gives, comments,
formatting and literals. Overlapping runs of `LENGTH` steps of that sequence are a solution's
fragments, as in winnowing (Schleimer, Wilkerson and Aiken 2003), which keeps a sample of them; a
class is small enough to keep all. What was handed out does not count, and a fragment counts by how
rare it is in the class, so that what everybody must write alike weighs next to nothing.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import combinations

LENGTH = 8  # steps of a fragment: one statement, or two short ones
LEAST_EVIDENCE = 2.0  # below it, chance would give one pair in 7 as much in common
LONGEST = 200_000  # characters of a cell
CONTEXTS = (ast.expr_context, ast.type_ignore)

Fragment = tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """Two works that have much in common.

    Attributes
    ----------
    first, second : str
        Whose; a reference is always the second.
    share : float
        Of the smaller work's fragments, those that the other has too, from 0 to 1; rare fragments
        count more.
    evidence : float
        How unlikely so much in common is by chance, as a logarithm: 2 is one pair in 7.
    cells : tuple of str
        In which it lies, in the first work.
    """

    first: str
    second: str
    share: float
    evidence: float
    cells: tuple[str, ...]


def alike(
    works: Mapping[str, Mapping[str, str]],
    references: Mapping[str, Mapping[str, str]] | None = None,
    given: Mapping[str, str] | None = None,
    at_least: float = 0.8,
) -> list[Pair]:
    '''Pairs of works, and of works and references, that are too alike to be so by chance.

    Parameters
    ----------
    works : mapping
        Of each student the sources of the solution cells, by the cell's name.
    references : mapping
        Solutions that are public, in the same form. They are not compared with each other.
    given : mapping
        The cells of the notebook as it was handed out.
    at_least : float
        The share from which on a pair is listed.

    Returns
    -------
    list of Pair
        The largest share first.

    Examples
    --------
    >>> ada = """def integral(f, a, b, n):
    ...     h = (b - a) / n
    ...     total = (f(a) + f(b)) / 2
    ...     for i in range(1, n):
    ...         total += f(a + i * h)
    ...     return total * h"""
    >>> bob = ada.replace("total", "area").replace("h", "step").replace("/ 2", "/ 2.0  # mean")
    >>> eve = """def integral(f, a, b, n):
    ...     x = np.linspace(a, b, n + 1)
    ...     return np.trapezoid([f(one) for one in x], x)"""
    >>> [pair] = alike({"ada": {"q": ada}, "bob": {"q": bob}, "eve": {"q": eve}})
    >>> pair.first, pair.second, pair.share, pair.cells
    ('ada', 'bob', 1.0, ('q',))
    '''
    references = references or {}
    if both := set(works) & set(references):
        raise ValueError(f"works and references share the names {sorted(both)}")
    public = {name for work in references.values() for name in given_names(work)}
    known = fragments(given or {}, public)
    found = {
        name: {one: at for one, at in fragments(work, public).items() if one not in known}
        for name, work in [*works.items(), *references.items()]
    }
    common = Counter(fragment for work in found.values() for fragment in work)
    weights = {one: math.log((len(found) + 1) / number) for one, number in common.items()}
    whole = {name: math.fsum(weights[one] for one in work) for name, work in found.items()}
    pairs = []
    for first, second in combinations(found, 2):
        shared = found[first].keys() & found[second].keys()
        if first in references or not shared:
            continue
        amount = math.fsum(weights[one] for one in shared)
        share = min(1.0, amount / min(whole[first], whole[second]))
        evidence = amount / LENGTH  # neighbouring fragments overlap: one in LENGTH is news
        if share >= at_least and evidence >= LEAST_EVIDENCE:
            cells = _main_cells({one: found[first][one] for one in shared}, weights)
            pairs.append(Pair(first, second, share, evidence, cells))
    return sorted(pairs, key=lambda one: (-one.share, -one.evidence, one.first, one.second))


def _main_cells(
    shared: Mapping[Fragment, Set[str]], weights: Mapping[Fragment, float]
) -> tuple[str, ...]:
    """The cells that hold at least a tenth of what is shared."""
    amounts: dict[str, list[float]] = defaultdict(list)
    for fragment, cells in shared.items():
        for cell in cells:
            amounts[cell].append(weights[fragment])
    least = math.fsum(weights[one] for one in shared) / 10
    return tuple(sorted(cell for cell, parts in amounts.items() if math.fsum(parts) >= least))


def fragments(work: Mapping[str, str], public: Set[str] = frozenset()) -> dict[Fragment, set[str]]:
    """The fragments of a work, each with the cells in which it stands.

    A cell that is no Python has none; one shorter than a fragment is one. Names that the work
    gives, or that are ``public``, are left out.
    """
    own = given_names(work) | public
    found: dict[Fragment, set[str]] = defaultdict(set)
    for name, source in work.items():
        tree = _parse(source)
        steps = () if tree is None else tuple(_steps(tree, own))[1:]  # without the module itself
        for start in range(max(1, len(steps) - LENGTH + 1) if steps else 0):
            found[steps[start : start + LENGTH]].add(name)
    return dict(found)


def given_names(work: Mapping[str, str]) -> set[str]:
    """The names that a work gives, and that a copy could change at will."""
    trees = [tree for source in work.values() if (tree := _parse(source)) is not None]
    return {name for tree in trees for node in ast.walk(tree) if (name := _given_name(node))}


def _parse(source: str) -> ast.Module | None:
    """The syntax of a cell that a student wrote, without IPython's own commands."""
    if len(source) > LONGEST:
        return None
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in strings
            tree = ast.parse("\n".join(lines))
        list(_steps(tree, frozenset()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree


def _given_name(node: ast.AST) -> str | None:
    match node:
        case ast.Name(name, ast.Store()) | ast.arg(name) | ast.Attribute(_, name, ast.Store()):
            return name
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            return name
        case ast.alias(name, alias):
            return alias or name.partition(".")[0]
        case ast.ExceptHandler(name=name):
            return name
    return None


def _steps(node: ast.AST, own: Set[str]) -> Iterator[str]:
    """The syntax below a node, from left to right; names that are not its own stay."""
    yield _step(node, own)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, CONTEXTS) and not _idle(child):
                yield from _steps(child, own)


def _step(node: ast.AST, own: Set[str]) -> str:
    kind = type(node).__name__
    name = getattr(node, "id", None) or getattr(node, "attr", None)
    return f"{kind} {name}" if isinstance(name, str) and name not in own else kind


def _idle(node: ast.AST) -> bool:
    """Whether a statement does nothing: a docstring, a number, `pass`."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass)
