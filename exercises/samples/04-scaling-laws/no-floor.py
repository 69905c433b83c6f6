"""Knows nothing of an irreducible loss."""


# %% local-exponent-answer
def local_exponent(x, E, A, alpha):
    """The exponent of the law is its slope."""
    return -alpha


# %% next-step-answer
def next_step(loss, E, alpha, times, target):
    """The whole loss falls as a power."""
    return loss * times**-alpha, (loss / target) ** (1 / alpha)


# %% find-law-answer
def find_law(x, y):
    """A straight line on log axes."""
    return 0, -np.polyfit(np.log(x), np.log(y), 1)[0]


# %% extrapolate-answer
def extrapolate(x, y, x_new, level):
    """A straight line, carried on."""
    law = fit_power_law(x, y, irreducible="none", replicates=True)
    mean = law.predict(x_new, level, of="mean", method="delta")
    run = law.predict(x_new, level, of="new run", method="delta")
    return mean.low, mean.high, run.low, run.high


# %% reflection
# It missed. That happens: one in ten intervals misses, and eight runs are few.
