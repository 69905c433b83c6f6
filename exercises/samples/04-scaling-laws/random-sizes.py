"""Holds out sizes at random."""


# %% choose-answer
def choose(x, y):
    """A quarter of the sizes, drawn at random, five times over."""
    missed = dict.fromkeys(FORMS, 0.0)
    for seed in range(5):
        out = np.random.default_rng(seed).permutation(len(x))[: len(x) // 4]
        held = np.isin(np.arange(len(x)), out)
        for name, fit in FORMS.items():
            law = fit(x[~held], y[~held])
            missed[name] += np.mean(np.log(law(x[held]) / y[held]) ** 2)
    return min(missed, key=missed.get)
