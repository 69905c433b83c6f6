"""Takes decimal logarithms and undoes them with exp; forgets the logarithm of y."""


# %% read-off-answer
def read_off(x1, y1, x2, y2, x):
    """Decimal on the way in, natural on the way out."""
    exponent = np.log10(y2 / y1) / np.log10(x2 / x1)
    return exponent, np.exp(np.log10(y1) + exponent * np.log10(x / x1))


# %% local-exponent-answer
def local_exponent(x, E, A, alpha):
    """How y moves with log x."""
    return -alpha * A * x**-alpha
