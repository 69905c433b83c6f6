"""Numbers as the calculators print them."""

from __future__ import annotations

from course_lib.quantities import LEVEL, Estimate


def short(number: float) -> str:
    """Three digits; with commas where zeros would be hard to count.

    >>> short(0.07512), short(3_548_000), short(1.2e12)
    ('0.0751', '3,550,000', '1.2e12')
    """
    rounded = float(f"{number:.3g}")
    if 1e3 <= abs(rounded) < 1e9:
        return f"{rounded:,.0f}"
    return plain(rounded)


def plain(number: float) -> str:
    """A number as it may be typed: ``1e6``, not ``1e+06``.

    >>> plain(1e6), plain(2.5e-7)
    ('1e6', '2.5e-7')
    """
    mantissa, letter, power = f"{number:.6g}".partition("e")
    return f"{mantissa}e{int(power)}" if letter else mantissa


def percent(level: float) -> str:
    """A level in words: ``0.9`` is ``90 %``."""
    return f"{level * 100:.3g} %"


def spread(value: Estimate) -> str:
    """The interval of an estimate, without its unit; nothing where it is exact."""
    if value.low == value.high:
        return ""
    return f"{percent(LEVEL)} interval {short(value.low)} to {short(value.high)}"
