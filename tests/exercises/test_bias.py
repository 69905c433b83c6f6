"""Exercise 6: its right answers agree with others' software, and its mistakes are told apart."""

import re

import numpy as np
import pytest
from scipy import special, stats

from course_lib import detection_power, fact, group_rates, newcombe, wilson
from course_lib import people_needed as fewest_people
from course_lib.checking.probing import PUBLIC_SEED
from course_lib.checking.questions import Context
from course_lib.grading.samples import read_answers
from tests.exercises.judging import EXERCISES, judge

NAME = "06-bias"
SEEDS = range(20)


def asked(checks, question, seed):
    """What a question calls a function with."""
    return next(checks.questions[question].ask(Context(np.random.default_rng(seed)))).arguments


def shares(checks, question, answer, seeds=SEEDS):
    return {judge(checks, question, answer, seed).share for seed in seeds}


# --- the right answers ---


def test_the_reference_is_right_whatever_the_inputs(source, checks, reference):
    for cell in source.cells:
        mark = cell.metadata["nbgrader"]
        if cell.cell_type == "code" and mark["grade"]:
            answer = eval(re.search(r", (\w+)\)", cell.source)[1], reference)
            seeds = range(5) if mark["grade_id"] == "remedy" else SEEDS
            assert shares(checks, mark["grade_id"], answer, seeds) == {1}, mark["grade_id"]


def test_rates_agree_with_the_library(checks):
    def errors(labels, predictions, groups):
        return group_rates(labels, predictions, groups).rate.to_numpy()

    def three(labels, warned):
        kinds = ("false positive", "false negative", "positive predictive value")
        everybody = np.zeros(len(labels))
        return [float(group_rates(labels, warned, everybody, kind).rate[0]) for kind in kinds]

    assert shares(checks, "group-errors", errors, range(5)) == {1}
    assert shares(checks, "three-rates", three, range(5)) == {1}


def test_a_population_drawn_by_its_shares_errs_as_often_as_the_reference_says(checks, reference):
    rng = np.random.default_rng(3)
    for errors, people, parts in asked(checks, "population-error", 5):
        drawn = rng.choice(len(parts), 200_000, p=parts)
        wrong = rng.random(len(drawn)) < np.divide(errors, people)[drawn]
        said = reference["population_error"](errors, people, parts)
        assert abs(wrong.mean() - said) < 5 * np.sqrt(0.25 / len(drawn))


def test_so_many_people_show_the_gap_as_often_as_is_asked_for(checks, reference):
    rng = np.random.default_rng(4)
    for a, b, share, power, level in asked(checks, "people-needed", 6):
        people = reference["people_needed"](a, b, share, power, level)
        of_b = round(share * people)
        counts = rng.binomial([people - of_b, of_b], [a, b], (20_000, 2))
        rates, both = counts / [people - of_b, of_b], counts.sum(1) / people
        spread = np.sqrt(both * (1 - both) * (1 / of_b + 1 / (people - of_b)))
        cut = stats.norm.ppf((1 + level) / 2)
        assert abs(np.mean(abs(rates[:, 1] - rates[:, 0]) > cut * spread) - power) < 0.06
        assert abs(detection_power(a, b, people - of_b, of_b, level) - power) < 0.06


def test_equal_false_alarms_leave_unequal_predictive_values(checks, reference):
    for scores, labels, groups, most in asked(checks, "thresholds", 7):
        cuts = np.array(reference["thresholds"](scores, labels, groups, most))
        warned = (scores > cuts[groups]).astype(int)
        alarms = group_rates(labels, warned, groups, "false positive").rate
        trust = group_rates(labels, warned, groups, "positive predictive value").rate
        assert np.ptp(alarms) < 0.02 < 0.1 < np.ptp(trust)


