"""One style for all figures of the course, and the charts that the book repeats.

Figures are SVG on a transparent ground with mid-tone ink, so that one file is legible on a light
and on a dark page, and small enough to be read on a phone.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogFormatter, PercentFormatter
from scipy import stats

from course_lib.forecasting import Calibration
from course_lib.quantities import LEVEL, si
from course_lib.scaling import PowerLaw

INK = "#757575"
ROOF_LABEL_FACTOR = 1.4  # nearer roofs share a label: two would cover one another
COLOURS = {  # the same thing has the same colour on all pages; distinct also for the colour-blind
    "measured": "#2f86c9",
    "predicted": "#c8691a",
    "published": "#2f9166",
    "contended": "#b2519f",
}
SERIES = list(COLOURS.values())
GROUPS = {"A": "#7a76d6", "B": "#d9465f"}  # of people: the majority and the minority

STYLE: dict[str, Any] = {
    "figure.figsize": (4.8, 3.3),
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": mpl.cycler(color=SERIES),
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 10,
    "legend.frameon": False,
    "lines.markersize": 4.5,
    "svg.hashsalt": "counting-the-cost",
}


def use_style() -> None:
    """Draw in the course's style from here on; in a notebook, as SVG.

    >>> import matplotlib as mpl
    >>> with mpl.rc_context():
    ...     use_style()
    ...     mpl.rcParams["savefig.transparent"]
    True
    """
    mpl.rcParams.update(STYLE)
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # not in a notebook
        return
    set_matplotlib_formats("svg")


def axes(title: str, x: str, y: str, log: str = "xy") -> Any:
    """New axes whose title is the takeaway; ``log`` names the logarithmic axes.

    >>> panel = axes("Cost grows", "size", "seconds (s)")
    >>> panel.get_xlabel(), panel.get_xscale()
    ('size, log scale', 'log')
    >>> plt.close()
    """
    _, panel = plt.subplots()
    panel.set_title(title)
    for name, label in (("x", x), ("y", y)):
        if name in log:
            label += ", log scale"
            panel.set(**{f"{name}scale": "log"})
            getattr(panel, f"{name}axis").set_minor_formatter(_BetweenDecades())
        panel.set(**{f"{name}label": label})
    return panel


class _BetweenDecades(LogFormatter):
    """Numbers between powers of ten, where an axis is too short to show two of those."""

    def __init__(self) -> None:
        super().__init__(minor_thresholds=(1, 0.4))

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def name_at_end(panel: Any, x: Sequence[float], y: Sequence[float], text: str, colour: str) -> None:
    """Write a series' name beside its last point, instead of a legend.

    >>> panel = axes("A finding", "size", "seconds")
    >>> name_at_end(panel, [1, 2], [3, 4], "measured", INK)
    >>> [text.get_text() for text in panel.texts]
    ['measured']
    >>> plt.close(panel.figure)
    """
    panel.annotate(
        text, (x[-1], y[-1]), xytext=(5, 0), textcoords="offset points", color=colour, va="center",
        fontsize=9,
    )  # fmt: skip


def law_chart(
    panel: Any,
    law: PowerLaw,
    x: Sequence[float],
    y: Sequence[float],
    until: float | None = None,
    level: float = 0.9,
    kind: str = "measured",
    relative: bool = False,
) -> None:
    """Data, the fitted law with its band for a new run, and a dotted line where the data end.

    ``relative`` divides everything by the law: on log axes over many decades a band is thinner than
    a line, and a miss by a third cannot be seen.

    >>> from course_lib.scaling import fit_power_law
    >>> x, y = [1, 2, 4, 8, 16, 32], [3.1, 5.9, 12.2, 23.8, 48.5, 95.1]
    >>> law = fit_power_law(x, y, irreducible="none", direction="grows")
    >>> panel = axes("It doubles", "size", "seconds")
    >>> law_chart(panel, law, x, y, until=100)
    >>> len(panel.lines) >= 2
    True
    >>> plt.close(panel.figure)
    """
    reach = max(x)
    grid = np.geomspace(min(x), until or reach, 40)
    median, low, high = law.band(grid, level)
    if relative:
        low, high, y = low / median, high / median, np.asarray(y) / law(x)
        median = np.ones_like(grid)
    colour = COLOURS["predicted"]
    panel.fill_between(grid, low, high, color=colour, alpha=0.22, linewidth=0)
    panel.plot(grid, median, color=colour, linewidth=1.3)
    panel.plot(x, y, "o", color=COLOURS[kind])
    if until is not None and until > reach:
        panel.axvline(reach, color=INK, linestyle=":", linewidth=1.2)
        panel.annotate(
            "data end", (reach, 0.02), xycoords=("data", "axes fraction"), xytext=(-3, 0),
            textcoords="offset points", ha="right", va="bottom", rotation=90, fontsize=9,
        )  # fmt: skip


def group_chart(
    panel: Any, tables: Mapping[str, Any], colours: Mapping[str, str] | None = None
) -> None:
    """Rates in per cent with their intervals: a row for each name, a mark for each series.

    Parameters
    ----------
    panel : matplotlib Axes
        With a linear x axis; it grows with the number of rows.
    tables : mapping of str to pandas.DataFrame
        Series to a table with the columns ``rate``, ``low`` and ``high``, as `group_rates` gives
        it, all of one index: the rows, from top to bottom.
    colours : mapping of str to str, optional
        Of the series. Default: those of the groups A and B, else the cycle of the style.

    Examples
    --------
    >>> from course_lib import group_rates
    >>> table = group_rates([0, 1, 1, 0], [0, 1, 0, 0], ["men", "men", "women", "women"])
    >>> panel = axes("Who pays", "error (%)", "", log="")
    >>> group_chart(panel, {"of four people": table})
    >>> [label.get_text() for label in panel.get_yticklabels()]
    ['men', 'women']
    >>> plt.close(panel.figure)
    """
    rows = list(next(iter(tables.values())).index)
    cycle = dict(zip(tables, itertools.cycle(SERIES), strict=False)) | GROUPS | dict(colours or {})
    apart = 0.5 / len(tables)
    for number, (name, table) in enumerate(tables.items()):
        if list(table.index) != rows:
            raise ValueError(f"series {name} has the rows {list(table.index)}; allowed are {rows}")
        y = np.arange(len(rows)) + apart * (number - (len(tables) - 1) / 2)
        middle, low, high = (100 * table[end].to_numpy(float) for end in ("rate", "low", "high"))
        panel.errorbar(
            middle, y, xerr=[middle - low, high - middle], fmt="oDs^v"[number % 5], label=name,
            color=cycle[name], linewidth=1.6, capsize=2.5,
        )  # fmt: skip
    panel.set_yticks(range(len(rows)), rows, fontsize=9)
    panel.invert_yaxis()
    panel.grid(axis="y", visible=False)
    panel.figure.set_size_inches(4.8, 1.2 + (0.16 + 0.1 * len(tables)) * len(rows))
    if len(tables) > 1:
        panel.legend(fontsize=9)


def roofline_chart(
    panel: Any,
    peaks: Mapping[str, float],
    bytes_per_s: float,
    points: Mapping[str, tuple[float, float]],
) -> None:
    """Williams, Waterman and Patterson's picture (2009): what limits a piece of work here.

    Parameters
    ----------
    panel : matplotlib Axes
        With logarithmic axes: arithmetic intensity (FLOP/B) and FLOP/s.
    peaks : mapping of str to float
        Achieved FLOP/s by precision; the points' own first.
    bytes_per_s : float
        Achieved bandwidth.
    points : mapping of str to (float, float)
        Name to (FLOP/B, achieved FLOP/s).

    Examples
    --------
    >>> panel = axes("Below the ridge, memory sets the pace", "FLOP/B", "FLOP/s")
    >>> roofline_chart(panel, {"float32": 2e11}, 3e10, {"an MLP": (20.0, 1.5e11)})
    >>> [text.get_text() for text in panel.texts]
    ['float32 200 GFLOP/s', 'copy 30 GB/s', 'an MLP']
    >>> plt.close(panel.figure)
    """
    intensities = [point[0] for point in points.values()]
    ridges = [peak / bytes_per_s for peak in peaks.values()]
    top_of_first = next(iter(peaks.values()))
    left = min([*intensities, *(ridge / 4 for ridge in ridges)]) / 2
    right = max([*intensities, *ridges]) * 20
    labels: dict[float, list[str]] = {}  # by the roof on which they stand
    for number, (name, peak) in enumerate(sorted(peaks.items(), key=lambda item: -item[1])):
        panel.plot(
            [left, peak / bytes_per_s, right], [left * bytes_per_s, peak, peak], color=INK,
            linewidth=1.6, alpha=1 / (1 + 0.3 * number),
        )  # fmt: skip
        roof = next((roof for roof in labels if roof < ROOF_LABEL_FACTOR * peak), peak)
        labels.setdefault(roof, []).append(f"{name} {si(peak, 'FLOP/s')}")
    for roof, names in labels.items():
        # Where points may lie under the roof, its name stands before it instead of on it.
        at, shift, va = (roof / bytes_per_s, (-5, 0), "center") if points else (
            right, (0, 2), "bottom"
        )  # fmt: skip
        panel.annotate(
            ", ".join(names), (at, roof), xytext=shift, textcoords="offset points", ha="right",
            va=va, fontsize=9,
        )  # fmt: skip
    panel.margins(y=0.12)
    middle = (left * min(ridges)) ** 0.5
    panel.annotate(
        f"copy {si(bytes_per_s, 'B/s')}", (middle, middle * bytes_per_s),
        xytext=(8, -6), textcoords="offset points", va="top", fontsize=9,
    )  # fmt: skip
    sides = itertools.cycle(["right", "left"])  # names above the roof lean away from each other
    for name, (intensity, rate) in sorted(points.items(), key=lambda item: item[1]):
        panel.plot(intensity, rate, "o", color=COLOURS["measured"])
        above = rate > 0.9 * top_of_first
        panel.annotate(
            name, (intensity, rate), xytext=(0, 5 if above else -6), textcoords="offset points",
            color=COLOURS["measured"], fontsize=9, ha=next(sides) if above else "center",
            va="bottom" if above else "top",
        )  # fmt: skip


def plot_calibration(panel: Any, calibration: Calibration) -> None:
    """What a course's forecasts claimed beside what came true: honest ones follow the diagonal.

    The line is of all verified forecasts: for each level, the share whose central interval of that
    level, from the distribution that the forecast stands for, holds the truth. Points are the
    levels that were claimed, with their 90 % intervals. Nine of ten honest courses with as many
    independent forecasts lie inside the band, at any one level.

    Parameters
    ----------
    panel : matplotlib Axes
        With linear axes.
    calibration : Calibration
        From `course_lib.forecasting.calibration`.

    Examples
    --------
    >>> import tempfile
    >>> from course_lib import Forecast, commit, verify
    >>> from course_lib.forecasting import calibration
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/forecasts.jsonl"
    ...     for name, truth in {"a": 2.2, "b": 1.9, "c": 3.5}.items():
    ...         said = commit(name, Forecast(2.0, 1.0, 3.0), path)
    ...         verdict = verify(name, truth, path)
    ...     seen = calibration(path)
    >>> panel = axes("Two of three held", "claimed level", "share that held", log="")
    >>> plot_calibration(panel, seen)
    >>> [text.get_text() for text in panel.texts]
    ['2 of 3']
    >>> plt.close(panel.figure)
    """
    needed = np.sort(np.abs(2 * calibration.forecasts["pit"].to_numpy() - 1))
    number = len(needed)
    grid = np.linspace(0, 1, 201)
    band = [stats.binom.ppf((1 + side * LEVEL) / 2, number, grid) / number for side in (-1, 1)]
    panel.fill_between(grid, *band, color=INK, alpha=0.15, linewidth=0, step="mid")
    panel.plot([0, 1], [0, 1], color=INK, linestyle=":", linewidth=1.2)
    colour = COLOURS["measured"]
    held = np.searchsorted(needed, grid, side="right") / number
    panel.plot(grid, held, color=colour, linewidth=1.3, drawstyle="steps-post")
    for row in calibration.levels.itertuples():
        panel.errorbar(
            row.level, row.coverage, [[row.coverage - row.low], [row.high - row.coverage]],
            fmt="o", color=colour, linewidth=1.3, capsize=2.5,
        )  # fmt: skip
        under = row.low > 0.1  # there is room for the words
        panel.annotate(
            f"{row.held} of {row.number}", (row.level, row.low if under else row.high),
            xytext=(0, -4 if under else 4), textcoords="offset points", color=colour, fontsize=9,
            ha="center", va="top" if under else "bottom",
        )  # fmt: skip
    panel.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
