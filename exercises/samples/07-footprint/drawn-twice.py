"""Draws an input that both bills share once for each bill."""


# %% shared-answer
def ratio_interval(old, new):
    """The two bills, as if they knew nothing of each other."""
    rng = np.random.default_rng()

    def draws(bill):
        product = np.ones(40_000)
        for low, high in bill.values():
            middle, deviation = np.log(low * high) / 2, np.log(high / low) / 2 / 1.645
            product *= rng.lognormal(middle, deviation, size=product.size)
        return product

    return tuple(np.quantile(draws(new) / draws(old), [0.5, 0.05, 0.95]))
