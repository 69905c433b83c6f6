"""Right: lets PyTorch hold, count and compute, on tensors without contents where it can."""

# %% layer-answer
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def layer(x, weights, biases):
    """The functional layer, as a tensor."""
    x, weights, biases = (torch.as_tensor(one) for one in (x, weights, biases))
    return torch.relu(nn.functional.linear(x, weights, biases))


# %% conv-parameters-answer
def module_of(conv):
    """A convolution of PyTorch's that holds nothing."""
    how = {name: conv[name] for name in ("stride", "padding", "dilation", "groups", "bias")}
    return nn.Conv2d(conv["inputs"], conv["outputs"], conv["kernel"], **how, device="meta")


def conv_parameters(conv):
    """What the module says that it has."""
    return sum(parameter.numel() for parameter in module_of(conv).parameters())


# %% conv-macs-answer
def conv_macs(conv, side, batch):
    """Half of PyTorch's FLOP."""
    pictures = torch.empty(batch, conv["inputs"], side, side, device="meta")
    with FlopCounterMode(display=False) as counter:
        module_of(conv)(pictures)
    return counter.get_total_flops() / 2


# %% trained-and-kept-answer
def trained_and_kept(channels, kernel):
    """Built, and asked."""
    parts = [nn.Conv2d(a, b, kernel, bias=False) for a, b in zip(channels, channels[1:])]
    net = nn.Sequential(*parts, *(nn.BatchNorm2d(b) for b in channels[1:]))
    return [sum(one.numel() for one in held) for held in (net.parameters(), net.buffers())]


# %% memory-bytes-answer
def memory_bytes(parameters, activations, batch, dtype):
    """The size of a number from an empty tensor of that type."""
    size = torch.empty(0, dtype=getattr(torch, dtype)).element_size()
    return torch.tensor([parameters, 4 * parameters + batch * activations]) * size


# %% attention-counts-answer
def attention_counts(tokens, width, heads, batch):
    """Parameters from a module; MACs of its products, written out."""
    attention = nn.MultiheadAttention(width, heads, device="meta")
    x = torch.empty(batch, tokens, width, device="meta")
    weight = torch.empty(width, width, device="meta")
    with FlopCounterMode(display=False) as counter:
        query, key, value = (
            (x @ weight).view(batch, tokens, heads, -1).transpose(1, 2) for _ in range(3)
        )
        mixed = (query @ key.mT) @ value
        mixed.transpose(1, 2).reshape(batch, tokens, width) @ weight
    return sum(p.numel() for p in attention.parameters()), counter.get_total_flops() // 2
