"""Laws of `regress`: three directions, the textbook's slopes and intervals, Thompson's points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_lib import facts
from course_lib.scaling import regress

law = settings(max_examples=30)
DIRECTIONS = ("y_on_x", "x_on_y", "reduced_major_axis")


@st.composite
def scatters(draw, noise=(0.05, 1.5)):
    """Points about a line of either sign: (x, y)."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    points = draw(st.integers(6, 40))
    slope = draw(st.sampled_from([-1, 1])) * draw(st.floats(0.1, 3))
    log_x = rng.uniform(-3, 3, points)
    log_y = slope * log_x + draw(st.floats(*noise)) * slope * rng.standard_normal(points)
    return np.exp(log_x), np.exp(log_y + draw(st.floats(-5, 5)))


def in_all_directions(x, y):
    return [regress(x, y, direction) for direction in DIRECTIONS]


# --- the textbook ---


@law
@given(scatters())
def test_y_on_x_is_linear_regression(points):
    x, y = points
    line = regress(x, y)
    known = stats.linregress(np.log(x), np.log(y))
    assert line.direction == "y_on_x" and line.points == len(x)
    assert line.exponent == pytest.approx(known.slope, rel=1e-9)
    assert np.log(line.factor) == pytest.approx(known.intercept, rel=1e-9, abs=1e-9)
    assert line.r_squared == pytest.approx(known.rvalue**2, rel=1e-9)
    half = stats.t.ppf(0.95, len(x) - 2) * known.stderr
    wanted = (known.slope - half, known.slope + half)
    assert line.interval == pytest.approx(wanted, rel=1e-8, abs=1e-9)


@law
@given(scatters())
def test_x_on_y_is_y_on_x_with_the_axes_swapped(points):
    x, y = points
    line, swapped = regress(x, y, "x_on_y"), regress(y, x)
    assert line.exponent == pytest.approx(1 / swapped.exponent, rel=1e-9)
    assert line.x_exponent == pytest.approx(swapped.exponent, rel=1e-9)
    assert line.r_squared == pytest.approx(swapped.r_squared, rel=1e-9)
    middle = float(np.exp(np.log(y).mean()))
    assert line.solve(middle) == pytest.approx(swapped(middle), rel=1e-9)
    low, high = swapped.interval
    if low > 0 or high < 0:
        assert line.interval == pytest.approx((1 / high, 1 / low), rel=1e-7)
    else:  # a slope of nought of x on y is a vertical line
        assert np.isinf(line.interval).sum() == 1
        end = min(abs(each) for each in line.interval)
        assert end == pytest.approx(1 / (high if swapped.exponent > 0 else -low), rel=1e-7)


@law
@given(scatters())
def test_the_reduced_major_axis_is_their_geometric_mean(points):
    y_on_x, x_on_y, axis = in_all_directions(*points)
    slopes = [y_on_x.exponent, axis.exponent, x_on_y.exponent]
    assert len(set(np.sign(slopes))) == 1
    assert slopes[1] == pytest.approx(np.sign(slopes[0]) * np.sqrt(slopes[0] * slopes[2]), rel=1e-9)
    assert abs(slopes[0]) <= abs(slopes[1]) <= abs(slopes[2])
    assert abs(slopes[1]) == pytest.approx(
        np.log(points[1]).std() / np.log(points[0]).std(), rel=1e-9
    )
    for line in (y_on_x, x_on_y, axis):
        assert line.r_squared == pytest.approx(slopes[0] / slopes[2], rel=1e-9)
        # All go through the middle of the points.
        middle = [float(np.exp(np.log(values).mean())) for values in points]
        assert line(middle[0]) == pytest.approx(middle[1], rel=1e-9)
        low, high = line.interval
        assert low <= line.exponent <= high


