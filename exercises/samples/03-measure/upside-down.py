"""Takes bytes per FLOP for intensity, and the higher roof; the slowest call."""


# %% attainable-answer
def attainable(flop, moved, peak, bandwidth):
    """Bytes per FLOP, and the higher roof."""
    intensity = moved / flop
    return intensity, max(peak, bandwidth / intensity)


# %% steady-seconds-answer
def steady_seconds(times):
    """The slowest call."""
    return max(times)
