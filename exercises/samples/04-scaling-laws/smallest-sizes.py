"""Holds out the smallest sizes instead of the largest."""


# %% choose-answer
def choose(x, y):
    """The first quarter of the sizes is held out."""
    small = len(x) // 4
    missed = {}
    for name, fit in FORMS.items():
        law = fit(x[small:], y[small:])
        missed[name] = np.mean(np.log(law(x[:small]) / y[:small]) ** 2)
    return min(missed, key=missed.get)
