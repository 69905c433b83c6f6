"""Checks of exercise 6. They run in the grader on values that the notebook returned, and, with
public inputs, in the notebook itself. Nothing here is secret: only the seeds of the inputs are.
"""

from itertools import combinations, product
from math import sqrt
from statistics import NormalDist

import numpy as np
from scipy import stats

from course_lib.checking import Calls, Judgement, question
from course_lib.checking.answers import first_wrong, is_number, numbers

WITHHELD = ("course_lib.fairness",)

RATES = np.linspace(0.02, 0.4, 60)  # true rates, over which an interval's coverage is averaged
RARE_AND_COMMON = RATES, 1 - RATES
SHORT = 0.03  # by which coverage may fall short; ten-person intervals jump by as much
WIDE = 1.26  # times Wilson's width: the widest honest one tried, of few people, needs 1.22
GAP_WIDTHS = 0.93, 1.14  # times Newcombe's: a correction for continuity takes 1.1 here
# Error of the worse-off group, mean of three populations. In thirty draws balanced weights came to
# 0.15 to 0.20, half or twice that weight to at most 0.28, everybody alike to at least 0.42.
BAR = 0.29
LEARNED = 1000  # people to learn from

NORMAL = NormalDist()
TWO_SIDES = "the level has two sides: half of what it leaves out lies below, half above"
ONE_LEVEL = "you give one level, whatever is asked"


# --- telling mistakes apart ---


def floats(got, count):
    """An answer as so many finite floats, or None; an integer of any size becomes one."""
    got = numbers(got, count)
    return None if got is None else [float(one) for one in got]


def same(got, value):
    """Whether numbers agree up to rounding of the arithmetic."""
    return np.shape(got) == np.shape(value) and np.allclose(got, value, rtol=1e-6, atol=1e-9)


def why_not(got, right, mistakes, otherwise):
    """The mistake that gives these numbers, or None if they are right."""
    if same(got, right):
        return None
    named = next((said for value, said in mistakes if same(got, value)), None)
    if named is None and np.allclose(got, right, rtol=0, atol=0.006):
        return "nearly: this is rounded, or a little beside it; return what the division gives"
    return named or otherwise


def apart(values, least=2e-3):
    """Whether no two of some numbers are nearly the same."""
    return all(abs(a - b) > least for a, b in combinations(values, 2))


def until(make, good):
    """Draw until the mistakes can be told apart."""
    while not good(drawn := make()):
        pass
    return drawn


# --- rates ---


