"""Exchanges the two kinds of errors, and the two groups."""


# %% three-rates-answer
def three_rates(labels, warned):
    """False negative rate first."""
    return 1 - warned[labels == 1].mean(), warned[labels == 0].mean(), labels[warned == 1].mean()


# %% gap-interval-answer
def gap_interval(errors_a, people_a, errors_b, people_b, level):
    """A's rate less B's."""
    a, b = errors_a / people_a, errors_b / people_b
    spread = (a * (1 - a) / people_a + b * (1 - b) / people_b) ** 0.5
    half = stats.norm.ppf(0.5 + level / 2) * spread
    return a - b - half, a - b + half


# %% thresholds-answer
def thresholds(scores, labels, groups, most):
    """The same share of the 1s is missed everywhere."""
    return [np.quantile(scores[(groups == g) & (labels == 1)], most) for g in range(3)]
