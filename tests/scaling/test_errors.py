"""Bad input is refused, with the rows and the reason, by every function that fits."""

import re

import numpy as np
import pandas as pd
import pytest

from course_lib import fit_power_law
from course_lib.scaling import (
    fit_broken_power_law,
    fit_chinchilla,
    fit_kaplan,
    isoflop_profiles,
    regress,
)
from tests.scaling.data import WELL_POSED, grid, noisy

X = np.geomspace(1, 100, 9)
Y = 1 / X
N, D = grid(np.geomspace(1e7, 1e9, 3), np.geomspace(1e9, 1e11, 3))
LOSS = 1.8 + 400 / N**0.34 + 400 / D**0.34

# Each as (function, its columns, their names).
FITS = {
    "power law": (fit_power_law, (X, Y), ("x", "y")),
    "broken": (fit_broken_power_law, (X, Y), ("x", "y")),
    "chinchilla": (fit_chinchilla, (N, D, LOSS), ("parameters", "tokens", "loss")),
    "kaplan": (fit_kaplan, (N, D, LOSS), ("parameters", "tokens", "loss")),
    "regress": (regress, (X, Y), ("x", "y")),
    "isoflop": (isoflop_profiles, (N, D, LOSS), ("parameters", "flop", "loss")),
}
SERIES = ["power law", "broken"]
SURFACES = ["chinchilla", "kaplan"]

each_column = pytest.mark.parametrize(
    ("fit", "columns", "names", "at"),
    [
        pytest.param(fit, columns, names, at, id=f"{name}, {names[at]}")
        for name, (fit, columns, names) in FITS.items()
        for at in range(len(columns))
    ],
)


def with_rows(columns, at, rows, value):
    changed = [column.copy() for column in columns]
    changed[at][rows] = value
    return changed


# --- values ---


@each_column
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -2.5])
def test_values_off_the_log_axes(fit, columns, names, at, value):
    said = re.escape(f"{value:g}")
    with pytest.raises(
        ValueError, match=rf"{names[at]} must be positive and finite.*; row 4 has {said}$"
    ):
        fit(*with_rows(columns, at, [4], value))


@each_column
def test_a_few_bad_rows_are_named_and_many_are_counted(fit, columns, names, at):
    with pytest.raises(ValueError, match=r"; row 1 has 0, row 6 has 0$"):
        fit(*with_rows(columns, at, [1, 6], 0))
    with pytest.raises(
        ValueError, match=r"row 1 has -1, row 2 has -1, row 4 has -1 \(5 such rows\)"
    ):
        fit(*with_rows(columns, at, [1, 2, 4, 6, 8], -1))


@each_column
def test_shapes_that_differ(fit, columns, names, at):
    shorter = [column[:-1] if k == at else column for k, column in enumerate(columns)]
    with pytest.raises(ValueError, match=rf"one length; .*{names[at]} has the shape \(8,\)"):
        fit(*shorter)
    square = [column.reshape(3, 3) for column in columns]
    with pytest.raises(ValueError, match=rf"one length; .*{names[at]} has the shape \(3, 3\)"):
        fit(*square)


@each_column
def test_what_is_no_number(fit, columns, names, at):
    words = [["?"] * 9 if k == at else column for k, column in enumerate(columns)]
    with pytest.raises(ValueError, match=f"{names[at]} must hold numbers"):
        fit(*words)


def test_lists_whole_numbers_and_columns_of_a_table_are_series_too():
    x = np.array([1, 2, 5, 10, 20, 50, 100])
    y = np.array([550, 433, 329, 276, 239, 207, 190])
    wanted = fit_power_law(x.astype(float), y.astype(float))
    for form in (np.array, list, tuple, pd.Series, lambda each: pd.Series(each, dtype="Int64")):
        assert fit_power_law(form(x), form(y)).exponent == wanted.exponent
        assert regress(form(x), form(y)).interval == regress(x, y).interval


