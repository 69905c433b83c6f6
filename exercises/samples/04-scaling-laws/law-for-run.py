"""Gives the interval of the law for a new run too."""


# %% extrapolate-answer
def extrapolate(x, y, x_new, level):
    """One interval for both."""
    law = fit_power_law(x, y, replicates=True)
    mean = law.predict(x_new, level, of="mean", method="delta")
    return mean.low, mean.high, mean.low, mean.high
