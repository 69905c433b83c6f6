"""Counts everything that is stored as a parameter, as Keras does; Adam keeps nothing."""


# %% trained-and-kept-answer
def trained_and_kept(channels, kernel):
    """Four numbers for each normalised channel, and only the statistics as buffers."""
    weights = sum(kernel**2 * a * b for a, b in zip(channels, channels[1:]))
    return weights + 4 * sum(channels[1:]), 2 * sum(channels[1:])


# %% memory-bytes-answer
def memory_bytes(parameters, activations, batch, dtype):
    """Weights and gradients, without the moments."""
    size = int(dtype[-2:]) // 8
    return size * parameters, size * (2 * parameters + batch * activations)
