"""Climbs from the wrong voltage each time: the threshold from reset, the spikes from rest."""


# %% threshold-current-na-answer
def threshold_current_na(cell):
    """From the reset."""
    return (cell["threshold_mv"] - cell["reset_mv"]) / cell["resistance_megaohm"]


# %% rate-per-s-answer
def rate_per_s(cell, current_na):
    """From rest."""
    lift = cell["resistance_megaohm"] * current_na
    over = lift - (cell["threshold_mv"] - cell["rest_mv"])
    if over <= 0:
        return 0
    return 1000 / (cell["refractory_ms"] + cell["time_constant_ms"] * np.log(lift / over))


# %% spike-times-ms-answer
def spike_times_ms(cell, current_na):
    """Starts again from rest after each spike."""
    v, free_at, times = cell["rest_mv"], 0.0, []
    for n in range(10 * len(current_na)):
        t = n / 10
        if t < free_at:
            continue
        slope = cell["rest_mv"] - v + cell["resistance_megaohm"] * current_na[n // 10]
        v += 0.1 * slope / cell["time_constant_ms"]
        if v >= cell["threshold_mv"]:
            times.append(t)
            v, free_at = cell["rest_mv"], t + cell["refractory_ms"]
    return times
