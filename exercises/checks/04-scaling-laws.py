"""Checks of exercise 4. They run in the grader on values that the notebook returned, and, with
public inputs, in the notebook itself. Nothing here is secret: only the seeds of the inputs are.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp, inf, isclose, log, log10
from warnings import catch_warnings, simplefilter

import numpy as np

from course_lib import fit_power_law, interval_score
from course_lib.checking import Calls, Judgement, question
from course_lib.checking.answers import first_wrong, is_number, numbers
from course_lib.checking.questions import Failed
from course_lib.scaling import optimal_allocation
from course_lib.tasks import TASKS

SERIES, KINDS = 24, ("line", "line", "floor", "cubic")
NEAR, FAR = 0.06, 0.15  # of the truth on log axes: a good forecast, and a poor one
ENOUGH = 20  # good choices
PROBLEMS, NEW_RUNS, LEVELS = 80, 16, (0.5, 0.9)
WIDEST, MOST_SCORE, DEAREST = 1.6, 1.3, 8.0  # times the course's own width, score and width
# So much less may hold than is claimed, or than the course's own intervals hold on the same
# problems if that is less: of both levels together, and of the higher alone.
SHORT = {"law": (0.14, 0.20), "run": (0.11, 0.10)}


def in_parts(reasons):
    """A share of the points for each part without a reason; what is said twice is said once."""
    said = dict.fromkeys(reason for reason in reasons if reason)
    return Judgement(sum(not reason for reason in reasons) / len(reasons), "; ".join(said))


def shapeless(answers, count, wanted):
    """A reason if an answer is not so many numbers, else None."""
    return None if all(numbers(got, count) for got in answers) else f"return {wanted}"


def named(got, mistakes, rel_tol=1e-4):
    """What is said of the first mistake that gives this number, or None."""
    return next((said for value, said in mistakes if isclose(got, value, rel_tol=rel_tol)), None)


# --- reading a law ---


@question
def read_off(context):
    """The line through two points on log axes; half of the points each for slope and value."""
    rng, points = context.rng, []
    for place in range(6):
        first, decades = 10 ** rng.uniform(1, 6), rng.uniform(0.8, 3)
        exponent, loss = -rng.uniform(0.15, 0.6), 10 ** rng.uniform(0.3, 1.3)
        between = rng.uniform(0.25, 0.75) if place % 2 else rng.uniform(1.3, 2)
        x = first * 10 ** np.array([0, decades, decades * between])
        x1, x2, new = x.tolist()
        y1, y2 = loss, loss * (x2 / x1) ** exponent
        points.append((x2, y2, x1, y1, new) if place in (1, 4) else (x1, y1, x2, y2, new))
    answers = yield Calls(points)
    if reason := shapeless(answers, 2, "two numbers: the exponent, and the loss at x"):
        return reason

    def slope(place, got):
        x1, y1, x2, y2, _ = points[place]
        right = log(y2 / y1) / log(x2 / x1)
        if isclose(got[0], right, rel_tol=1e-6):
            return None
        mistakes = [
            (-right, "the sign of the exponent is wrong: the loss falls where the size grows"),
            (1 / right, "this slope is the wrong way up: how far y moves for each step of x"),
            ((y2 - y1) / (x2 - x1), "this is the slope on linear axes; take logarithms of both"),
            ((y2 - y1) / log(x2 / x1), "y needs a logarithm too"),
            (right / log(10), "numerator and denominator need logarithms of one base"),
            (right * log(10), "numerator and denominator need logarithms of one base"),
        ]
        said = named(got[0], mistakes)
        return said or "the exponent is the slope between the logarithms of the two points"

    def value(place, got):
        x1, y1, x2, y2, x = points[place]
        steps = log(x / x1) / log(x2 / x1)
        right = y1 * (y2 / y1) ** steps
        if isclose(got[1], right, rel_tol=1e-6):
            return None
        share = (x - x1) / (x2 - x1)
        mistakes = [
            (y1 + (y2 - y1) * share, "this lies on the straight line on linear axes"),
            (y1 + (y2 - y1) * steps, "only x was taken as a logarithm: y bends the line too"),
            (y1 * (y2 / y1) ** share, "only y was taken as a logarithm: x bends the line too"),
            (y1 * (y2 / y1) ** -steps, "from the first point the loss goes the wrong way"),
            (exp(log10(right)), "a decimal logarithm is undone by a power of ten, not by exp"),
            (10 ** log(right), "a natural logarithm is undone by exp, not by a power of ten"),
            (log10(right), "this is the logarithm of the loss"),
            (log(right), "this is the logarithm of the loss"),
            (right / y1, "this is the ratio to the first loss; multiply by it"),
        ]
        said = named(got[1], mistakes)
        return said or "the loss at x must lie on the same straight line on log axes"

    return in_parts([first_wrong(answers, slope), first_wrong(answers, value)])


def draw_law(rng):
    """E, A and alpha of a law, and a size at which both parts count."""
    E, alpha, x = rng.uniform(0.5, 3), rng.uniform(0.25, 0.8), 10 ** rng.uniform(1, 7)
    share = rng.uniform(0.2, 0.8) if rng.random() < 0.5 else rng.uniform(1.3, 3)  # never alike
    return x, E, E * share * x**alpha, alpha


@question
def local_exponent(context):
    """The slope of a law with a floor, on log axes."""
    laws = [draw_law(context.rng) for _ in range(5)]
    answers = yield Calls(laws)

    def judged(place, got):
        x, E, A, alpha = laws[place]
        if not is_number(got):
            return "return one number, the slope"
        reducible = A * x**-alpha
        right = -alpha * reducible / (E + reducible)
        if isclose(got, right, rel_tol=1e-3):
            return None
        mistakes = [
            (-alpha, "this is the exponent of the reducible part; the ruler sees E as well"),
            (alpha, "this is alpha; the ruler sees E as well, and a loss that falls"),
            (-right, "the sign is wrong: the loss falls where the size grows"),
            (-alpha * reducible / x, "this is the slope on linear axes"),
            (-alpha * reducible, "this is the slope of y against log x; y needs a logarithm too"),
            (-alpha * E / (E + reducible), "this is the share of E; it is E that does not fall"),
            (-alpha * reducible / E, "y is the whole loss, with E and the reducible part"),
        ]
        said = named(got, mistakes, rel_tol=1e-3)
        return said or "how much does log y change for a small step of log x?"

    return first_wrong(answers, judged)


@question
def next_step(context):
    """A loss after more data, and the data for a loss; half of the points for each."""
    rng, steps = context.rng, []
    for place in range(6):
        E, reducible, alpha = rng.uniform(0.5, 3), rng.uniform(0.3, 2), rng.uniform(0.2, 0.6)
        target = (
            E * rng.uniform(0.5, 0.95) if place in (2, 4) else E + reducible / rng.uniform(2, 5)
        )
        steps.append((E + reducible, E, alpha, rng.uniform(3, 30), target))
    answers = yield Calls(steps, keep_errors=True)
    answers = [got.tolist() if isinstance(got, np.ndarray) else got for got in answers]
    known = [isinstance(got, list) and len(got) == 2 for got in answers]

    def after(place, got):
        loss, E, alpha, times, target = steps[place]
        if target <= E:
            return None  # what is said there is about the other number
        if not known[place]:
            return got.error if isinstance(got, Failed) else "return two numbers"
        if not is_number(got[0]):
            return "the loss after more data must be a number"
        right = E + (loss - E) * times**-alpha
        mistakes = [
            (loss * times**-alpha, "E was made smaller too: only the reducible part falls"),
            ((loss - E) * times**-alpha, "this is the reducible part alone: E remains"),
            (E + (loss - E) * times**alpha, "the sign is wrong: more data, less loss"),
            (E + loss * times**-alpha, "E is in the loss already: what falls is loss - E"),
            (E + (loss - E) / times, "the reducible part falls with the power alpha of the data"),
        ]
        if isclose(got[0], right, rel_tol=1e-6):
            return None
        return named(got[0], mistakes) or "after more data: E, and what is left of the rest"

    def needed(place, got):
        loss, E, alpha, _, target = steps[place]
        if not known[place]:
            return got.error if isinstance(got, Failed) else "return two numbers"
        if target <= E:
            endless = isinstance(got[1], float) and got[1] == inf
            return None if endless else 'no data reach a loss below E: say float("inf")'
        if not is_number(got[1]):
            return "a target above E is reached after a finite number of times"
        gap = (loss - E) / (target - E)
        mistakes = [
            ((loss / target) ** (1 / alpha), "E cannot be divided away: use what lies above E"),
            (gap ** -(1 / alpha), "this is below 1: a lower loss needs more data, not less"),
            (gap**alpha, "a factor in loss takes its power 1/alpha in data, not alpha"),
            (gap, "a factor in loss takes its power 1/alpha in data"),
            (gap ** (1 / alpha) - 1, "1 means the data of today: count them too"),
            (log(gap) / alpha, "this is the logarithm of the times"),
        ]
        if isclose(got[1], gap ** (1 / alpha), rel_tol=1e-6):
            return None
        return named(got[1], mistakes) or "solve E + (loss - E) times^-alpha = target for times"

    return in_parts([first_wrong(answers, after), first_wrong(answers, needed)])


@question
def find_law(context):
    """E and alpha of losses whose law is known; half of the points for each."""
    rng, series, truths = context.rng, [], []
    for _ in range(5):
        x = np.geomspace(1, 10 ** rng.uniform(3, 4), int(rng.integers(20, 31)))
        E, alpha = rng.uniform(0.5, 3), rng.uniform(0.35, 0.7)
        reducible = x**-alpha * E * rng.uniform(0.2, 0.5) * x[-1] ** alpha
        y = (E + reducible) * np.exp(rng.uniform(0.0005, 0.002) * rng.standard_normal(len(x)))
        series.append((10 ** rng.uniform(1, 5) * x, y))
        truths.append((E, alpha))
    answers = yield Calls(series)
    if reason := shapeless(answers, 2, "two numbers: E and alpha"):
        return reason

    def level(place, got):
        (_, y), (E, _) = series[place], truths[place]
        if abs(got[0] / E - 1) < 0.05:
            return None
        if got[0] == 0:
            return "E is 0: a straight line on log axes has no part that stays; free it"
        if got[0] >= 0.97 * y.min():
            return "your E is the lowest loss: the law still falls, so E lies below it"
        return f"E is {got[0] / E:.2f} times the true one"

    def exponent(place, got):
        (x, y), (_, alpha) = series[place], truths[place]
        if abs(got[1] - alpha) < 0.02:
            return None
        line = -np.polyfit(np.log(x), np.log(y), 1)[0]
        back = -1 / np.polyfit(np.log(y), np.log(x), 1)[0]
        if abs(got[1] + alpha) < 0.02:
            return "the sign: alpha is above zero, and the loss falls with -alpha"
        if min(abs(abs(got[1]) - line), abs(abs(got[1]) - back)) < 0.01:
            return "alpha is a straight line's slope: E bends the line, so it is too flat"
        if abs(abs(got[1]) - 1 / alpha) < 0.03 / alpha**2:
            return "alpha is the wrong way up: was x fitted against y?"
        return f"alpha is {got[1] - alpha:+.3f} from the true one"

    return in_parts([first_wrong(answers, level), first_wrong(answers, exponent)])


# --- running and spending ---


@question
def run_sweep(context):
    """Means and standard errors of runs that the check makes too; half of the points for each."""
    rng, sweeps, truths = context.rng, [], []
    for _ in range(2):
        width = int(rng.integers(8, 41))
        sizes = (8 * np.cumsum(rng.integers(6, 24, size=4))).tolist()
        seeds = rng.choice(10_000, size=int(rng.integers(5, 9)), replace=False).tolist()
        sweeps.append((width, sizes, seeds))
        truths.append(losses_of(width, tuple(sizes), tuple(seeds)))
    answers = yield Calls(sweeps)
    wanted = "two lists, means and relative standard errors, with a number for each size"
    pairs = [list(got) if isinstance(got, list | np.ndarray) else [] for got in answers]
    if any(len(pair) != 2 or not all(numbers(one, 4) for one in pair) for pair in pairs):
        return f"return {wanted}"

    def means(place, got):
        losses, right = truths[place], truths[place].mean(1)
        got = np.array(got[0])
        if np.allclose(got, right, rtol=1e-4, atol=0):
            return None
        mistakes = [
            (right[::-1], "the order is that of sizes, the smallest first"),
            (losses.sum(1), "this is the sum over the seeds, not the mean"),
            *((one, "this is a single seed: use all of them, and average") for one in losses.T),
            (np.median(losses, 1), "this is the median over the seeds; the mean is asked for"),
            (losses.min(1), "this is the best of the seeds: the luckiest run is no measure"),
            (right - 0.25, "the irreducible part was subtracted; the loss is asked for"),
        ]
        found = (said for value, said in mistakes if np.allclose(got, value, rtol=1e-4, atol=0))
        return next(found, "the means are not those of the runs: check width, sizes and seeds")

    def errors(place, got):
        losses, got = truths[place], np.array(got[1])
        number, mean = losses.shape[1], losses.mean(1)
        right = losses.std(1, ddof=1) / number**0.5 / mean
        factors = [
            (100, "this is in per cent; give a fraction"),
            (number**0.5, "this is the scatter of one run; a mean of n runs is surer by sqrt(n)"),
            (number**-0.5, "s was divided by n, not by its root"),
            ((1 - 1 / number) ** 0.5, "divide by n - 1: NumPy's std needs ddof=1"),
            ((number - 1) ** 0.5, "this is the scatter of one run; a mean of n runs is surer"),
        ]
        if np.allclose(got, right, rtol=0.01, atol=0):
            return None
        if np.allclose(got, right * mean, rtol=0.01, atol=0):
            return "divide by the mean: a relative error is asked for"
        found = (said for one, said in factors if np.allclose(got, one * right, rtol=0.01, atol=0))
        return next(found, "the relative standard error is s / sqrt(n) / mean, size by size")

    return in_parts([first_wrong(pairs, means), first_wrong(pairs, errors)])


@lru_cache(maxsize=8)
def losses_of(width, sizes, seeds):
    """Losses of the course's task, a row for each size."""
    run = TASKS["spectrum"].run
    rows = [run(width=width, samples=size, seeds=list(seeds)) for size in sizes]
    return np.array([[one["loss"] for one in row] for row in rows])


