"""The demand stays as it was."""


# %% paid-back-answer
def paid_back(extra_mwh, old_wh, new_wh, rebound):
    """What a query saves, if nobody asks more."""
    saved_wh = old_wh - new_wh
    return extra_mwh * 1e6 / saved_wh if saved_wh > 0 else None
