"""Numbers that know how sure they are: `Estimate` (now) and `Forecast` (before the truth is known).

Standard library only. Arithmetic on estimates is Monte Carlo over their inputs (Metropolis and
Ulam, 1949; the propagation of distributions of JCGM 101:2008): each input carries a fixed set of
draws, so an input that is used twice is one input, and the same program gives the same interval.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from statistics import NormalDist

BASES = ("counted", "measured", "published", "assumed")  # from the surest to the least sure
DRAWS = 4001  # odd, so that the median is itself a draw
LEVEL = 0.9

_TAIL = NormalDist().inv_cdf((1 + LEVEL) / 2)
_unnamed = itertools.count()

# unit -> (dimension, factor to that dimension's first unit)
_SCALES = {
    "s": ("time", 1.0),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "day": ("time", 86_400.0),
    "J": ("energy", 1.0),
    "kJ": ("energy", 1e3),
    "Wh": ("energy", 3600.0),
    "kWh": ("energy", 3.6e6),
    "MWh": ("energy", 3.6e9),
    "W": ("energy/time", 1.0),
    "kW": ("energy/time", 1e3),
    "MW": ("energy/time", 1e6),
    "gCO2e": ("co2e", 1.0),
    "kgCO2e": ("co2e", 1e3),
    "tCO2e": ("co2e", 1e6),
    "FLOP": ("flop", 1.0),
    "MAC": ("mac", 1.0),
    "B": ("byte", 1.0),
    "KiB": ("byte", 2.0**10),
    "MiB": ("byte", 2.0**20),
    "GiB": ("byte", 2.0**30),
    "%": ("", 0.01),
}
_PREFIXED = {"FLOP", "FLOP/s", "OP", "OP/s", "MAC", "B", "B/s", "s", "J", "W"}
_PREFIXES = {
    24: "Y", 21: "Z", 18: "E", 15: "P", 12: "T", 9: "G", 6: "M", 3: "k", 0: "", -3: "m", -6: "µ",
    -9: "n", -12: "p",
}  # fmt: skip


def _parse(unit: str) -> dict[str, int]:
    """Exponents of the symbols in a unit: ``"kgCO2e/kWh"`` is ``{"kgCO2e": 1, "kWh": -1}``."""
    powers: dict[str, int] = {}
    for position, part in enumerate(unit.split("/")):
        for symbol in re.split(r"[·*\s]+", part.strip()):
            if symbol in ("", "1"):
                continue
            match = re.fullmatch(r"([^\W\d][^\W\d]*(?:2e)?|%)(?:\^(-?\d+))?", symbol)
            if match is None:
                raise ValueError(f"unit {unit!r} has the part {symbol!r}; write e.g. 'FLOP/s'")
            power = int(match[2] or 1) * (1 if position == 0 else -1)
            powers[match[1]] = powers.get(match[1], 0) + power
    return {symbol: power for symbol, power in powers.items() if power}


def _render(powers: dict[str, int]) -> str:
    def side(sign: int) -> list[str]:
        chosen = [(s, abs(p)) for s, p in powers.items() if p * sign > 0]
        return [s if p == 1 else f"{s}^{p}" for s, p in chosen]

    above, below = "·".join(side(1)), "/".join(side(-1))
    return (above or "1") + ("/" + below if below else "") if above or below else ""


def _dimension(unit: str) -> tuple[dict[str, int], float]:
    """A unit as powers of dimensions, and its size in their first units."""
    dimension: dict[str, int] = {}
    factor = 1.0
    for symbol, power in _parse(unit).items():
        name, scale = _SCALES.get(symbol, (symbol, 1.0))
        factor *= scale**power
        parts = _parse(name)
        for part, own in parts.items():
            dimension[part] = dimension.get(part, 0) + own * power
    return {name: power for name, power in dimension.items() if power}, factor


@cache
def _normal_quantiles() -> tuple[float, ...]:
    """Standard normal quantiles in `DRAWS` equal slices, in units of the 90 % half-width."""
    return tuple(NormalDist().inv_cdf((i + 0.5) / DRAWS) / _TAIL for i in range(DRAWS))


def _draw(value: float, low: float, high: float, name: str) -> tuple[float, ...]:
    """Draws of a split normal with this median and 90 % interval; split log-normal if positive."""
    quantiles = list(_normal_quantiles())
    random.Random(f"counting-the-cost:{name}").shuffle(quantiles)
    if low > 0:
        centre, below, above = math.log(value), math.log(value / low), math.log(high / value)
        return tuple(math.exp(centre + q * (below if q < 0 else above)) for q in quantiles)
    below, above = value - low, high - value
    return tuple(value + q * (below if q < 0 else above) for q in quantiles)


def _interval(draws: tuple[float, ...]) -> tuple[float, float]:
    ordered = sorted(draws)
    last = len(ordered) - 1
    return ordered[round(last * (1 - LEVEL) / 2)], ordered[round(last * (1 + LEVEL) / 2)]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with its 90 % interval, its unit and where it comes from.

    Parameters
    ----------
    value, low, high : float
        The central value and the ends of the 90 % interval, ``low <= value <= high``; all equal:
        exact. Of an input it is the median, of a result what its inputs' central values give.
    unit : str
        Symbols joined by ``·`` and ``/``, for example ``"FLOP/s"`` or ``"kgCO2e/kWh"``.
    basis : {"counted", "measured", "published", "assumed"}
        Where the number comes from. A result has the least sure basis of its inputs.
    name : str, optional
        Two estimates of one name are the same input; without a name each is an input of its own.

    Raises
    ------
    ValueError
        If the interval does not hold the value, a number is not finite, or two units do not fit.

    Examples
    --------
    Power times time is energy; an input used twice cancels exactly:

    >>> power = Estimate(300, 250, 350, "W", "measured")
    >>> hours = Estimate(2, 2, 2, "h", "counted")
    >>> energy = (power * hours).to("kWh")
    >>> print(energy)
    0.6 kWh [0.5, 0.7] (measured)
    >>> print((power - power).value, (power / power).high)
    0 1.0
    >>> power + hours
    Traceback (most recent call last):
    ...
    ValueError: cannot add W and h: convert one with .to(...), or check which is meant
    """

    value: float
    low: float
    high: float
    unit: str = ""
    basis: str = "measured"
    name: str | None = None
    _draws: tuple[float, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not all(math.isfinite(x) for x in (self.value, self.low, self.high)):
            raise ValueError(f"estimate has {self.value}, {self.low}, {self.high}: must be finite")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"interval [{self.low}, {self.high}] does not hold {self.value}")
        if self.basis not in BASES:
            raise ValueError(f"basis is {self.basis!r}; allowed are {', '.join(BASES)}")
        _parse(self.unit)
        if self._draws is None and self.low < self.high:
            key = self.name if self.name is not None else f"#{next(_unnamed)}"
            object.__setattr__(self, "_draws", _draw(self.value, self.low, self.high, key))

    @classmethod
    def exact(cls, value: float, unit: str = "", basis: str = "counted") -> Estimate:
        """A number without uncertainty, such as a count."""
        return cls(value, value, value, unit, basis)

    def to(self, unit: str) -> Estimate:
        """The same quantity in another unit of the same dimension (``"J"`` to ``"kWh"``)."""
        (here, factor), (there, other) = _dimension(self.unit), _dimension(unit)
        if here != there:
            raise ValueError(f"cannot express {self.unit or 'a plain number'} in {unit!r}")
        return self._map(lambda x: x * (factor / other), unit)

    def _map(self, function: Callable[[float], float], unit: str) -> Estimate:
        """An increasing function of this estimate alone: the interval's ends go with it."""
        draws = None if self._draws is None else tuple(map(function, self._draws))
        ends = (function(self.value), function(self.low), function(self.high))
        return Estimate(*ends, unit, self.basis, _draws=draws)

    def _combine(self, other: Estimate, function: Callable, unit: str) -> Estimate:
        value = function(self.value, other.value)
        basis = max(self.basis, other.basis, key=BASES.index)
        if self._draws is None and other._draws is None:
            return Estimate(value, value, value, unit, basis)
        mine = self._draws or (self.value,) * DRAWS
        theirs = other._draws or (other.value,) * DRAWS
        draws = tuple(map(function, mine, theirs))
        low, high = _interval(draws)
        return Estimate(value, min(low, value), max(high, value), unit, basis, _draws=draws)

    def _other(self, other: object) -> Estimate:
        if isinstance(other, Estimate):
            return other
        if isinstance(other, int | float):
            return Estimate.exact(other)
        return NotImplemented

    def _sum(self, other: object, sign: int) -> Estimate:
        if other == 0 and not isinstance(other, Estimate):  # so that sum() works
            return self
        other = self._other(other)
        if other is NotImplemented:
            return NotImplemented
        if _parse(self.unit) != _parse(other.unit):
            names = [unit or "a plain number" for unit in (self.unit, other.unit)]
            raise ValueError(
                f"cannot add {names[0]} and {names[1]}: convert one with .to(...), "
                "or check which is meant"
            )
        return self._combine(other, lambda a, b: a + sign * b, self.unit)

    def _product(self, other: object, sign: int) -> Estimate:
        other = self._other(other)
        if other is NotImplemented:
            return NotImplemented
        powers = _parse(self.unit)
        for symbol, power in _parse(other.unit).items():
            powers[symbol] = powers.get(symbol, 0) + sign * power
        unit = _render({symbol: power for symbol, power in powers.items() if power})
        if sign < 0:
            other._check_divisor()
        return self._combine(other, lambda a, b: a * b if sign > 0 else a / b, unit)

    def _check_divisor(self) -> None:
        if self.low <= 0 <= self.high or 0 in (self._draws or ()):
            raise ZeroDivisionError(f"cannot divide by {self}: it may be zero")

    def __add__(self, other: object) -> Estimate:
        return self._sum(other, 1)

    __radd__ = __add__

    def __sub__(self, other: object) -> Estimate:
        return self._sum(other, -1)

    def __rsub__(self, other: object) -> Estimate:
        return (-self)._sum(other, 1)

    def __neg__(self) -> Estimate:
        return self._combine(Estimate.exact(-1), lambda a, b: a * b, self.unit)

    def __mul__(self, other: object) -> Estimate:
        return self._product(other, 1)

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Estimate:
        return self._product(other, -1)

    def __rtruediv__(self, other: object) -> Estimate:
        other = self._other(other)
        return NotImplemented if other is NotImplemented else other._product(self, -1)

    def __pow__(self, power: int) -> Estimate:
        if not isinstance(power, int):
            raise TypeError(f"power is {power!r}; whole numbers only, so that the unit stays exact")
        if power < 0:
            self._check_divisor()
        unit = _render({symbol: p * power for symbol, p in _parse(self.unit).items() if p * power})
        return self._combine(Estimate.exact(power), lambda a, b: a**b, unit)

    def __str__(self) -> str:
        scale, shown = si_scale(self.value, self.unit)
        numbers = [_digits(x / scale) for x in (self.value, self.low, self.high)]
        head = f"{numbers[0]} {shown}".rstrip()
        interval = "" if self._draws is None else f" [{numbers[1]}, {numbers[2]}]"
        return f"{head}{interval} ({self.basis})"