def test_the_numbers_of_the_model_answer_are_those_of_the_facts(source):
    (text,) = (c.source for c in source.cells if c.metadata["nbgrader"]["grade_id"] == "reflection")
    kinds = ("base_rate", "fpr", "ppv")
    known = {fact(f"compas_{g}_{kind}").text for g in ("black", "white") for kind in kinds}
    assert set(re.findall(r"\d+\.\d+", text)) == known


def test_the_numbers_of_the_sample_answers_are_those_of_the_facts():
    page = (EXERCISES.parent / "book" / "teaching" / f"{NAME}.md").read_text(encoding="utf-8")
    rubric = page[page.index("### 2 points") : page.index("## Varying")]
    kinds = ("base_rate", "fpr", "fnr", "ppv")
    known = {fact(f"compas_{g}_{kind}").text for g in ("black", "white") for kind in kinds}
    assert set(re.findall(r"\d+\.\d+", rubric)) <= known


def test_the_notebook_says_the_bounds_that_the_checks_have(source, inside):
    text = {c.metadata["nbgrader"]["grade_id"]: c.source for c in source.cells}
    assert f"the level less {inside['SHORT']}, and be at most {inside['WIDE']} times" in text["q5"]
    assert "within {} to {} times Newcombe's".format(*inside["GAP_WIDTHS"]) in text["q6"]
    assert f"must be at most {inside['BAR']};" in text["q9"]
    assert f"Of {inside['LEARNED']:,} people to learn from" in text["q9"]


# --- bands: every honest way, and none of the mistakes ---


def beta_interval(low, high):
    """Quantiles of beta distributions, which have so many more errors and non-errors."""

    def interval(errors, people, level):
        tail, rest = (1 - level) / 2, people - errors
        a, b = low
        left = special.betaincinv(errors + a, rest + b, tail) if errors + a else 0.0
        a, b = high
        return left, special.betaincinv(errors + a, rest + b, 1 - tail) if rest + b else 1.0

    return interval


def scipys(method):
    def interval(errors, people, level):
        found = stats.binomtest(errors, people).proportion_ci(level, method)
        return found.low, found.high

    return interval


def normal(added=lambda z: 0.0, spread=lambda p, n: np.sqrt(p * (1 - p) / n)):
    """The textbook's interval after so many errors, and as many non-errors, were added."""

    def interval(errors, people, level):
        z = stats.norm.ppf((1 + level) / 2)
        n = people + 2 * added(z)
        rate = (errors + added(z)) / n
        return rate - z * spread(rate, n), rate + z * spread(rate, n)

    return interval


EXACT = beta_interval((0, 1), (1, 0))
HONEST = {
    "Wilson": wilson,
    "Clopper and Pearson": EXACT,
    "Jeffreys": beta_interval((0.5, 0.5), (0.5, 0.5)),
    "Bayes and Laplace": beta_interval((1, 1), (1, 1)),
    "Agresti and Coull": normal(lambda z: z**2 / 2),
    "add two and two": normal(lambda z: 2.0),
}
DISHONEST = {
    "textbook": (normal(), "no width"),
    "spread of people": (normal(spread=lambda p, n: np.sqrt(p * (1 - p))), "single people"),
    "one-sided": (lambda e, n, level: wilson(e, n, 2 * level - 1), "two sides"),
    "one-sided, exact": (lambda e, n, level: EXACT(e, n, 2 * level - 1), "hold the truth"),
    "always 95 %": (lambda e, n, _: wilson(e, n, 0.95), "one level"),
    "always 90 %": (lambda e, n, _: wilson(e, n, 0.9), "one level"),
    "exact, always 95 %": (lambda e, n, _: EXACT(e, n, 0.95), "too wide"),
    "everything": (lambda e, n, level: (0, 1), "too wide"),
    "three over n": (lambda e, n, level: (0, (e + 3) / n), "too wide"),
    "per cent": (lambda e, n, level: np.multiply(100, wilson(e, n, level)), "per cent"),
    "high before low": (lambda e, n, level: wilson(e, n, level)[::-1], "above the high"),
}


