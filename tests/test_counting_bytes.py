"""Bytes of gradients, optimiser state and activations: against PyTorch's own, and measured."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib import count
from course_lib.counting.attention import fits_fused_routine
from course_lib.metering.memory import peak_bytes

law = settings(max_examples=40)

OPTIMISERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.1),
}


def small():
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))


@pytest.mark.parametrize("kind", OPTIMISERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_and_state_are_what_torch_allocates(kind, dtype, frozen):
    model, x = small().to(dtype), torch.ones(4, 6, dtype=dtype)
    model[0].weight.requires_grad_(not frozen)
    work = count(model, x)
    optimiser = OPTIMISERS[kind](model.parameters())
    model(x).sum().backward()
    optimiser.step()
    state = sum(
        value.nbytes
        for entry in optimiser.state.values()
        for value in entry.values()
        if isinstance(value, torch.Tensor)
    )
    gradients = sum(p.grad.nbytes for p in model.parameters() if p.grad is not None)
    assert work.optimiser_bytes(kind) == state
    assert work.gradient_bytes == gradients
    assert work.buffer_bytes == sum(b.nbytes for b in model.buffers())
    assert work.training_bytes(kind) == state + gradients + work.buffer_bytes + (
        work.parameter_bytes + work.activation_bytes
    )


def test_an_unknown_optimiser_is_refused():
    work = count(nn.Linear(2, 2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="optimiser is 'lion'; allowed are sgd, momentum, adam"):
        work.training_bytes("lion")


def test_bytes_by_module_add_up():
    model = nn.Sequential(small(), nn.Sequential(nn.Linear(3, 4), nn.Sigmoid()))
    work = count(model, torch.zeros(4, 6))
    table = work.by_module.set_index("module")
    names = ["parameter", "buffer", "gradient", "momentum", "adam", "activation"]
    for column in (f"{name}_bytes" for name in names):
        assert table.loc["(root)", column] == table.loc[["0", "1"], column].sum()
        leaves = [name for name in table.index if name.count(".") == 1]
        assert table.loc["(root)", column] == table.loc[leaves, column].sum()
    assert table.loc["(root)", "activation_bytes"] == work.activation_bytes
    assert table.loc["(root)", "adam_bytes"] == work.optimiser_bytes("adam")


# --- activations ---


@law
@given(
    st.sampled_from([3, 4]), st.booleans(), st.sampled_from([None, 2, 3, 4, "bool"]),
    st.sampled_from([0.0, 0.1]), st.booleans(), st.booleans(),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)  # fmt: skip
def test_attention_is_fused_where_torch_fuses_it(rank, wide, mask, dropout, shared, learned, dtype):
    heads = 2 if shared and rank == 4 else 4
    shape = (2, 4, 5) if rank == 4 else (4, 5)
    fewer = (2, heads, 5) if rank == 4 else (4, 5)
    q = torch.zeros(*shape, 4, dtype=dtype)
    k = torch.zeros(*fewer, 4, dtype=dtype)
    v = torch.zeros(*fewer, 6 if wide else 4, dtype=dtype)
    masks = {2: (5, 5), 3: (1, 5, 5), 4: (1, 1, 5, 5), "bool": (5, 5)}
    bias = None
    if mask is not None:
        bias = torch.zeros(masks[mask], dtype=torch.bool if mask == "bool" else dtype)
        bias.requires_grad_(learned and mask != "bool")
    chosen = torch._fused_sdp_choice(q, k, v, bias, dropout, False, enable_gqa=heads == 2)
    fused = int(torch.nn.attention.SDPBackend.FLASH_ATTENTION)
    assert fits_fused_routine(q, k, v, bias, dropout, heads == 2) == (chosen == fused)


class Attention(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.project, self.dropout = nn.Linear(8, 24), dropout

    def forward(self, x):
        q, k, v = self.project(x).view(2, 6, 3, 2, 4).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout, is_causal=True)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_attention_keeps_what_torch_keeps(dropout):
    model, x, kept = Attention(dropout), torch.zeros(2, 6, 8), {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model(x)
    really = sum(t.untyped_storage().nbytes() for at, t in kept.items() if at not in own)
    assert output.requires_grad and count(model, x).activation_bytes == really


def stack(depth, *make):
    return nn.Sequential(*[layer() for _ in range(depth) for layer in make])


def convolution(inputs, outputs, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ReLU())


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x):
        return F.relu(x + self.body(x))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers, self.head = nn.LSTM(128, 256, 2, batch_first=True), nn.Linear(256, 100)

    def forward(self, x):
        return self.head(self.layers(x)[0])


def encoder(dropout):
    layer = nn.TransformerEncoderLayer(128, 4, 512, dropout, batch_first=True)
    return nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)


MEASURED = {
    "MLP": lambda: (stack(12, lambda: nn.Linear(512, 512), nn.ReLU), (4096, 512)),
    "MLP, GELU": lambda: (stack(12, lambda: nn.Linear(512, 512), nn.GELU), (4096, 512)),
    "CNN": lambda: (
        nn.Sequential(
            convolution(3, 32), convolution(32, 32), nn.MaxPool2d(2), convolution(32, 64),
            convolution(64, 64), nn.MaxPool2d(2), convolution(64, 128), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(128, 10),
        ),
        (16, 3, 96, 96),
    ),
    "residual": lambda: (
        nn.Sequential(convolution(3, 32), *[Residual(32) for _ in range(4)]), (16, 3, 64, 64)
    ),
    "transformer": lambda: (encoder(0.0), (16, 256, 128)),
    "transformer, dropout": lambda: (encoder(0.1), (8, 256, 128)),
    "LSTM": lambda: (Recurrent(), (64, 100, 128)),
}  # fmt: skip


@pytest.mark.parametrize("kind", MEASURED)
def test_activations_are_the_measured_peak_of_the_forward_pass(kind):
    """Within 10 %: beside what is kept, the peak holds what an op needs for a moment."""
    torch.manual_seed(0)
    model, shape = MEASURED[kind]()
    held = []

    def forward():
        x = torch.ones(shape)
        held.append((x, model(x)))

    forward()  # first-time allocations are not the model's
    held.clear()
    measured = peak_bytes(forward, torch.device("cpu"))
    if measured.high - measured.low > 0.1 * measured.value:
        pytest.skip("this system cannot tell the peak memory of one call")
    kept = count(model, torch.ones(shape)).activation_bytes
    assert kept == pytest.approx(measured.value, rel=0.1)
