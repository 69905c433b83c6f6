"""Exercise 4: what its checks say of usual mistakes, and that their truths are true."""

import math
import re
import warnings

import numpy as np
import pytest
from scipy import integrate, optimize

from course_lib import fit_power_law
from course_lib.scaling import NotIdentified, optimal_allocation
from course_lib.tasks import TASKS, recorded_sweep, spectrum
from tests.exercises.judging import judge

NAME = "04-scaling-laws"
SEEDS = range(20)


# --- mistakes, and what is said of them ---


def line(x1, y1, x2, y2):
    return np.log(y2 / y1) / np.log(x2 / x1)


def on_line(x1, y1, x2, y2, x):
    return y1 * (x / x1) ** line(x1, y1, x2, y2)


def linear(x1, y1, x2, y2, x):
    return y1 + (y2 - y1) * (x - x1) / (x2 - x1)


def then(loss, E, alpha, times):
    return E + (loss - E) * times**-alpha


def times_for(loss, E, alpha, target):
    return ((loss - E) / (target - E)) ** (1 / alpha) if target > E else math.inf


def right_law(x, y):
    law = fit_power_law(x, y)
    return law.E, law.alpha


def slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


def losses(width, sizes, seeds):
    rows = [TASKS["spectrum"].run(width=width, samples=n, seeds=seeds) for n in sizes]
    return np.array([[one["loss"] for one in row] for row in rows])


def relative(y, ddof=1):
    return y.std(1, ddof=ddof) / y.shape[1] ** 0.5 / y.mean(1)


def least(flop, used, A, alpha, B, beta, train=6, use=2):
    """The best N by SciPy, with so many FLOP for a parameter and token."""

    def loss(log_n):
        n = np.exp(log_n)
        return A / n**alpha + B / ((flop / n - use * used) / train) ** beta

    most = flop / (use * used) if used else flop
    bounds = (np.log(1e5), np.log(most) - 1e-6)
    grid = np.linspace(*bounds, 400)
    at = int(np.argmin([loss(one) for one in grid]))
    near = (grid[max(at - 1, 0)], grid[min(at + 1, 399)])
    n = np.exp(optimize.minimize_scalar(loss, bounds=near, method="bounded").x)
    return n, (flop / n - use * used) / train