@pytest.mark.parametrize("interval", HONEST.values(), ids=HONEST)
def test_every_honest_interval_is_right(checks, interval):
    assert shares(checks, "error-interval", interval) == {1}


@pytest.mark.parametrize("method", ["wilson", "wilsoncc", "exact"])
def test_scipys_intervals_are_right(checks, method):
    assert shares(checks, "error-interval", scipys(method), range(3)) == {1}


@pytest.mark.parametrize(("interval", "said"), DISHONEST.values(), ids=DISHONEST)
def test_no_other_interval_is(checks, interval, said):
    for seed in range(4):
        judged = judge(checks, "error-interval", interval, seed)
        assert judged.share == 0 and said in judged.reason, judged.reason


def gap(a, m, b, n, level, z=lambda level: stats.norm.ppf((1 + level) / 2), spread=None):
    """A normal interval of B's rate less A's."""
    p, q = a / m, b / n
    half = z(level) * (spread or separate)(p, m, q, n)
    return q - p - half, q - p + half


def separate(p, m, q, n):
    return np.sqrt(p * (1 - p) / m + q * (1 - q) / n)


def common(p, m, q, n):
    both = (m * p + n * q) / (m + n)
    return np.sqrt(both * (1 - both) * (1 / m + 1 / n))


def end_by_end(a, m, b, n, level):
    (low_a, high_a), (low_b, high_b) = wilson(a, m, level), wilson(b, n, level)
    return low_b - high_a, high_b - low_a


def statsmodels_gap(method):
    def interval(a, m, b, n, level):
        from statsmodels.stats.proportion import confint_proportions_2indep

        return confint_proportions_2indep(b, n, a, m, method=method, alpha=1 - level)

    return interval


GAPS = {  # what students write, and what they must hear (None: it is right)
    "Newcombe": (lambda a, m, b, n, level: newcombe(b, n, a, m, level), None),
    "normal": (gap, None),
    "Agresti and Caffo": (statsmodels_gap("agresti-caffo"), None),
    "score": (statsmodels_gap("score"), None),
    "corrected": (
        lambda a, m, b, n, level: np.add(
            gap(a, m, b, n, level), np.array([-0.5, 0.5]) * (1 / m + 1 / n)
        ),
        None,
    ),
    "one-sided": (lambda *g: gap(*g, z=stats.norm.ppf), "two sides"),
    "always 95 %": (lambda *g: gap(*g, z=lambda _: stats.norm.ppf(0.975)), "one level"),
    "always 90 %": (lambda *g: gap(*g, z=lambda _: stats.norm.ppf(0.95)), "one level"),
    "common rate": (lambda *g: gap(*g, spread=common), "common rate"),
    "sum of errors": (
        lambda *g: gap(*g, spread=lambda p, m, q, n: separate(p, m, 0, n) + separate(0, m, q, n)),
        "ends subtracted from ends",
    ),
    "end by end": (end_by_end, "ends subtracted from ends"),
    "spread of people": (
        lambda *g: gap(*g, spread=lambda p, m, q, n: separate(p, 1, q, 1)),
        "spread of people",
    ),
    "A is exact": (lambda *g: gap(*g, spread=lambda p, m, q, n: separate(0, m, q, n)), "A's rate"),
    "all people": (
        lambda *g: gap(*g, spread=lambda p, m, q, n: separate(p, m + n, q, m + n)),
        "own number",
    ),
    "A less B": (lambda a, m, b, n, level: gap(b, n, a, m, level), "A's rate less B's"),
    "too wide": (lambda *g: gap(*g, z=lambda level: 5.0), "too wide"),
    "too narrow": (lambda *g: gap(*g, z=lambda level: 0.3), "too narrow"),
}


