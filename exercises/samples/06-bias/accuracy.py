"""Gives the share that was judged rightly."""


# %% group-errors-answer
def group_errors(labels, predictions, groups):
    """Accuracy of each group."""
    return [np.mean((labels == predictions)[groups == g]) for g in np.unique(groups)]


# %% population-error-answer
def population_error(errors, people, shares):
    """Accuracy of the population."""
    return 1 - np.dot(shares, np.divide(errors, people))


# %% three-rates-answer
def three_rates(labels, warned):
    """Specificity and recall in the place of the two error rates."""
    return (
        np.mean(warned[labels == 0] == 0),
        np.mean(warned[labels == 1] == 1),
        np.mean(labels[warned == 1]),
    )
