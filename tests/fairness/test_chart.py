"""The chart of groups draws what it is given."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from course_lib.plotting import COLOURS, GROUPS, axes, group_chart, use_style


@pytest.fixture(autouse=True)
def own_style():
    plt.switch_backend("svg")
    with mpl.rc_context():
        use_style()
        yield
        plt.close("all")


def table(rates, rows):
    rates = np.array(rates)
    return pd.DataFrame({"rate": rates, "low": rates - 0.02, "high": rates + 0.03}, index=rows)


def test_rates_and_intervals_are_drawn_in_per_cent_each_series_in_its_colour():
    panel = axes("A finding", "error (%)", "", log="")
    series = {"A": table([0.1, 0.2], ["x", "y"]), "B": table([0.3, 0.4], ["x", "y"])}
    group_chart(panel, series)
    for container, (name, rates) in zip(panel.containers, series.items(), strict=True):
        points, _, (bars,) = container.lines
        assert points.get_xdata() == pytest.approx(100 * rates["rate"])
        assert points.get_color() == GROUPS[name]
        for (start, end), row in zip(bars.get_segments(), rates.itertuples(), strict=True):
            assert (start[0], end[0]) == pytest.approx((100 * row.low, 100 * row.high))
    assert [label.get_text() for label in panel.get_yticklabels()] == ["x", "y"]
    assert panel.yaxis_inverted()


def test_rows_must_be_the_same():
    panel = axes("A finding", "error (%)", "", log="")
    with pytest.raises(ValueError, match=r"series B has the rows \['y'\]; allowed are \['x'\]"):
        group_chart(panel, {"A": table([0.1], ["x"]), "B": table([0.1], ["y"])})


def test_colours_of_groups_differ_from_all_others():
    colours = [mpl.colors.to_rgb(c) for c in [*COLOURS.values(), *GROUPS.values()]]
    for i, one in enumerate(colours):
        for other in colours[i + 1 :]:
            assert np.linalg.norm(np.subtract(one, other)) > 0.25
