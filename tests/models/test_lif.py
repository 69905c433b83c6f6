"""Laws of the leaky integrate-and-fire neuron: it is exact, so no step size may enter."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.models import LIF

law = settings(max_examples=40, deadline=None)
numbers = st.floats(-3.0, 6.0)


@st.composite
def neurons(draw):
    threshold = draw(st.floats(-60, 20))
    return LIF(
        time_constant_ms=draw(st.floats(2, 50)),
        resistance_megaohm=draw(st.floats(2, 50)),
        rest_mv=threshold - draw(st.floats(1, 30)),
        threshold_mv=threshold,
        reset_mv=threshold - draw(st.floats(1, 30)),
        refractory_ms=draw(st.sampled_from([0.0, 0.5, 3.0, 12.0])),
    )


@given(neurons(), st.lists(numbers, min_size=1, max_size=5), st.integers(2, 7))
@law
def test_splitting_a_step_changes_nothing(neuron, currents, parts):
    current = neuron.threshold_current_na * torch.tensor(currents)[None]
    whole = neuron.run(current, step_ms=14.0)
    split = neuron.run(current.repeat_interleave(parts, dim=1), step_ms=14.0 / parts)
    edge = (whole.time_ms % 14.0).minimum(14.0 - whole.time_ms % 14.0) < 1e-6
    if not edge.any():  # a spike on the edge of a step may fall on either side
        assert torch.equal(whole.neuron, split.neuron)
        torch.testing.assert_close(whole.time_ms, split.time_ms, atol=1e-7, rtol=1e-9)
        every = split.voltage_mv[:, parts - 1 :: parts]
        torch.testing.assert_close(whole.voltage_mv, every, atol=1e-6, rtol=1e-9)


@given(neurons(), st.floats(1.01, 8))
@law
def test_spikes_of_a_constant_current_are_as_far_apart_as_the_rate_says(neuron, times_threshold):
    current = torch.tensor([[times_threshold * neuron.threshold_current_na]])
    period_ms = 1000 / neuron.rate_per_s(current).item()
    spikes = neuron.run(current, step_ms=8.5 * period_ms, start_mv=neuron.reset_mv)
    gaps = spikes.time_ms.diff()
    assert len(gaps) >= 7
    torch.testing.assert_close(gaps, torch.full_like(gaps, period_ms), rtol=1e-7, atol=1e-9)


@given(neurons(), st.floats(-5, 0.9999))
@law
def test_it_never_fires_up_to_the_threshold_current(neuron, share):
    current = torch.tensor([share * abs(neuron.threshold_current_na)]).double()
    assert neuron.rate_per_s(current).item() == 0
    assert neuron.run(current[None], step_ms=1e5).counts().sum() == 0


@given(neurons())
@law
def test_the_rate_grows_with_the_current_and_stays_below_the_refractory_limit(neuron):
    currents = neuron.threshold_current_na * torch.linspace(0.5, 50, 200)
    rates = neuron.rate_per_s(currents)
    assert (rates.diff() >= 0).all() and rates[-1] > rates[0] == 0
    if neuron.refractory_ms:
        assert rates[-1] < 1000 / neuron.refractory_ms


@given(neurons(), numbers)
@law
def test_without_a_spike_the_voltage_is_the_exponential(neuron, share):
    share = min(share, 0.99)
    current = share * neuron.threshold_current_na
    seen = neuron.run(torch.full((1, 9), current, dtype=torch.float64), step_ms=3.7).voltage_mv[0]
    time_ms = 3.7 * torch.arange(1, 10).double()
    rise = neuron.resistance_megaohm * current * (1 - torch.exp(-time_ms / neuron.time_constant_ms))
    torch.testing.assert_close(seen, neuron.rest_mv + rise, rtol=1e-9, atol=1e-6)


@given(neurons(), st.integers(0, 2**31))
@law
def test_neurons_of_a_batch_do_not_touch(neuron, seed):
    generator = torch.Generator().manual_seed(seed)
    current = neuron.threshold_current_na * (2 * torch.randn(3, 6, generator=generator) + 1)
    together = neuron.run(current, step_ms=9.0)
    for index in range(3):
        alone = neuron.run(current[index : index + 1], step_ms=9.0)
        assert torch.equal(alone.time_ms, together.time_ms[together.neuron == index])
        assert torch.equal(alone.voltage_mv[0], together.voltage_mv[index])


def test_spikes_come_in_order_and_are_counted_up_to_a_time():
    spikes = LIF().run(torch.tensor([[2.0], [3.0]]), step_ms=500.0)
    assert (spikes.time_ms.diff() >= 0).all()
    early = spikes.counts(until_ms=100.0)
    assert (early < spikes.counts()).all() and early[1] > early[0] > 0
    for index in range(2):
        assert spikes.counts()[index] == (spikes.neuron == index).sum()


def test_the_voltage_stays_at_the_reset_while_the_neuron_is_refractory():
    neuron = LIF(refractory_ms=10.0)
    seen = neuron.run(torch.full((1, 100), 4.0), step_ms=1.0)
    first = math.ceil(seen.time_ms[0])
    assert (seen.voltage_mv[0, first : first + 9] == neuron.reset_mv).all()
    assert seen.voltage_mv[0, first + 11] > neuron.reset_mv


@pytest.mark.parametrize(
    ("given_parameters", "named"),
    [
        ({"time_constant_ms": 0.0}, "time_constant_ms"),
        ({"resistance_megaohm": -1.0}, "resistance_megaohm"),
        ({"refractory_ms": -0.1}, "refractory_ms"),
        ({"rest_mv": -50.0}, "rest_mv"),
        ({"reset_mv": -40.0}, "reset_mv"),
        ({"threshold_mv": math.nan}, "threshold_mv"),
    ],
)
def test_a_parameter_out_of_bounds_is_named(given_parameters, named):
    with pytest.raises(ValueError, match=named):
        LIF(**given_parameters)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"current_na": torch.zeros(3)}, "current_na"),
        ({"current_na": torch.tensor([[math.inf]])}, "current_na"),
        ({"step_ms": 0.0}, "step_ms"),
        ({"start_mv": -50.0}, "start_mv"),
        ({"start_mv": torch.tensor([-70.0, -20.0])}, "start_mv"),
    ],
)
def test_a_bad_run_is_refused(changed, named):
    with pytest.raises(ValueError, match=named):
        LIF().run(**{"current_na": torch.zeros(2, 3), "step_ms": 1.0} | changed)
