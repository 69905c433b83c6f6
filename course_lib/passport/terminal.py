"""The roofline drawn with characters, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping

from course_lib.quantities import si

_ROWS_A_DECADE = (5, 4, 3, 2, 1)  # the largest picture that fits is drawn
_TICK_COLUMNS = 6  # left of the axis, for the numbers on it


def roofline_text(peaks: Mapping[str, float], bytes_per_s: float, width: int = 79) -> str:
    """Williams, Waterman and Patterson's picture (2009) in plain characters; both axes are log.

    Parameters
    ----------
    peaks : mapping of str to float
        Achieved FLOP/s by precision. Roofs that fall on one line of the picture share it.
    bytes_per_s : float
        Achieved bandwidth, in B/s: the slope.
    width : int
        Columns that there are.

    Returns
    -------
    str
        Lines of at most ``width`` columns.

    Raises
    ------
    ValueError
        If there is no peak, a rate is not above zero, or no picture fits the width.

    Examples
    --------
    >>> print(roofline_text({"float64": 2e10, "float32": 8e10}, 1e10, width=50))
    FLOP/s, log scale; the slope is memory, 10 GB/s
     100 G |                    __________ float32
           |                  _/
           |                _/
           |              ________________ float64
           |            _/
      10 G |          _/
           |        _/
           |      _/
           |    _/
           |  _/
       1 G |_/
           +---------+---------+---------+
           0.1       1         10        100
           FLOP for each byte, log scale
    """
    if not peaks or not all(0 < rate < math.inf for rate in [*peaks.values(), bytes_per_s]):
        raise ValueError(f"peaks {dict(peaks)} and bytes_per_s {bytes_per_s} must be above zero")
    for rows_a_decade in _ROWS_A_DECADE:
        lines = _draw(peaks, bytes_per_s, rows_a_decade)
        if max(map(len, lines)) <= width:
            return "\n".join(lines)
    raise ValueError(f"width is {width}; this roofline needs {max(map(len, lines))} columns")


def _draw(peaks: Mapping[str, float], bytes_per_s: float, rows_a_decade: int) -> list[str]:
    """The picture at one scale, with two columns for each row, so that the slope is ``_/``."""
    ridges = [math.log10(peak / bytes_per_s) for peak in peaks.values()]
    left, right = math.floor(min(ridges)) - 1, math.ceil(max(ridges) + 0.5)  # powers of ten, FLOP/B
    columns = 2 * rows_a_decade * (right - left)
    bottom = left + math.log10(bytes_per_s)  # the slope's first power of ten, FLOP/s

    def row_of(rate: float) -> int:
        return round((math.log10(rate) - bottom) * rows_a_decade)

    roofs: dict[int, list[str]] = {}
    for name, peak in peaks.items():
        roofs.setdefault(row_of(peak), []).append(name)
    top = max(roofs)
    powers = range(math.ceil(bottom), math.ceil(bottom) + top // rows_a_decade + 1)
    ticks = {row_of(10.0**power): _number(10.0**power) for power in powers}

    lines = [f"FLOP/s, log scale; the slope is memory, {si(bytes_per_s, 'B/s')}"]
    for row in range(top, -1, -1):
        drawn = " " * (2 * row) + ("_/" if row < top else "")
        if row in roofs:
            drawn = " " * (2 * row) + "_" * (columns - 2 * row) + " " + ", ".join(roofs[row])
        lines.append(f"{ticks.get(row, ''):>{_TICK_COLUMNS}} |{drawn}")
    return lines + _x_axis(left, right, 2 * rows_a_decade)


def _x_axis(left: int, right: int, columns_a_decade: int) -> list[str]:
    axis = "+" + ("-" * (columns_a_decade - 1) + "+") * (right - left)
    numbers = "".join(f"{10.0**power:<{columns_a_decade}g}" for power in range(left, right + 1))
    indent = " " * (_TICK_COLUMNS + 1)
    return [indent + axis, (indent + numbers).rstrip(), indent + "FLOP for each byte, log scale"]


def _number(rate: float) -> str:
    return si(rate, "FLOP/s").removesuffix("FLOP/s").strip()
