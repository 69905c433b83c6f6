"""How far a power law carries: median and interval of a fitted law at any x."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from course_lib.closed_band import ClosedBand
from course_lib.quantities import si

from .calculator import Calculator, Result, Row
from .fields import Field, InputError
from .wording import percent, plain, short

FAR = 10  # times the largest x of the data: beyond, the result says so
CURVE = 48  # places at which the drawing has the band
OF = (("new run", "one new run"), ("mean", "the mean of many runs"))


def calculator(laws: Mapping[str, Mapping[str, Any]]) -> Calculator:
    """The third calculator, for laws that were fitted at build."""
    bands = {name: ClosedBand.from_json(law["band"]) for name, law in laws.items()}
    first = next(iter(laws))
    levels = [(level, percent(float(level))) for level in bands[first].quantiles]
    presets = {name: {"x": plain(law["example"])} for name, law in laws.items()}

    def compute(law: str, x: float, level: str, of: str) -> Result:
        if x <= 0:
            raise InputError("x", f"At x is {x:g}; a law holds for numbers above zero.")
        return _result(laws[law], bands[law], x, float(level), of)

    return Calculator(
        "power-law",
        "How far does a power law carry?",
        "Take a law that was fitted when this page was built, and ask what it says of any x.",
        (
            Field(
                "law", "Law", first, "choice",
                choices=[(name, law["title"]) for name, law in laws.items()], presets=presets,
            ),
            Field("x", "At x", presets[first]["x"], hint="a count, or FLOP, as the law has it"),
            Field("level", "Level of the interval", "0.9", "choice", choices=levels),
            Field("of", "For", "new run", "choice", choices=OF),
        ),
        compute,
        columns=("x", "Median", "Interval", "From the data"),
        examples=lambda: [
            (law["title"], {"law": name, **presets[name]}) for name, law in laws.items()
        ],
    )  # fmt: skip


def _result(law: Mapping[str, Any], band: ClosedBand, x: float, level: float, of: str) -> Result:
    found = band.predict(x, level, of)
    median, low, high = (
        _shown(end, law["y_unit"]) for end in (found.median, found.low, found.high)
    )
    rows = [
        Row("x", _shown(x, law["x_unit"]), law["x"].lower()),
        Row("Median", median, law["y"].lower()),
        Row("Interval", f"{low} to {high}", f"{percent(level)}, for {dict(OF)[of]}"),
        Row("Width", f"{found.high / found.low:.3g}", "upper end over lower end"),
        Row("From the data", _beyond(x, *band.reach), "data: " + _reach(law, band)),
        Row("Fitted law", f"y = {law['formula']}".replace("^-", "^−")),
    ]
    sentence = f"{law['y']} {median}, {percent(level)} interval {low} to {high}."
    return Result(
        sentence,
        rows,
        notes=list(_notes(law, band, x)),
        drawing=_drawing(law, band, x, level, of),
    )


def _notes(law: Mapping[str, Any], band: ClosedBand, x: float) -> Any:
    yield law["about"]
    if law["unidentified"]:
        unknown = " and ".join(law["unidentified"])
        yield f"These data do not determine {unknown}; a forecast far beyond them hangs on it."
    if not band.reach[0] / FAR <= x <= band.reach[1] * FAR:
        yield "The interval takes this form of law for true. It knows nothing of a bend out there."


def _beyond(x: float, least: float, most: float) -> str:
    if x > most:
        return f"{short(x / most)} times beyond"
    return f"{short(least / x)} times below" if x < least else "inside"


def _reach(law: Mapping[str, Any], band: ClosedBand) -> str:
    return " to ".join(_shown(end, law["x_unit"]) for end in band.reach)


def _drawing(law: Mapping[str, Any], band: ClosedBand, x: float, level: float, of: str) -> dict:
    """Points, band and chosen place for a drawing on logarithmic axes."""
    least, most = min(band.reach[0], x) / 2, max(band.reach[1], x) * 2
    step = math.log(most / least) / (CURVE - 1)
    curve = []
    for index in range(CURVE):
        place = least * math.exp(step * index)
        there = band.predict(place, level, of)
        curve.append([place, there.median, there.low, there.high])
    here = band.predict(x, level, of)
    return {
        "x": _axis(law["x"], law["x_unit"]),
        "y": _axis(law["y"], law["y_unit"]),
        "points": law["points"],
        "curve": curve,
        "here": [x, here.median, here.low, here.high],
    }


def _axis(title: str, unit: str) -> str:
    return f"{title} ({unit})" if unit else title


def _shown(number: float, unit: str) -> str:
    return si(number, unit) if unit else short(number)
