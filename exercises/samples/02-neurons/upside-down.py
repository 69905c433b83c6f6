"""The inverse ratio, and nothing for a chip that waits."""


# %% break-even-answer
def break_even(mac_pj, event_pj, weights, idle_mw, window_ms):
    """Price of an event over that of a MAC."""
    return event_pj / mac_pj


# %% reflection
# Spikes take less energy, because an addition is cheaper than a multiplication.
