"""Laws of `train`: budgets are kept, counts add up, seeds decide, and nothing else is disturbed."""

import copy
import io
import itertools
import math
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.counting import count
from course_lib.metering import ledger
from course_lib.models import MLP
from course_lib.training import record, train

law = settings(max_examples=20)
mse = nn.functional.mse_loss


def line(step, generator):
    """Noisy points of a line."""
    x = torch.randn(16, 1, generator=generator, device=generator.device)
    return x, 3 * x + 0.1 * torch.randn(16, 1, generator=generator, device=generator.device)


def network(seed=0, widths=(1, 8, 1)):
    torch.manual_seed(seed)
    return MLP(widths)


def run(model=None, batches=line, loss=mse, **how):
    how.setdefault("progress", False)
    return train(network() if model is None else model, batches, loss, **how)


# --- budgets ---


@law
@given(st.integers(1, 30))
def test_steps_are_exact(steps):
    done = run(steps=steps)
    assert done.steps == steps and done.history["step"].tolist() == [*range(1, steps + 1)]


@law
@given(st.floats(1, 20), st.integers(1, 6))
def test_flop_are_never_overspent_and_one_more_step_would_not_fit(times, hidden):
    model = network(widths=(1, hidden, 1))
    one = count(model, torch.zeros(16, 1)).training_flop
    done = run(model, flop=times * one)
    assert done.training_flop <= times * one < done.training_flop + one
    assert done.steps == math.floor(times)


def test_flop_of_steps_are_counted_and_not_three_times_forward():
    model = network()
    done = run(model, steps=7)
    work = count(model, torch.zeros(16, 1))
    assert done.training_flop == 7 * work.training_flop < 7 * 3 * work.forward_flop


@law
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_each_batch_counts_with_its_own_shape(sizes):
    model = network()
    done = run(model, lambda step, _: (torch.ones(sizes[step], 1),) * 2, steps=len(sizes))
    each = done.history["training_flop"].diff().fillna(done.history["training_flop"].iloc[0])
    expected = [count(model, torch.zeros(size, 1)).training_flop for size in sizes]
    assert each.tolist() == expected


def test_seconds_end_with_the_step_in_which_they_run_out():
    done = run(seconds=0.05)
    assert done.seconds >= 0.05 and (done.history["seconds"].iloc[:-1] < 0.05).all()
    assert done.history["seconds"].is_monotonic_increasing


def test_a_step_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="one step takes 1280 FLOP"):
        run(flop=1)


@pytest.mark.parametrize("budget", [{}, {"steps": 3, "flop": 1e6}])
def test_one_budget_exactly(budget):
    with pytest.raises(ValueError, match="exactly one of steps, flop, seconds"):
        run(**budget)


@pytest.mark.parametrize(
    "kind, amount, error",
    [
        ("steps", 0, ValueError),
        ("steps", 2.5, TypeError),
        ("steps", True, TypeError),
        ("flop", math.inf, ValueError),
        ("flop", -1, ValueError),
        ("seconds", math.nan, ValueError),
        ("seconds", "long", TypeError),
    ],
)
def test_a_budget_is_a_number_above_zero(kind, amount, error):
    with pytest.raises(error, match=f"{kind} is"):
        run(**{kind: amount})


# --- what is learned ---


def test_it_is_the_plain_loop():
    """By hand, with the batches that the training saw."""
    seen = []

    def batches(step, generator):
        seen.append(line(step, generator))
        return seen[-1]

    model = network()
    twin = copy.deepcopy(model)
    done = run(model, batches, steps=20)
    optimiser = torch.optim.Adam(twin.parameters(), lr=1e-3)
    losses = []
    for x, y in seen:
        optimiser.zero_grad()
        loss = mse(twin(x), y)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert done.history["loss"].tolist() == losses
    assert done.final_loss == losses[-1]
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(ours, theirs) and ours.grad is None


@law
@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_the_seed_decides(first, second):
    """Of batches and dropout; not what happened to be drawn before."""

    before = itertools.count()

    def losses(seed):
        model = nn.Sequential(network(), nn.Dropout(0.5))
        torch.manual_seed(next(before))
        return run(model, steps=3, seed=seed).history["loss"].tolist()

    one = losses(first)
    assert one == losses(first)
    assert (one == losses(second)) == (first == second)


def test_data_are_not_made_of_the_numbers_of_the_weights():
    """A model and a training with the same seed must not share a stream of random numbers."""
    drawn = []

    def batches(step, generator):
        drawn.append(torch.rand(100, generator=generator))
        return torch.zeros(1, 1), torch.zeros(1, 1)

    run(batches=batches, steps=1, seed=7)
    torch.manual_seed(7)
    assert not torch.equal(drawn[0], torch.rand(100))


