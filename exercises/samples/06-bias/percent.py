"""Gives rates in per cent."""


# %% group-errors-answer
def group_errors(labels, predictions, groups):
    """In per cent."""
    return [100 * np.mean((labels != predictions)[groups == g]) for g in np.unique(groups)]


# %% population-error-answer
def population_error(errors, people, shares):
    """In per cent."""
    return 100 * np.dot(shares, np.divide(errors, people))


# %% three-rates-answer
def three_rates(labels, warned):
    """In per cent."""
    rates = [warned[labels == 0].mean(), 1 - warned[labels == 1].mean(), labels[warned == 1].mean()]
    return [100 * rate for rate in rates]


# %% amplification-answer
def amplification(labels, predictions):
    """In percentage points."""
    majority = round(labels.mean())
    return 200 * (np.mean(predictions == majority) - np.mean(labels == majority))


# %% error-interval-answer
def error_interval(errors, people, level):
    """In per cent."""
    found = stats.binomtest(errors, people).proportion_ci(level, "wilson")
    return 100 * found.low, 100 * found.high
