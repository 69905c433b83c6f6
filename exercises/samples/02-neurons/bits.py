"""Bits for bytes; nanoamperes as amperes."""


# %% memory-bytes-answer
def memory_bytes(parameters, activations, batch, dtype):
    """Bits."""
    bits = int(dtype[-2:])
    return bits * parameters, bits * (4 * parameters + batch * activations)


# %% threshold-current-na-answer
def threshold_current_na(cell):
    """In amperes, by careful conversion to volts and ohms."""
    volts = (cell["threshold_mv"] - cell["rest_mv"]) * 1e-3
    return volts / (cell["resistance_megaohm"] * 1e6)
