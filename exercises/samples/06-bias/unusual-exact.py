"""Right: exact intervals, posteriors, other formulas; a line for each group."""


# %% group-errors-answer
def group_errors(labels, predictions, groups):
    """Counted with weights, for as many groups as there are."""
    return np.bincount(groups, labels != predictions) / np.bincount(groups)


# %% three-rates-answer
def three_rates(labels, warned):
    """From the table of labels and warnings."""
    (tn, fp), (fn, tp) = np.histogram2d(labels, warned, bins=2)[0]
    return np.array([fp / (fp + tn), fn / (fn + tp), tp / (tp + fp)])


# %% amplification-answer
def amplification(labels, predictions):
    """With the classes as -1 and 1, turned so that the majority is 1."""
    signs = 2 * np.array([labels, predictions]).mean(axis=1) - 1
    return (signs[1] - signs[0]) * np.sign(signs[0])


# %% error-interval-answer
def error_interval(errors, people, level):
    """Clopper and Pearson's: never below its level, and so a little wide."""
    found = stats.binomtest(errors, people).proportion_ci(level, "exact")
    return found.low, found.high


# %% gap-interval-answer
def gap_interval(errors_a, people_a, errors_b, people_b, level):
    """Quantiles of the difference of two posteriors, drawn."""
    rng = np.random.default_rng(1)
    a = rng.beta(errors_a + 0.5, people_a - errors_a + 0.5, 40_000)
    b = rng.beta(errors_b + 0.5, people_b - errors_b + 0.5, 40_000)
    return np.quantile(b - a, [(1 - level) / 2, (1 + level) / 2])


# %% people-needed-answer
def people_needed(rate_a, rate_b, share_b, power, level):
    """By the arcsine of the root, which has nearly the same spread at every rate."""
    h = 2 * (np.arcsin(np.sqrt(rate_a)) - np.arcsin(np.sqrt(rate_b)))
    z = stats.norm.isf((1 - level) / 2) + stats.norm.isf(1 - power)
    return float(z**2 / h**2 * (1 / share_b + 1 / (1 - share_b)))


# %% thresholds-answer
def thresholds(scores, labels, groups, most):
    """The score of the last person who may still be warned of, by sorting."""
    found = []
    for g in range(3):
        zeros = sorted(scores[(groups == g) & (labels == 0)], reverse=True)
        found.append(zeros[int(most * len(zeros))])
    return found


# %% remedy-answer
def judge_new(x, y, group, x_new, group_new):
    """A line for each group, learned from its own people only."""
    said = np.zeros(len(x_new), dtype=bool)
    for g in (0, 1):
        line, bias = fit_line(x[group == g], y[group == g], np.ones(sum(group == g)))
        said[group_new == g] = x_new[group_new == g] @ line + bias > 0
    return said
