"""Decimal logarithm; the voltage stays above the threshold after a spike."""


# %% rate-per-s-answer
def rate_per_s(cell, current_na):
    """With log10."""
    goal = cell["rest_mv"] + cell["resistance_megaohm"] * current_na
    if goal <= cell["threshold_mv"]:
        return 0.0
    ratio = (goal - cell["reset_mv"]) / (goal - cell["threshold_mv"])
    return 1000 / (cell["refractory_ms"] + cell["time_constant_ms"] * np.log10(ratio))


# %% spike-times-ms-answer
def spike_times_ms(cell, current_na):
    """Waits for the refractory time and resets nothing."""
    v, free_at, times = cell["rest_mv"], 0.0, []
    for n in range(10 * len(current_na)):
        slope = cell["rest_mv"] - v + cell["resistance_megaohm"] * current_na[n // 10]
        v += 0.1 * slope / cell["time_constant_ms"]
        if v >= cell["threshold_mv"] and n / 10 >= free_at:
            times.append(n / 10)
            free_at = n / 10 + cell["refractory_ms"]
    return times
