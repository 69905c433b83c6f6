"""One number for all: the rate of everybody, the sample as it was tested, one threshold."""


# %% group-errors-answer
def group_errors(labels, predictions, groups):
    """The error of all people, for every group."""
    return [np.mean(labels != predictions)] * len(np.unique(groups))


# %% population-error-answer
def population_error(errors, people, shares):
    """The error of the people tested."""
    return sum(errors) / sum(people)


# %% thresholds-answer
def thresholds(scores, labels, groups, most):
    """The threshold that gives everybody together the rate."""
    return [np.quantile(scores[labels == 0], 1 - most)] * 3
