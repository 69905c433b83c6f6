"""Which numbers of a sentence have a unit, though nobody computed or cited them: the rules.

A hit is a number followed by a unit of measurement, a currency, per cent, a word such as million,
or a count of things that courses like to quote (parameters, tokens, people; from 10,000 on). Years,
ratios ("twice", "a million times"), sizes of tensors and page numbers are none.

Five kinds of wording are let through, since they state no fact:

- the nominal level of an interval ("a 90 % interval", "covers 90 %"), and 0 % or 100 % as a bound;
- a conversion of units that `course_lib.quantities` confirms ("1 Wh is 3,600 J");
- bits, bytes, FLOP or MAC below 100 without a prefix: a format or a convention ("2 FLOP");
- a size glued to its letter in the name of a model ("Llama 3 70B");
- in exercises and their solutions, durations of up to hours: what the task is given.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from course_lib.quantities import Estimate

PREFIX = "[kKMGTPEZYmµμun]"
BINARY = "[KMGTPE]i"
WORD_PREFIX = "(?:kilo|mega|giga|tera|peta|exa|zetta|milli|micro|nano)?"
DURATIONS = rf"(?:[mµμun]?s|min|h|(?:{WORD_PREFIX}second|minute|hour)s?)"
SMALL = r"(?:B|bits?|bytes?|FLOPs?|MACs?|OPs?)"
POWER = r"10\s?\^\{?[-−]?\d+\}?"
NUMBER = rf"(?:{POWER}|\d[\d,\u202f\u2009]*(?:\.\d+)?(?:\s?[×x]\s?{POWER}|[eE][+-]?\d+)?)"
ONE_TO_TWELVE = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|a|half a"
LARGE = r"(?:million|billion|trillion|quadrillion)s?\b"
MONEY = "USD|EUR|GBP|CHF|US dollars?|dollars?|euros?|pounds?|cents?|ct"
UNITS = "|".join(
    (
        rf"(?:{PREFIX}|{BINARY})?{SMALL}(?:/(?:s|W|J))?",
        rf"{PREFIX}?(?:Wh|W|J|Hz|g|m|t|eV)(?:\s?CO2e?|\s?CO₂e?)?(?:/k?Wh)?",
        r"[kMG]?tonn?e?s?(?:\s?CO2e?)?",
        rf"{WORD_PREFIX}(?:watt|joule|gram|metre|meter|byte|bit|hertz|flop)s?(?:[- ]hours?)?",
        r"(?:k|M|G)?[gt]CO2e?|°C|kelvin|lit(?:er|re)s?|km/h",
        DURATIONS,
        r"days?|weeks?|months?",
        r"%|percent(?:age points?)?|per\s?cent|‰",
        MONEY,
    )
)
POWER = r"10\s?\^\{?[-−]?\d+\}?"
COUNTED = (
    "parameters?|weights|tokens?|words|people|persons?|inhabitants|households|cars|homes|users|"
    "neurons|synapses|cells|transistors|images|documents|papers|queries|requests|patients|faces"
)
CHIPS = "GPUs?|TPUs?|chips?|accelerators?|servers?|processors?"
RANGE = rf"(?:\s?(?:to|and|or|-|–|±)\s?{NUMBER})?"
GAP = "[\\s\u00a0\u202f\u2009-]*"
START = r"(?<![\w.,/^_-])(?!\d{3}0s\b)"  # not inside a word; the 1990s are none
HIT = re.compile(
    rf"{START}(?:"
    rf"(?P<money>[$€£]\s?{NUMBER}(?:\s?(?:thousand|{LARGE}|[kKmMbB]n?\b))?)"
    rf"|(?P<large>(?:{NUMBER}{RANGE}{GAP}(?:thousand\b|{LARGE})|(?:{ONE_TO_TWELVE})\s{LARGE})"
    rf"(?!\s+times)(?:\s+(?:{MONEY}|{COUNTED}|{CHIPS})\b)?)"
    rf"|(?P<number>{NUMBER}){RANGE}{GAP}(?P<unit>{UNITS})(?![\w/]|-?\d)"
    rf"|(?P<count>{NUMBER})\s+(?:[A-Za-z][\w-]*\s+){{0,2}}(?P<thing>{COUNTED}|{CHIPS})\b"
    r")"
)
LEVELS = "(?:50|68|80|90|95|99)"
BAND = r"(?:intervals?|bands?|quantiles?|levels?|coverage)"
ALLOWED = (
    re.compile(rf"\b{LEVELS}\s?%(?=\s+(?:[a-z]+\s+){{0,2}}{BAND}\b)"),
    re.compile(
        rf"\b(?:covers?|coverage|levels?)\s+(?:of\s+|is\s+|at\s+)?(?P<kept>{LEVELS}\s?%)(?!\s+of\b)"
    ),
    re.compile(
        r"\b(?:above|below|over|under|exceeds?|to|than|most|least)\s+(?P<kept>(?:100|0)\s?%)"
    ),
)
CONVERSION = re.compile(
    rf"(?P<one>{NUMBER})\s(?P<from>[A-Za-z]+)\s(?:is|are|=)\s(?P<other>{NUMBER})\s(?P<to>[\w/]+)"
)


@dataclass(frozen=True)
class Typed:
    """A number with a unit, and where it stands in its text."""

    text: str
    start: int
    end: int


def typed_numbers(text: str, given: bool = False) -> Iterator[Typed]:
    """The numbers with a unit in a text; `given`: it belongs to an exercise.

    >>> [hit.text for hit in typed_numbers("It took 1,287 MWh and about 4.6 million dollars.")]
    ['1,287 MWh', '4.6 million dollars']
    >>> list(typed_numbers("A 90 % interval of 12 runs of OPT-175B in 2020; 1 Wh is 3,600 J."))
    []
    """
    allowed = list(_let_through(text))
    for match in HIT.finditer(text):
        if _is_small(match) or _is_name(match) or (given and _is_duration(match)):
            continue
        if not any(start <= match.start() and match.end() <= end for start, end in allowed):
            yield Typed(" ".join(match[0].split()), match.start(), match.end())


def _is_name(match: re.Match) -> bool:
    return match["unit"] == "B" and match[0][-2].isdigit()


def _is_small(match: re.Match) -> bool:
    largest = max((_value(number) for number in re.findall(NUMBER, match[0])), default=math.inf)
    if match["count"]:
        return largest < (100 if re.fullmatch(CHIPS, match["thing"]) else 10_000)
    return bool(match["unit"] and re.fullmatch(SMALL, match["unit"])) and largest < 100


def _is_duration(match: re.Match) -> bool:
    return bool(match["unit"] and re.fullmatch(DURATIONS, match["unit"]))


def _let_through(text: str) -> Iterator[tuple[int, int]]:
    for pattern in ALLOWED:
        for match in pattern.finditer(text):
            yield match.span("kept" if "kept" in pattern.groupindex else 0)
    for match in CONVERSION.finditer(text):
        if _is_true(match):
            yield match.span()


def _is_true(conversion: re.Match) -> bool:
    one, other = _value(conversion["one"]), _value(conversion["other"])
    try:
        converted = Estimate.exact(one, conversion["from"]).to(conversion["to"]).value
    except ValueError:
        return False
    return abs(converted - other) <= 1e-9 * abs(other)


def _value(number: str) -> float:
    """The number that digits with commas, or with a power of ten, stand for."""
    plain = re.sub(r"[,\s{}]", "", number).replace("\N{MINUS SIGN}", "-")
    return float(
        re.sub(r"(?:^|[×x])10\^", lambda power: "1e" if power[0][0] == "1" else "e", plain)
    )