@law
@given(scatters(), st.floats(-8, 8), st.floats(-8, 8), st.randoms())
def test_units_and_order_do_not_matter(points, log_c, log_k, random):
    order = list(range(len(points[0])))
    random.shuffle(order)
    x, y = (values[order] for values in points)
    c, k = 10.0**log_c, 10.0**log_k
    for here, there in zip(
        in_all_directions(*points), in_all_directions(c * x, k * y), strict=True
    ):
        assert there.exponent == pytest.approx(here.exponent, rel=1e-8)
        assert there.interval == pytest.approx(here.interval, rel=1e-6, abs=1e-9)
        assert there.factor == pytest.approx(k * here.factor * c**-here.exponent, rel=1e-6)


@pytest.mark.parametrize("exponent", [-1.5, -0.01, 0.01, 2.0])
def test_points_on_a_line_give_that_line_in_every_direction(exponent):
    x = np.geomspace(1e-3, 1e9, 12)
    y = 7e5 * x**exponent
    for line in in_all_directions(x, y):
        assert line.exponent == pytest.approx(exponent, rel=1e-9)
        assert line.factor == pytest.approx(7e5, rel=1e-8)
        assert line.r_squared == pytest.approx(1)
        assert line.interval == pytest.approx((exponent, exponent), rel=1e-5)
        np.testing.assert_allclose(line(x), y, rtol=1e-8)
        assert line.solve(float(y[3])) == pytest.approx(x[3], rel=1e-6)
        assert line.solve_interval(float(y[3])) == pytest.approx((x[3], x[3]), rel=1e-5)
        assert line.x_exponent == pytest.approx(1 / exponent)
        assert line.reach == (x[0], x[-1])


def test_an_x_may_repeat_and_come_in_any_order():
    line = regress([4.0, 1.0, 4.0, 2.0], [2.1, 1.0, 1.9, 1.4])
    assert line.points == 4 and line.exponent == pytest.approx(
        stats.linregress(np.log([4, 1, 4, 2]), np.log([2.1, 1.0, 1.9, 1.4])).slope
    )


# --- intervals ---


def x_known(rng, points):
    x = np.linspace(0, 4, points)
    return x, 0.5 * x + 0.6 * rng.standard_normal(points), 0.5


def y_known(rng, points):
    y = np.linspace(0, 4, points)
    return 2 * y + 1.5 * rng.standard_normal(points), y, 0.5


def both_vary(rng, points):
    # Both axes vary together as normals: the axis's slope is the ratio of their deviations.
    covariance = [[4.0, 1.4], [1.4, 1.0]]
    x, y = rng.multivariate_normal([0, 0], covariance, points).T
    return x, y, 0.5


@pytest.mark.parametrize(
    ("direction", "draw"), list(zip(DIRECTIONS, (x_known, y_known, both_vary), strict=True))
)
@pytest.mark.parametrize("points", [8, 30])
def test_the_interval_holds_as_often_as_it_says(direction, draw, points):
    rng = np.random.default_rng(points)
    held = 0
    for _ in range(500):
        log_x, log_y, slope = draw(rng, points)
        low, high = regress(np.exp(log_x), np.exp(log_y), direction).interval
        held += low <= slope <= high
    assert 0.86 <= held / 500 <= 0.94


def test_the_wrong_direction_misses():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        log_x, log_y, slope = y_known(rng, 30)
        low, high = regress(np.exp(log_x), np.exp(log_y), "y_on_x").interval
        held += low <= slope <= high
    assert held / 200 < 0.7


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_bootstrapped_line_holds_its_answer(direction):
    rng = np.random.default_rng(1)
    draw = dict(zip(DIRECTIONS, (x_known, y_known, both_vary), strict=True))[direction]
    answer = 6.0 if direction == "y_on_x" else 3.0  # log y at which the line is asked
    held = 0
    for _ in range(60):
        log_x, log_y, slope = draw(rng, 30)
        line = regress(np.exp(log_x), np.exp(log_y), direction)
        low, high = line.solve_interval(float(np.exp(answer)))
        assert low < line.solve(float(np.exp(answer))) < high
        held += low <= np.exp(answer / slope) <= high
    assert 0.75 <= held / 60 <= 0.99