@pytest.mark.parametrize(("interval", "said"), GAPS.values(), ids=GAPS)
def test_an_interval_of_the_gap_is_judged_by_its_width_and_middle(checks, interval, said):
    for seed in SEEDS if said is None else range(8):
        judged = judge(checks, "gap-interval", interval, seed)
        assert judged.share == (said is None), judged.reason
        assert (said or "") in judged.reason, judged.reason


def z(level):
    return stats.norm.ppf((1 + level) / 2)


def own(a, b, share):
    return a * (1 - a) / (1 - share) + b * (1 - b) / share


def planned(
    factor=lambda share: 1, quantiles=lambda level, power: z(level) + stats.norm.ppf(power)
):
    """A planner with another factor or other quantiles."""
    return lambda a, b, share, power, level: (
        factor(share) * quantiles(level, power) ** 2 * own(a, b, share) / (a - b) ** 2
    )


PLANS = {
    "separate variances": (planned(), None),
    "the library's": (lambda *plan: fewest_people(*plan), None),
    "arcsine": (
        lambda a, b, share, power, level: (
            (z(level) + stats.norm.ppf(power)) ** 2
            / (share * (1 - share))
            / (2 * np.arcsin(np.sqrt(a)) - 2 * np.arcsin(np.sqrt(b))) ** 2
        ),
        None,
    ),
    "one-sided": (
        planned(quantiles=lambda level, power: stats.norm.ppf(level) + stats.norm.ppf(power)),
        "two sides",
    ),
    "no power": (planned(quantiles=lambda level, power: z(level)), "power is left out"),
    "power on both sides": (
        planned(quantiles=lambda level, power: z(level) + z(power)),
        "only the level",
    ),
    "B alone": (planned(factor=lambda share: share), "of B alone"),
    "A alone": (planned(factor=lambda share: 1 - share), "of A alone"),
    "groups of one size": (
        lambda a, b, _, *more: planned()(a, b, 0.5, *more),
        "groups of one size",
    ),
    "one of them": (lambda a, b, _, *more: planned()(a, b, 0.5, *more) / 2, "one of two groups"),
    "shares exchanged": (lambda a, b, share, *more: planned()(a, b, 1 - share, *more), "it is B"),
    "not squared": (lambda a, b, *more: planned()(a, b, *more) * abs(a - b), "squared"),
    "five times": (planned(factor=lambda share: 5), "another power"),
}


@pytest.mark.parametrize(("plan", "said"), PLANS.values(), ids=PLANS)
def test_a_plan_may_follow_any_usual_formula_and_no_mistake(checks, plan, said):
    for seed in SEEDS:
        judged = judge(checks, "people-needed", plan, seed)
        assert judged.share == (said is None), judged.reason
        assert (said or "") in judged.reason, judged.reason


def test_no_number_of_people_is_right_for_all_studies(checks):
    for seed in SEEDS:
        studies = asked(checks, "people-needed", seed)
        enough = checks.questions["people-needed"].ask.__globals__["enough"]
        assert not any(enough(number, studies) for number in np.geomspace(100, 20_000, 500))


# --- counts: mistakes are told what they are ---


