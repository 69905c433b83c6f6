"""What tasks with trained networks share."""

import torch

from course_lib.models import MLP
from course_lib.tasks.trained import batches_of_own_set, error_rate, rows_of
from course_lib.training import train_many


def generator(seed):
    return torch.Generator().manual_seed(seed)


def test_each_seed_has_a_training_set_of_its_own_made_once():
    made = []

    def make(seed):
        made.append(seed)
        return torch.full((4, 1), float(seed)), torch.arange(4)

    batches = batches_of_own_set(make, rows=64)
    first, second = generator(1), generator(2)
    drawn = [batches(step, g) for step in range(3) for g in (first, second)]
    assert len(made) == 2 and made[0] != made[1]
    for (inputs, targets), seed in zip(drawn, made * 3, strict=True):
        assert inputs.shape == (64, 1) and (inputs == seed).all()
        assert set(targets.tolist()) == {0, 1, 2, 3}
    assert not torch.equal(drawn[0][1], drawn[2][1])


def test_one_seed_alone_is_what_it_is_among_others():
    x = torch.linspace(-1, 1, 32).reshape(-1, 1)

    def trainings(seeds):
        state = torch.get_rng_state()
        batches = batches_of_own_set(lambda seed: (x, x**2 + seed % 7), rows=8)
        done = train_many(
            lambda: MLP([1, 8, 1]), batches, torch.nn.functional.mse_loss, seeds,
            steps=20, evaluate=lambda model: model(x).sum().item(), progress=False,
        )  # fmt: skip
        assert torch.equal(torch.get_rng_state(), state)
        return rows_of(done, "sum", samples=32)

    alone, together = trainings([3]), trainings([2, 3])
    assert len(alone) == 1 and len(together) == 2
    assert abs(alone[0]["sum"] - together[1]["sum"]) < 1e-3
    assert abs(together[0]["sum"] - together[1]["sum"]) > 1e-2
    assert alone[0]["parameters"] == 25 and alone[0]["samples"] == 32
    assert alone[0]["training_flop"] == together[1]["training_flop"]


def test_the_error_rate_is_the_share_of_wrong_classes():
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0]])
    rate = error_rate(logits, torch.tensor([0, 1, 1, 1]))
    assert rate(torch.nn.Identity()) == 0.25
