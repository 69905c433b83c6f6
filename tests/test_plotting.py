"""Charts: what is drawn is what was given, in the colours and with the labels it must have."""

import itertools
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib import Forecast, commit, fit_power_law, verify
from course_lib.forecasting import calibration
from course_lib.plotting import (
    COLOURS,
    INK,
    STYLE,
    axes,
    law_chart,
    name_at_end,
    plot_calibration,
    roofline_chart,
    use_style,
)


@pytest.fixture(autouse=True)
def own_style():
    plt.switch_backend("svg")
    with mpl.rc_context():
        use_style()
        yield
        plt.close("all")


def texts(panel):
    return [text.get_text() for text in panel.texts]


def luminance(colour):
    """Relative luminance of WCAG 2."""
    channels = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a, b):
    high, low = sorted([luminance(a), luminance(b)], reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [INK, *COLOURS.values()])
def test_every_colour_is_legible_on_a_light_and_on_a_dark_page(colour):
    for ground in ("#ffffff", "#121212"):
        assert contrast(colour, ground) >= 3.0  # WCAG 2.2, 1.4.11: graphics


def test_colours_differ():
    for first, second in itertools.combinations(COLOURS.values(), 2):
        distance = np.subtract(mpl.colors.to_rgb(first), mpl.colors.to_rgb(second))
        assert np.linalg.norm(distance) > 0.25


@pytest.mark.parametrize(
    ("log", "scales"), [("xy", "log log"), ("x", "log linear"), ("", "linear linear")]
)
def test_axes_say_what_they_show(log, scales):
    panel = axes("Cost grows", "size", "time (s)", log)
    assert f"{panel.get_xscale()} {panel.get_yscale()}" == scales
    assert panel.get_title() + panel.get_title(loc="left") == "Cost grows"
    assert panel.get_xlabel() == "size" + ", log scale" * ("x" in log)
    assert panel.get_ylabel() == "time (s)" + ", log scale" * ("y" in log)


def test_a_figure_is_an_svg_on_a_transparent_ground(tmp_path):
    panel = axes("Cost grows", "size", "time (s)")
    panel.plot([1, 10], [1, 100])
    pictures = []
    for name in ("first.svg", "second.svg"):
        panel.figure.savefig(tmp_path / name, metadata={"Date": None})
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1]  # the same figure is the same file
    assert ElementTree.fromstring(pictures[0]).tag.endswith("svg")
    assert panel.figure.get_facecolor()[3] == panel.get_facecolor()[3] == 0
    assert mpl.rcParams["savefig.transparent"] == STYLE["savefig.transparent"]


def test_a_name_stands_at_the_end_of_its_series():
    panel = axes("", "", "")
    name_at_end(panel, [1, 2, 3], [4, 5, 6], "MLP", COLOURS["measured"])
    (text,) = panel.texts
    assert text.get_text() == "MLP" and text.xy == (3, 6)
    assert text.get_color() == COLOURS["measured"]


@pytest.fixture
def fitted():
    x = np.geomspace(1, 100, 10)
    y = (1 + 3 * x**-0.5) * np.exp(0.02 * np.random.default_rng(0).standard_normal(10))
    return fit_power_law(x, y), x, y


@pytest.mark.parametrize("times", [None, 1, 10])
def test_a_law_is_drawn_with_its_band_and_the_end_of_its_data(fitted, times):
    law, x, y = fitted
    panel = axes("", "", "")
    law_chart(panel, law, x, y, None if times is None else times * x[-1], level=0.8)
    curve, points = panel.lines[:2]
    np.testing.assert_allclose(points.get_ydata(), y)
    np.testing.assert_allclose(curve.get_ydata(), law(curve.get_xdata()))
    assert curve.get_xdata()[-1] == pytest.approx((times or 1) * x[-1])
    assert points.get_color() == COLOURS["measured"]
    assert curve.get_color() == COLOURS["predicted"]
    (band,) = panel.collections
    _, low, high = law.band(curve.get_xdata(), 0.8)
    edges = band.get_paths()[0].vertices[:, 1]
    assert (edges.min(), edges.max()) == pytest.approx((low.min(), high.max()))
    beyond = times == 10
    assert (len(panel.lines) == 3) == beyond == ("data end" in texts(panel))
    if beyond:
        assert set(panel.lines[2].get_xdata()) == {x[-1]} and panel.lines[2].get_linestyle() == ":"