def draw_people(rng, groups):
    """Labels, predictions and groups of people; the last group, or another, has no error."""
    sizes = rng.choice(np.arange(15, 90), groups, replace=False)
    wrong = rng.integers(3, sizes // 2)
    wrong[groups - 1 if groups == 3 else rng.integers(groups)] = 0
    people = [(g, place < wrong[g]) for g in range(groups) for place in range(sizes[g])]
    group, failed = np.array(people)[rng.permutation(len(people))].T
    labels = rng.integers(0, 5, len(people))
    return labels, (labels + failed * rng.integers(1, 5, len(people))) % 5, group


def group_mistakes(labels, predictions, group):
    """Error rates of the groups, and what usual mistakes make of them."""
    failed, size = labels != predictions, np.bincount(group)
    wrong = np.bincount(group, failed)
    largest = (wrong / size)[size.argmax()]
    far = np.bincount(group, abs(labels - predictions)) / size
    return wrong / size, [
        (1 - wrong / size, "this is the share that was judged rightly; an error is the other one"),
        (100 * wrong / size, "this is in per cent; return fractions"),
        (wrong, "these are counts; divide each by the people of its group"),
        (wrong / len(labels), "you divided by all people; divide by those of the group"),
        (wrong / wrong.sum(), "these are shares of all errors; divide by the group's people"),
        (np.full(len(size), failed.mean()), "this is the error of all people, for every group"),
        (np.full(len(size), largest), "this is the largest group's rate, for every group"),
        (far, "classes have names that happen to be numbers: their distance is no error"),
    ]


def told_apart(drawn):
    """Whether no mistake gives the same rates as another, or as the right ones."""
    right, mistakes = group_mistakes(*drawn)
    rates = [right, *(value for value, _ in mistakes)]
    return not any(same(a, b) for a, b in combinations(rates, 2))


@question
def group_errors(context):
    """Error rates of groups, exactly; one of the groups has no errors."""
    rng = context.rng
    drawn = [until(lambda k=k: draw_people(rng, k), told_apart) for k in (2, 3, 4, 5)]
    answers = yield Calls(drawn)

    def judged(place, got):
        right, mistakes = group_mistakes(*drawn[place])
        got = floats(got, len(right))
        if got is None:
            return "return one number for each group, in order; also for one without an error"
        return why_not(got, right, mistakes, "a rate is the group's errors over the group's people")

    return first_wrong(answers, judged)


def draw_audit(rng, groups):
    """Errors and tested people of each group, and the groups' shares of the population."""
    people = rng.choice(np.arange(40, 400), groups, replace=False)
    errors = [int(n * rate) for n, rate in zip(people, rng.uniform(0.03, 0.5, groups), strict=True)]
    cuts = np.sort(rng.choice(np.arange(20, 1000, 20), groups - 1, replace=False))
    shares = np.diff([0, *cuts, 1000]) / 1000
    return errors, people.tolist(), shares.tolist()


def audit_mistakes(errors, people, shares):
    """Error of the population, and what usual mistakes make of it."""
    errors, people, shares = map(np.array, (errors, people, shares))
    rates = errors / people
    right = float(shares @ rates)
    return right, [
        (
            errors.sum() / people.sum(),
            "you weighed the groups as they were tested; take their shares",
        ),
        (rates.mean(), "you gave every group the same weight; the groups have shares"),
        (1 - right, "this is the share that is judged rightly"),
        (100 * right, "this is in per cent; return a fraction"),
        (rates[shares.argmax()], "this is the largest group's rate, given for all"),
        (shares @ errors / people.sum(), "weigh rates with the shares, not counts"),
        (shares @ errors, "weigh rates with the shares, not counts"),
    ]


@question
def population_error(context):
    """The error of a population from an audit that tested its groups in other shares."""

    def good(audit):
        right, mistakes = audit_mistakes(*audit)
        return apart([right, *(value for value, _ in mistakes)], 0.008)

    audits = [until(lambda k=k: draw_audit(context.rng, k), good) for k in (2, 3, 4, 2)]
    answers = floats((yield Calls(audits)), len(audits))
    if answers is None:
        return "return one number"
    right, mistakes = zip(*(audit_mistakes(*one) for one in audits), strict=True)
    said = [(tuple(v for v, _ in one), one[0][1]) for one in zip(*mistakes, strict=True)]
    return why_not(
        tuple(answers),
        right,
        said,
        "how probable is it that a person drawn from the population is misjudged?",
    )


def rate_mistakes(tp, fp, fn, tn):
    """For FPR, FNR and PPV: the right value, and what usual mistakes make of it."""
    n = tp + fp + fn + tn
    fpr, fnr, ppv = fp / (fp + tn), fn / (fn + tp), tp / (tp + fp)
    return {
        "false positive rate": (fpr, [
            (fnr, "this is the false negative rate"),
            (1 - fpr, "this is the share of those who are 0 that was judged rightly"),
            (fp / n, "you divided by everybody; divide by those who are 0"),
            (1 - ppv, "you divided by those who were warned of; divide by those who are 0"),
            (fp / (fp + fn), "this is a share of the errors; divide by those who are 0"),
        ]),
        "false negative rate": (fnr, [
            (fpr, "this is the false positive rate"),
            (1 - fnr, "this is the share of those who are 1 that was found"),
            (fn / n, "you divided by everybody; divide by those who are 1"),
            (fn / (fn + tn), "you divided by those not warned of; divide by those who are 1"),
            (fn / (fp + fn), "this is a share of the errors; divide by those who are 1"),
        ]),
        "positive predictive value": (ppv, [
            (1 - fnr, "you divided by those who are 1; divide by those who were warned of"),
            (1 - ppv, "this is the share of the warnings that were wrong"),
            (tp / n, "you divided by everybody; divide by those who were warned of"),
            (tn / (tn + fn), "this is the predictive value of no warning"),
            ((tp + tn) / n, "this is the accuracy"),
        ]),
    }  # fmt: skip


def apart_in_each(counts):
    """Whether the mistakes in each rate can be told apart."""
    return all(
        apart([right, *(value for value, _ in mistakes)])
        for right, mistakes in rate_mistakes(*counts).values()
    )


@question
def three_rates(context):
    """FPR, FNR and PPV, exactly; a third of the points for each."""
    rng = context.rng
    tables = [
        until(lambda: rng.choice(np.arange(4, 70), 4, replace=False), apart_in_each)
        for _ in range(4)
    ]
    calls = []
    for table in tables:
        order = rng.permutation(table.sum())
        calls.append((np.repeat([1, 0, 1, 0], table)[order], np.repeat([1, 1, 0, 0], table)[order]))
    answers = [floats(one, 3) for one in (yield Calls(calls))]
    if None in answers:
        return "return three numbers: false positive rate, false negative rate, predictive value"

    def why_not_rate(column, name):
        def judged(place, got):
            right, mistakes = rate_mistakes(*tables[place])[name]
            mistakes = [*mistakes, (100 * right, "this is in per cent; return a fraction")]
            return why_not(got[column], right, mistakes, "ask first: among whom is it counted?")

        return first_wrong(answers, judged)

    names = ("false positive rate", "false negative rate", "positive predictive value")
    reasons = {name: why_not_rate(column, name) for column, name in enumerate(names)}
    wrong = [f"{name}: {reason}" for name, reason in reasons.items() if reason]
    return Judgement((3 - len(wrong)) / 3, "; ".join(wrong))


# --- amplification ---


def draw_shares(rng, kind):
    """Labels and predictions: amplified, amplified where 0 is the majority, damped, turned."""
    people = int(rng.integers(80, 200))
    share = rng.uniform(0.58, 0.75)
    said = {"damped": rng.uniform(0.52, share - 0.03), "turned": rng.uniform(0.2, 0.4)}.get(
        kind, rng.uniform(share + 0.05, 0.95)
    )
    columns = [
        rng.permutation((np.arange(people) < round(part * people)).astype(int))
        for part in (share, said)
    ]
    return [1 - column if kind in ("zeros", "turned") else column for column in columns]


def excess_mistakes(labels, predictions):
    """Amplification, and what usual mistakes make of it."""
    of_ones = [2 * float(np.mean(column)) - 1 for column in (labels, predictions)]
    data, said = np.array(of_ones) * np.sign(of_ones[0])
    right = said - data
    return right, [
        (right / 2, "this is the majority's share; the excess is its share less the other's"),
        (of_ones[1] - of_ones[0], "this is the excess of class 1, which need not be the majority"),
        (abs(said) - data, "the majority is that of the data, also where predictions turn it over"),
        (-right, "the sign: positive is where the predictions have more of the majority"),
        (100 * right, "this is in per cent; return a fraction"),
        (said, "this is the excess among the predictions; subtract that of the data"),
        (said / data, "this is the ratio; the difference is asked for"),
        (np.mean(labels != predictions), "this is the error rate: a person is not asked about"),
    ]


@question
def amplification(context):
    """The growth of the majority's excess from data to predictions."""

    def good(columns):
        right, mistakes = excess_mistakes(*columns)
        return abs(right) > 0.02 and apart(
            [right, *(v for v, said in mistakes if "ratio" in said or "subtract" in said)]
        )

    calls = [
        until(lambda kind=kind: draw_shares(context.rng, kind), good)
        for kind in ("ones", "zeros", "damped", "turned")
    ]
    answers = floats((yield Calls(calls)), len(calls))
    if answers is None:
        return "return one number"
    right, mistakes = zip(*(excess_mistakes(*one) for one in calls), strict=True)
    said = [(tuple(v for v, _ in one), one[0][1]) for one in zip(*mistakes, strict=True)]
    return why_not(
        tuple(answers),
        right,
        said,
        "twice the majority's share less the minority's; then subtract",
    )


# --- intervals ---


def wilson(count, total, level):
    """Wilson's interval, the measure of width."""
    z, rate = stats.norm.ppf((1 + level) / 2), np.divide(count, total)
    middle = (rate + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * np.sqrt(rate * (1 - rate) / total + (z / (2 * total)) ** 2) / (1 + z**2 / total)
    return middle - half, middle + half


def textbook(count, total, level, spread=np.sqrt):
    """The interval that has no width at a count of 0; ``spread`` is what divides its deviation."""
    z, rate = stats.norm.ppf((1 + level) / 2), np.divide(count, total)
    half = z * np.sqrt(rate * (1 - rate)) / spread(total)
    return rate - half, rate + half


def as_pairs(answers):
    """Answers as (low, high), or a reason why not."""
    pairs = [floats(one, 2) for one in answers]
    if None in pairs:
        return None, "return two numbers, low and high"
    if any(low > high for low, high in pairs):
        return None, "the low end is above the high one"
    return np.array(pairs, dtype=float), None


@question
def error_interval(context):
    """An interval for a rate: its exact coverage, averaged over true rates, and its width."""
    rng = context.rng
    few, some, more = rng.integers(10, 15), rng.integers(24, 31), rng.integers(50, 61)
    plan = [(int(few), 0.9), (int(some), 0.8), (int(more), 0.95)]
    calls = [(count, n, level) for n, level in plan for count in range(n + 1)]
    pairs, wrong = as_pairs((yield Calls(calls)))
    if wrong:
        return wrong
    if pairs.max() > 2:
        return "this is in per cent; a rate lies between 0 and 1"
    return why_not_interval(np.clip(pairs, 0, 1), plan, calls)


def why_not_interval(pairs, plan, calls):
    """What is wrong with the intervals of every count, or None."""
    counts, totals, levels = np.array(calls).T
    usual = [
        (
            textbook(counts, totals, levels, spread=np.ones_like),
            "this is the spread of single people; a rate's is less, by the root of their number",
        ),
        (
            textbook(counts, totals, levels),
            "this one has no width where nobody was misjudged, and among few it misses: see Wilson",
        ),
        *((make(counts, totals, 2 * levels - 1), TWO_SIDES) for make in (wilson, textbook)),
        *(
            (make(counts, totals, fixed), ONE_LEVEL)
            for make in (wilson, textbook)
            for fixed in (0.9, 0.95)
        ),
    ]
    for ends, said in usual:
        if same(pairs, np.clip(np.transpose(ends), 0, 1)):
            return said
    for (total, level), rates in product(plan, RARE_AND_COMMON):
        here = (totals == total) & (levels == level)
        low, high = pairs[here].T
        chance = stats.binom.pmf(counts[here], total, rates[:, None])  # (rates, counts)
        held = (chance * ((low <= rates[:, None]) & (rates[:, None] <= high))).sum(1).mean()
        if held < level - SHORT:
            return f"of your {level:.0%} intervals of few people {held:.0%} hold the truth"
        least, most = wilson(counts[here], total, level)
        if not (chance @ (high - low)).mean() <= WIDE * (chance @ (most - least)).mean():
            return f"your {level:.0%} intervals are too wide: they hold {held:.0%} of the time"
    return None


def newcombe(count_a, total_a, count_b, total_b, level):
    """Newcombe's interval of B's rate less A's, from the Wilson intervals of both."""
    a, b = np.divide(count_a, total_a), np.divide(count_b, total_b)
    (low_a, high_a), (low_b, high_b) = (
        wilson(count_a, total_a, level),
        wilson(count_b, total_b, level),
    )
    gap = b - a
    return np.array(
        [gap - np.hypot(b - low_b, high_a - a), gap + np.hypot(high_b - b, a - low_a)]
    ).T


def gap_mistakes(count_a, total_a, count_b, total_b, level):
    """Intervals of usual mistakes, each of shape (calls, 2), and what to say of it."""
    a, b = count_a / total_a, count_b / total_b
    z, one_sided = stats.norm.ppf((1 + level) / 2), stats.norm.ppf(level)
    both = (count_a + count_b) / (total_a + total_b)
    single_a, single_b = a * (1 - a), b * (1 - b)
    spread = np.sqrt(single_a / total_a + single_b / total_b)
    pooled = np.sqrt(both * (1 - both) * (1 / total_a + 1 / total_b))
    halves = [
        *((fixed * spread, ONE_LEVEL) for fixed in stats.norm.ppf([0.95, 0.975])),
        (one_sided * spread, TWO_SIDES),
        (
            z * (np.sqrt(single_a / total_a) + np.sqrt(single_b / total_b)),
            "ends subtracted from ends: too wide, since both are seldom off at once; add squares",
        ),
        (z * np.sqrt(single_a + single_b), "this is the spread of people; that of rates is less"),
        (z * pooled, "a common rate is for a test of equal rates; here they may differ"),
        (z * np.sqrt(single_b / total_b), "A's rate is uncertain too"),
        (z * np.sqrt((single_a + single_b) / (total_a + total_b)), "each group has its own number"),
    ]
    return [(np.transpose([b - a - half, b - a + half]), said) for half, said in halves]


@question
def gap_interval(context):
    """An interval for the difference of two rates, within what honest methods differ by."""
    rng, calls = context.rng, []
    for place, level in enumerate((0.8, 0.9, 0.95, 0.8, 0.9, 0.95)):
        # Rare in B and many of A: a common rate is A's. Else few of A: its part cannot be left out.
        if place % 2:
            total_a, rate_a = int(rng.integers(600, 900)), rng.uniform(0.09, 0.12)
            total_b, rate_b = int(rng.integers(100, 130)), rng.uniform(0.27, 0.35)
        else:
            total_a, rate_a = int(rng.integers(100, 130)), rng.uniform(0.38, 0.43)
            total_b, rate_b = int(rng.integers(400, 500)), rng.uniform(0.47, 0.54)
        count_a, count_b = round(total_a * rate_a), round(total_b * rate_b)
        calls.append((count_a, total_a, count_b, total_b, level))
    pairs, wrong = as_pairs((yield Calls(calls)))
    if wrong:
        return wrong
    if abs(pairs).max() > 2:
        return "this is in per cent; return fractions"
    right = newcombe(*np.array(calls).T)
    width = (right[:, 1] - right[:, 0])[:, None]
    if near(pairs, right, width):
        return None
    if near(-pairs[:, ::-1], right, width):
        return "this is A's rate less B's; B's less A's is asked for"
    mistakes = gap_mistakes(*np.array(calls).T)
    distance, said = min((abs((pairs - ends) / width).max(), said) for ends, said in mistakes)
    if distance < 0.05:
        return said
    if not (pairs.mean(1) > 0).any():
        return "B errs more often here: what do you subtract from what?"
    narrow = ((pairs[:, 1] - pairs[:, 0]) / width[:, 0]).mean() < 1
    return f"the intervals are too {'narrow' if narrow else 'wide'}, or lie beside the difference"


def near(pairs, right, width):
    """Whether intervals are an honest method's: width and middle beside Newcombe's."""
    low, high = GAP_WIDTHS
    got = (pairs[:, 1] - pairs[:, 0])[:, None] / width
    moved = (pairs.mean(1) - right.mean(1))[:, None] / width
    return bool((got > low).all() and (got < high).all() and (abs(moved) < 0.08).all())


# --- planning ---


def plans(rate_a, rate_b, share_b, power, level):
    """People in all by the two usual formulas: separate variances, and a common one in the test."""
    z, y = NORMAL.inv_cdf((1 + level) / 2), NORMAL.inv_cdf(power)
    common = (1 - share_b) * rate_a + share_b * rate_b
    own = rate_a * (1 - rate_a) / (1 - share_b) + rate_b * (1 - rate_b) / share_b
    equal = common * (1 - common) * (1 / share_b + 1 / (1 - share_b))
    squared = (rate_a - rate_b) ** 2
    return np.array([(z + y) ** 2 * own, (z * sqrt(equal) + y * sqrt(own)) ** 2]) / squared


def plan_mistakes(rate_a, rate_b, share_b, power, level):
    """What usual mistakes make of the number of people, by both formulas each."""
    right = plans(rate_a, rate_b, share_b, power, level)
    half = plans(rate_a, rate_b, 0.5, power, level)
    gap = abs(rate_a - rate_b)
    return [
        (share_b * right, "these are the people of B alone; how many in all?"),
        ((1 - share_b) * right, "these are the people of A alone; how many in all?"),
        (half, "this is for groups of one size; here B has a share of its own"),
        (
            half / 2,
            "this is one of two groups of one size; B has a share, and all people are asked for",
        ),
        (plans(rate_a, rate_b, share_b, power, 2 * level - 1), TWO_SIDES),
        (
            plans(rate_a, rate_b, share_b, 0.5, level),
            "the power is left out: so many people show the gap every second time",
        ),
        (
            plans(rate_a, rate_b, share_b, (1 + power) / 2, level),
            "only the level has two sides: power asks for the side on which the gap lies",
        ),
        # With a common variance this lies among the right answers, so the other stands for both.
        (
            plans(rate_a, rate_b, 1 - share_b, power, level)[[0, 0]],
            "it is B that has this share, not A",
        ),
        (right * gap, "the gap counts squared"),
    ]


def draw_plans(rng):
    """Four studies: B rare and then A, at low rates and at high ones."""
    calls = []
    for place, (level, power) in enumerate(((0.8, 0.9), (0.9, 0.8), (0.8, 0.8), (0.9, 0.7))):
        low = rng.uniform(0.12, 0.18) if place < 2 else rng.uniform(0.25, 0.38)
        rates = rng.permutation([low, low + rng.uniform(0.05, 0.08)])
        share = rng.uniform(0.08, 0.2) if place < 2 else rng.uniform(0.75, 0.88)
        calls.append((*(round(float(x), 3) for x in (*rates, share)), power, level))
    return calls


def enough(people, calls, margin=1.0):
    """Whether numbers of people are what some usual formula says, give or take."""
    both = np.array([plans(*one) for one in calls])
    low, high = 0.93 * both.min(1) / margin, 1.15 * both.max(1) * margin
    return bool(((people > low) & (people < high)).all())


def misplanned(calls):
    """What usual mistakes make of all the studies, by both formulas, and what to say of each."""
    for same_mistake in zip(*(plan_mistakes(*one) for one in calls), strict=True):
        values, words = zip(*same_mistake, strict=True)
        for formula in (0, 1):
            yield np.array(values)[:, formula], words[0]


@question
def people_needed(context):
    """People that show a gap; any usual formula is right."""

    def good(calls):
        both = np.array([plans(*one) for one in calls])
        spread = both.min(1).max() / both.max(1).min()  # so that no constant is right
        return spread > 2 and not any(
            enough(people, calls, 1.03) for people, _ in misplanned(calls)
        )

    calls = until(lambda: draw_plans(context.rng), good)
    answers = floats((yield Calls(calls)), len(calls))
    if answers is None:
        return "return one number"
    if enough(np.array(answers), calls):
        return None
    return next(
        (said for made, said in misplanned(calls) if np.allclose(answers, made, rtol=0.02, atol=1)),
        "so many people see the gap with another power than is asked for: try it in a simulation",
    )


# --- thresholds ---


def draw_scores(rng):
    """Scores, labels and groups: three groups with other base rates and other scores."""
    sizes = rng.integers(250, 400, 3)
    bases = rng.permutation([0.25, 0.4, 0.55])
    group = rng.permutation(np.repeat([0, 1, 2], sizes))
    labels = (rng.random(len(group)) < bases[group]).astype(int)
    middle = rng.permutation([-0.9, 0.0, 0.9])[group] + 1.5 * labels
    odds = rng.permutation(2 * len(group))[: len(group)] * 1e-7  # no two scores are the same
    scores = 1 / (1 + np.exp(-(middle + rng.standard_normal(len(group)))))
    return scores.round(4) + odds, labels, group


def counted_above(thresholds, scores, labels, group):
    """For each group how many of its 0s, of its 1s and of all lie above, and how many there are."""
    rows = []
    for number, threshold in enumerate(thresholds):
        here = scores[group == number]
        truth = labels[group == number]
        above = here > threshold
        zeros, ones = truth == 0, truth == 1
        rows.append([above[zeros], above[ones], above, zeros, ones, truth >= 0])
    return np.array([[part.sum() for part in row] for row in rows]).T


def why_not_thresholds(got, scores, labels, group, most):
    """What the decisions of some thresholds show, or None if they are right."""
    false, found, all_above, zeros, ones, people = counted_above(got, scores, labels, group)
    if (abs(false - most * zeros) <= 1).all():
        return None
    if max(got) == min(got):
        return "one threshold for all groups cannot make their false alarms equal"
    if (abs(all_above - most * people) <= 1.01).all():
        return "equal shares of the groups are warned of; count among those who are 0"
    if (abs((ones - found) - most * ones) <= 1.01).all():
        return "this makes the missed alike: the false alarms are asked for, among the 0s"
    if (abs(found - most * ones) <= 1.01).all():
        return "this looks at those who are 1; a false alarm happens to those who are 0"
    if (abs((zeros - false) - most * zeros) <= 1.01).all():
        return "this is the other end: so many are spared, and the others warned of"
    return "in each group count the 0s above your threshold: are they the share that is asked for?"


@question
def thresholds(context):
    """A threshold for each group that gives all the same false positive rate."""
    rng = context.rng
    calls = [(*draw_scores(rng), most) for most in (0.1, round(float(rng.uniform(0.15, 0.3)), 2))]
    answers = yield Calls(calls)

    def judged(place, got):
        got = floats(got, 3)
        if got is None:
            return "return one threshold for each of the three groups, in order"
        return why_not_thresholds(got, *calls[place])

    return first_wrong(answers, judged)


# --- a remedy ---


def draw_world(rng):
    """People to learn from, of whom one in ten is of B, and new ones, half of them of B.

    The classes of each group are two round clouds on both sides of a common middle; the groups'
    clouds lie in directions that are 120 degrees apart. (TwoGroups of chapter 11, turned.)
    """
    turned, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    directions = np.array([turned[0], -turned[0] / 2 + sqrt(0.75) * turned[1]])
    middle = rng.choice([-2, 2]) * directions.sum(0) + rng.uniform(-1, 1) * turned[2]

    def people(group):
        labels = rng.integers(0, 2, len(group))
        middles = middle + 2 * directions[group] * (2 * labels - 1)[:, None]
        return (middles + rng.standard_normal(middles.shape)).round(2), labels

    group = rng.permutation(np.repeat([0, 1], [LEARNED - 100, 100]))
    group_new = rng.permutation(np.repeat([0, 1], [400, 400]))
    return *people(group), group, *people(group_new), group_new


def as_decisions(got, count):
    """An answer as so many 0s and 1s, or None."""
    got = got.tolist() if isinstance(got, np.ndarray) else got
    if not isinstance(got, list) or len(got) != count:
        return None
    right = all(isinstance(one, bool | int | float) and one in (0, 1) for one in got)
    return np.array(got, dtype=float) if right else None


@question
def remedy(context):
    """Decisions on new people, whose labels only the grader has: the worse-off group's error."""
    worlds = [draw_world(context.rng) for _ in range(3)]
    answers = yield Calls(
        [(x, y, group, x_new, group_new) for x, y, group, x_new, _, group_new in worlds]
    )
    errors, trivial = [], False
    for (*_, truth, group_new), got in zip(worlds, answers, strict=True):
        said = as_decisions(got, len(truth))
        if said is None and as_decisions(got, LEARNED) is not None:
            return "these are answers for the people to learn from; judge the new ones"
        if said is None:
            return "return 0 or 1 for each of the new people, in their order"
        trivial |= np.ptp(said) == 0
        errors.append([np.mean((said != truth)[group_new == g]) for g in (0, 1)])
    a, b = np.mean(errors, axis=0)
    if np.max(errors, axis=1).mean() <= BAR:
        return Judgement(1.0, f"Errors on new people: A {a:.1%}, B {b:.1%}.")
    return f"errors on new people: A {a:.1%}, B {b:.1%}. " + why_not_served(a, b, trivial)


def why_not_served(a, b, trivial):
    """What the errors of the groups show."""
    if trivial:
        return "Everybody gets the same answer"
    if min(a, b) > 0.7:
        return "0 and 1 are exchanged"
    if a > BAR and b > BAR:
        return "Neither group is served: making A as bad as B is equal, and no remedy"
    if a < BAR:
        return "The many of A still decide the line for B: whose errors count, and how much?"
    return "Now B decides for A: A's people must keep a say"


# --- prices ---


def draw_trainings(rng):
    """A plain training and six remedies, in any order; what is cheapest is none of the extremes."""
    rows = [int(rng.integers(300, 700)), int(rng.integers(50, 150)), int(rng.integers(10, 40))]
    worst = rng.uniform(0.33, 0.4)
    plain = training(*rows, [rng.uniform(0.05, 0.09), worst])
    fall, cheap = rng.uniform(0.05, 0.07), rng.uniform(1.3, 1.6)
    better = 1 + (cheap - 1) * rng.uniform(1.6, 2.2)  # less than 2.7 times, what it buys more
    kinds = {
        "cheap": (cheap, [rng.uniform(0.1, 0.13), worst - fall]),
        "best": (better, [rng.uniform(0.1, 0.13), worst - 2.7 * fall]),
        "much": (rng.uniform(15, 40), [rng.uniform(0.05, 0.07), worst - 2.9 * fall]),
        "equal": (1, [worst, worst]),
        "little": (
            rng.uniform(1.15, 1.25),
            [rng.uniform(0.1, 0.13), worst - rng.uniform(0.004, 0.009)],
        ),
        "harmful": (rng.uniform(1.1, 1.25), [worst + rng.uniform(0.01, 0.03), worst - 2 * fall]),
    }
    order = [list(kinds)[k] for k in rng.permutation(len(kinds))]
    remedies = [
        training(round(rows[0] * kinds[kind][0]), *rows[1:], kinds[kind][1]) for kind in order
    ]
    return plain, remedies


def training(people, steps, macs, errors):
    """A training as a dictionary."""
    return {
        "people": people,
        "steps": steps,
        "macs_per_person": macs,
        "errors": [round(float(error), 3) for error in errors],
    }


def price_list(plain, remedies, flop=2, points=100, extra=True, of=max):
    """Price of each remedy, in the right way or in a wrong one."""
    prices = []
    for one in remedies:
        spent, before = (
            flop * each["people"] * each["steps"] * each["macs_per_person"] for each in (one, plain)
        )
        fell = points * (of(plain["errors"]) - of(one["errors"]))
        prices.append((spent - before * extra) / fell if fell > 1e-9 else None)
    return prices


def alike(got, right):
    """Whether two lists of prices agree, None where None is."""
    return all(
        (a is None) == (b is None) and (a is None or same(float(a), b))
        for a, b in zip(got, right, strict=True)
    )


PRICE_MISTAKES = [
    ({"flop": 1}, "you counted multiply-accumulates (MACs); FLOP are twice that"),
    ({"points": 1}, "this is for the whole error; a percentage point is a hundredth of it"),
    ({"extra": False}, "this is all of the remedy's FLOP; the plain training is paid for already"),
    ({"of": lambda errors: errors[1]}, "this looks at B only; a remedy may make A the worse off"),
    ({"of": lambda errors: sum(errors) / 2}, "this is the mean of both errors; take the worse one"),
]


@question
def prices(context):
    """What each remedy costs for a point of error, and the cheapest; half of the points each."""
    calls = [draw_trainings(context.rng) for _ in range(4)]
    answers = yield Calls(calls)

    def shaped(place, got):
        right = isinstance(got, list) and len(got) == 2
        return None if right else "return two things: the list of prices, and a remedy's number"

    if reason := first_wrong(answers, shaped):
        return reason
    listed, chosen = zip(*answers, strict=True)
    reasons = (
        first_wrong(listed, lambda place, got: why_not_prices(got, *calls[place])),
        first_wrong(chosen, lambda place, got: why_not_best(got, *calls[place])),
    )
    if all(
        is_number(got) and got - 1 == best(*one) for got, one in zip(chosen, calls, strict=True)
    ):
        reasons = reasons[0], "count the remedies from 0"
    wrong = [reason for reason in reasons if reason]
    return Judgement(1 - len(wrong) / 2, "; ".join(wrong))


def best(plain, remedies):
    """The place of the remedy with the lowest price."""
    priced = enumerate(price_list(plain, remedies))
    return min((price, place) for place, price in priced if price is not None)[1]


def why_not_prices(got, plain, remedies):
    """What is wrong with the prices, or None."""
    got = got.tolist() if isinstance(got, np.ndarray) else got
    if not isinstance(got, list) or len(got) != len(remedies):
        return "return one price for each remedy, in order"
    if not all(one is None or is_number(one) for one in got):
        return "a price is a number, or None where the worse error does not fall"
    right = price_list(plain, remedies)
    if alike(got, right):
        return None
    for wrong, said in PRICE_MISTAKES:
        if alike(got, price_list(plain, remedies, **wrong)):
            return said
    if all(b is None or alike([a], [b]) for a, b in zip(got, right, strict=True)):
        return "where the worse error does not fall there is no price: return None"
    return "a price is the FLOP beyond plain training, over the points that the worse error fell"


def why_not_best(got, plain, remedies):
    """What is wrong with the choice, or None."""
    if not is_number(got):
        return "which remedy is the cheapest? Return its place, counted from 0"
    right = price_list(plain, remedies)
    if got == best(plain, remedies):
        return None
    spent = [one["people"] for one in remedies]  # the rest is the same for all
    errors = [max(one["errors"]) for one in remedies]
    if got == int(np.argmin(spent)):
        return "this one takes the fewest FLOP, but what does it buy?"
    if got == int(np.argmin(errors)):
        return "this one buys most; the least price of a point is asked for"
    if got in range(len(right)) and right[int(got)] is None:
        return "this one buys nothing: the worse-off group is no better off"
    return "another remedy has a lower price for a point"
