"""Says intervals three times too wide, to be on the safe side."""


# %% forecast-answer
def forecast(x, y, x_new, level):
    """Three times the honest interval."""
    slope = np.polyfit(np.log(x), np.log(y), 1)[0]
    direction = "grows" if slope > 0 else "falls"
    law = fit_power_law(x, y, irreducible="free", direction=direction)
    said = law.predict(x_new, level, method="delta")
    half = 1.5 * (said.high - said.low)
    return said.median, said.median - half, said.median + half
