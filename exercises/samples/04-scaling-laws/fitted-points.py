"""Chooses the form that fits best the sizes that it was fitted to."""


# %% choose-answer
def choose(x, y):
    """Nothing is held out."""
    missed = {}
    for name, fit in FORMS.items():
        missed[name] = np.mean(np.log(fit(x, y)(x) / y) ** 2)
    return min(missed, key=missed.get)