PEOPLE = "lambda l, p, g: "
WARNED = "lambda l, w: "
SCORES = "lambda s, l, g, most: "
WRONG = {
    "group-errors": {
        f"{PEOPLE}[(l == p)[g == k].mean() for k in set(g.tolist())]": "judged rightly",
        f"{PEOPLE}[100 * (l != p)[g == k].mean() for k in set(g.tolist())]": "per cent",
        f"{PEOPLE}[(l != p).mean() for k in set(g.tolist())]": "error of all people",
        f"{PEOPLE}[(l != p)[g == np.bincount(g).argmax()].mean()] * (g.max() + 1)": "largest group",
        f"{PEOPLE}np.bincount(g, l != p)": "counts",
        f"{PEOPLE}np.bincount(g, l != p) / len(g)": "divided by all people",
        f"{PEOPLE}np.bincount(g, l != p) / (l != p).sum()": "shares of all errors",
        f"{PEOPLE}[abs(l - p)[g == k].mean() for k in set(g.tolist())]": "distance",
        f"{PEOPLE}np.bincount(g[l != p])[:-1]": "one number for each",
        f"{PEOPLE}[round((l != p)[g == k].mean(), 2) for k in set(g.tolist())]": "rounded",
    },
    "population-error": {
        "lambda e, n, s: sum(e) / sum(n)": "as they were tested",
        "lambda e, n, s: np.divide(e, n).mean()": "the same weight",
        "lambda e, n, s: 1 - np.dot(s, np.divide(e, n))": "rightly",
        "lambda e, n, s: 100 * np.dot(s, np.divide(e, n))": "per cent",
        "lambda e, n, s: np.divide(e, n)[np.argmax(s)]": "largest group",
        "lambda e, n, s: np.dot(s, e) / sum(n)": "not counts",
    },
    "amplification": {
        "lambda l, p: 2 * (p.mean() - l.mean())": "excess of class 1",
        "lambda l, p: abs(2 * p.mean() - 1) - abs(2 * l.mean() - 1)": "that of the data",
        "lambda l, p: (p.mean() - l.mean()) * np.sign(l.mean() - 0.5)": "its share less the other",
        "lambda l, p: 2 * (l.mean() - p.mean()) * np.sign(l.mean() - 0.5)": "the sign",
        "lambda l, p: 200 * (p.mean() - l.mean()) * np.sign(l.mean() - 0.5)": "per cent",
        "lambda l, p: (2 * p.mean() - 1) / (2 * l.mean() - 1)": "ratio",
        "lambda l, p: (2 * p.mean() - 1) * np.sign(l.mean() - 0.5)": "subtract",
        "lambda l, p: (l != p).mean()": "error rate",
    },
    "three-rates": {
        f"{WARNED}[w[l == 1].mean(), w[l == 0].mean(), l.mean()]": "this is the false pos",
        f"{WARNED}[(l < w).mean(), (l > w).mean(), (l * w).mean()]": "(by everybody.*){3}",
        f"{WARNED}[1 - l[w == 1].mean(), l[w == 0].mean(), w[l == 1].mean()]": "not warned of",
        f"{WARNED}[1 - w[l == 0].mean(), w[l == 1].mean(), 1 - l[w == 1].mean()]": "were wrong",
        f"{WARNED}[*[x.sum() / (l != w).sum() for x in (l<w, l>w)], (l == w).mean()]": "accuracy",
        f"{WARNED}[100 * w[l == 0].mean()] * 3": "per cent",
        f"{WARNED}[w[l == 0].mean()]": "three numbers",
    },
    "thresholds": {
        f"{SCORES}[np.quantile(s[l == 0], 1 - most)] * 3": "one threshold",
        f"{SCORES}[np.quantile(s[g == k], 1 - most) for k in range(3)]": "equal shares",
        f"{SCORES}[np.quantile(s[(g == k) & (l == 1)], most) for k in range(3)]": "the missed",
        f"{SCORES}[np.quantile(s[(g == k) & (l == 1)], 1 - most) for k in range(3)]": "happens to",
        f"{SCORES}[np.quantile(s[(g == k) & (l == 0)], most) for k in range(3)]": "other end",
        f"{SCORES}[0.5, 0.6, 0.7]": "count the 0s",
        f"{SCORES}0.5": "one threshold for each",
    },
}  # fmt: skip
WRONG_ANSWERS = [
    (name, answer, said) for name, answers in WRONG.items() for answer, said in answers.items()
]


@pytest.mark.parametrize(("name", "answer", "said"), WRONG_ANSWERS)
def test_a_wrong_answer_is_told_what_is_wrong_whatever_the_inputs(checks, name, answer, said):
    function = eval(answer, {"np": np})
    for seed in range(6):
        judged = judge(checks, name, function, seed)
        assert judged.share == 0, judged.reason
        assert re.search(said, judged.reason), judged.reason


