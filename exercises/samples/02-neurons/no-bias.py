"""Leaves every bias out."""


# %% neuron-answer
def neuron(x, weights, bias):
    """The sigmoid of the weighted sum alone."""
    return 1 / (1 + np.exp(-np.dot(weights, x)))


# %% layer-answer
def layer(x, weights, biases):
    """ReLU of the products alone."""
    return np.maximum(0, x @ weights.T)


# %% mlp-counts-answer
def mlp_counts(widths, batch):
    """Weights only, and MACs."""
    weights = sum(a * b for a, b in zip(widths, widths[1:]))
    return weights, batch * weights


# %% conv-parameters-answer
def conv_parameters(conv):
    """Weights only."""
    return conv["kernel"] ** 2 * conv["inputs"] * conv["outputs"] // conv["groups"]


# %% attention-counts-answer
def attention_counts(tokens, width, heads, batch):
    """Weights only, and MACs."""
    return 4 * width**2, batch * (4 * tokens * width**2 + 2 * tokens**2 * width)
