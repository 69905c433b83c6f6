"""Counts multiply-accumulates: 3 N D instead of 6 N D."""


# %% chip-hours-answer
def chip_hours(parameters, tokens, peak_flop_per_s, mfu_percent):
    """One multiply-accumulate forwards, two backwards."""
    return 3 * parameters * tokens / (peak_flop_per_s * mfu_percent / 100) / 3600
