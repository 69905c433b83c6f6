"""Right: loops where one expects arrays, arrays where one expects loops, and no time step."""


# %% neuron-answer
def neuron(x, weights, bias):
    """By the hyperbolic tangent, in single precision."""
    z = np.float32(bias)
    for one, weight in zip(x, weights):
        z += np.float32(one * weight)
    return np.float32(0.5) * (1 + np.tanh(z / 2))


# %% layer-answer
def layer(x, weights, biases):
    """Number by number, as lists."""
    return [
        [max(0.0, float(sum(row * w)) + float(b)) for w, b in zip(weights, biases)] for row in x
    ]


# %% mlp-counts-answer
def mlp_counts(widths, batch):
    """The bias is the weight of an input that is always one."""
    widths = np.array(widths)
    both = (widths[:-1] + 1) @ widths[1:], batch * (widths[:-1] @ widths[1:])
    return np.array(both, dtype=float)


# %% conv-macs-answer
def conv_macs(conv, side, batch):
    """The places are counted one by one."""
    first, places = -conv["padding"], 0
    while first + conv["dilation"] * (conv["kernel"] - 1) < side + conv["padding"]:
        places, first = places + 1, first + conv["stride"]
    each_group = conv["inputs"] / conv["groups"] * conv["outputs"] / conv["groups"]
    return (places * conv["kernel"]) ** 2 * each_group * conv["groups"] * batch


# %% rate-per-s-answer
def rate_per_s(cell, current_na):
    """From the time constant's point of view; infinite waiting is a rate of zero."""
    with np.errstate(all="ignore"):
        drive = cell["resistance_megaohm"] * current_na + cell["rest_mv"] - cell["threshold_mv"]
        way = cell["threshold_mv"] - cell["reset_mv"]
        wait = np.where(drive > 0, cell["time_constant_ms"] * np.log1p(way / drive), np.inf)
    return 1e3 / (wait + cell["refractory_ms"])


# %% spike-times-ms-answer
def spike_times_ms(cell, current_na):
    """From event to event: the exponential is solved for the time at which it arrives."""
    tau, v, t, free_at, times = cell["time_constant_ms"], cell["rest_mv"], 0.0, 0.0, []
    for k, current in enumerate(current_na):
        goal = cell["rest_mv"] + cell["resistance_megaohm"] * current
        while True:
            t = max(t, min(free_at, k + 1))
            over = goal - cell["threshold_mv"]
            wait = tau * np.log((goal - v) / over) if over > 0 else np.inf
            if t + wait > k + 1:
                break
            times.append(t + wait)
            v, t, free_at = cell["reset_mv"], t + wait, t + wait + cell["refractory_ms"]
        v, t = goal + (v - goal) * np.exp((t - k - 1) / tau), k + 1
    return np.array(times)


# %% break-even-answer
def break_even(mac_pj, event_pj, weights, idle_mw, window_ms):
    """In joules, each weight with its share of what is idle."""
    idle_j = 1e-3 * idle_mw * 1e-3 * window_ms
    saved_j = 1e-12 * mac_pj - idle_j / weights
    return np.clip(saved_j / (1e-12 * event_pj), 0, None)
