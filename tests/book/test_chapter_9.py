"""What chapter 9 says about published points holds for the tables as they stand."""

import numpy as np
import pytest

from course_lib import fact, facts, regress


@pytest.fixture(scope="module")
def points():
    table = facts("thompson_points")
    return table.assign(
        burden=1e9 * table.hardware_burden_gflop.astype(float),
        better=1 / (1 - table.score_fraction.astype(float)),
    )


@pytest.fixture(scope="module")
def imagenet(points):
    return points[points.benchmark_key == "imagenet"]


def test_both_ends_of_the_printed_shares_come_out_with_one_over_error(points):
    shares = [
        round(regress(part.burden, part.better).r_squared, 2)
        for _, part in points.groupby("benchmark_key")
    ]
    printed = [fact(f"thompson_v1_r2_{end}.value").value for end in ("lowest", "highest")]
    assert [min(shares), max(shares)] == printed


def test_the_ninth_power_does_not_give_the_printed_factor(imagenet):
    times_better = 20 / imagenet.better.max()
    printed = fact("thompson_v1_compute_factor_5pct.value").value
    needed = np.log(printed) / np.log(times_better)
    line = regress(imagenet.burden, imagenet.better)
    assert needed == pytest.approx(line.x_exponent, abs=0.2)
    assert times_better**9 < printed / 40


def test_an_upper_bound_that_left_the_pretraining_out(imagenet):
    row = imagenet[imagenet.model.str.startswith("FixResNeXt")].iloc[0]
    assert fact("resnext101_instagram.training_flop").value > 100 * row.burden
    note = facts("notable_models").set_index("key").notes["xception"]
    assert "JFT" in note  # why Xception's FLOP may exceed its burden on ImageNet


def test_version_2_agrees_with_its_own_slope():
    slope = fact("thompson_v2_imagenet_operations_slope.value").value
    decades = (np.log10(0.05) + 0.629) / slope
    flop = fact("alexnet.training_flop").value * 10**decades
    assert np.log10(flop) == pytest.approx(
        np.log10(fact("thompson_v2_compute_5pct.value").value), abs=0.2
    )