def test_each_of_the_three_rates_has_a_third(checks):
    def some(labels, warned, right=(0,)):
        rates = [warned[labels == 0].mean(), 1 - warned[labels == 1].mean()]
        rates.append(labels[warned == 1].mean())
        return [rate if place in right else 0.0 for place, rate in enumerate(rates)]

    assert shares(checks, "three-rates", some) == {1 / 3}
    assert shares(checks, "three-rates", lambda x, y: some(x, y, (0, 2))) == {2 / 3}


def priced(flop=2, points=100, extra=1, of=max, none=None, choose=None):
    """A solution of the last question with one mistake."""

    def prices(plain, remedies):
        found = []
        for one in remedies:
            cost, before = (
                flop * t["people"] * t["steps"] * t["macs_per_person"] for t in (one, plain)
            )
            fell = points * (of(plain["errors"]) - of(one["errors"]))
            found.append((cost - extra * before) / fell if fell > 0 else none)
        best = min((p, n) for n, p in enumerate(found) if p is not None)[1]
        return found, choose(found, remedies, best) if choose else best

    return prices


PRICES = {  # arguments of `priced`: share, and what is said
    "right": ({}, 1, ""),
    "MAC": ({"flop": 1}, 0.5, "multiply-accumulates"),
    "fractions": ({"points": 1}, 0.5, "hundredth"),
    "all FLOP": ({"extra": 0}, 0.5, "paid for already"),
    "B only": ({"of": lambda e: e[1]}, 0, "B only"),
    "the mean": ({"of": lambda e: sum(e) / 2}, None, "the mean of both"),
    "zero for none": ({"none": 0}, 0, "return None"),
    "dearest": ({"choose": lambda p, r, best: int(np.argmax([x or 0 for x in p]))}, 0.5, ""),
    "most bought": (
        {"choose": lambda p, r, best: int(np.argmin([max(o["errors"]) for o in r]))},
        0.5,
        "buys most",
    ),
    "fewest FLOP": (
        {"choose": lambda p, r, best: int(np.argmin([o["people"] for o in r]))},
        0.5,
        "fewest FLOP",
    ),
    "from one": ({"choose": lambda p, r, best: best + 1}, 0.5, "from 0"),
    "the price": ({"choose": lambda p, r, best: p[best]}, 0.5, "lower price"),
}


@pytest.mark.parametrize(("mistake", "share", "said"), PRICES.values(), ids=PRICES)
def test_prices_and_choice_are_worth_half_each(checks, mistake, share, said):
    for seed in SEEDS:
        judged = judge(checks, "prices", priced(**mistake), seed)
        assert judged.share == share or (share is None and judged.share < 1), judged.reason
        assert said in judged.reason, judged.reason


def test_negative_prices_are_told(checks):
    def negative(plain, remedies):
        found = priced()(plain, remedies)[0]
        for place, one in enumerate(remedies):
            fell = 100 * (max(plain["errors"]) - max(one["errors"]))
            if fell < 0:
                more = one["people"] - plain["people"]
                found[place] = 2 * more * one["steps"] * one["macs_per_person"] / fell
        return found, found.index(min(price for price in found if price is not None))

    for seed in SEEDS:
        judged = judge(checks, "prices", negative, seed)
        assert judged.share == 0 and "return None" in judged.reason


# --- the remedy ---


def worse_errors(inside, judges, seed):
    """Mean over three populations of the worse-off group's error, as the check draws them."""
    rng = np.random.default_rng(seed)
    errors = {name: [] for name in judges}
    for _ in range(3):
        x, y, group, x_new, truth, group_new = inside["draw_world"](rng)
        for name, answer in judges.items():
            wrong = answer(x, y, group, x_new, group_new) != truth
            errors[name].append(max(wrong[group_new == g].mean() for g in (0, 1)))
    return {name: np.mean(each) for name, each in errors.items()}


