"""The interval of the first-year course among few, and ends less ends for the gap."""


# %% error-interval-answer
def error_interval(errors, people, level):
    """Without width where nobody was misjudged."""
    rate = errors / people
    half = stats.norm.ppf((1 + level) / 2) * np.sqrt(rate * (1 - rate) / people)
    return max(rate - half, 0), min(rate + half, 1)


# %% gap-interval-answer
def gap_interval(errors_a, people_a, errors_b, people_b, level):
    """From the lowest that B can be less the highest that A can be, to the opposite."""
    a = stats.binomtest(errors_a, people_a).proportion_ci(level, "wilson")
    b = stats.binomtest(errors_b, people_b).proportion_ci(level, "wilson")
    return b.low - a.high, b.high - a.low


# %% people-needed-answer
def people_needed(rate_a, rate_b, share_b, power, level):
    """As if as many of B came as of A."""
    z = stats.norm.ppf((1 + level) / 2) + stats.norm.ppf(power)
    return z**2 * 2 * (rate_a * (1 - rate_a) + rate_b * (1 - rate_b)) / (rate_a - rate_b) ** 2
