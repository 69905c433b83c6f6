"""Four bytes a number, whatever the type."""


# %% memory-bytes-answer
def memory_bytes(parameters, activations, batch, dtype):
    """All as if it were float32."""
    return 4 * parameters, 4 * (4 * parameters + batch * activations)
