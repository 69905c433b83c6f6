"""Turns exponents the wrong way up: x against y."""


# %% read-off-answer
def read_off(x1, y1, x2, y2, x):
    """How far x moves for a step of y."""
    slope = np.log(x2 / x1) / np.log(y2 / y1)
    return slope, y1 * (x / x1) ** (1 / slope)


# %% next-step-answer
def next_step(loss, E, alpha, times, target):
    """A factor in loss taken to the power alpha."""
    then = E + (loss - E) * times**-alpha
    return then, ((loss - E) / (target - E)) ** alpha if target > E else float("inf")


# %% find-law-answer
def find_law(x, y):
    """The right E, and then sizes regressed on what lies above it."""
    E = fit_power_law(x, y).E
    return E, -np.polyfit(np.log(y - E), np.log(x), 1)[0]