def best_allocation(flop, used, A, alpha, B, beta, train=6, use=2):
    """N and D of least loss with train N D + use N used = flop, by bisection on log N."""
    low, high = 0.0, log(flop / (use * used)) if used else log(flop)
    for _ in range(200):
        n = exp((low + high) / 2)
        d = (flop / n - use * used) / train
        # along the budget dD/dN = -flop / (train N^2); the loss still falls where this is above 0
        gain = alpha * A * n ** (-alpha - 1)
        price = beta * B * d ** (-beta - 1) * flop / (train * n * n)
        low, high = (log(n), high) if gain > price else (low, log(n))
    return n, (flop / n - use * used) / train


def draw_budget(rng, with_use):
    """A budget and a law for which no usual mistake comes near the right answer."""
    while True:
        alpha, beta = rng.uniform(0.25, 0.45, size=2)
        A, B, flop = (
            10 ** rng.uniform(2.2, 3.2),
            10 ** rng.uniform(2.2, 3.5),
            10 ** rng.uniform(20, 25),
        )
        n, _ = best_allocation(flop, 0, A, alpha, B, beta)
        used = with_use * rng.uniform(0.3, 3) * flop / (2 * n)
        drawn = tuple(float(one) for one in (flop, used, A, alpha, B, beta))
        right = best_allocation(*drawn)
        wrong = [value for value, _ in wrong_allocations(*drawn)]
        clear = all(abs(log(value[0] / right[0])) > 0.1 for value in wrong)
        if clear and 3e6 < right[0] < 3e14:
            return drawn


