"""Takes the side of a kernel for its area; rounds half places up."""


# %% conv-parameters-answer
def conv_parameters(conv):
    """A kernel of side weights."""
    seen = conv["inputs"] // conv["groups"]
    return conv["kernel"] * seen * conv["outputs"] + conv["bias"] * conv["outputs"]


# %% conv-macs-answer
def conv_macs(conv, side, batch):
    """Right, but for the places at the edge."""
    reach = conv["dilation"] * (conv["kernel"] - 1) + 1
    places = int(np.ceil((side + 2 * conv["padding"] - reach) / conv["stride"])) + 1
    seen = conv["inputs"] // conv["groups"]
    return batch * conv["kernel"] ** 2 * seen * conv["outputs"] * places**2
