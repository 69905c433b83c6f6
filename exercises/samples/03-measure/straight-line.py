"""Fits a line on log axes, without the launch; the interval of the mean."""

# %% fits-answer
fits = {}
for kind, sizes in SIZES.items():
    law = fit_power_law(sizes, y[kind], irreducible="none", direction="grows")
    fits[kind] = (law.exponent, 0.0)


# %% forecast-answer
def forecast(x, y, x_new, level):
    """Median of a new measurement with the interval of the law itself."""
    slope = np.polyfit(np.log(x), np.log(y), 1)[0]
    direction = "grows" if slope > 0 else "falls"
    law = fit_power_law(x, y, irreducible="free", direction=direction)
    said = law.predict(x_new, level, of="mean", method="delta")
    return said.median, said.low, said.high


# %% reflection
# It did not hold: the truth came out above my interval. The machine was slow.