def wrong_allocations(flop, used, A, alpha, B, beta):
    """What usual mistakes give, with what to say of them."""
    law = (A, alpha, B, beta)
    n20 = ((used**2 + 120 * flop) ** 0.5 - used) / 120  # 6N 20N + 2NT = flop
    swapped = best_allocation(flop, used, A, beta, B, alpha)
    yield (
        best_allocation(flop, used, *law, 3, 1),
        ("this counts multiply-accumulates (MACs): training takes 6ND FLOP, use 2N for a token"),
    )
    yield best_allocation(flop, used, *law, 3, 2), "training takes 6ND FLOP, not 3ND"
    yield best_allocation(flop, used, *law, 1, 2), "training takes 6ND FLOP, not ND"
    yield swapped, "the exponents are exchanged: alpha belongs to N, beta to D"
    yield (n20, 20 * n20), "twenty tokens for each parameter is a rule, not this law's best"
    if used:
        yield (
            tuple(optimal_allocation(flop, *law)),
            ("this is best for training alone: use takes 2N FLOP for each token, from one budget"),
        )
        yield (
            best_allocation(flop, used, *law, 6, 6),
            ("use is forward only: 2N FLOP for each token, where training takes 6N"),
        )


@question
def allocate(context):
    """The best N and D for training and use; the budget must be spent."""
    rng = context.rng
    budgets = [draw_budget(rng, place != 2) for place in range(5)]
    answers = yield Calls(budgets)

    def judged(place, got):
        got = numbers(got, 2)
        if got is None or min(got) <= 0:
            return "return two numbers above zero: parameters and tokens"
        (n, d), (flop, used, *law) = got, budgets[place]
        right = best_allocation(*budgets[place])
        spent = (6 * n * d + 2 * n * used) / flop
        if abs(n / right[0] - 1) < 0.02 and abs(spent - 1) < 1e-3:
            return None
        for value, said in wrong_allocations(*budgets[place]):
            if np.allclose((n, d), value, rtol=0.02, atol=0):
                return said
        if np.allclose((d, n), right, rtol=0.02, atol=0):
            return "parameters come first, then tokens"
        if abs(spent - 1) >= 1e-3:
            return f"6ND + 2NT comes to {spent:.3g} times the budget"
        loss, least = (law[0] / a ** law[1] + law[2] / b ** law[3] for a, b in ((n, d), right))
        return f"the budget is spent; the reducible loss is {loss / least - 1:.1%} above the least"

    return first_wrong(answers, judged)