def test_a_band_is_the_line_with_its_interval():
    x, y = np.exp(np.stack(both_vary(np.random.default_rng(3), 25)[:2]))
    for line in in_all_directions(x, y):
        at = np.geomspace(0.01, 1e4, 9)
        middle, low, high = line.band(at)
        np.testing.assert_allclose(middle, line(at))
        assert (low < middle).all() and (middle < high).all()
        narrow = line.band(at, 0.5)
        assert (narrow[1] > low).all() and (narrow[2] < high).all()
        assert line.solve_interval(3.0, seed=1) == line.solve_interval(3.0, seed=1)
        assert line.solve_interval(3.0, seed=1) != line.solve_interval(3.0, seed=2)
        first, second = line.solve_interval(3.0, 0.5), line.solve_interval(3.0, 0.95)
        assert second[0] < first[0] < first[1] < second[1]


def test_a_line_is_read_as_a_formula():
    x = np.geomspace(1, 100, 8)
    assert str(regress(x, 3 * x**0.5)) == "3 x^0.5 [0.5, 0.5] (y_on_x, R2 1.000)"


# --- Thompson et al. (2020), Table 2 rerun on the authors' points ---


def thompson(benchmark):
    """Compute in FLOP and performance, 1 / (1 - score), of the models on one benchmark."""
    table = facts("thompson_points")
    table = table[table.benchmark_key == benchmark]
    burden, score = (
        table[name].to_numpy(float) for name in ("hardware_burden_gflop", "score_fraction")
    )
    return 1e9 * burden, 1 / (1 - score)


def test_imagenet_in_three_directions():
    flop, performance = thompson("imagenet")
    assert len(flop) == 13
    y_on_x, x_on_y, axis = in_all_directions(flop, performance)
    assert round(y_on_x.x_exponent, 1) == 13.6
    assert round(x_on_y.x_exponent, 1) == 6.2
    assert round(axis.x_exponent, 1) == 9.2
    assert round(y_on_x.r_squared, 3) == 0.452
    # An error of 5 %: a performance of 20.
    assert round(np.log10(y_on_x.solve(20)), 1) == 28.1
    assert round(np.log10(x_on_y.solve(20)), 1) == 23.5
    assert np.log10(x_on_y.solve(20)) < np.log10(axis.solve(20)) < np.log10(y_on_x.solve(20))
    # The directions differ by more than either interval says.
    assert y_on_x.solve_interval(20)[0] > x_on_y.solve(20)


# Exponents of compute in performance: y on x, x on y, reduced major axis; and R2.
OTHERS = {
    "conll2003": (13, 59.5, 24.9, 38.5, 0.418),
    "mscoco": (33, 44.3, 12.8, 23.9, 0.290),
    "squad1_1": (16, 7.8, 5.3, 6.4, 0.682),
    "wmt2014_enfr": (13, 42.2, 21.8, 30.3, 0.516),
}


def test_no_benchmark_is_left_out():
    keys = set(facts("thompson_points").benchmark_key)
    assert keys == {"imagenet", *OTHERS}


@pytest.mark.parametrize("benchmark", OTHERS)
def test_the_other_benchmarks(benchmark):
    flop, performance = thompson(benchmark)
    points, *exponents, r_squared = OTHERS[benchmark]
    assert len(flop) == points
    lines = in_all_directions(flop, performance)
    assert [round(line.x_exponent, 1) for line in lines] == exponents
    assert round(lines[0].r_squared, 3) == r_squared
    log_x, log_y = np.log10(flop), np.log10(performance)
    slope, intercept = np.polyfit(log_x, log_y, 1)
    inverse, offset = np.polyfit(log_y, log_x, 1)
    assert [lines[0].exponent, 1 / lines[1].exponent] == pytest.approx([slope, inverse], rel=1e-9)
    assert lines[0].r_squared == pytest.approx(slope * inverse, rel=1e-9)
    assert np.log10(lines[0].solve(20)) == pytest.approx((np.log10(20) - intercept) / slope)
    assert np.log10(lines[1].solve(20)) == pytest.approx(offset + inverse * np.log10(20))
