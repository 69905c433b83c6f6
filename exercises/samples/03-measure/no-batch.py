"""Forgets the batch."""


# %% mlp-flop-answer
def mlp_flop(widths, batch):
    """FLOP of one row."""
    return sum(2 * inputs * outputs for inputs, outputs in zip(widths, widths[1:]))


# %% mlp-training-flop-answer
def mlp_training_flop(widths, batch):
    """FLOP of one row."""
    return 3 * mlp_flop(widths, batch) - 2 * widths[0] * widths[1]


# %% attention-flop-answer
def attention_flop(tokens, width, batch):
    """FLOP of one sequence."""
    return 8 * tokens * width**2 + 4 * tokens**2 * width