# --- choosing a form ---


@dataclass(frozen=True)
class Series:
    """Sizes and losses, and which forms forecast ten times the largest size well."""

    x: np.ndarray
    y: np.ndarray
    good: frozenset


GRID, WITHIN = np.geomspace(0.02, 4, 60), np.linspace(0, 1, 40)  # of exponents


def polynomial(degree):
    """A form: a polynomial of this degree, fitted on log axes."""

    def fit(x, y):
        middle, width = np.log(x[0]), np.log(x[-1] / x[0])
        powers = np.vander(np.log(x / x[0]) / width, degree + 1)
        curve = np.linalg.solve(powers.T @ powers, powers.T @ np.log(y))
        return lambda size: np.exp(np.polyval(curve, (np.log(size) - middle) / width))

    return fit


def floor(x, y):
    """E + A x^-a, E at least 0, by least squares of relative residuals: quick, for many draws."""
    exponents, log_x, q = GRID, np.log(x / x[0]), 1 / y
    for _ in range(2):
        p = np.exp(-exponents[:, None] * log_x) * q
        pp, pq, qq, p1, q1 = (p * p).sum(1), p @ q, q @ q, p.sum(1), q.sum()
        E = np.maximum((pp * q1 - pq * p1) / (pp * qq - pq**2), 0)
        A = (p1 - E * pq) / pp
        best = int(np.argmin(((A[:, None] * p + E[:, None] * q - 1) ** 2).sum(1)))
        law = E[best], A[best], exponents[best]
        low, high = exponents[max(best - 1, 0)], exponents[min(best + 1, len(exponents) - 1)]
        exponents = low * (high / low) ** WITHIN
    return lambda size: law[0] + law[1] * (size / x[0]) ** -law[2]