WRONG = {
    "read-off": {
        "lambda *p: (-line(*p[:4]), on_line(*p))": (0.5, "sign of the exponent"),
        "lambda *p: (1 / line(*p[:4]), on_line(*p))": (0.5, "wrong way up"),
        "lambda a, b, c, d, x: ((d - b) / (c - a), linear(a, b, c, d, x))": (0, "linear axes"),
        "lambda *p: (line(*p[:4]) / np.log(10), on_line(*p))": (0.5, "of one base"),
        "lambda *p: (line(*p[:4]), linear(*p))": (0.5, "linear axes"),
        "lambda *p: (line(*p[:4]), np.exp(np.log10(on_line(*p))))": (0.5, "not by exp"),
        "lambda *p: (line(*p[:4]), 10 ** np.log(on_line(*p)))": (0.5, "undone by exp"),
        "lambda *p: (line(*p[:4]), np.log10(on_line(*p)))": (0.5, "logarithm of the loss"),
        "lambda *p: (line(*p[:4]), p[1] * (p[4] / p[0]) ** -line(*p[:4]))": (0.5, "wrong way"),
        "lambda *p: line(*p[:4])": (0, "two numbers"),
    },
    "local-exponent": {
        "lambda x, E, A, alpha: -alpha": (0, "reducible part"),
        "lambda x, E, A, alpha: alpha": (0, "this is alpha"),
        "lambda x, E, A, alpha: alpha * A / (E * x**alpha + A)": (0, "sign"),
        "lambda x, E, A, alpha: -alpha * A * x ** (-alpha - 1)": (0, "linear axes"),
        "lambda x, E, A, alpha: -alpha * A * x**-alpha": (0, "y needs a logarithm"),
        "lambda x, E, A, alpha: -alpha * E / (E + A * x**-alpha)": (0, "share of E"),
        "lambda x, E, A, alpha: -alpha * A * x**-alpha / E": (0, "the whole loss"),
    },
    "next-step": {
        "lambda y, E, a, k, t: (y * k**-a, times_for(y, E, a, t))": (0.5, "E was made smaller"),
        "lambda y, E, a, k, t: ((y - E) * k**-a, times_for(y, E, a, t))": (0.5, "E remains"),
        "lambda y, E, a, k, t: (then(y, E, -a, k), times_for(y, E, a, t))": (0.5, "sign"),
        "lambda y, E, a, k, t: (E + y * k**-a, times_for(y, E, a, t))": (0.5, "already"),
        "lambda y, E, a, k, t: (then(y, E, a, k), (y / t) ** (1 / a))": (0.5, "divided away"),
        "lambda y, E, a, k, t: (then(y, E, a, k), times_for(y, E, -a, t))": (0.5, "below 1"),
        "lambda y, E, a, k, t: (then(y, E, a, k), times_for(y, E, 1 / a, t))": (0.5, "1/alpha"),
        "lambda y, E, a, k, t: (then(y, E, a, k), None if t < E else times_for(y, E, a, t))": (
            0.5, "no data reach",
        ),
        "lambda y, E, a, k, t: (then(y, E, a, k), ((y - E) / (t - E)) ** (1 / a))": (
            0.5, "complex|no data reach",
        ),
        "lambda y, E, a, k, t: 1 / 0": (0, "ZeroDivisionError"),
    },
    "find-law": {
        "lambda x, y: (0, -slope(x, y))": (0, "part that stays.*too flat"),
        "lambda x, y: (right_law(x, y)[0], -right_law(x, y)[1])": (0.5, "the sign"),
        "lambda x, y: (right_law(x, y)[0], 1 / right_law(x, y)[1])": (0.5, "wrong way up"),
        "lambda x, y: (y.min(), right_law(x, y)[1])": (0.5, "lowest loss"),
        "lambda x, y: (y[-5:].mean(), right_law(x, y)[1])": (0.5, "lowest loss"),
        "lambda x, y: (1.2 * right_law(x, y)[0], 1.2 * right_law(x, y)[1])": (0, "the true one"),
        "lambda x, y: (right_law(x, y)[0], -slope(y, x))": (0.5, "wrong way up|true one"),
    },
    "run-sweep": {
        "lambda *s: (losses(*s).mean(1), 100 * relative(losses(*s)))": (0.5, "per cent"),
        "lambda *s: (losses(*s).mean(1), relative(losses(*s)) * len(s[2]) ** 0.5)": (0.5, "surer"),
        "lambda *s: (losses(*s).mean(1), relative(losses(*s)) / len(s[2]) ** 0.5)": (0.5, "root"),
        "lambda *s: (losses(*s).mean(1), relative(losses(*s), ddof=0))": (
            0.5, "ddof",
        ),
        "lambda *s: (losses(*s).mean(1), relative(losses(*s)) * losses(*s).mean(1))": (
            0.5, "divide by the mean",
        ),
        "lambda *s: (losses(*s)[:, 0], relative(losses(*s)))": (0.5, "single seed"),
        "lambda *s: (losses(*s).sum(1), relative(losses(*s)))": (0.5, "sum over"),
        "lambda *s: (losses(*s).min(1), relative(losses(*s)))": (0.5, "luckiest|single seed"),
        "lambda *s: (losses(*s).mean(1)[::-1], relative(losses(*s)))": (0.5, "order"),
        "lambda *s: losses(*s).mean(1)": (0, "two lists"),
    },
    "allocate": {
        "lambda *b: least(*b, 3, 1)": (0, r"\(MACs\)"),
        "lambda *b: least(*b, 3, 2)": (0, r"not 3ND|\(MACs\)"),
        "lambda *b: least(*b, 1, 2)": (0, "not ND"),
        "lambda *b: least(*b, 6, 6)": (0, "forward only"),
        "lambda C, T, A, a, B, b: least(C, T, A, b, B, a)": (0, "exchanged"),
        "lambda C, T, A, a, B, b: optimal_allocation(C, A, a, B, b)": (0, "training alone"),
        "lambda *b: least(*b)[::-1]": (0, "parameters come first"),
        "lambda *b: (1.3 * least(*b)[0], least(*b)[1])": (0, "times the budget"),
        "lambda C, T, *law: (C / (4 * T + 1), T / 3 + C / 6)": (0, "times the budget|above"),
        "lambda C, T, *law: (1.0, (C - 2 * T) / 6)": (0, "above the least"),
        "lambda *b: least(*b)[0]": (0, "two numbers"),
    },
}  # fmt: skip
WRONG_ANSWERS = [
    (name, answer, *expected) for name, answers in WRONG.items()
    for answer, expected in answers.items()
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer", "share", "said"), WRONG_ANSWERS)
def test_a_mistake_costs_its_part_and_is_told_apart_whatever_the_inputs(
    checks, name, answer, share, said
):
    for seed in range(6):
        judged = judge(checks, name, eval(answer), seed)
        assert judged.share == share, judged.reason
        assert re.search(said, judged.reason), judged.reason


# --- the truth, from another side ---


@pytest.mark.parametrize("name", sorted(WRONG))
def test_the_reference_is_right_whatever_the_inputs(checks, reference, name):
    for seed in SEEDS:
        judged = judge(checks, name, reference[name.replace("-", "_")], seed)
        assert judged.share == 1, judged.reason


def interpolated(x1, y1, x2, y2, x):
    ends = np.log([[x1, x2], [y1, y2]])
    straight = np.polynomial.Polynomial.fit(*ends, 1)
    return float(straight.deriv()(0)), float(np.exp(straight(np.log(x))))


def differentiated(x, E, A, alpha):
    def y(size):
        return E + A * size**-alpha

    return float(np.log(y(1.001 * x) / y(x / 1.001)) / np.log(1.001**2))


def solved(loss, E, alpha, times, target):
    """The reducible part falls as d(loss)/dt = -alpha (loss - E) with t the log of the times."""
    fall = integrate.solve_ivp(
        lambda _, y: -alpha * (y - E), (0, np.log(times)), [loss], rtol=1e-10, atol=1e-12
    )
    if target < E:
        return fall.y[0, -1], math.inf
    root = optimize.brentq(lambda t: E + (loss - E) * np.exp(-alpha * t) - target, 0, 100)
    return fall.y[0, -1], math.exp(root)


def by_scipy(logarithm):
    def find(x, y):
        def law(log_x, E, A, alpha):
            value = E + A * np.exp(-alpha * log_x)
            return np.log(value) if logarithm else value

        near = (0.8 * y[-1], y[0], 0.5)
        found, _ = optimize.curve_fit(
            law, np.log(x / x[0]), np.log(y) if logarithm else y, near, bounds=(0, np.inf)
        )
        return found[[0, 2]]

    return find


def by_grid(x, y):
    """The E whose rest is straightest, as chapter 8 tries floors."""
    tried = np.linspace(0.3, 0.99, 150) * y.min()
    left = [np.polyfit(np.log(x), np.log(y - E), 1, full=True)[:2] for E in tried]
    misses = [
        np.sum(np.log((E + np.exp(np.polyval(line, np.log(x)))) / y) ** 2)
        for E, (line, _) in zip(tried, left, strict=True)
    ]
    best = int(np.argmin(misses))
    return tried[best], -left[best][0][0]


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("read-off", interpolated),
        ("local-exponent", differentiated),
        ("next-step", solved),
        ("find-law", by_scipy(logarithm=True)),
        ("find-law", by_scipy(logarithm=False)),
        ("find-law", by_grid),
        ("run-sweep", lambda *s: (losses(*s).mean(1), relative(losses(*s)))),
        ("allocate", least),
    ],
)
def test_other_ways_to_the_truth_agree_with_the_checks(checks, name, way):
    for seed in SEEDS:
        judged = judge(checks, name, way, seed)
        assert judged.share == 1, (seed, judged.reason)


