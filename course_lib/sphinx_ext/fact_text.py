"""How the book writes a published number, with the digits that its source gives.

Up to a million in full, with a comma between thousands. Above, a unit that takes an SI prefix gets
one, up to E; other numbers of at most four digits get the word million, billion or trillion. What
is left, and what is very large or small, is a power of ten: ``10^21`` here, raised on the page.
"""

import re
from decimal import Decimal

from docutils import nodes

from course_lib.quantities import Estimate, si_scale

WORDS = {12: "trillion", 9: "billion", 6: "million"}
MOST_DIGITS = 4  # of a number that is shortened in a sentence
SPELLED_OUT = {"day", "week", "month", "year"}  # units that have a plural
SPACE = "\N{NO-BREAK SPACE}"


def digits_of(text: str) -> int:
    """Significant digits of a number as it is written; final zeros of a whole one do not count.

    >>> digits_of("4.05e22"), digits_of("175000000000"), digits_of("80.0")
    (3, 3, 3)
    """
    number = Decimal(text)
    whole = number.as_tuple().exponent == 0
    return len((number.normalize() if whole else number).as_tuple().digits)


def shown(text: str, unit: str) -> str:
    """A number of a table as a sentence has it."""
    return written(Decimal(text), digits_of(text), unit, most=MOST_DIGITS)


def written(value: Decimal, digits: int, unit: str, most: int = 99) -> str:
    """A number of so many significant digits in the style of the book.

    >>> for number in [written(Decimal("9.894e14"), 4, "FLOP/s"),
    ...                written(Decimal(175_000_000_000), 3, ""),
    ...                written(Decimal(1287), 4, "MWh"),
    ...                written(Decimal("3.14e23"), 3, "FLOP")]:
    ...     print(number.replace(SPACE, " "))
    989.4 TFLOP/s
    175 billion
    1,287 MWh
    3.14 × 10^23 FLOP
    """
    size = abs(value)
    scale, prefixed = si_scale(float(value), unit)
    if scale != 1 and scale < 1e21:
        return _joined(fixed(value / Decimal(repr(scale)), min(digits, most)), prefixed)
    if size == 0 or Decimal("1e-4") <= size < 10**6:
        return _joined(fixed(value, digits), unit)
    if size < 1 or size >= 10**15:
        return _joined(power_of_ten(value, digits), unit)
    if digits > MOST_DIGITS:
        return _joined(fixed(value, digits), unit)
    power = max(power for power in WORDS if size >= 10**power)
    return _joined(fixed(value / 10**power, digits), WORDS[power], unit)


def fixed(value: Decimal, digits: int) -> str:
    """A number to so many significant digits, written without a power of ten.

    >>> fixed(Decimal("1286.55"), 5), fixed(Decimal("-0.0150"), 3)
    ('1,286.6', '−0.0150')
    """
    if value:
        value = round(value, digits - 1 - value.adjusted())
    places = max(0, -int(value.as_tuple().exponent))
    return f"{value:,.{places}f}".replace("-", "\N{MINUS SIGN}")


def power_of_ten(value: Decimal, digits: int) -> str:
    """A number to so many significant digits, times a power of ten.

    >>> power_of_ten(Decimal("3.14e23"), 3).replace(SPACE, " ")
    '3.14 × 10^23'
    """
    if not value:
        return "0"
    power = value.adjusted()
    return _joined(fixed(value.scaleb(-power), digits), "×", f"10^{power}")


def in_full(text: str, unit: str) -> str:
    """A number of a table with all its digits, and no word for a power of ten.

    >>> in_full("175000000000", ""), in_full("1.36623e9", "B").replace(SPACE, " ")
    ('175,000,000,000', '1.36623 GB')
    """
    value = Decimal(text)
    if si_scale(float(value), unit)[0] != 1:
        return written(value, digits_of(text), unit)
    plain = not value or Decimal("1e-4") <= abs(value) < 10**15
    return _joined((fixed if plain else power_of_ten)(value, digits_of(text)), unit)


def rounded_from(found: Estimate) -> str:
    """The interval that rounding leaves, with the digits that tell its ends apart."""
    width = Decimal(repr(found.high - found.low)).adjusted()
    ends = []
    for value in (Decimal(repr(found.low)), Decimal(repr(found.high))):
        digits = max(1, value.adjusted() - width + 2)
        ends.append(written(value, digits, found.unit))
    return from_to(*ends)


def from_to(low: str, high: str) -> str:
    """Two ends, with their unit once where it is the same.

    >>> from_to(written(Decimal(3), 1, "W"), written(Decimal(60), 2, "W")).replace(SPACE, " ")
    '3 to 60 W'
    """
    start, _, unit = low.partition(SPACE)
    return f"{start if high.endswith(SPACE + unit) else low} to {high}"


def with_powers(text: str) -> list[nodes.Node]:
    """Text as nodes; powers are raised."""
    result: list[nodes.Node] = []
    for part in re.split(r"(?<=\w)(\^-?\d+)", text):
        if part.startswith("^"):
            result.append(nodes.superscript("", part[1:].replace("-", "\N{MINUS SIGN}")))
        elif part:
            result.append(nodes.Text(part))
    return result


def _joined(number: str, *rest: str) -> str:
    *words, unit = rest
    if unit in SPELLED_OUT and (words or number != "1"):
        unit += "s"
    return SPACE.join(part for part in (number, *words, unit) if part)
