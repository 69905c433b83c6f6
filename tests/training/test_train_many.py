"""The law of `train_many`: the same as one by one, whichever way it was done."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.metering import ledger
from course_lib.models import CNN, MLP, CharacterLSTM, SelfAttention
from course_lib.training import train, train_many
from course_lib.training.drawing import generator_of

law = settings(max_examples=8)
mse = nn.functional.mse_loss
SEEDS = [3, 5]


def curve(step, generator):
    """Noisy points of a curve in four dimensions."""
    x = torch.randn(8, 4, generator=generator, device=generator.device)
    return x, (x**2).sum(1, keepdim=True)


def classes(step, generator):
    """Images whose class is their brighter half."""
    x = torch.rand(6, 1, 8, 8, generator=generator)
    return x, (x[:, 0, :4].mean((1, 2)) > x[:, 0, 4:].mean((1, 2))).long()


def text(step, generator):
    """Tokens, and the next ones."""
    tokens = torch.randint(9, (4, 7), generator=generator)
    return tokens[:, :-1], tokens[:, 1:]


def next_token(outputs, targets):
    return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())


class Hidden(nn.Module):
    """Keeps random features where PyTorch does not see that they are part of the model."""

    def __init__(self):
        super().__init__()
        self.features = torch.randn(4, 4)
        self.inner = nn.Linear(4, 1)

    def forward(self, x):
        return self.inner(torch.relu(x @ self.features))


class Replacing(nn.Module):
    """Counts its calls in a buffer that it replaces instead of changing it."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls = self.calls + 1
        return self.inner(x) / self.calls