def test_without_use_the_best_allocation_is_the_librarys(inside):
    rng = np.random.default_rng(0)
    for _ in range(20):
        flop, used, *law = inside["draw_budget"](rng, with_use=False)
        assert used == 0
        assert inside["best_allocation"](flop, 0, *law) == pytest.approx(
            tuple(optimal_allocation(flop, *law)), rel=1e-6
        )


def test_use_makes_the_best_model_smaller(inside):
    rng = np.random.default_rng(1)
    for _ in range(20):
        flop, used, *law = inside["draw_budget"](rng, with_use=True)
        assert inside["best_allocation"](flop, used, *law)[0] < optimal_allocation(flop, *law)[0]


def test_recomputed_losses_are_those_that_theory_expects(inside):
    sizes = (64, 256, 512)
    found = inside["losses_of"](12, sizes, tuple(range(60)))
    error = found.std(1, ddof=1) / 60**0.5
    expected = [spectrum.expected_loss(12, size) for size in sizes]
    assert np.all(np.abs(found.mean(1) - expected) < 4 * error)


# --- choosing ---


def missed(fit, kept, held, way):
    law = fit(*kept)
    with np.errstate(all="ignore"):
        return way(law(held[0]), held[1])


def log_squares(said, y):
    return np.mean(np.log(said / y) ** 2)


