"""Counts multiply-accumulates everywhere."""


# %% mlp-flop-answer
def mlp_flop(widths, batch):
    """Multiply-accumulates."""
    return sum(batch * inputs * outputs for inputs, outputs in zip(widths, widths[1:]))


# %% mlp-training-flop-answer
def mlp_training_flop(widths, batch):
    """Multiply-accumulates."""
    return 3 * mlp_flop(widths, batch) - batch * widths[0] * widths[1]


# %% attention-flop-answer
def attention_flop(tokens, width, batch):
    """Multiply-accumulates."""
    return batch * (4 * tokens * width**2 + 2 * tokens**2 * width)