class Tied(nn.Module):
    """Uses one matrix twice."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(torch.relu(self.first(x))).sum(1, keepdim=True)


def with_(*more):
    return lambda: nn.Sequential(nn.Linear(4, 6), *[kind() for kind in more], nn.Linear(6, 1))


def grouped(parameters):
    """Decay for matrices only, as is usual: told apart by their dimensions."""
    parameters = list(parameters)
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.5},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ],
        lr=0.05,
    )


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9)


def adagrad(parameters):
    return torch.optim.Adagrad(parameters, lr=0.1)


def tensors_of(model):
    return [*model.parameters(), *model.buffers()]


def both_ways(make, batches=curve, loss=mse, seeds=SEEDS, **how):
    how = {"steps": 8, "progress": False, **how}
    alone = []
    for seed in seeds:
        torch.manual_seed(seed)
        alone.append(train(make(), batches, loss, seed=seed, **how))
    return alone, train_many(make, batches, loss, seeds, **how)


def assert_same(alone, many):
    for one, other in zip(alone, many, strict=True):
        assert one.seed == other.seed and one.steps == other.steps
        assert one.training_flop == other.training_flop
        columns = [c for c in one.history if c != "seconds"]
        assert columns == [c for c in other.history if c != "seconds"]
        for name in columns:
            expected = pytest.approx(one.history[name].to_numpy(), rel=1e-4, abs=1e-5, nan_ok=True)
            assert other.history[name].to_numpy() == expected, name
        for ours, theirs in zip(tensors_of(one.model), tensors_of(other.model), strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-5)
        assert one.model.training == other.model.training


@pytest.mark.parametrize(
    "make, how",
    [
        (lambda: MLP([4, 6, 1]), {}),
        (lambda: MLP([4, 6, 1]), {"optimiser": sgd, "schedule": "cosine"}),
        (lambda: MLP([4, 6, 1]), {"optimiser": grouped, "steps": 30}),
        (with_(nn.Tanh), {}),
        (with_(lambda: nn.BatchNorm1d(6), nn.ReLU), {"optimiser": sgd}),
        (Tied, {}),
        (lambda: MLP([4, 6, 1]).eval(), {}),
    ],
    ids=["adam", "momentum", "groups", "tanh", "batch statistics", "tied", "eval"],
)
def test_together_is_the_same_as_alone(make, how):
    alone, many = both_ways(make, **how)
    assert_same(alone, many)
    assert [training.together for training in many] == [2, 2]
    assert all(not training.alone_because for training in many)
    assert many[0].history["loss"].tolist() != many[1].history["loss"].tolist()


def test_convolutions_and_attention_go_together_too():
    entropy = nn.functional.cross_entropy
    alone, many = both_ways(lambda: CNN((1, 8, 8), channels=[3], classes=2), classes, entropy)
    assert_same(alone, many)
    assert many[0].together == 2

    def attention():
        return nn.Sequential(
            nn.Embedding(9, 8), SelfAttention(8, 2, causal=True, fused=True), nn.Linear(8, 9)
        )

    # Not Adam: it would blow up rounding, all that there is in the gradient of a key's bias.
    alone, many = both_ways(attention, text, next_token, optimiser=sgd)
    assert_same(alone, many)
    assert many[0].together == 2


@pytest.mark.parametrize(
    "make, how, why",
    [
        (with_(nn.Dropout), {}, "random"),
        (Hidden, {}, "not that of each network alone"),
        (Replacing, {}, "not that of each network alone"),
        (lambda: MLP([4, 6, 1]), {"optimiser": adagrad}, "Adagrad"),
    ],
    ids=["dropout", "hidden", "replaced buffer", "optimiser"],
)
def test_what_cannot_be_done_together_is_done_one_by_one_and_says_why(make, how, why):
    alone, many = both_ways(make, **how)
    assert_same(alone, many)
    for training in many:
        assert training.together == 1 and re.search(why, training.alone_because)


def test_a_recurrent_network_is_trained_one_by_one():
    alone, many = both_ways(lambda: CharacterLSTM(9, 4), text, next_token)
    assert_same(alone, many)
    assert many[0].together == 1 and "lstm" in many[0].alone_because


def test_batches_that_ignore_their_generator_are_still_right():
    def careless(step, generator):
        return curve(step, torch.default_generator)

    alone, many = both_ways(lambda: MLP([4, 6, 1]), careless)
    assert_same(alone, many)
    assert "generator" in many[0].alone_because


def test_a_failure_on_the_way_is_met_by_starting_again():
    """Batches whose shapes differ between seeds, but not in the first step."""

    def ragged(step, generator):
        x, y = curve(step, generator)
        keep = 8 if step < 3 else int(torch.randint(2, 8, (), generator=generator))
        return x[:keep], y[:keep]

    alone, many = both_ways(lambda: MLP([4, 6, 1]), ragged)
    assert_same(alone, many)
    assert many[0].together == 1 and "stack" in many[0].alone_because


@law
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=5, unique=True), st.integers(1, 4))
def test_seeds_do_not_know_of_each_other(seeds, every):
    how = {"evaluate": lambda model: model(torch.ones(1, 4)).item(), "every": every, "steps": 5}
    alone, many = both_ways(lambda: MLP([4, 3, 1]), seeds=seeds, **how)
    assert_same(alone, many)
    assert [training.seed for training in many] == seeds


def test_flop_are_each_seeds_own_and_seconds_are_shared(monkeypatch):
    charged = []
    monkeypatch.setattr(ledger, "add_flop", charged.append)
    alone, many = both_ways(lambda: MLP([4, 6, 1]), flop=50_000, steps=None)
    assert_same(alone, many)
    assert charged[-1] == sum(charged[:-1]) == sum(t.training_flop for t in many)
    assert many[0].history["seconds"].tolist() == many[1].history["seconds"].tolist()


def test_one_pair_is_shared_by_all_seeds():
    x = torch.randn(5, 4)
    alone, many = both_ways(lambda: MLP([4, 6, 1]), (x, x.sum(1, keepdim=True)))
    assert_same(alone, many)
    assert many[0].together == 2


def test_models_own_their_memory_afterwards():
    [one, other] = train_many(lambda: MLP([4, 6, 1]), curve, mse, SEEDS, steps=2, progress=False)
    for tensor in one.model.parameters():
        assert tensor.untyped_storage().nbytes() == tensor.nbytes
    before = [p.clone() for p in other.model.parameters()]
    train(one.model, curve, mse, steps=3, progress=False)
    for ours, theirs in zip(before, other.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_global_random_numbers_go_on():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    train_many(lambda: MLP([4, 6, 1]), curve, mse, SEEDS, steps=2, progress=False)
    assert torch.equal(torch.rand(3), expected)


def test_a_seed_that_diverges_is_named():
    def loss(outputs, targets):
        return mse(outputs, targets) / (targets[0, 0] - marked).abs()

    marked = curve(0, generator_of(5, torch.device("cpu")))[1][0, 0].item()
    with pytest.raises(FloatingPointError, match="at step 1 with seed 5"):
        train_many(lambda: MLP([4, 6, 1]), curve, loss, SEEDS, steps=2, progress=False)


def test_errors_of_your_own_functions_come_through():
    def broken(outputs, targets):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        train_many(lambda: MLP([4, 6, 1]), curve, broken, SEEDS, steps=2, progress=False)


@pytest.mark.parametrize("seeds", [[], [1, 1]])
def test_seeds_are_several_and_different(seeds):
    with pytest.raises(ValueError, match="seeds is"):
        train_many(lambda: MLP([4, 6, 1]), curve, mse, seeds, steps=2, progress=False)


def test_seconds_are_no_budget_of_many():
    with pytest.raises(TypeError, match="seconds"):
        train_many(lambda: MLP([4, 6, 1]), curve, mse, SEEDS, seconds=1)


@pytest.mark.gpu
def test_together_is_the_same_as_alone_on_a_gpu():
    from course_lib.devices import pick

    alone, many = both_ways(lambda: MLP([4, 6, 1]), device=pick(), steps=20)
    assert_same(alone, many)
    assert many[0].together == 2