def si_scale(value: float, unit: str) -> tuple[float, str]:
    """The power of 1000 that suits a value, and the unit with its SI prefix.

    Only units that take a prefix get one: FLOP, FLOP/s, OP, OP/s, MAC, B, B/s, s, J, W.

    >>> si_scale(3.2e9, "FLOP/s")
    (1000000000.0, 'GFLOP/s')
    >>> si_scale(3.2e9, "USD")
    (1.0, 'USD')
    """
    if unit not in _PREFIXED or value == 0:
        return 1.0, unit
    shown = abs(float(f"{value:.3g}"))  # 999.7 is shown as 1 of the next prefix
    power = 3 * math.floor(round(math.log10(shown), 9) / 3)
    if unit == "s":
        power = min(power, 0)
    power = max(min(_PREFIXES), min(max(_PREFIXES), power))
    return 10.0**power, _PREFIXES[power] + unit


def si(value: float, unit: str, digits: int = 3) -> str:
    """A bare number for people to read.

    >>> si(8.18e9, "FLOP"), si(0.00042, "s")
    ('8.18 GFLOP', '420 µs')
    """
    scale, shown = si_scale(value, unit)
    return f"{_digits(value / scale, digits)} {shown}".rstrip()


def _digits(number: float, digits: int = 3) -> str:
    """A number to so many digits; a power of ten only where zeros would be hard to count."""
    text = f"{number:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(number) < 1e6 else text


