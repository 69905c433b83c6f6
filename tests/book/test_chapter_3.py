"""What chapter 3 says of brains, neurons and energies holds for the tables and its own cells."""

import math
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch

from course_lib.facts import fact
from tests.book.cells import cells_of

mpl.use("Agg")
PAGE = Path(__file__).parents[2] / "book" / "03-one-neuron.md"


@cache
def page():
    """Everything the page's cells define, run in order, without the record at the end."""
    names = {"__name__": "page"}
    for source in cells_of(PAGE)[:-1]:
        exec(compile(source, PAGE.name, "exec"), names)
    return names


# --- facts ---


def test_parts_of_the_brain_fit_the_whole():
    parts = fact("neurons_human_cerebellum") + fact("neurons_human_cortex")
    assert 0.98 < parts.value / fact("neurons_human_brain").value < 1
    share = fact("neurons_human_cerebellum").value / fact("neurons_human_brain").value
    assert share == pytest.approx(0.8, abs=0.01)


def test_synapses_are_neurons_times_synapses_per_neuron():
    product = fact("neurons_human_neocortex") * fact("synapses_per_neuron_human_neocortex")
    printed = fact("synapses_human_neocortex")
    assert printed.low <= product.value <= printed.high


def test_glucose_gives_the_power():
    joule_per_gram = 2805e3 / 180.16  # heat of combustion over molar mass
    watt = fact("glucose_human_brain").value * 1e-3 / 60 * joule_per_gram
    assert watt == pytest.approx(fact("power_human_brain").value, rel=0.03)


def test_energy_per_event_is_power_over_events():
    power, rate, active = (
        fact(f"truenorth_test_{what}").value for what in ("power", "rate", "active_synapses")
    )
    joule = power / (fact("truenorth_neurons").value * rate * active)
    assert joule == pytest.approx(fact("truenorth_energy_per_synaptic_event").value, rel=0.05)


def test_truenorth_is_its_cores():
    cores = fact("truenorth_cores").value
    assert fact("truenorth_neurons").value == cores * 256
    assert fact("truenorth_synapses").value == cores * 256**2
    assert fact("truenorth.neurons").value == fact("truenorth_neurons").value


# --- cells ---


def test_the_range_of_four_holds_a_fifth_three_times_in_five():
    assert page()["inside"].mean() == pytest.approx(0.6, abs=0.01)


def test_two_roads_to_the_energy_of_an_event_meet():
    down, up = page()["top_down"], page()["bottom_up"]
    assert down.low <= up.value <= down.high
    assert down.value < 1e-13  # "less than a ten-trillionth"


def test_layers_without_activation_are_one():
    assert page()["plain"].abs().max() < 1e-12 < 1 < page()["bent"].abs().max()


def test_bisection_finds_the_law_of_lapicque():
    assert page()["lowest"] == pytest.approx(page()["law_of_strength"], rel=1e-9)


def test_orders_are_those_of_the_spike_time():
    euler, grid, between = page()["orders"].values()
    assert [round(each.value) for each in (euler, grid, between)] == [1, 1, 2]
    errors = list(page()["errors"].values())
    assert (np.array(errors[1]) > np.array(errors[0])).all()  # exact, and worse


def test_noise_makes_the_curve_a_relu_with_an_earlier_corner():
    smooth, noisy = page()["fits"]["constant"], page()["fits"]["noisy"]
    assert noisy[2] > 0.995 > smooth[2]
    assert noisy[0] < page()["neuron"].threshold_current_na


def test_precision_costs_events():
    slopes = page()["slopes"]
    assert slopes["regular"].value == pytest.approx(-1, abs=0.06)
    assert slopes["noisy"].value == pytest.approx(-0.5, abs=0.08)


def test_most_of_the_tested_power_was_idle():
    assert page()["idle_share"] > 0.9


def test_crossings_lie_where_the_text_says():
    crossing = page()["crossing"]
    assert crossing["arithmetic alone, 8 bit"].high < 0.1
    assert (
        crossing["H100 at work, many inputs"].low < 1 < crossing["H100 at work, many inputs"].high
    )
    assert crossing["H100 at work, one input"].low > 10
    for name, price in page()["prices"].items():
        middle = price.value / page()["event"].value
        assert crossing[name].value == pytest.approx(middle)


def test_the_order_of_a_sum_decides():
    sums = page()["sums"]
    assert len(set(sums)) > 10
    assert 0 < page()["fires"].mean() < 1
    assert max(abs(np.array(sums, dtype=float) - math.fsum(page()["products"]))) < 1e-3


# --- exercises ---


def test_hebb_finds_the_inputs_axis_and_delta_the_answer():
    assert page()["along"] == pytest.approx(1, abs=1e-3)
    assert page()["delta"] == pytest.approx([1, -2], abs=0.1)
    assert np.linalg.norm(page()["hebb"]) > 1e3


def test_two_of_three_votes_and_odd_is_out_of_reach():
    vote, bits = page()["vote"], page()["eight"]
    assert torch.equal(vote(bits), (bits.sum(1) >= 2).float())
    assert vote.closed_form(batch=8).macs == 24


def test_in_the_street_nobody_can_say():
    event, busy, alone = (page()[name] for name in ("event", "busy", "alone"))
    for activity, says in ((1 / 100, "pay"), (2 / 5, "unclear"), (4, "lose")):
        ratio = event * activity / busy
        assert says == ("pay" if ratio.high < 1 else "lose" if ratio.low > 1 else "unclear")
        assert (event * activity / alone).high < 1
