"""Averages the runs of a size first, so that a new run seems to scatter as a mean does."""


# %% extrapolate-answer
def extrapolate(x, y, x_new, level):
    """A law through the means."""
    sizes = np.unique(x)
    law = fit_power_law(sizes, np.array([y[x == size].mean() for size in sizes]))
    mean = law.predict(x_new, level, of="mean", method="delta")
    run = law.predict(x_new, level, of="new run", method="delta")
    return mean.low, mean.high, run.low, run.high
