"""Takes the output of a convolution to be as large as its input, and forgets the groups."""


# %% conv-parameters-answer
def conv_parameters(conv):
    """Every output channel sees every input channel."""
    return conv["kernel"] ** 2 * conv["inputs"] * conv["outputs"] + conv["bias"] * conv["outputs"]


# %% conv-macs-answer
def conv_macs(conv, side, batch):
    """A place for each pixel of the input."""
    return batch * conv["kernel"] ** 2 * conv["inputs"] * conv["outputs"] * side**2