def test_the_bar_lies_far_from_doing_nothing_and_from_balance(inside, reference):
    def weighted(times):
        def answer(x, y, group, x_new, group_new):
            line, bias = reference["fit_line"](x, y, np.where(group == 1, times, 1.0))
            return x_new @ line + bias > 0

        return answer

    judges = {times: weighted(times) for times in (1.0, 4.5, 9.0, 18.0)}
    found = [worse_errors(inside, judges, seed) for seed in SEEDS]
    bar = inside["BAR"]
    assert min(one[1.0] for one in found) > 1.3 * bar
    assert max(one[9.0] for one in found) < 0.75 * bar
    assert all(one[times] < bar for one in found for times in (4.5, 18.0))


def test_the_new_peoples_classes_are_not_among_what_a_function_gets(checks, inside):
    rng = np.random.default_rng(8)
    worlds = [inside["draw_world"](rng) for _ in range(3)]
    for sent, (x, y, group, x_new, truth, group_new) in zip(
        asked(checks, "remedy", 8), worlds, strict=True
    ):
        for got, drawn in zip(sent, (x, y, group, x_new, group_new), strict=True):
            assert np.array_equal(got, drawn)
        assert len(truth) == len(x_new) != len(x)
        assert abs(np.mean(truth == group_new) - 0.5) < 0.1  # nor does the group tell them


REMEDIES = {
    "plain": (
        lambda p, x, y, g, x_new, g_new: p["judge_plainly"](x, y, g, x_new, g_new),
        "many of A",
    ),
    "B alone": (
        lambda p, x, y, g, x_new, g_new: p["judge_plainly"](x[g == 1], y[g == 1], g, x_new, g_new),
        "B decides for A",
    ),
    "everybody is 1": (lambda p, x, y, g, x_new, g_new: np.ones(len(x_new)), "the same answer"),
    "exchanged": (
        lambda p, x, y, g, x_new, g_new: 1 - p["judge_new"](x, y, g, x_new, g_new),
        "exchanged",
    ),
    "by chance": (
        lambda p, x, y, g, x_new, g_new: np.random.default_rng(1).integers(0, 2, len(x_new)),
        "Neither group",
    ),
    "people learned from": (lambda p, x, y, g, x_new, g_new: y, "judge the new ones"),
    "beliefs": (lambda p, x, y, g, x_new, g_new: 0.3 * np.ones(len(x_new)), "return 0 or 1"),
}


@pytest.mark.parametrize(("answer", "said"), REMEDIES.values(), ids=REMEDIES)
def test_what_is_no_remedy_is_told_why(checks, reference, answer, said):
    for seed in range(2):
        judged = judge(checks, "remedy", lambda *given: answer(reference, *given), seed)
        assert judged.share == 0 and said in judged.reason, judged.reason


# --- any answer ---


def test_what_was_right_in_the_notebook_is_right_nowhere_else(checks):
    names = {}
    for source in read_answers(EXERCISES / "samples" / NAME / "hard-coded.py").values():
        exec(source, names)
    for question in ("population-error", "people-needed"):
        answer = names[question.replace("-", "_")]
        assert judge(checks, question, answer, PUBLIC_SEED).share == 1
        assert shares(checks, question, answer) == {0}


@pytest.mark.parametrize("number", [1e308, -1e308, 10**300, 0], ids="{:.0e}".format)
def test_extreme_numbers_get_no_points_and_raise_nothing(checks, number):
    for question in checks.questions:
        for shape in (
            number,
            [number, number],
            [number] * 3,
            [[number] * 6, number],
            [number] * 800,
        ):
            judged = judge(checks, question, lambda *_, shape=shape: shape)
            assert judged.share == 0 and judged.reason