@dataclass(frozen=True)
class Forecast:
    """What a quantity will be, said before it is known.

    Parameters
    ----------
    median, low, high : float
        The middle and the ends of the central prediction interval.
    level : float
        The probability that the truth falls inside, between 0 and 1.
    unit : str
        Unit of the three numbers.

    Examples
    --------
    >>> Forecast(2.0, 1.5, 2.5, unit="s").holds(2.4)
    True
    """

    median: float
    low: float
    high: float
    level: float = LEVEL
    unit: str = ""

    def __post_init__(self) -> None:
        for name in ("median", "low", "high", "level"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"forecast has {name} = {getattr(self, name)}: must be finite")
            object.__setattr__(self, name, float(getattr(self, name)))
        if not self.low <= self.median <= self.high:
            raise ValueError(f"interval [{self.low}, {self.high}] does not hold {self.median}")
        if not 0 < self.level < 1:
            raise ValueError(f"level is {self.level}; give a probability between 0 and 1")
        _parse(self.unit)

    @property
    def width(self) -> float:
        """Length of the interval, in the forecast's unit."""
        return self.high - self.low

    def holds(self, truth: float) -> bool:
        """Whether the interval contains the truth."""
        return self.low <= truth <= self.high

    def __str__(self) -> str:
        scale, shown = si_scale(self.median, self.unit)
        numbers = [_digits(x / scale) for x in (self.median, self.low, self.high)]
        return f"{numbers[0]} {shown}".rstrip() + f" [{numbers[1]}, {numbers[2]}] at {self.level:g}"
