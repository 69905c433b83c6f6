"""Predictions before running: by hand on an imagined machine, and against this one."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib import count, measure, predict
from course_lib.models import CNN, MLP, CharacterLSTM, SelfAttention, Transformer
from course_lib.passport import Passport, measure_passport
from course_lib.predicting import PEAK_ERROR, SECONDS_ERROR
from course_lib.quantities import Estimate

RECORDED = Path(__file__).resolve().parents[1] / "course_lib" / "facts" / "recorded"
law = settings(max_examples=20)


def imagined(flop_per_s=1e11, bytes_per_s=1e10, launch=1e-6, device="cpu", sizes=(64, 1024)):
    """A machine whose rate grows tenfold from the smallest size to the largest."""
    small, large = sizes
    rates = {small: Estimate.exact(flop_per_s / 10, "FLOP/s")}
    rates[large] = Estimate.exact(flop_per_s, "FLOP/s")
    return Passport(
        device, {"float32": rates}, Estimate.exact(bytes_per_s, "B/s"),
        Estimate.exact(launch, "s"), {}, None, False, "",
    )  # fmt: skip


def central(prediction):
    return prediction.seconds.value / SECONDS_ERROR.value


# --- by hand ---


def test_arithmetic_sets_the_pace_of_a_large_product():
    model, x = nn.Linear(1024, 1024, bias=False), torch.zeros(1024, 1024)
    said = predict(model, x, machine=imagined())
    assert said.flop == 2 * 1024**3 and said.bytes_moved == 3 * 4 * 1024**2
    assert said.operations == 1
    assert central(said) == pytest.approx(2 * 1024**3 / 1e11 + 1e-6)


def test_memory_sets_the_pace_of_a_product_with_a_vector():
    model, x = nn.Linear(4096, 4096, bias=False), torch.zeros(1, 4096)
    said = predict(model, x, machine=imagined(flop_per_s=1e13))
    assert said.bytes_moved == 4 * (4096**2 + 2 * 4096)
    assert central(said) == pytest.approx(said.bytes_moved / 1e10 + 1e-6)


def test_the_rate_lies_between_the_sizes_that_were_measured():
    def rate(side):
        model, x = nn.Linear(side, side, bias=False), torch.zeros(side, side)
        said = predict(model, x, machine=imagined(bytes_per_s=1e15, launch=0))
        return said.flop / central(said)

    assert rate(16) == pytest.approx(1e10) and rate(64) == pytest.approx(1e10)
    assert rate(256) == pytest.approx(1e10 * 10**0.5)  # halfway on log axes
    assert rate(2048) == pytest.approx(1e11)


@law
@given(st.lists(st.integers(1, 64), min_size=2, max_size=5), st.integers(1, 64))
def test_a_chain_takes_the_sum_of_its_links(widths, rows):
    machine = imagined()
    layers = [nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    whole = predict(nn.Sequential(*layers), torch.zeros(rows, widths[0]), machine=machine)
    parts = [
        predict(layer, torch.zeros(rows, width), machine=machine)
        for layer, width in zip(layers, widths, strict=False)
    ]
    for name in ("flop", "bytes_moved", "operations"):
        assert getattr(whole, name) == sum(getattr(part, name) for part in parts)
    assert central(whole) == pytest.approx(sum(central(part) for part in parts))


@law
@given(st.integers(1, 64), st.integers(2, 10))
def test_a_better_machine_is_never_slower(rows, factor):
    model, x = MLP([64, 128, 10]), torch.zeros(rows, 64)
    base = central(predict(model, x, machine=imagined()))
    for better in (
        imagined(flop_per_s=factor * 1e11), imagined(bytes_per_s=factor * 1e10),
        imagined(launch=1e-6 / factor),
    ):  # fmt: skip
        assert central(predict(model, x, machine=better)) <= base
    training = predict(model, x, training=True, machine=imagined())
    assert central(training) > base


def test_a_queue_hides_launches_behind_work_or_work_behind_launches():
    model, x = MLP([64, 64, 64]), torch.zeros(8, 64)
    busy = predict(model, x, machine=imagined(launch=1e-9, device="cuda"))
    idle = predict(model, x, machine=imagined(launch=1.0, device="cuda"))
    assert central(idle) == pytest.approx(idle.operations * 1.0)
    assert central(busy) == pytest.approx(central(predict(model, x, machine=imagined(launch=0))))


def test_what_is_held_is_what_is_alive():
    x = torch.zeros(256, 512)
    model = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 512))
    one = 256 * 512 * 4
    peak = predict(model, x, machine=imagined()).peak_bytes
    assert peak.value / PEAK_ERROR.value == pytest.approx(2 * one)  # what goes in and comes out
    training = predict(model, x, training=True, machine=imagined()).peak_bytes
    kept = count(model, x).activation_bytes - x.nbytes
    assert training.value / PEAK_ERROR.value > kept + 4 * 2 * 512 * 512  # and the gradients


def test_nothing_runs_and_nothing_changes():
    model, x = nn.Linear(8, 8), torch.zeros(4, 8)
    before = model.weight.clone()
    said = predict(model.train(), x, training=True, machine=imagined())
    assert torch.equal(model.weight, before) and model.weight.grad is None and model.training
    assert said.seconds.unit == "s" and said.peak_bytes.unit == "B"
    assert said.seconds.basis == said.peak_bytes.basis == "assumed"
    assert said.seconds.low < said.seconds.value < said.seconds.high


def test_a_precision_that_was_not_measured_is_named():
    model = nn.Linear(8, 8).to(torch.bfloat16)
    with pytest.raises(ValueError, match=r"bfloat16.*float32"):
        predict(model, torch.zeros(4, 8, dtype=torch.bfloat16), machine=imagined())


def test_only_modules_are_predicted():
    with pytest.raises(TypeError, match=r"give a torch\.nn\.Module"):
        predict(len, torch.zeros(3), machine=imagined())


# --- against what was measured ---


def test_the_intervals_are_what_was_recorded():
    record = json.loads((RECORDED / "predictions-cpu.json").read_text())
    assert len({row["model"] for row in record["models"]}) >= 6
    for constant, name in ((SECONDS_ERROR, "seconds"), (PEAK_ERROR, "bytes")):
        found = record["measured_over_predicted"][name]
        assert (constant.low, constant.value, constant.high) == tuple(
            pytest.approx(found[end], rel=0.01) for end in ("low", "median", "high")
        )


@pytest.fixture(scope="module")
def machine():
    """A quick passport of this machine, on one core: as the models below are measured."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield measure_passport("cpu", sizes=(64, 128, 256, 512), precisions=("float32",))
    finally:
        torch.set_num_threads(threads)