# --- rows ---


@pytest.mark.parametrize("name", SERIES)
def test_an_x_that_repeats(name):
    fit = FITS[name][0]
    with pytest.raises(ValueError, match=r"x has 1\.\d+ in row 1 and again in row 2; .*replicates"):
        fit(np.insert(X, 1, X[1]), np.insert(Y, 1, Y[1]))
    with pytest.raises(ValueError, match=r"x has 1 in row 0 and again in row 9; if these are sev"):
        fit(np.append(X, X[0]), np.append(Y, Y[0]))


@pytest.mark.parametrize("name", SERIES)
def test_an_x_that_decreases(name):
    fit = FITS[name][0]
    swapped = X.copy()
    swapped[[3, 4]] = swapped[[4, 3]]
    with pytest.raises(ValueError, match=r"x decreases: row 4 has 5\.6\d* after 10; give the siz"):
        fit(swapped, Y)
    with pytest.raises(ValueError, match=r"x decreases: row 1 has 56\.\d+ after 100"):
        fit(X[::-1], Y[::-1])


def test_compute_in_any_order_with_replicates():
    order = np.random.default_rng(0).permutation(15)
    x, y = WELL_POSED[0][order], noisy(WELL_POSED, 0)[order]
    with pytest.raises(ValueError, match="x decreases"):
        fit_power_law(x, y)
    with pytest.raises(ValueError, match="x decreases"):
        fit_power_law(x, y, replicates=False)
    assert fit_power_law(x, y, replicates=True).reach == (1, pytest.approx(1000))


@pytest.mark.parametrize("name", SURFACES)
def test_a_pair_that_repeats(name):
    fit, columns, _ = FITS[name]
    with pytest.raises(
        ValueError, match=r"rows 3 and 9 both have 1e\+07 parameters and 1e\+10 tokens; .*replicat"
    ):
        fit(*(np.append(column, column[3]) for column in columns))


# --- too few ---


@pytest.mark.parametrize(
    ("irreducible", "parameters"), [("free", 3), ("none", 2), (0, 2), (1e-3, 2)]
)
def test_a_power_law_of_too_few_points(irreducible, parameters):
    message = f"{parameters} parameters need at least {parameters + 1} distinct x; got {parameters}"
    with pytest.raises(ValueError, match=message):
        fit_power_law(X[:parameters], Y[:parameters], irreducible)
    twice = np.repeat(X[:parameters], 2), np.repeat(Y[:parameters], 2)
    with pytest.raises(ValueError, match=message):
        fit_power_law(*twice, irreducible, replicates=True)
    with pytest.raises(ValueError, match="distinct x; got 0"):
        fit_power_law([], [], irreducible)


def test_a_broken_law_of_too_few_points():
    with pytest.raises(ValueError, match="5 parameters need at least 6 distinct x; got 5"):
        fit_broken_power_law(X[:5], Y[:5])
    with pytest.raises(ValueError, match="6 parameters need at least 7 distinct x; got 6"):
        fit_broken_power_law(X[:6], Y[:6], "free")


@pytest.mark.parametrize(
    ("name", "irreducible", "parameters"),
    [("chinchilla", "free", 5), ("chinchilla", "none", 4), ("chinchilla", 1.5, 4),
     ("kaplan", "free", 6), ("kaplan", "none", 5), ("kaplan", 1.5, 5)],
)  # fmt: skip
def test_a_surface_of_too_few_runs(name, irreducible, parameters):
    fit, columns, _ = FITS[name]
    rows = np.array([0, 4, 8, 1, 5, 6, 2])[:parameters]
    message = f"{parameters} parameters need at least {parameters + 1} distinct pairs of parame"
    with pytest.raises(ValueError, match=message):
        fit(*(column[rows] for column in columns), irreducible=irreducible)
    with pytest.raises(ValueError, match=message):
        fit(*(np.repeat(column[rows], 3) for column in columns), irreducible=irreducible,
            replicates=True)  # fmt: skip


