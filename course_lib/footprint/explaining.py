"""The chain of factors of a bill as a plain table."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.footprint.inputs import Factor

HEAD = ("", "value", "90 % interval", "unit", "basis", "source")


def explanation(factors: Sequence[Factor]) -> str:
    """Write the factors as a table, one a line; assumed ones carry a star.

    Parameters
    ----------
    factors : sequence of Factor
        As `Run.factors` gives them.

    Returns
    -------
    str

    Examples
    --------
    >>> from course_lib.footprint import Run
    >>> print(explanation(Run(chip_hours=10, chip_power_w=400).factors()))
                value  90 % interval  unit  basis    source
    chip_hours   10                   h     counted  given
    ...
    """
    rows = [HEAD, *map(_row, factors)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    left_out = [factor.name for factor in factors if factor.assumed]
    if left_out:
        lines.append(f"* assumed: give {', '.join(left_out)} where you know better")
    return "\n".join(lines)


def _row(factor: Factor) -> tuple[str, ...]:
    value = factor.value
    number, low, high = (f"{x:.4g}" for x in (value.value, value.low, value.high))
    interval = f"{low} to {high}" if low != high else ""  # mere rounding of a source is not shown
    name = f"{factor.name} *" if factor.assumed else factor.name
    return name, number, interval, value.unit, value.basis, factor.source