FORMS = {"line": polynomial(1), "floor": floor, "cubic": polynomial(3)}


def best_form(x, y, test, kept=None):
    """The form that forecasts the sizes of a test best from the others."""
    missed, kept = {}, ~test if kept is None else kept
    for name, fit in FORMS.items():
        law = fit(x[kept], y[kept])
        missed[name] = np.mean(np.log(law(x[test]) / y[test]) ** 2)
    return min(missed, key=missed.get)


def draw_one(rng, kind):
    """A series of a kind; or None where it is not clear what is right, or mistakes are not seen."""
    count = int(rng.integers(15, 22))
    sizes = np.geomspace(1, 10 ** rng.uniform(2.5, 3.5), count)
    sizes = np.append(sizes, 10 * sizes[-1])
    late = sizes + rng.uniform(0.1, 0.4)  # the smallest have hardly begun to learn
    if kind == "line":
        law = late ** -rng.uniform(0.15, 0.5)
    elif kind == "floor":
        law = late ** -rng.uniform(0.4, 0.9)
        law = law + rng.uniform(1, 4) * law[-2]
    else:
        decades = np.log10(late)
        law = 10 ** -(rng.uniform(0.02, 0.15) * decades + rng.uniform(0.05, 0.12) * decades**2)
    noise = rng.standard_normal(count)
    for place in range(1, count):
        noise[place] = 0.9 * noise[place - 1] + 0.19**0.5 * noise[place]
    x = 10 ** rng.uniform(1, 5) * sizes
    law = 10 ** rng.uniform(-1, 1) * law
    y = law[:-1] * np.exp(rng.uniform(0.02, 0.04) * noise)
    good = set()
    for name in ("cubic", "line", "floor"):
        off = abs(np.log(FORMS[name](x[:-1], y)(x[-1]) / law[-1]))
        if NEAR < off < FAR or (off <= NEAR) < (name == kind):
            return None
        if off <= NEAR:
            good.add(name)
    if len(good) == 3:
        return None
    x, place = x[:-1], np.arange(count)
    if kind == "line" and any(best_form(x, y, place < count // n) in good for n in (3, 4)):
        return None  # the smallest sizes, held out, would show it as well
    held = (1, 2, 3, count // 4, count // 3, count // 2)
    if any(best_form(x, y, place >= count - number) not in good for number in held):
        return None
    return Series(x, y, frozenset(good))


@lru_cache(maxsize=4)
def draw_series(seed):
    """Series of all kinds."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < SERIES:
        one = draw_one(rng, KINDS[len(found) % len(KINDS)])
        if one is not None:
            found.append(one)
    return tuple(found)


@question
def choose(context):
    """Forms for series whose continuation is known."""
    series = draw_series(int(context.rng.integers(2**62)))
    answers = yield Calls([(one.x, one.y) for one in series])
    if not all(isinstance(got, str) and got in FORMS for got in answers):
        return f"return one of the names {', '.join(map(repr, FORMS))}"
    good = sum(got in one.good for got, one in zip(answers, series, strict=True))
    if good >= ENOUGH:
        return None
    said = f"{good} of {SERIES} choices forecast well, and {ENOUGH} are wanted"
    return f"{said}: {why_not_chosen(series, answers)}"


def why_not_chosen(series, answers):
    """By which mistake forms were most likely chosen."""
    if len(set(answers)) == 1:
        return "no form is right for all of them, not even what fits best what it was fitted to"

    alike = []
    for part, said in (
        (0, "you take what fits best the sizes that it was fitted to; hold sizes out"),
        (3, "you hold out the smallest sizes; the forecast is for larger ones"),
        (4, "you hold out the smallest sizes; the forecast is for larger ones"),
    ):
        choices = [by_mistake(one, part) for one in series]
        if sum(got == one for got, one in zip(answers, choices, strict=True)) >= SERIES - 2:
            alike.append(said)
    if alike:
        return ". Or: ".join(dict.fromkeys(alike))
    wrong = [got for got, one in zip(answers, series, strict=True) if got not in one.good]
    if wrong.count("cubic") > len(wrong) / 2:
        return (
            "mostly the cubic was taken where it forecasts badly. It follows the scatter that "
            "neighbours share: sizes held out between others do not show that, the largest do"
        )
    return "hold out several of the largest sizes, and take the form that forecasts them best"


def by_mistake(one, part):
    """What the smallest sizes, held out, choose; for part 0 what fits all sizes best."""
    if part == 0:
        return best_form(one.x, one.y, slice(None), slice(None))
    return best_form(one.x, one.y, np.arange(len(one.x)) < len(one.x) // part)


# --- forecasting ---


def draw_problems(rng):
    """Runs of a law, a level, where the law lies at ten times the largest size, and new runs."""
    problems = []
    for place in range(PROBLEMS):
        sizes = np.geomspace(1, 10 ** rng.uniform(2, 3), int(rng.integers(8, 13)))
        x = np.repeat(10 ** rng.uniform(1, 5) * sizes, int(rng.integers(12, 25)))
        far = np.append(x, 10 * x[-1]) / x[0]
        reducible = far ** -rng.uniform(0.35, 0.8)
        law = 10 ** rng.uniform(-1, 1) * (reducible + rng.uniform(0.5, 2) * reducible[-2])
        spread = 10 ** rng.uniform(np.log10(0.005), np.log10(0.03))
        y, law = law[:-1] * np.exp(spread * rng.standard_normal(len(x))), law[-1]
        runs = law * np.exp(spread * rng.standard_normal(NEW_RUNS))
        arguments = (x, y, float(10 * x[-1]), LEVELS[place % len(LEVELS)])
        problems.append((arguments, {"law": np.array([law]), "run": runs}))
    return problems


def reference(x, y, x_new, level):
    """The course's own intervals of the law and of a new run."""
    with catch_warnings():
        simplefilter("ignore")  # of a part that is hardly identified: the interval carries it
        law = fit_power_law(x, y, replicates=True)
    said = {"law": law.predict(x_new, level, of="mean", method="delta")}
    said["run"] = law.predict(x_new, level, of="new run", method="delta")
    return {of: (one.low, one.high) for of, one in said.items()}


@question
def extrapolate(context):
    """Intervals of the law and of new runs, beside the course's own; half of the points each."""
    problems = draw_problems(context.rng)
    answers = yield Calls([arguments for arguments, _ in problems])
    if reason := shapeless(answers, 4, "four numbers: law_low, law_high, run_low, run_high"):
        return reason
    if not all(a <= b and c <= d for a, b, c, d in answers):
        return "each interval begins with its low end"
    if np.abs(answers).max() > 1e12:
        return "an end of an interval is beyond all losses"
    own = [{"law": tuple(got[:2]), "run": tuple(got[2:])} for got in answers]
    theirs = [reference(*arguments) for arguments, _ in problems]
    return in_parts([why_not_held(problems, own, theirs, of) for of in ("law", "run")])


def why_not_held(problems, own, theirs, of):
    """What is wrong with the intervals of the law, or of a new run; None if nothing is."""
    table = []
    for (arguments, truths), mine, other in zip(problems, own, theirs, strict=True):
        (low, high), ends, level = mine[of], other[of], arguments[3]
        unit, truth = ends[1] - ends[0], truths[of]
        scores = [
            min(np.mean([interval_score(*one, t, level) for t in truth]) / unit, DEAREST)
            for one in ((low, high), ends)
        ]
        held, their = (np.mean((a <= truth) & (truth <= b)) for a, b in ((low, high), ends))
        table.append((level, held, their, np.mean(truth > high), (high - low) / unit, *scores))
    level, held, their, above, width, score, least = np.array(table).T
    kept = np.arange(len(table)) != np.argmax(score - least)  # one miss costs nothing
    what = {"law": "intervals of the law", "run": "intervals of a new run"}[of]
    highest = level == max(LEVELS)
    high = held[highest].mean()
    together = min(np.mean(LEVELS), their.mean()) - SHORT[of][0]
    if held.mean() < together or high < min(max(LEVELS), their[highest].mean()) - SHORT[of][1]:
        why = "too narrow for what they claim"
        missed = 1 - held.mean()
        if above.mean() > 0.8 * missed and missed > 0.6:
            why = "what comes lies above nearly all of them: does your law have a part that stays?"
        elif of == "run" and all(mine["law"] == mine["run"] for mine in own):
            why = "they may hold the law, but a new run has its own scatter"
        elif of == "run" and np.median(width) < 0.7:
            why = "a new run scatters as single runs do, not as means of many"
        return f"{what}: {high:.0%} of those for {max(LEVELS)} held: {why}"
    for one in LEVELS:
        if (wide := np.median(width[level == one])) > WIDEST:
            why = "say more"
            if all(mine["law"] == mine["run"] for mine in own):
                why = "the law has no scatter of its own: what is known better than one run is"
            elif one == min(LEVELS) and np.median(width[level == max(LEVELS)]) < WIDEST:
                why = "do they change with the level that is asked for?"
            return f"{what} at {one}: {wide:.1f} times as wide as the course's: {why}"
    if (relative := score[kept].mean() / least[kept].mean()) > MOST_SCORE:
        return f"{what}: {relative:.2f} times the course's score; at most {MOST_SCORE} is wanted"
    return None
