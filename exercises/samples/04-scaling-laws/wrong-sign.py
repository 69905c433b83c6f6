"""Mixes the exponent of a loss with its negative."""


# %% read-off-answer
def read_off(x1, y1, x2, y2, x):
    """The exponent counted above zero."""
    alpha = -np.log(y2 / y1) / np.log(x2 / x1)
    return alpha, y1 * (x / x1) ** -alpha


# %% local-exponent-answer
def local_exponent(x, E, A, alpha):
    """The slope counted above zero."""
    return alpha * A * x**-alpha / (E + A * x**-alpha)


# %% next-step-answer
def next_step(loss, E, alpha, times, target):
    """The loss with alpha as it stands: more data make it rise."""
    if target <= E:
        return E + (loss - E) * times**alpha, float("inf")
    return E + (loss - E) * times**alpha, ((loss - E) / (target - E)) ** (1 / alpha)


# %% find-law-answer
def find_law(x, y):
    """The signed exponent for alpha."""
    law = fit_power_law(x, y)
    return law.E, law.exponent
