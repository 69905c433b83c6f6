"""Leaves the whole rest of the level on one side."""


# %% error-interval-answer
def error_interval(errors, people, level):
    """Wilson's, with the quantile of one side."""
    found = stats.binomtest(errors, people).proportion_ci(2 * level - 1, "wilson")
    return found.low, found.high


# %% gap-interval-answer
def gap_interval(errors_a, people_a, errors_b, people_b, level):
    """With the quantile of one side."""
    a, b = errors_a / people_a, errors_b / people_b
    half = stats.norm.ppf(level) * np.sqrt(a * (1 - a) / people_a + b * (1 - b) / people_b)
    return b - a - half, b - a + half


# %% people-needed-answer
def people_needed(rate_a, rate_b, share_b, power, level):
    """With the quantile of one side."""
    z = stats.norm.ppf(level) + stats.norm.ppf(power)
    variance = rate_a * (1 - rate_a) / (1 - share_b) + rate_b * (1 - rate_b) / share_b
    return np.ceil(z**2 * variance / (rate_a - rate_b) ** 2)
