"""When use has drawn as much as the training, instead of what the better model saves."""


# %% paid-back-answer
def paid_back(extra_mwh, old_wh, new_wh, rebound):
    """Training over a query."""
    return extra_mwh * 1e6 / new_wh
