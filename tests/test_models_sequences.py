"""Laws of attention, transformer and LSTM: nothing is seen too early, and PyTorch agrees."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib import count
from course_lib.models import CharacterLSTM, SelfAttention, Transformer
from course_lib.models.transformer import Block

law = settings(max_examples=20)
times = st.integers(2, 10)
booleans = st.booleans()
VOCABULARY = 11


@law
@given(
    st.integers(1, 4), st.integers(1, 4), times, st.integers(1, 3), booleans, booleans, booleans
)  # fmt: skip
def test_attention_is_that_of_pytorch(heads, head_width, time, batch, causal, bias, fused):
    torch.manual_seed(0)
    width = heads * head_width
    model = SelfAttention(width, heads, causal, bias, fused).double()
    reference = nn.MultiheadAttention(width, heads, bias=bias, batch_first=True).double()
    state = {
        "in_proj_weight": model.project_in.weight,
        "out_proj.weight": model.project_out.weight,
    }
    if bias:
        state |= {"in_proj_bias": model.project_in.bias, "out_proj.bias": model.project_out.bias}
    reference.load_state_dict(state)
    x = torch.randn(batch, time, width, dtype=torch.float64)
    later = torch.ones(time, time, dtype=torch.bool).triu(1) if causal else None
    expected, _ = reference(x, x, x, attn_mask=later, need_weights=False)
    torch.testing.assert_close(model(x), expected, rtol=1e-10, atol=1e-12)


@law
@given(times, booleans, st.randoms(use_true_random=False))
def test_attention_does_not_know_the_order_of_positions(time, fused, random):
    torch.manual_seed(0)
    model = SelfAttention(8, 2, fused=fused).double()
    x = torch.randn(2, time, 8, dtype=torch.float64)
    order = random.sample(range(time), time)
    torch.testing.assert_close(model(x[:, order]), model(x)[:, order])


def sequence_models(fused):
    return {
        "attention": nn.Sequential(
            nn.Embedding(VOCABULARY, 8), SelfAttention(8, 2, causal=True, fused=fused)
        ),
        "transformer": Transformer(VOCABULARY, 8, 2, 2, context=10, fused=fused),
        "lstm": CharacterLSTM(VOCABULARY, 8, 2),
    }


@pytest.mark.parametrize("kind", ["attention", "transformer", "lstm"])
@law
@given(times, booleans, st.data())
def test_nothing_looks_ahead(kind, time, fused, data):
    torch.manual_seed(0)
    model = sequence_models(fused)[kind].double()
    changed = data.draw(st.integers(1, time - 1))
    before = torch.randint(VOCABULARY, (2, time))
    after = before.clone()
    after[:, changed:] = (after[:, changed:] + 1) % VOCABULARY
    outputs, others = model(before), model(after)
    assert torch.equal(outputs[:, :changed], others[:, :changed])
    assert not torch.isclose(outputs[:, changed], others[:, changed]).all()


@pytest.mark.parametrize("kind", ["attention", "transformer", "lstm"])
def test_the_past_is_seen(kind):
    """Or a model that looks nowhere would pass for one that does not look ahead."""
    torch.manual_seed(0)
    model = sequence_models(fused=False)[kind].double()
    before = torch.randint(VOCABULARY, (1, 6))
    after = before.clone()
    after[:, 0] = (after[:, 0] + 1) % VOCABULARY
    moved = (model(before) - model(after)).abs().amax(dim=(0, 2))
    assert (moved > 0).all()


def test_attention_that_is_not_causal_looks_ahead():
    torch.manual_seed(0)
    model = SelfAttention(8, 2)
    x = torch.randn(1, 5, 8)
    other = x.clone()
    other[:, -1] += 1
    assert not torch.isclose(model(x)[:, 0], model(other)[:, 0]).all()


# --- transformer ---


@law
@given(st.integers(1, 4), st.integers(1, 4), times, st.integers(1, 20), booleans, booleans)
def test_a_block_is_a_layer_of_pytorch(heads, head_width, time, feedforward, bias, fused):
    torch.manual_seed(0)
    width = heads * head_width
    block = Block(width, heads, feedforward, bias, fused).double()
    reference = nn.TransformerEncoderLayer(
        width, heads, feedforward, dropout=0.0, activation="gelu", batch_first=True,
        norm_first=True, bias=bias, dtype=torch.float64,
    )  # fmt: skip
    names = {
        "attention.project_in.weight": "self_attn.in_proj_weight",
        "attention.project_in.bias": "self_attn.in_proj_bias",
        "attention.project_out": "self_attn.out_proj",
        "dense.layers.0": "linear1",
        "dense.layers.1": "linear2",
        "norm_attention": "norm1",
        "norm_dense": "norm2",
    }
    state = {}
    for ours, parameter in block.state_dict().items():
        mine, theirs = next((m, t) for m, t in names.items() if ours.startswith(m))
        state[theirs + ours.removeprefix(mine)] = parameter
    reference.load_state_dict(state)
    x = torch.randn(2, time, width, dtype=torch.float64)
    later = torch.ones(time, time, dtype=torch.bool).triu(1)
    torch.testing.assert_close(block(x), reference(x, src_mask=later), rtol=1e-10, atol=1e-10)


@law
@given(st.integers(1, 3), st.integers(1, 8), st.integers(1, 3), booleans, booleans)
def test_training_is_three_times_forward(layers, time, batch, tied, fused):
    """The first layer stands on a table that learns, so even its input needs a gradient."""
    model = Transformer(VOCABULARY, 8, layers, 2, context=8, tied=tied, fused=fused)
    work = count(model, torch.zeros(batch, time, dtype=torch.long))
    assert work.training_flop == 3 * work.forward_flop


def test_it_is_gpt_2():
    """Parameters of the four models that were released (Radford et al., 2019)."""
    released = {
        124_439_808: (768, 12, 12),
        354_823_168: (1024, 24, 16),
        774_030_080: (1280, 36, 20),
        1_557_611_200: (1600, 48, 25),
    }
    for parameters, (width, layers, heads) in released.items():
        with torch.device("meta"):
            model = Transformer(50257, width, layers, heads, context=1024)
        assert sum(p.numel() for p in model.parameters()) == parameters
        assert model.closed_form().parameters == parameters


@law
@given(st.integers(2, 300), st.integers(1, 16), st.integers(1, 4), booleans)
def test_it_begins_by_knowing_nothing(vocabulary, head_width, layers, tied):
    torch.manual_seed(0)
    model = Transformer(vocabulary, 2 * head_width, layers, 2, context=16, tied=tied)
    text, unrelated = torch.randint(vocabulary, (2, 4, 16))
    loss = F.cross_entropy(model(text).flatten(0, 1), unrelated.flatten())
    assert loss.item() == pytest.approx(math.log(vocabulary), abs=0.1)


@pytest.mark.parametrize("layers", [1, 2, 8])
def test_what_blocks_add_at_first_does_not_grow_with_their_number(layers):
    torch.manual_seed(0)
    model = Transformer(VOCABULARY, 64, layers, 2, context=4)
    for block in model.blocks:
        for into in (block.attention.project_in, block.dense.layers[0]):
            assert into.weight.std().item() == pytest.approx(0.02, rel=0.05)
        added = [block.attention.project_out.weight.var(), block.dense.layers[1].weight.var()]
        assert layers * sum(added).item() == pytest.approx(0.02**2, rel=0.1)


@pytest.mark.parametrize("tied", [False, True])
def test_a_tied_head_is_the_table_of_tokens(tied):
    model = Transformer(VOCABULARY, 8, 1, 2, context=4, tied=tied)
    assert (model.head.weight is model.tokens.weight) == tied


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_one_dial_sets_width_layers_and_heads(depth):
    with torch.device("meta"):
        model = Transformer.of_depth(depth, vocabulary=300, context=32, bias=False)
    assert (model.width, len(model.blocks), model.context) == (64 * depth, depth, 32)
    assert {block.attention.heads for block in model.blocks} == {depth}
    matrices = sum(p.numel() for p in model.blocks.parameters() if p.dim() == 2)
    assert matrices == 12 * 64**2 * depth**3
    assert model(torch.zeros(1, 32, dtype=torch.int32, device="meta")).shape == (1, 32, 300)


def test_the_order_of_tokens_matters():
    """Unlike attention alone: this is what the learned positions are for."""
    torch.manual_seed(0)
    model = Transformer(VOCABULARY, 8, 1, 2, context=4).double()
    swapped = [model(torch.tensor([pair]))[0, -1] for pair in ([1, 2, 3], [2, 1, 3])]
    assert not torch.isclose(*swapped).all()


# --- LSTM ---


def test_an_lstm_is_its_equations():
    """Gers, Schmidhuber and Cummins (2000): input, forget, cell and output gate, step by step."""
    torch.manual_seed(0)
    model = CharacterLSTM(VOCABULARY, 6, layers=1).double()
    text = torch.randint(VOCABULARY, (2, 5))
    into, back, bias_into, bias_back = model.lstm.parameters()
    state = cell = torch.zeros(2, 6, dtype=torch.float64)
    logits = []
    for token in text.T:
        sums = model.tokens(token) @ into.T + bias_into + state @ back.T + bias_back
        enter, keep, new, show = sums.chunk(4, dim=1)
        cell = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
        state = show.sigmoid() * cell.tanh()
        logits.append(model.head(state))
    torch.testing.assert_close(model(text), torch.stack(logits, dim=1))