MODELS = {
    "MLP": lambda: (MLP([512] * 6), torch.randn(256, 512)),
    "CNN": lambda: (CNN((3, 32, 32), 10), torch.randn(16, 3, 32, 32)),
    "attention": lambda: (SelfAttention(128, 4, fused=True), torch.randn(4, 256, 128)),
    "attention, taken apart": lambda: (SelfAttention(128, 4), torch.randn(4, 256, 128)),
    "transformer": lambda: (
        Transformer(500, width=128, layers=2, heads=4, context=128),
        torch.randint(500, (4, 128)),
    ),
    "LSTM": lambda: (CharacterLSTM(100, width=128), torch.randint(100, (16, 32))),
}


def test_six_models_take_what_was_predicted(machine):
    """Intervals of 90 %: of twelve predictions of memory and of time one each may miss.

    Other work on the machine stretches wall time, so the shortest call is compared.
    """
    torch.manual_seed(0)
    missed = {"seconds": [], "bytes": []}
    for name, make in MODELS.items():
        model, x = make()
        for training in (False, True):
            said = predict(model, x, training=training, machine=machine)

            def call(model=model, x=x, training=training):
                with torch.set_grad_enabled(training):
                    y = model(x).sum()
                if training:
                    y.backward()
                    model.zero_grad(set_to_none=True)

            model.train(training)
            cost = measure(call, budget_seconds=0.3)
            label = f"{name}, {'training' if training else 'forward'}"
            seconds, peak = cost.minimum_seconds, cost.peak_bytes
            if not said.seconds.low <= seconds <= said.seconds.high:
                missed["seconds"].append(f"{label}: {seconds} not in {said.seconds}")
            # What the system can tell is itself a range.
            if peak.high < said.peak_bytes.low or peak.low > said.peak_bytes.high:
                missed["bytes"].append(f"{label}: {peak} not in {said.peak_bytes}")
    assert len(missed["bytes"]) <= 1, missed
    assert len(missed["seconds"]) <= 2, missed
