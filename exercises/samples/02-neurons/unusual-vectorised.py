"""Right: a simulation that follows the voltage in closed form between grid points; other words."""


# %% memory-bytes-answer
def memory_bytes(parameters, activations, batch, dtype):
    """By a table of formats; a byte is eight bits."""
    bits = {"float16": 16, "bfloat16": 16, "float32": 32, "float64": 64}[dtype]
    held = np.array([parameters, parameters + parameters + 2 * parameters + activations * batch])
    return bits * held / 8


# %% threshold-current-na-answer
def threshold_current_na(cell):
    """By bisection of the voltage that a current reaches in the end."""
    low, high = 0.0, 1e3
    for _ in range(80):
        middle = (low + high) / 2
        reached = cell["rest_mv"] + cell["resistance_megaohm"] * middle
        low, high = (low, middle) if reached > cell["threshold_mv"] else (middle, high)
    return high


# %% spike-times-ms-answer
def spike_times_ms(cell, current_na):
    """Exact voltage on a grid of 0.1 ms; spikes at the beginning of their step."""
    kept = np.exp(-0.1 / cell["time_constant_ms"])
    v, quiet, times = cell["rest_mv"], 0.0, []
    for n, current in enumerate(np.repeat(current_na, 10)):
        if quiet > 1e-9:
            quiet -= 0.1
            continue
        goal = cell["rest_mv"] + cell["resistance_megaohm"] * current
        v = goal + (v - goal) * kept
        if v > cell["threshold_mv"]:
            v, quiet = cell["reset_mv"], cell["refractory_ms"]
            times.append(n / 10)
    return tuple(times)
