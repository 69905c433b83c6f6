"""Divides by what was said where what is so is meant, and the other way round."""


# %% three-rates-answer
def three_rates(labels, warned):
    """Shares of the warned, of the unwarned, and of those who are 1."""
    return (
        labels[warned == 1].mean() * -1 + 1,
        labels[warned == 0].mean(),
        warned[labels == 1].mean(),
    )


# %% amplification-answer
def amplification(labels, predictions):
    """How the share of the majority grew, not its excess."""
    majority = round(labels.mean())
    return np.mean(predictions == majority) - np.mean(labels == majority)


# %% thresholds-answer
def thresholds(scores, labels, groups, most):
    """An equal share of everybody is warned of in each group."""
    return [np.quantile(scores[groups == g], 1 - most) for g in range(3)]
