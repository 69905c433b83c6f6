"""Reads everything on linear axes."""


# %% read-off-answer
def read_off(x1, y1, x2, y2, x):
    """Slope and value of the straight line through the points as they are."""
    slope = (y2 - y1) / (x2 - x1)
    return slope, y1 + slope * (x - x1)


# %% local-exponent-answer
def local_exponent(x, E, A, alpha):
    """The derivative."""
    return -alpha * A * x ** (-alpha - 1)
