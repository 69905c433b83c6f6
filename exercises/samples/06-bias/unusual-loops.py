"""Right: plain Python, a person at a time; Agresti and Coull; the nearer of two middles."""

# %% group-errors-answer
from collections import Counter


def group_errors(labels, predictions, groups):
    """Two counters: everybody, and those who were misjudged."""
    everybody = Counter(groups.tolist())
    wrong = Counter(g for a, b, g in zip(labels, predictions, groups.tolist()) if a != b)
    return [wrong[g] / everybody[g] for g in sorted(everybody)]


# %% population-error-answer
def population_error(errors, people, shares):
    """Of a million people of the population, so many are misjudged."""
    return float(np.sum([1e6 * s * e / n for e, n, s in zip(errors, people, shares)])) / 1e6


# %% three-rates-answer
def three_rates(labels, warned):
    """By Bayes' rule from the base rate, for the predictive value."""
    base = float(np.mean(labels))
    recall = sum(1 for a, b in zip(labels, warned) if a and b) / sum(labels.tolist())
    alarm = sum(1 for a, b in zip(labels, warned) if not a and b) / (len(labels) * (1 - base))
    return [alarm, 1 - recall, base * recall / (base * recall + (1 - base) * alarm)]


# %% error-interval-answer
def error_interval(errors, people, level):
    """Agresti and Coull's: some errors and some non-errors are added, then the textbook's."""
    added = stats.norm.ppf((1 + level) / 2) ** 2
    rate = (errors + added / 2) / (people + added)
    half = (added * rate * (1 - rate) / (people + added)) ** 0.5
    return [rate - half, rate + half]


# %% gap-interval-answer
def gap_interval(errors_a, people_a, errors_b, people_b, level):
    """Agresti and Caffo's: one error and one non-error are added in each group."""
    a, b = (errors_a + 1) / (people_a + 2), (errors_b + 1) / (people_b + 2)
    spread = (a * (1 - a) / (people_a + 2) + b * (1 - b) / (people_b + 2)) ** 0.5
    return tuple(stats.norm.interval(level, loc=b - a, scale=spread))


# %% people-needed-answer
def people_needed(rate_a, rate_b, share_b, power, level):
    """Ever more people, until the test with a common rate sees the gap often enough."""
    mean = (1 - share_b) * rate_a + share_b * rate_b
    equal = mean * (1 - mean) / (share_b * (1 - share_b))
    own = rate_a * (1 - rate_a) / (1 - share_b) + rate_b * (1 - rate_b) / share_b
    people = 50
    while True:
        cut = stats.norm.ppf((1 + level) / 2) * (equal / people) ** 0.5
        seen = stats.norm.sf(cut, abs(rate_a - rate_b), (own / people) ** 0.5)
        if seen >= power:
            return people
        people += 5


# %% thresholds-answer
def thresholds(scores, labels, groups, most):
    """The lowest score at which few enough false alarms are left."""
    found = {}
    for g in range(3):
        zeros = scores[(groups == g) & (labels == 0)]
        found[g] = min(s for s in zeros if (zeros > s).mean() <= most)
    return [found[g] for g in sorted(found)]


# %% remedy-answer
def judge_new(x, y, group, x_new, group_new):
    """The nearer of the two middles of one's own group; nothing is trained."""
    away = []
    for c in (0, 1):
        middles = np.array([x[(group == g) & (y == c)].mean(0) for g in (0, 1)])
        away.append(np.linalg.norm(x_new - middles[group_new], axis=1))
    return (away[1] < away[0]).astype(float)


# %% prices-answer
def prices(plain, remedies):
    """One after the other, remembering the cheapest."""
    costs, best = [], None
    for place, one in enumerate(remedies):
        more = one["people"] * one["steps"] * one["macs_per_person"]
        more -= plain["people"] * plain["steps"] * plain["macs_per_person"]
        fell = max(plain["errors"]) - max(one["errors"])
        costs.append(more * 2 / fell / 100 if fell > 0 else None)
        if costs[-1] is not None and (best is None or costs[-1] < costs[best]):
            best = place
    return costs, best
