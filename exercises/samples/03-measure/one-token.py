"""Counts attention for one token, and without the projection of the output."""


# %% attention-flop-answer
def attention_flop(tokens, width, batch):
    """FLOP of one token."""
    return 6 * width**2 + 4 * tokens * width
