"""The code cells of a page, and running those that hold some words."""

import re
from pathlib import Path

CELL = re.compile(  # options stand as a block of YAML, or as fields
    r"```\{code-cell\} ipython3\n(?:---\n.*?\n---\n|(?::[^\n]*\n)+)?(.*?)```", re.DOTALL
)


def cells_of(page: Path) -> list[str]:
    """The sources of a page's code cells, in order."""
    return CELL.findall(page.read_text(encoding="utf-8"))


def run_cells(page: Path, *holding, **names):
    """Run a page's cells that hold these words, in this order, and give back what they defined."""
    cells = cells_of(page)
    for words in holding:
        [source] = [cell for cell in cells if words in cell]
        exec(compile(source, page.name, "exec"), names)
    return names


def holds(estimate, value):
    """Whether an interval holds a value."""
    return estimate.low <= value <= estimate.high