def test_an_optimiser_and_a_schedule_of_your_own():
    """With a gradient of 1, plain descent moves by the learning rate."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    where, shares = [], []

    def schedule(share):
        shares.append(share)
        return 1 - share

    run(
        model,
        lambda step, _: (torch.ones(1, 1), where.append(model.weight.item())),
        lambda outputs, _: outputs.sum(),
        optimiser=lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        schedule=schedule,
        steps=4,
    )
    assert shares == [0, 0.25, 0.5, 0.75]
    assert [*where, model.weight.item()] == pytest.approx([0, -0.1, -0.175, -0.225, -0.25])


def test_the_shares_of_flop_reach_the_schedule():
    shares = []
    model = network()
    one = count(model, torch.zeros(16, 1)).training_flop
    run(model, flop=4 * one, schedule=lambda share: shares.append(share) or 1.0)
    assert shares == [0, 0.25, 0.5, 0.75]


def test_one_pair_is_the_full_batch():
    x = torch.randn(5, 1)
    pair = run(network(), (x, 2 * x), steps=5)
    function = run(network(), lambda step, generator: (x, 2 * x), steps=5)
    assert pair.history["loss"].tolist() == function.history["loss"].tolist()


def test_targets_may_be_several_tensors():
    def loss(outputs, targets):
        return mse(outputs, targets["mean"]) + mse(outputs, targets["other"][0])

    x = torch.randn(5, 1)
    assert run(None, (x, {"mean": x, "other": [x]}), loss, steps=3).steps == 3


# --- evaluation ---


def test_evaluations_come_every_few_steps_and_at_the_end():
    seen = []

    def evaluate(model):
        seen.append((model.training, torch.is_grad_enabled()))
        return len(seen)

    done = run(steps=7, evaluate=evaluate, every=3)
    evaluated = done.history.set_index("step")["evaluated"].dropna()
    assert evaluated.to_dict() == {3: 1, 6: 2, 7: 3} and done.evaluated == 3
    assert set(seen) == {(False, False)} and done.model.training
    assert "evaluated" not in run(steps=2).history and run(steps=2).evaluated is None


@law
@given(st.integers(1, 5))
def test_an_evaluation_changes_nothing_and_costs_nothing(every):
    """Neither by the numbers it draws nor by the mode it leaves behind."""

    def noisy():
        return nn.Sequential(network(), nn.BatchNorm1d(1), nn.Dropout(0.2))

    def evaluate(model):
        return model(torch.rand(4, 1)).mean()

    with_it = run(noisy(), steps=10, evaluate=evaluate, every=every)
    without = run(noisy(), steps=10)
    assert with_it.history["loss"].tolist() == without.history["loss"].tolist()
    assert with_it.training_flop == without.training_flop


def test_the_time_of_evaluations_is_not_in_the_budget(monkeypatch):
    """By a clock that only moves in batches, by 1 s, and in evaluations, by 100 s."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(record, "time", SimpleNamespace(perf_counter=lambda: clock.now))

    def batches(step, generator):
        clock.now += 1
        return line(step, generator)

    def evaluate(model):
        clock.now += 100
        return 0.0

    done = run(batches=batches, seconds=5, evaluate=evaluate, every=2)
    assert done.history["seconds"].tolist() == [1, 2, 3, 4, 5] and clock.now == 305


# --- what is left as it was ---


def test_global_random_numbers_go_on_as_if_nothing_had_been():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    run(nn.Sequential(nn.Linear(1, 1), nn.Dropout()), steps=2)
    torch.manual_seed(1)
    model = network()
    torch.manual_seed(1)
    run(model, steps=2)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("mode", [True, False])
def test_the_mode_of_the_model_is_kept(mode):
    assert run(network().train(mode), steps=1).model.training is mode


def test_the_page_is_charged_for_what_was_done(monkeypatch):
    charged = []
    monkeypatch.setattr(ledger, "add_flop", charged.append)
    done = run(steps=5)
    assert charged == [done.training_flop]
    with pytest.raises(ZeroDivisionError):
        run(batches=lambda step, g: line(step, g) if step < 2 else 1 / 0, steps=5)
    assert charged[1] == done.training_flop * 2 / 5


def test_a_bar_goes_to_standard_output_and_nothing_to_standard_error():
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        run(steps=3, progress=True)
        shown = out.getvalue()
        run(flop=1e6, progress=True)
        run(steps=3)
    assert "3/3" in shown and err.getvalue() == ""


# --- errors ---


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_an_error_that_names_the_step(bad):
    def loss(outputs, targets):
        return outputs.mean() * targets

    batches = lambda step, _: (torch.ones(1, 1), torch.tensor(bad if step == 2 else 1.0))  # noqa: E731
    with pytest.raises(FloatingPointError, match=r"at step 3 with seed 0"):
        run(None, batches, loss, steps=5)


@pytest.mark.parametrize(
    "how, said",
    [
        ({"learning_rate": 0.1, "optimiser": torch.optim.SGD}, "beside an optimiser of your own"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
        ({"schedule": "linear"}, "schedule is 'linear'"),
        ({"schedule": lambda share: -1}, "schedule.* is -1.0"),
        ({"every": 2}, "without a function to evaluate"),
        ({"every": 0, "evaluate": lambda model: 0}, "every is 0"),
        ({"device": "abacus"}, "device 'abacus'"),
        ({"loss": lambda outputs, targets: outputs}, r"the loss is \(16, 1\)"),
        ({"loss": lambda outputs, targets: 1.0}, "the loss is float"),
        ({"model": nn.ReLU()}, "ReLU has no trainable parameter"),
    ],
)
def test_bad_input_is_told(how, said):
    with pytest.raises(ValueError, match=said):
        run(steps=1, **how)


@pytest.mark.parametrize("batch", [torch.zeros(2, 1), (torch.zeros(2, 1),), ([1.0], [1.0])])
def test_a_batch_is_a_pair_with_a_tensor(batch):
    with pytest.raises(TypeError, match="give a"):
        run(None, lambda step, generator: batch, steps=1)


def test_a_seed_is_a_whole_number():
    with pytest.raises(TypeError, match=r"seed is 0\.5"):
        run(steps=1, seed=0.5)
