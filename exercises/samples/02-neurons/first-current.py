"""Knows constant currents only: reads the first one, and computes the times by formula."""


# %% spike-times-ms-answer
def spike_times_ms(cell, current_na):
    """Evenly spaced spikes at the rate of the first current."""
    goal = cell["rest_mv"] + cell["resistance_megaohm"] * current_na[0]
    if goal <= cell["threshold_mv"]:
        return []
    over = goal - cell["threshold_mv"]
    climb = cell["time_constant_ms"] * np.log((goal - cell["reset_mv"]) / over)
    first = cell["time_constant_ms"] * np.log((goal - cell["rest_mv"]) / over)
    return np.arange(first, len(current_na), cell["refractory_ms"] + climb)