def relative_error(said, y):
    return np.mean(np.abs(said / y - 1))


def choosing(forms, held_out, way=log_squares):
    """A function that chooses by what it holds out: a mask of the sizes."""

    def choose(x, y):
        test = held_out(len(x))
        kept = ~test if not test.all() else test
        errors = {
            name: missed(fit, (x[kept], y[kept]), (x[test], y[test]), way)
            for name, fit in forms.items()
        }
        return min(errors, key=errors.get)

    return choose


def last(part):
    return lambda n: np.arange(n) >= n - n // part


def first(part):
    return lambda n: np.arange(n) < n // part


def some(part):
    rng = np.random.default_rng(3)
    return lambda n: np.isin(np.arange(n), rng.permutation(n)[: n // part])


HONEST = [
    (last(4), log_squares), (last(3), log_squares), (last(2), log_squares),
    (last(3), relative_error), (lambda n: np.arange(n) >= n - 3, relative_error),
]  # fmt: skip
DISHONEST = [
    (lambda n: np.ones(n, dtype=bool), "fitted to"),
    (first(4), "larger ones|the largest"), (first(3), "larger ones|the largest"),
    (some(4), "larger ones|the largest|fitted to"), (some(3), "larger ones|the largest|fitted to"),
    (lambda n: np.arange(n) % 3 == 1, "larger ones|the largest|fitted to"),
]  # fmt: skip


def check_choices(checks, inside, seeds):
    for seed in seeds:
        for held_out, way in HONEST:
            judged = judge(checks, "choose", choosing(inside["FORMS"], held_out, way), seed)
            assert judged.share == 1, (seed, judged.reason)
        for held_out, said in DISHONEST:
            judged = judge(checks, "choose", choosing(inside["FORMS"], held_out), seed)
            assert judged.share == 0, seed
            assert re.search(said, judged.reason), (seed, judged.reason)
        for always in inside["FORMS"]:
            judged = judge(checks, "choose", lambda x, y, name=always: name, seed)
            assert judged.share == 0 and "no form is right for all" in judged.reason


def test_largest_sizes_held_out_choose_well_and_others_do_not(checks, inside):
    check_choices(checks, inside, range(2))


@pytest.mark.slow
def test_largest_sizes_held_out_choose_well_and_others_do_not_under_many_seeds(checks, inside):
    check_choices(checks, inside, range(2, 24))


def test_the_notebooks_forms_choose_as_those_of_the_checks(checks, reference):
    assert judge(checks, "choose", reference["choose"], 5).share == 1
    for fit, own in zip(
        reference["FORMS"].values(),
        checks.questions["choose"].ask.__globals__["FORMS"].values(),
        strict=True,
    ):
        x = np.geomspace(10, 1e4, 15)
        y = (0.5 + x**-0.4) * np.exp(0.01 * np.random.default_rng(2).standard_normal(15))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotIdentified)
            assert fit(x, y)(1e5) == pytest.approx(own(x, y)(1e5), rel=2e-3)


def test_each_series_has_a_good_form_and_a_poor_one(inside):
    for series in (inside["draw_series"](seed) for seed in range(3)):
        assert len(series) == inside["SERIES"]
        assert all(0 < len(one.good) < len(inside["FORMS"]) for one in series)
        liked = [sum(name in one.good for one in series) for name in inside["FORMS"]]
        assert max(liked) < inside["ENOUGH"]


def test_a_name_that_is_no_form_is_told_the_forms(checks):
    judged = judge(checks, "choose", lambda x, y: "parabola")
    assert judged.share == 0 and "'cubic'" in judged.reason


# --- forecasting ---


@pytest.fixture(scope="module")
def forecasts(inside):
    """The course's own intervals, computed once for all that are compared with them."""
    kept, plain = {}, inside["reference"]

    def known(x, y, x_new, level):
        key = (y.tobytes(), level)
        if key not in kept:
            kept[key] = plain(x, y, x_new, level)
        return kept[key]

    inside["reference"] = known
    yield known
    inside["reference"] = plain


def scaled(low, high, times):
    middle, half = (low + high) / 2, times * (high - low) / 2
    return middle - half, middle + half


def straight(x, y, x_new, level):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        law = fit_power_law(x, y, "none", replicates=True)
    said = [law.predict(x_new, level, of=of, method="delta") for of in ("mean", "new run")]
    return [end for one in said for end in (one.low, one.high)]


def of_means(x, y, x_new, level):
    """Runs averaged first: a new run then seems to scatter as a mean does."""
    sizes = np.unique(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        law = fit_power_law(sizes, [y[x == size].mean() for size in sizes])
    said = [law.predict(x_new, level, of=of, method="delta") for of in ("mean", "new run")]
    return [end for one in said for end in (one.low, one.high)]


INTERVALS = {  # of the reference's: what is said, shares of the points, and why
    "(*law, *run)": (1, ""),
    "(*scaled(*law, 0.9), *scaled(*run, 0.9))": (1, ""),
    "(*scaled(*law, 1.25), *scaled(*run, 1.25))": (1, ""),
    "(*law, *law)": (0.5, "own scatter"),
    "(*run, *run)": (0.5, "no scatter of its own"),
    "(*run, *law)": (0, "of the law.*of a new run"),
    "(*scaled(*law, 2), *scaled(*run, 2))": (0, "say more"),
    "(*scaled(*law, 0.35), *scaled(*run, 0.35))": (0, "too narrow"),
    "(*scaled(*law, 0), *run)": (0.5, "too narrow"),
    "(*ask(x, y, x_new, 0.9)['law'], *ask(x, y, x_new, 0.9)['run'])": (0, "change with the level"),
    "(*ask(x, y, x_new, 0.5)['law'], *ask(x, y, x_new, 0.5)['run'])": (0, "for 0.9 held"),
    "straight(x, y, x_new, level)": (0, "a part that stays"),
    "(*law, *of_means(x, y, x_new, level)[2:])": (0.5, "not as means"),
    "(*np.mean(law) * np.array([0.9, 1.1]), *np.mean(run) * np.array([0.9, 1.1]))": (0, "as wide"),
    "(0.0, 1e9, 0.0, 1e9)": (0, "as wide"),
}


def check_intervals(checks, ask, seeds, answers):
    for seed in seeds:
        for answer in answers:
            share, said = INTERVALS[answer]

            def forecast(x, y, x_new, level, answer=answer):
                own = ask(x, y, x_new, level)
                return eval(answer, globals() | locals() | own)

            judged = judge(checks, "extrapolate", forecast, seed)
            assert judged.share == share, (seed, answer, judged.reason)
            assert re.search(said, judged.reason), (seed, answer, judged.reason)


def test_intervals_must_hold_and_say_something(checks, forecasts):
    check_intervals(checks, forecasts, range(1), INTERVALS)


@pytest.mark.slow
def test_intervals_must_hold_and_say_something_under_many_seeds(checks, forecasts):
    check_intervals(checks, forecasts, range(1, 24), INTERVALS)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((2.0, 1.0, 1.0, 2.0), "begins with its low end"),
        ((1.0, 2.0, 3.0), "four numbers"),
        ((1.0, 2.0, 1.0, 1e300), "beyond all losses"),
    ],
)
def test_what_is_no_interval_is_refused(checks, forecasts, answer, said):
    judged = judge(checks, "extrapolate", lambda *_: answer)
    assert judged.share == 0 and said in judged.reason


