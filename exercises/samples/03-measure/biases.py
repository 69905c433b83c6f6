"""Counts biases in the forward pass; takes training for three times forward."""


# %% mlp-flop-answer
def mlp_flop(widths, batch):
    """FLOP with the biases."""
    return sum(2 * batch * i * o + batch * o for i, o in zip(widths, widths[1:]))


# %% mlp-training-flop-answer
def mlp_training_flop(widths, batch):
    """Three times the forward pass."""
    return 3 * sum(2 * batch * i * o for i, o in zip(widths, widths[1:]))
