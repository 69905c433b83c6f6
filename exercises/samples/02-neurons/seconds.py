"""Spikes a millisecond, and times in seconds."""


# %% rate-per-s-answer
def rate_per_s(cell, current_na):
    """A millisecond."""
    goal = cell["rest_mv"] + cell["resistance_megaohm"] * current_na
    if goal <= cell["threshold_mv"]:
        return 0.0
    ratio = (goal - cell["reset_mv"]) / (goal - cell["threshold_mv"])
    return 1 / (cell["refractory_ms"] + cell["time_constant_ms"] * np.log(ratio))


# %% spike-times-ms-answer
def spike_times_ms(cell, current_na):
    """Right, but in seconds."""
    v, free_at, times = cell["rest_mv"], 0, []
    for n in range(10 * len(current_na)):
        if n < free_at:
            continue
        slope = cell["rest_mv"] - v + cell["resistance_megaohm"] * current_na[n // 10]
        v += 0.1 * slope / cell["time_constant_ms"]
        if v >= cell["threshold_mv"]:
            times.append(n * 1e-4)
            v, free_at = cell["reset_mv"], n + 10 * cell["refractory_ms"]
    return times
