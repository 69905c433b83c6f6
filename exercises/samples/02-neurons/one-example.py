"""Forgets the batch everywhere."""


# %% layer-answer
def layer(x, weights, biases):
    """The layer's outputs for the first row."""
    return np.maximum(weights @ x[0] + biases, 0)


# %% mlp-counts-answer
def mlp_counts(widths, batch):
    """Parameters, and MACs of one row."""
    weights = sum(a * b for a, b in zip(widths, widths[1:]))
    return weights + sum(widths[1:]), weights


# %% conv-macs-answer
def conv_macs(conv, side, batch):
    """MACs of one picture."""
    reach = conv["dilation"] * (conv["kernel"] - 1) + 1
    places = (side + 2 * conv["padding"] - reach) // conv["stride"] + 1
    weights = conv["kernel"] ** 2 * conv["inputs"] * conv["outputs"] // conv["groups"]
    return weights * places**2


# %% attention-counts-answer
def attention_counts(tokens, width, heads, batch):
    """Parameters, and MACs of one sequence."""
    return 4 * width**2 + 4 * width, 4 * tokens * width**2 + 2 * tokens**2 * width


# %% memory-bytes-answer
def memory_bytes(parameters, activations, batch, dtype):
    """The activations of one example."""
    size = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}[dtype]
    return size * parameters, size * (4 * parameters + activations)
