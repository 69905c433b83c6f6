"""Where a device works on its own, the loop waits for it block by block: the record is the same."""

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.devices import pick
from course_lib.models import MLP
from course_lib.training import loop, plan, train
from course_lib.training.record import Clock, Record

law = settings(max_examples=20)


class FarAway(Clock):
    """A clock that takes the CPU for a GPU, and counts how often it was waited for."""

    reads = 0

    def __init__(self, device):
        super().__init__(device)
        self.device = SimpleNamespace(type="far away")

    def read(self):
        FarAway.reads += 1
        return super().read()


def curve(step, generator):
    x = torch.randn(8, 2, generator=generator, device=generator.device)
    return x, (x**2).sum(1, keepdim=True)


@pytest.fixture
def far_away(monkeypatch):
    """Blocks that double each time, however slow the machine is."""
    monkeypatch.setattr(loop, "BLOCK_SECONDS", 1e9)

    def begin():
        FarAway.reads = 0
        monkeypatch.setattr(loop, "Clock", FarAway)

    return begin


def run(loss=nn.functional.mse_loss, **how):
    torch.manual_seed(0)
    return train(MLP([2, 4, 1]), curve, loss, progress=False, **how)


def test_blocks_change_nothing_but_how_often_is_waited(far_away):
    how = {"steps": 200, "evaluate": lambda model: model.layers[0].weight.sum(), "every": 30}
    one_by_one = run(**how)
    far_away()
    blocks = run(**how)
    assert FarAway.reads < 100
    same = ["step", "loss", "evaluated", "training_flop"]
    assert blocks.history[same].equals(one_by_one.history[same])
    assert blocks.history["seconds"].is_monotonic_increasing and blocks.seconds > 0


def test_a_loss_within_a_block_is_named_by_its_step(far_away):
    far_away()
    seen = []

    def loss(outputs, targets):
        seen.append(0)
        return outputs.mean() * (math.nan if len(seen) == 40 else 1)

    with pytest.raises(FloatingPointError, match="at step 40 "):
        run(loss, steps=100)


@law
@given(st.integers(1, 50), st.floats(1e-5, 2.0), st.floats(0.01, 10))
def test_a_block_is_short_grows_slowly_and_keeps_to_the_budget(steps, each, budget):
    clock = SimpleNamespace(device=SimpleNamespace(type="cuda"), read=lambda: steps * each)
    how = plan.Plan(plan.Budget("seconds", budget), None, None, None, None, None, False)
    following = loop._finish(Record([0]), [torch.ones(1)] * steps, clock, how)
    assert 1 <= following <= 2 * steps
    assert following == 1 or following * each <= loop.BLOCK_SECONDS * 1.001
    assert following == 1 or (following + steps) * each <= budget * 1.001


@pytest.mark.gpu
def test_it_trains_on_the_gpu_too():
    """Twice the same, in blocks, and with the numbers of a budget in seconds."""
    how = {"steps": 500, "learning_rate": 0.01, "device": pick()}
    done, again = run(**how), run(**how)
    assert done.final_loss < 1 and done.history["seconds"].is_monotonic_increasing
    assert done.history["loss"].tolist() == again.history["loss"].tolist()
    assert next(done.model.parameters()).device.type == pick().type
    timed = run(seconds=0.5, device=pick())
    assert timed.seconds >= 0.5 and timed.steps > 1
