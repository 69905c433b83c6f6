"""A submission with three mistakes that students make; each cell replaces the reference's."""


# %% mlp-training-flop
def mlp_training_flop(widths, batch):
    """FLOP of one forward and one backward pass of a multilayer perceptron."""
    return 3 * mlp_flop(widths, batch)


# %% fit
law = fit_power_law(x, y, irreducible="none", direction="grows")
exponent, overhead = law.exponent, law.E


# %% forecast
def forecast(x, y, x_new, level):
    """Median and interval of one new measurement at x_new."""
    law = fit_power_law(x, y, irreducible="free", direction="grows")
    said = law.predict(x_new, level, of="mean", method="delta")
    return said.median, said.low, said.high


# %% reflection
# It did not hold: the truth came out above my interval. The machine was slow.
