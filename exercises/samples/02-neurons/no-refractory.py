"""Leaves the refractory time out, in theory and in the simulation."""


# %% rate-per-s-answer
def rate_per_s(cell, current_na):
    """The climb alone; silent below the threshold."""
    goal = cell["rest_mv"] + cell["resistance_megaohm"] * current_na
    if goal <= cell["threshold_mv"]:
        return 0.0
    ratio = (goal - cell["reset_mv"]) / (goal - cell["threshold_mv"])
    return 1000 / (cell["time_constant_ms"] * np.log(ratio))


# %% spike-times-ms-answer
def spike_times_ms(cell, current_na):
    """Starts again at once."""
    v, times = cell["rest_mv"], []
    for n in range(10 * len(current_na)):
        slope = cell["rest_mv"] - v + cell["resistance_megaohm"] * current_na[n // 10]
        v += 0.1 * slope / cell["time_constant_ms"]
        if v >= cell["threshold_mv"]:
            times.append(n / 10)
            v = cell["reset_mv"]
    return times
