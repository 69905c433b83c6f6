"""`count` takes what PyTorch's users write, or names what stands in its way."""

import warnings

import pytest
import torch
import torch.nn.utils.prune as prune
from torch import nn

from course_lib import count
from tests.modules import Apply

# --- what must work ---


def test_masks_are_taken_as_they_come():
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2)
    x, mask = torch.zeros(2, 5, 16), nn.Transformer.generate_square_subsequent_mask(5)
    padded = torch.zeros(2, 5, dtype=torch.bool)
    plain = count(encoder, x)
    for keywords in (
        {"mask": mask}, {"mask": mask, "is_causal": True}, {"src_key_padding_mask": padded}
    ):  # fmt: skip
        work = count(encoder, x, **keywords)
        assert work.forward_macs == plain.forward_macs and work.agrees
    whole = nn.Transformer(16, 4, 1, 1, 32, batch_first=True)
    assert count(whole, x, x, tgt_mask=mask).agrees


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x + torch.zeros(4),
        lambda x: x + torch.arange(4, device="cpu"),
        lambda x: x + torch.zeros(4, device=torch.device("cpu")),
        lambda x: x.to("cpu") + torch.ones(4).cpu(),
        lambda x: x + torch.tensor([1.0, 2.0, 3.0, 4.0]),
        lambda x: x.new_zeros(4) + x.to(dtype=torch.float64),
    ],
)
def test_tensors_that_a_model_makes_itself_are_shapes_too(make):
    assert count(nn.Sequential(Apply(make), nn.Flatten()), torch.zeros(2, 4)).agrees


def test_masked_and_reparametrised_weights():
    pruned = nn.Linear(4, 4)
    prune.random_unstructured(pruned, "weight", 0.5)
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    for layer in (pruned, normed):
        work = count(layer, torch.zeros(2, 4))
        assert work.forward_macs == 32 and work.agrees
    spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
    work = count(spectral, torch.zeros(2, 4))
    assert work.forward_macs > 32 and work.agrees  # its own norm costs products too


def test_lengths_reach_packing_as_numbers():
    class Packs(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.GRU(3, 4, batch_first=True)

        def forward(self, x, lengths):
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
            return self.layer(packed)[1]

    work = count(Packs(), torch.zeros(2, 5, 3), [5, 2])
    assert work.forward_macs == 7 * 3 * 4 * (3 + 4) and work.agrees


class Product(torch.autograd.Function):
    """A product with a derivative of one's own: no gradient for the first factor."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a)
        return a @ b

    @staticmethod
    def backward(ctx, gradient):
        (a,) = ctx.saved_tensors
        return None, a.T @ gradient


def test_derivatives_of_ones_own_are_counted():
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3, 4))

        def forward(self, x):
            return Product.apply(torch.relu(x), self.weight)

    work = count(Layer(), torch.zeros(2, 3))
    assert work.forward_macs == 24 and work.training_flop == 2 * 2 * 24


def test_tensors_that_are_no_parameters_are_copied_as_shapes():
    class Holds(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.kept = {"scales": [self.layer.weight.sum()]}  # not a leaf: it has a history

        def forward(self, x):
            return self.layer(x) * self.kept["scales"][0]

    assert count(Holds(), torch.zeros(2, 4)).forward_macs == 32


def test_compiled_and_wrapped_modules():
    for wrap in (torch.compile, nn.DataParallel):
        assert count(wrap(nn.Linear(4, 4)), torch.zeros(2, 4)).forward_macs == 32


# --- what cannot, and says why ---


def branches(x):
    return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (branches, "looks at the values of a tensor"),
        (lambda x: x * x.max().item(), "looks at the values of a tensor"),
        (lambda x: x[x > 0], "looks at the values of a tensor"),
        (lambda x: torch.from_numpy(x.detach().numpy() + 1), "leaves PyTorch for NumPy"),
        (lambda x: torch.tensor(x.tolist()), "looks at the values of a tensor"),
        (lambda x: x @ torch.zeros(7, 7), r"2x4 and 7x7|shapes"),
    ],
)
def test_what_cannot_run_on_shapes_is_named_with_its_reason(function, reason):
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(Apply(function)))
    with pytest.raises(ValueError, match=rf"cannot count Sequential\.1\.0 .*({reason})"):
        count(model, torch.zeros(2, 4))


def test_a_model_without_sizes_yet():
    with pytest.raises(ValueError, match=r"LazyLinear\.weight has no shape yet"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lazy = nn.LazyLinear(4)
        count(lazy, torch.zeros(2, 4))


def test_a_scripted_model_is_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(nn.Linear(4, 4))
    with pytest.raises(ValueError, match="give the module before it was scripted"):
        count(scripted, torch.zeros(2, 4))
