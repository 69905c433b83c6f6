"""One step for each millisecond."""


# %% spike-times-ms-answer
def spike_times_ms(cell, current_na):
    """Euler with a step of 1 ms."""
    v, free_at, times = cell["rest_mv"], 0.0, []
    for t, current in enumerate(current_na):
        if t < free_at:
            continue
        slope = cell["rest_mv"] - v + cell["resistance_megaohm"] * current
        v += slope / cell["time_constant_ms"]
        if v >= cell["threshold_mv"]:
            times.append(t)
            v, free_at = cell["reset_mv"], t + cell["refractory_ms"]
    return times
