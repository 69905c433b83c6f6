"""Takes the spread of single people for that of a rate; a study without power."""


# %% error-interval-answer
def error_interval(errors, people, level):
    """Not divided by the root of the number."""
    rate = errors / people
    half = stats.norm.ppf((1 + level) / 2) * np.sqrt(rate * (1 - rate))
    return rate - half, rate + half


# %% gap-interval-answer
def gap_interval(errors_a, people_a, errors_b, people_b, level):
    """Not divided by the root of the numbers."""
    a, b = errors_a / people_a, errors_b / people_b
    half = stats.norm.ppf((1 + level) / 2) * np.sqrt(a * (1 - a) + b * (1 - b))
    return b - a - half, b - a + half


# %% people-needed-answer
def people_needed(rate_a, rate_b, share_b, power, level):
    """Enough for an interval that just leaves out zero: half of the studies miss it."""
    z = stats.norm.ppf((1 + level) / 2)
    variance = rate_a * (1 - rate_a) / (1 - share_b) + rate_b * (1 - rate_b) / share_b
    return np.ceil(z**2 * variance / (rate_a - rate_b) ** 2)