def test_a_few_misses_cost_nothing(checks, forecasts):
    """Of 80 problems three are answered as if they were others, far off."""
    asked = []

    def forecast(x, y, x_new, level):
        own = forecasts(x, y, x_new, level)
        asked.append(level)
        off = 1.3 if len(asked) in (10, 33, 60) else 1
        return [off * end for of in ("law", "run") for end in own[of]]

    assert judge(checks, "extrapolate", forecast, 2).share == 1


# --- the reflection ---


def test_the_model_answer_has_the_numbers_that_come_out(source):
    rows = recorded_sweep("spectrum").query("width == 16 and samples <= 4096")
    rows = rows.sort_values("samples")
    law = fit_power_law(rows.samples, rows.loss, replicates=True)
    short = rows[rows.samples < 4096]
    before = fit_power_law(short.samples, short.loss, replicates=True).predict(4096, of="mean")
    said = law.predict(40_960, of="mean")
    text = next(c for c in source.cells if c.metadata["nbgrader"]["grade_id"] == "reflection")
    truth = spectrum.expected_loss(16, 40_960)
    measured = rows[rows.samples == 4096].loss
    assert said.high < truth and before.high < measured.mean(), "both miss on one side"
    numbers = (said.high, truth, before.median, before.low, before.high, measured.mean())
    assert all(f"{number:.3f}" in text.source for number in numbers)
    assert len(measured) == 8 and "eight runs" in text.source