@pytest.mark.parametrize("name", SURFACES)
def test_an_exponent_needs_three_sizes(name):
    fit = FITS[name][0]
    n, d = grid(np.geomspace(1e7, 1e9, 2), np.geomspace(1e9, 1e11, 6))
    with pytest.raises(ValueError, match=r"parameters takes 2 value\(s\); its exponent needs 3"):
        fit(n, d, 1 + 1 / n + 1 / d)
    with pytest.raises(ValueError, match=r"tokens takes 2 value\(s\)"):
        fit(d, n, 1 + 1 / n + 1 / d)


@pytest.mark.parametrize("direction", ["y_on_x", "x_on_y", "reduced_major_axis"])
def test_a_line_through_too_few_points(direction):
    with pytest.raises(ValueError, match="2 parameters need at least 3 distinct x; got 2"):
        regress([1, 2, 2], [1, 2, 3], direction)
    with pytest.raises(ValueError, match="2 parameters need at least 3 distinct y; got 1"):
        regress([1, 2, 3], [5, 5, 5], direction)


# --- the way ---


@pytest.mark.parametrize("irreducible", ["free", "none", 0.005])
def test_data_that_go_the_other_way(irreducible):
    with pytest.raises(ValueError, match=r"goes the other way \(slope 1\); direction is 'falls'"):
        fit_power_law(X, X, irreducible)
    with pytest.raises(ValueError, match=r"slope -1\); direction is 'grows'"):
        fit_power_law(X, 1 / X, irreducible, "grows")


# --- words and numbers ---


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"direction": "up"}, "direction is 'up'; allowed are 'falls', 'grows'"),
        ({"irreducible": "some"}, "irreducible is 'some'; allowed"),
        ({"loss": "cubes"}, "loss is 'cubes'; allowed are squares, huber, absolute"),
        ({"loss": "huber", "delta": 0}, "delta is 0; it must be positive"),
        ({"loss": "huber", "delta": -1e-3}, r"delta is -0\.001; it must be positive"),
        ({"loss": "huber", "delta": np.inf}, "delta is inf; it must be positive"),
        ({"loss": "huber", "delta": np.nan}, "delta is nan; it must be positive"),
    ],
)
@pytest.mark.parametrize("name", SERIES)
def test_bad_words_for_a_series(name, keywords, message):
    fit, columns, _ = FITS[name]
    with pytest.raises(ValueError, match=message):
        fit(*columns, **keywords)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"objective": "l2"}, "objective is 'l2'; allowed are 'squares', 'huber', 'absolute'"),
        ({"delta": 0}, "delta is 0; it must be positive"),
        ({"delta": np.nan}, "delta is nan; it must be positive"),
        ({"irreducible": "some"}, "irreducible is 'some'; allowed: 'free', 'none' or a number"),
        ({"irreducible": 5.0}, r"irreducible is 5; it must lie between 0 and"),
        ({"irreducible": -1}, r"irreducible is -1; it must lie between 0 and"),
    ],
)
@pytest.mark.parametrize("name", SURFACES)
def test_bad_words_for_a_surface(name, keywords, message):
    fit, columns, _ = FITS[name]
    with pytest.raises(ValueError, match=message):
        fit(*columns, **keywords)


@pytest.mark.parametrize("value", [5.0, -1.0, 0.01, np.nan, np.inf])
def test_an_irreducible_part_lies_below_the_data(value):
    with pytest.raises(ValueError, match=rf"is {value:g}; it must lie between 0 and 0\.01"):
        fit_power_law(X, Y, value)


def test_directions_of_regression():
    with pytest.raises(ValueError, match="direction is 'both'; allowed are 'y_on_x', 'x_on_y', "):
        regress(X, Y, "both")