def test_a_roofline_bends_where_memory_and_arithmetic_meet():
    panel = axes("", "FLOP/B", "FLOP/s")
    peaks, bandwidth = {"float32": 2e11, "float64": 1e11}, 1e10
    points = {"matmul": (100.0, 1.5e11), "copy": (0.25, 2e9)}
    roofline_chart(panel, peaks, bandwidth, points)
    roofs = panel.lines[: len(peaks)]
    for roof, peak in zip(roofs, peaks.values(), strict=True):
        x, y = roof.get_xdata(), roof.get_ydata()
        np.testing.assert_allclose(y, np.minimum(peak, bandwidth * x))
        assert x.min() < peak / bandwidth < x.max() and y.max() == peak
        assert all(x.min() < intensity < x.max() for intensity, _ in points.values())
    drawn = {(line.get_xdata()[0], line.get_ydata()[0]) for line in panel.lines[len(peaks) :]}
    assert drawn == set(points.values())
    said = texts(panel)
    assert {"matmul", "copy", "float32 200 GFLOP/s", "float64 100 GFLOP/s", "copy 10 GB/s"} == set(
        said
    )


def test_a_roofline_without_points_still_bends():
    panel = axes("", "FLOP/B", "FLOP/s")
    roofline_chart(panel, {"float32": 2e11}, 1e10, {})
    x = panel.lines[0].get_xdata()
    assert x.min() < 20 < x.max()


@pytest.mark.parametrize(("ends", "labelled"), [((3.9, 7.1), True), ((1e-3, 1e3), False)])
def test_a_short_log_axis_has_numbers_between_powers_of_ten(ends, labelled):
    panel = axes("A finding", "call", "time (ms)", log="y")
    panel.plot([1, 2], ends, "o")
    panel.figure.canvas.draw()
    low, high = panel.get_ylim()
    ticks = [
        tick.get_text()
        for tick, at in zip(
            panel.get_yticklabels(minor=True), panel.yaxis.get_minorticklocs(), strict=True
        )
        if low <= at <= high and tick.get_text()
    ]
    assert bool(ticks) == labelled
    assert all(float(text) > 0 for text in ticks)


@pytest.fixture
def calibrated(tmp_path):
    truths = {0.5: [2.1, 2.9, 3.5, 0.2], 0.9: [2.0, 2.5, 1.2, 9.0, 1.9, 2.2]}
    for level, some in truths.items():
        for truth in some:
            name = f"{level} {truth}"
            commit(name, Forecast(2, 1, 3, level), tmp_path / "forecasts.jsonl")
            verify(name, truth, tmp_path / "forecasts.jsonl")
    return calibration(tmp_path / "forecasts.jsonl")


def test_a_calibration_is_drawn_beside_the_diagonal(calibrated):
    panel = axes("Six held", "claimed level", "share that held", log="")
    plot_calibration(panel, calibrated)
    diagonal, curve, *points = panel.lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]] and diagonal.get_color() == INK
    assert curve.get_color() == COLOURS["measured"]
    level, held = curve.get_data()
    needed = np.abs(2 * calibrated.forecasts["pit"].to_numpy() - 1)
    np.testing.assert_allclose(held, [(needed <= p).mean() for p in level])
    drawn = [line.get_xydata()[0].tolist() for line in points if line.get_marker() == "o"]
    np.testing.assert_allclose(drawn, [(0.5, 0.5), (0.9, 5 / 6)])
    assert texts(panel) == ["2 of 4", "5 of 6"]
    assert [tick.get_text() for tick in panel.get_xticklabels()][-1] == "100%"
    whiskers = [
        path.vertices[:, 1].tolist() for bars in panel.collections[1:] for path in bars.get_paths()
    ]
    ends = calibrated.levels[["low", "high"]].values.tolist()
    np.testing.assert_allclose(whiskers, ends)


def test_the_band_of_a_calibration_holds_nine_of_ten_honest_courses(calibrated):
    panel = axes("", "", "", log="")
    plot_calibration(panel, calibrated)
    edges = panel.collections[0].get_paths()[0].vertices
    rng = np.random.default_rng(0)
    for level in (0.3, 0.5, 0.9):
        low, high = edges[np.abs(edges[:, 0] - level) < 0.004][:, 1][[0, -1]]
        low, high = sorted((low, high))
        seen = rng.binomial(10, level, 4000) / 10
        assert np.mean((low <= seen) & (seen <= high)) >= 0.9
        assert np.mean((low < seen) & (seen < high)) < 0.9
