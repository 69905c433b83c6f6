"""Counts only those who were misjudged, so that a group without errors is lost; mean of groups."""


# %% group-errors-answer
def group_errors(labels, predictions, groups):
    """Errors of the groups that have some."""
    wrong = groups[labels != predictions]
    return [np.sum(wrong == g) / np.sum(groups == g) for g in np.unique(wrong)]


# %% population-error-answer
def population_error(errors, people, shares):
    """The mean of the groups' rates."""
    return np.mean(np.divide(errors, people))


# %% amplification-answer
def amplification(labels, predictions):
    """The excess of class 1, which need not be the majority."""
    return 2 * (predictions.mean() - labels.mean())