BAD_WEIGHTS = [
    (np.ones(8), r"weights has the shape \(8,\); give one for each of 9"),
    (np.ones((3, 3)), r"weights has the shape \(3, 3\)"),
    (np.eye(9)[2], r"weights must be positive and finite.*row 0 has 0.*\(8 such rows\)"),
    (np.where(X > 50, np.nan, 1.0), r"weights must be positive and finite.*row 8 has nan"),
    (["heavy"] * 9, "weights must hold numbers"),
]
BAD_REPLICATES = [
    (np.arange(8), r"replicates has the shape \(8,\); give True, or a label for each of the 9"),
    (3, r"replicates has the shape \(\); give True, or a label"),
    (["a"] * 9, r"replicates has one label, .*'a'.*; two are needed"),
]


@pytest.mark.parametrize("name", SERIES + SURFACES)
@pytest.mark.parametrize(("weights", "message"), BAD_WEIGHTS)
def test_bad_weights(name, weights, message):
    fit, columns, _ = FITS[name]
    with pytest.raises(ValueError, match=message):
        fit(*columns, weights=weights)


@pytest.mark.parametrize("name", SERIES + SURFACES)
@pytest.mark.parametrize(("replicates", "message"), BAD_REPLICATES)
def test_bad_labels(name, replicates, message):
    fit, columns, _ = FITS[name]
    with pytest.raises(ValueError, match=message):
        fit(*columns, replicates=replicates)


# --- questions to a law ---


@pytest.fixture(scope="module")
def fitted():
    return fit_power_law(WELL_POSED[0], noisy(WELL_POSED, 0))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"of": "run"}, "of is 'run'; allowed are 'new run', 'mean'"),
        ({"method": "exact"}, "method is 'exact'; allowed are 'delta', 'profile', 'bootstrap'"),
        *[({"level": level}, f"level is {level}; give a probability between 0 and 1")
          for level in (0, 1, 90, -0.1, float("nan"))],
        ({"level": "high"}, "level is high; give a probability"),
        ({"method": "bootstrap", "resamples": 0}, "n is 0; give the number of resamples"),
    ],
)  # fmt: skip
def test_bad_questions(fitted, keywords, message):
    with pytest.raises(ValueError, match=message):
        fitted.predict(20, **keywords)


@pytest.mark.parametrize("x", [0.0, -1.0, np.nan, np.inf])
def test_a_law_holds_for_positive_numbers(fitted, hoffmann, x):
    for ask in (fitted, fitted.predict, lambda x: hoffmann(x, 1e9), lambda x: hoffmann(1e9, x)):
        with pytest.raises(ValueError, match="a law holds for positive, finite numbers; got"):
            ask(x)


def test_bad_resamples(fitted):
    with pytest.raises(ValueError, match="kind is 'jackknife'; allowed are 'pairs', 'residual', "):
        fitted.bootstrap(10, kind="jackknife")
    for number in (0, -5, float("nan")):
        with pytest.raises(ValueError, match=f"n is {number}; give the number of resamples"):
            fitted.bootstrap(number)
    for level in (0, 1, 90):
        with pytest.raises(ValueError, match=f"level is {level}; give a probability"):
            fitted.solve_interval(2.0, level)
        with pytest.raises(ValueError, match=f"level is {level}; give a probability"):
            regress(X, Y).band(X, level)
        with pytest.raises(ValueError, match=f"level is {level}; give a probability"):
            regress(X, Y).solve_interval(0.1, level)


@pytest.mark.parametrize("flop", [0, -1e18, np.nan, np.inf])
def test_compute_is_positive(hoffmann, flop):
    with pytest.raises(ValueError, match=f"flop is {re.escape(str(flop))}; it must be positive"):
        hoffmann.compute_optimal(flop)


def test_a_target_is_above_the_irreducible_loss(hoffmann):
    for target in (hoffmann.E, 1.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"is never reached: the irreducible part is 1\.817"):
            hoffmann.solve(target)
    for y in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"y is .*; it must be positive and finite"):
            regress(X, Y).solve(y)
