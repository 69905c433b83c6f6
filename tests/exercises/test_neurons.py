"""Exercise 2: what its checks say, and whether they are right."""

import re

import nbformat
import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from course_lib import closed_form, count, fact
from course_lib.checking.probing import PUBLIC_SEED
from course_lib.checking.questions import Context
from course_lib.checking.values import unpack
from course_lib.models import LIF, Neuron, SelfAttention
from tests.exercises.judging import EXERCISES, judge

NAME = "02-neurons"
MANY = range(20)  # seeds


def asked(checks, name, seed=1):
    """What a question asks under a seed."""
    return [
        unpack(one) for one in checks.questions[name].inputs(Context(np.random.default_rng(seed)))
    ]


# --- the reference against something else that knows the answer ---


def test_neuron_and_layer_agree_with_pytorch(checks, reference):
    for x, weights, bias in asked(checks, "neuron"):
        model = Neuron(len(x)).double()
        with torch.no_grad():
            model.weights[:] = torch.tensor(weights)
            model.bias.fill_(bias)
        assert reference["neuron"](x, weights, bias) == pytest.approx(model(torch.tensor(x)).item())
    for given in asked(checks, "layer"):
        linear = torch.nn.functional.linear(*map(torch.tensor, given))
        assert np.allclose(reference["layer"](*given), linear.relu().numpy())


def test_counts_agree_with_the_library(checks, reference):
    for widths, batch in asked(checks, "mlp-counts"):
        formula = closed_form.mlp(widths, batch)
        assert reference["mlp_counts"](widths, batch) == (formula.parameters, formula.macs)
    for tokens, width, heads, batch in asked(checks, "attention-counts"):
        model = SelfAttention(width, heads)
        work = count(model, torch.zeros(batch, tokens, width, device="meta"))
        counted = work.parameters, work.forward_macs
        assert reference["attention_counts"](tokens, width, heads, batch) == counted


def module_of(conv):
    how = {key: conv[key] for key in ("stride", "padding", "dilation", "groups", "bias")}
    return torch.nn.Conv2d(conv["inputs"], conv["outputs"], conv["kernel"], **how, device="meta")


@pytest.mark.parametrize("seed", range(3))
def test_convolutions_agree_with_pytorchs(checks, reference, seed):
    for conv, side, batch in asked(checks, "conv-macs", seed):
        module = module_of(conv)
        pictures = torch.zeros(batch, conv["inputs"], side, side, device="meta")
        work = count(module, pictures)
        assert reference["conv_macs"](conv, side, batch) == work.forward_macs
        assert reference["conv_parameters"](conv) == work.parameters


def test_buffers_and_bytes_agree_with_pytorchs(checks, reference):
    for channels, kernel in asked(checks, "trained-and-kept"):
        pairs = list(zip(channels, channels[1:], strict=False))
        parts = [torch.nn.Conv2d(a, b, kernel, bias=False, device="meta") for a, b in pairs]
        net = torch.nn.Sequential(*parts, *(torch.nn.BatchNorm2d(b) for _, b in pairs))
        held = tuple(
            sum(one.numel() for one in group) for group in (net.parameters(), net.buffers())
        )
        assert reference["trained_and_kept"](channels, kernel) == held
    for kind in ("float16", "bfloat16", "float32", "float64"):
        net = torch.nn.Linear(9, 7, dtype=getattr(torch, kind))
        work = count(net, torch.zeros(5, 9, dtype=getattr(torch, kind)))
        kept = work.activation_bytes / (5 * net.weight.element_size())  # an example
        weights, training = reference["memory_bytes"](work.parameters, kept, 5, kind)
        assert weights == work.parameter_bytes
        counters = 2 * 4  # of steps, one for each tensor: the question leaves them out
        assert training == work.training_bytes("adam") - counters


def test_rate_and_threshold_agree_with_the_library(checks, reference):
    for seed in MANY:
        for cell, current in asked(checks, "rate-per-s", seed):
            neuron = LIF(**cell)
            rate = neuron.rate_per_s(torch.tensor(current, dtype=torch.float64)).item()
            assert reference["rate_per_s"](cell, current) == pytest.approx(rate)
            threshold = reference["threshold_current_na"](cell)
            assert threshold == pytest.approx(neuron.threshold_current_na)


def test_the_exact_spikes_are_the_librarys(checks, inside):
    cell, currents = asked(checks, "spike-times-ms")[-1]
    spikes = LIF(**cell).run(torch.tensor([currents], dtype=torch.float64), step_ms=1.0)
    assert inside["exact_spikes_ms"](cell, currents) == pytest.approx(spikes.time_ms.tolist())


def test_the_climb_is_that_of_an_integrated_equation(checks, inside):
    cell, currents = asked(checks, "spike-times-ms")[0]
    goal = cell["rest_mv"] + cell["resistance_megaohm"] * currents[0]

    def arrives(_, voltage):
        return voltage[0] - cell["threshold_mv"]

    arrives.terminal = True
    found = solve_ivp(
        lambda _, v: (goal - v) / cell["time_constant_ms"], (0, 100), [cell["reset_mv"]],
        events=arrives, rtol=1e-9, atol=1e-9,
    )  # fmt: skip
    climb = inside["FAST_MS"] - cell["refractory_ms"]
    assert found.t_events[0][0] == pytest.approx(climb, rel=1e-6)
    assert inside["climb_ms"](cell, currents[0]) == pytest.approx(climb)


def test_at_the_break_even_both_sides_take_the_same_energy(checks, reference):
    for mac_pj, event_pj, weights, idle_mw, window_ms in asked(checks, "break-even"):
        activity = reference["break_even"](mac_pj, event_pj, weights, idle_mw, window_ms)
        multiplying_j = weights * mac_pj * 1e-12
        idle_j = (idle_mw / 1000) * (window_ms / 1000)
        spiking_j = idle_j + activity * weights * event_pj * 1e-12
        if activity:
            assert spiking_j == pytest.approx(multiplying_j)
        else:
            assert idle_j > multiplying_j


def test_the_reference_is_right_whatever_the_inputs(checks, reference):
    for name in checks.questions:
        right = reference[name.replace("-", "_")]
        assert all(judge(checks, name, right, seed).share == 1 for seed in MANY), name


def test_answers_that_were_right_for_the_notebooks_inputs_are_wrong_for_others(checks):
    """The sample knows what the notebook asks: else it would show nothing."""
    names = {}
    text = (EXERCISES / "samples" / NAME / "hard-coded.py").read_text(encoding="utf-8")
    exec(text.split("# %% threshold")[0], names)
    assert judge(checks, "mlp-counts", names["mlp_counts"], PUBLIC_SEED).share == 1
    assert judge(checks, "mlp-counts", names["mlp_counts"], 1).share == 0


def test_the_numbers_of_the_model_answers_follow_from_the_printed_prices(reference):
    event = fact("truenorth_energy_per_synaptic_event")
    advertised = 2 * fact("h100_sxm.tdp").value / fact("h100_sxm.bf16_dense").value
    bare = fact("energy_int8_add_45nm").value + fact("energy_int8_multiply_45nm").value

    def said(mac_j, event_j):
        activity = reference["break_even"](round(1e12 * mac_j, 2), 1e12 * event_j, 1e6, 0, 1)
        return f" {activity:.2g}"

    notebook = nbformat.read(EXERCISES / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    answer = notebook.cells[-1].source
    page = (EXERCISES.parent / "book" / "teaching" / f"{NAME}.md").read_text(encoding="utf-8")
    for text in (answer, page):
        assert f"{1e12 * advertised:.1f} pJ" in text and f"{1e12 * event.high:.0f} pJ" in text
        assert said(advertised, event.high) in text
    assert f"{1e12 * bare:.2f} pJ" in answer and said(bare, event.high) in answer
    assert f"{1e12 * event.low:.1f} pJ" in page and said(1.4e-12, event.low) in page


# --- usual mistakes are told their reasons ---


LAYER = "lambda x, weights, biases: "
MLP = "lambda widths, batch: "
PAIRS = "for i, o in zip(widths, widths[1:])"
WEIGHTS = f"sum(i * o {PAIRS})"
PARAMETERS = f"{WEIGHTS} + sum(widths[1:])"
CONV = "lambda c: (k := c['kernel']) and "
EACH = "c['inputs'] // c['groups'] * c['outputs']"
BIAS = "c['bias'] * c['outputs']"
PLACES = "lambda c, side, batch: (p := 2 * c['padding'], k := c['kernel'], s := c['stride'], "
PLACES += (
    "r := c['dilation'] * (k - 1) + 1, w := k * k * c['inputs'] // c['groups'] * c['outputs'])"
)
PLACES += " and "
OUT = "((side + p - r) // s + 1)"
CHAIN = "lambda channels, kernel: (w := sum(kernel**2 * i * o for i, o in zip(channels, "
CHAIN += "channels[1:])), n := sum(channels[1:]), m := len(channels) - 1) and "
ATTENTION = "lambda t, d, h, b: "
RIGHT_PARAMETERS, RIGHT_MACS = "4 * d * d + 4 * d", "b * (4 * t * d * d + 2 * t * t * d)"
MEMORY = "lambda p, a, b, t: (s := int(t[-2:]) // 8) and "
CELL = "(t := c['threshold_mv'], v := c['rest_mv'], r := c['resistance_megaohm'], "
CELL += "z := c['reset_mv'], tau := c['time_constant_ms'], w := c['refractory_ms']) and "
CURRENT = f"lambda c: {CELL}"
RATE = f"lambda c, i: {CELL} (0 if v + r * i <= t else "
CLIMB = "tau * np.log((v + r * i - z) / (v + r * i - t))"
BREAK = "lambda mac, event, weights, idle, window: "
JOULES = "1e6 * idle * window"
WRONG = {
    "neuron": {
        "lambda x, w, b: w @ x + b": "activation is missing",
        "lambda x, w, b: w @ x": "bias and activation",
        "lambda x, w, b: 1 / (1 + np.exp(-(w @ x)))": "bias is missing",
        "lambda x, w, b: 1 / (1 + np.exp(-(w @ x - b)))": "added to the sum",
        "lambda x, w, b: 1 / (1 + np.exp(w @ x + b))": "wrong sign",
        "lambda x, w, b: max(w @ x + b, 0)": "ReLU|activation is missing",
        "lambda x, w, b: np.tanh(w @ x + b)": "hyperbolic tangent",
        "lambda x, w, b: 1 / (1 + np.exp(-(w @ x))) + b": "inside the activation",
        "lambda x, w, b: 1 / (1 + np.exp(-(w.sum() * x.sum() + b)))": "its own weight",
        "lambda x, w, b: [0.5]": "one number",
        "lambda x, w, b: 0.5": "the output is the sigmoid",
    },
    "layer": {
        f"{LAYER} x @ weights.T + biases": "activation is missing",
        f"{LAYER} x @ weights.T": "bias and activation",
        f"{LAYER} np.maximum(x @ weights.T, 0)": "biases are missing",
        f"{LAYER} np.maximum(x @ weights.T, 0) + biases": "inside the activation",
        f"{LAYER} np.maximum(x @ weights.T - biases, 0)": "not taken off",
        f"{LAYER} 1 / (1 + np.exp(-(x @ weights.T + biases)))": "sigmoid",
        f"{LAYER} np.maximum(x @ weights.T + biases, 0).T": r"of shape \(batch, outputs\)",
        f"{LAYER} np.maximum(x @ weights + biases, 0)": "ValueError",
        f"{LAYER} np.maximum(weights @ x[0] + biases, 0)": r"of shape \(batch, outputs\)",
        f"{LAYER} (x @ weights.T + biases) ** 2": "the ReLU of one row",
    },
    "mlp-counts": {
        f"{MLP} ({WEIGHTS}, batch * {WEIGHTS})": "parameters: the biases are missing",
        f"{MLP} ({WEIGHTS} + sum(widths), batch * {WEIGHTS})": "input layer computes nothing",
        f"{MLP} ({WEIGHTS} + len(widths) - 1, batch * {WEIGHTS})": "not each layer",
        f"{MLP} (batch * ({PARAMETERS}), batch * {WEIGHTS})": "do not depend on the batch",
        f"{MLP} (batch * {WEIGHTS}, {PARAMETERS})": "these are MACs.*these are parameters",
        f"{MLP} ({PARAMETERS}, 2 * batch * {WEIGHTS})": "MACs: these are FLOP; a MAC",
        f"{MLP} ({PARAMETERS}, {WEIGHTS})": "the batch is missing: this is one row",
        f"{MLP} ({PARAMETERS}, 2 * {WEIGHTS})": "FLOP, and of one row",
        f"{MLP} ({PARAMETERS}, batch * ({PARAMETERS}))": "without a multiplication",
        f"{MLP} {WEIGHTS}": "return 2 numbers: parameters and MACs",
    },
    "conv-parameters": {
        f"{CONV} k * {EACH} + {BIAS}": "a kernel is a square",
        f"{CONV} {EACH} + {BIAS}": "the kernel is missing",
        f"{CONV} k * k * c['inputs'] * c['outputs'] + {BIAS}": "of its own group",
        f"{CONV} k * k * {EACH} // c['groups'] + {BIAS}": "groups divide once",
        f"{CONV} (c['dilation'] * (k - 1) + 1) ** 2 * {EACH} + {BIAS}": "adds none",
        f"{CONV} k * k * c['outputs'] + {BIAS}": "input channel has a kernel",
        f"{CONV} k * k * c['inputs'] + {BIAS}": "output channel has kernels",
        f"{CONV} k * k * {EACH} + c['bias'] * c['inputs']": "not to an input channel",
        f"{CONV} k * k * {EACH} + c['bias']": "has a bias of its own",
        f"{CONV} k * k * {EACH}": "the biases are missing",
        f"{CONV} k * k * {EACH} + c['outputs']": "has no bias",
    },
    "conv-macs": {
        f"{PLACES} 2 * batch * w * {OUT} ** 2": "these are FLOP; a MAC",
        f"{PLACES} w * {OUT} ** 2": "the batch is missing",
        f"{PLACES} 2 * w * {OUT} ** 2": "FLOP, and of one picture",
        f"{PLACES} batch * (w + {BIAS}) * {OUT} ** 2": "parameters times places",
        f"{PLACES} batch * w // k * {OUT} ** 2": "a kernel is a square",
        f"{PLACES} batch * w // k // k * {OUT} ** 2": "the kernel is missing",
        f"{PLACES} batch * w": "one place; the kernel is put at many",
        f"{PLACES} batch * w * {OUT}": "one row of places",
        f"{PLACES} batch * w * side ** 2": "not as large as the input",
        f"{PLACES} batch * w * ((side - r) // s + 1) ** 2": "padding is missing",
        f"{PLACES} batch * w * ((side + p // 2 - r) // s + 1) ** 2": "on both sides",
        f"{PLACES} batch * w * ((side + p - r) // s) ** 2": "one place more",
        f"{PLACES} batch * w * (side + p - r + 1) ** 2": "the stride is missing",
        f"{PLACES} batch * w * ((side + p - r) / s + 1) ** 2": "places are whole",
        f"{PLACES} batch * w * (-((r - side - p) // s) + 1) ** 2": "round down",
        f"{PLACES} batch * w * ((side + p - k) // s + 1) ** 2": "the dilation is missing",
        f"{PLACES} batch * w * c['groups'] * {OUT} ** 2": "of its own group",
        f"{PLACES} batch * w // c['groups'] * {OUT} ** 2": "groups divide once",
        f"{PLACES} batch * k * k * c['outputs'] * {OUT} ** 2": "sums over its input channels",
        f"{PLACES} batch * k * k * c['inputs'] * {OUT} ** 2": "output channels are missing",
    },
    "trained-and-kept": {
        f"{CHAIN} (w + 4 * n, 2 * n + m)": "kept and not trained",
        f"{CHAIN} (w + 4 * n + m, 2 * n + m)": "all that is stored",
        f"{CHAIN} (w, 2 * n + m)": "trains a scale and a shift",
        f"{CHAIN} (w + n, 2 * n + m)": "two numbers for each channel",
        f"{CHAIN} (w + 3 * n, 2 * n + m)": "have no bias",
        f"{CHAIN} (w + 2 * sum(channels[:-1]), 2 * n + m)": "not its inputs",
        f"{CHAIN} (2 * n, 2 * n + m)": "weights of the convolutions are missing",
        f"{CHAIN} (w + 2 * n, 2 * n)": "counters are missing",
        f"{CHAIN} (w + 2 * n, 2 * n + 1)": "a counter of its own",
        f"{CHAIN} (w + 2 * n, 4 * n)": "they are parameters",
        f"{CHAIN} (w + 2 * n, 4 * n + m)": "they are parameters",
        f"{CHAIN} (w + 2 * n, 3 * n)": "one number for each normalisation",
        f"{CHAIN} (w + 2 * n, n + m)": "two numbers for each channel",
        f"{CHAIN} (w + 2 * n, 0)": "look at state_dict",
    },
    "attention-counts": {
        f"{ATTENTION} (4 * d * d, {RIGHT_MACS})": "parameters: the biases are missing",
        f"{ATTENTION} (4 * d * d + d, {RIGHT_MACS})": "each of the four projections",
        f"{ATTENTION} (3 * d * d + 3 * d, {RIGHT_MACS})": "output has a projection too",
        f"{ATTENTION} (d * d + d, {RIGHT_MACS})": "this is one projection",
        f"{ATTENTION} (h * ({RIGHT_PARAMETERS}), {RIGHT_MACS})": "heads share the width",
        f"{ATTENTION} (b * ({RIGHT_PARAMETERS}), {RIGHT_MACS})": "do not depend on the batch",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, 2 * {RIGHT_MACS})": "MACs: these are FLOP; a MAC",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, {RIGHT_MACS} // b)": "batch is missing",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, {RIGHT_MACS} // t)": "one token, not for a sequence",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, 4 * d * d + 2 * t * d)": "one token",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, b * 4 * t * d * d)": "tokens with tokens",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, b * 2 * t * t * d)": "four projections are missing",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, b * (3 * t * d * d + 2 * t * t * d))": "there are four",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, b * (4 * t * d * d + t * t * d))": "two products",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, b * (4 * t * d * d + 2 * h * t * t * d))": "its share",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, h * {RIGHT_MACS})": "heads share the width",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, b * t * (4 * d * d + 2 * t * d // h))": "of one head",
        f"{ATTENTION} ({RIGHT_PARAMETERS}, b * (4 * d * d + 2 * t * t * d))": "is projected",
    },
    "memory-bytes": {
        f"{MEMORY} (8 * s * p, 8 * s * (4 * p + a * b))": "weights: these are bits.*these are bits",
        f"{MEMORY} (p, 4 * p + a * b)": "weights: these are numbers.*these are numbers",
        f"{MEMORY} (4 * p, 4 * (4 * p + a * b))": "float16 does not take 4",
        f"{MEMORY} (2 * p, 2 * (4 * p + a * b))": "float32 does not take 2",
        f"{MEMORY} (s * p * b, s * (4 * p + a * b))": "share the weights",
        f"{MEMORY} (s * p, s * (3 * p + a * b))": "one of four is missing",
        f"{MEMORY} (s * p, s * (2 * p + a * b))": "half is missing",
        f"{MEMORY} (s * p, s * (p + a * b))": "stand their gradients",
        f"{MEMORY} (s * p, s * a * b)": "belongs to each weight",
        f"{MEMORY} (s * p, s * 4 * p)": "activations are missing",
        f"{MEMORY} (s * p, s * (4 * p + a))": "the batch is missing",
        f"{MEMORY} (s * p, s * b * (4 * p + a))": "share weights, gradients",
        f"{MEMORY} (s * p, s * (4 * p + 2 * a * b))": "kept once",
    },
    "threshold-current-na": {
        f"{CURRENT} (v - t) / r": "sign is wrong",
        f"{CURRENT} (t - z) / r": "the reset plays no part",
        f"{CURRENT} t / r": "not from zero",
        f"{CURRENT} (t - v) * r": "divided by a resistance",
        f"{CURRENT} r / (t - v)": "upside down",
        f"{CURRENT} t - v": "resistance is missing",
        f"{CURRENT} 1e-9 * (t - v) / r": "the unit is nA",
        f"{CURRENT} 1e3 * (t - v) / r": "the unit is nA",
        f"{CURRENT} 1.05 * (t - v) / r": "1.05 times the current",
        f"{CURRENT} [(t - v) / r]": "one number",
    },
    "rate-per-s": {
        f"{RATE} 1000 / ({CLIMB}))": "refractory time is missing",
        f"{RATE} 1 / (w + {CLIMB}))": "spikes a millisecond",
        f"{RATE} w + {CLIMB})": "the time between spikes in ms",
        f"{RATE} 1000 / (w + {CLIMB.replace('log', 'log10')}))": "decimal logarithm",
        f"{RATE} 1000 / (w + {CLIMB.replace('- z', '- v')}))": "from the reset, not from rest",
        f"{RATE} 1000 / (w - {CLIMB}))": "upside down",
        f"{RATE} 1000 / (w / 1000 + {CLIMB}))": "is in ms already",
        f"{RATE} 900 / (w + {CLIMB}))": "0.9 times that of theory",
        f"lambda c, i: {CELL} 1000 / (w + {CLIMB})": "threshold current the rate is 0",
        f"lambda c, i: {CELL} 1000 / (w + tau * np.log(abs((v + r * i - z) / (v + r * i - t))))":
            "threshold current the rate is 0",
    },
    "spike-times-ms": {
        "lambda c, i: 17": "a list of numbers",
        "lambda c, i: []": "silent",
        "lambda c, i: [10.0]": "never again",
        "lambda c, i: [10.0, 10.0, 20.0]": "times of spikes rise",
        "lambda c, i: list(range(0, 20000, 125))": "not steps",
        "lambda c, i: list(range(0, len(i), 100))": "times as often as theory says$",
    },
    "break-even": {
        f"{BREAK} mac / event": "idle power is missing",
        f"{BREAK} event / mac": "upside down",
        f"{BREAK} (weights * mac - {JOULES}) / (weights * event)": "idle power alone",
        f"{BREAK} (weights * mac + {JOULES}) / (weights * event)": "not more",
        f"{BREAK} max(0, (2 * weights * mac - {JOULES}) / (weights * event))": "counts FLOP",
        f"{BREAK} max(0, (mac - {JOULES}) / event)": "the whole chip",
        f"{BREAK} max(0, (weights * mac - idle * window) / (weights * event))": "microjoule",
        f"{BREAK} max(0, (weights * mac - 1e3 * idle * window) / (weights * event))": "microjoule",
        f"{BREAK} 0.5": "at the break-even",
    },
}  # fmt: skip
WRONG_ANSWERS = [
    (name, answer, said) for name, answers in WRONG.items() for answer, said in answers.items()
]


@pytest.mark.parametrize(("name", "answer", "said"), WRONG_ANSWERS)
def test_a_wrong_answer_is_told_what_is_wrong_whatever_the_inputs(checks, name, answer, said):
    for seed in range(8):
        judged = judge(checks, name, eval(answer), seed)
        assert judged.share < 1
        assert re.search(said, judged.reason), judged.reason


def test_every_question_has_usual_mistakes(checks):
    assert set(WRONG) == set(checks.questions)


def test_an_output_of_the_right_shape_tells_its_axes_apart(checks):
    """Where shapes do not tell: as many neurons as inputs, as many rows as neurons."""

    def columns(x, weights, biases):
        turned = weights if len(weights) == len(weights.T) else weights.T
        return np.maximum(x @ turned + biases, 0)

    def column_of_biases(x, weights, biases):
        turned = biases[:, None] if len(x) == len(biases) else biases
        return np.maximum(x @ weights.T + turned, 0)

    def exchanged(x, weights, biases):
        right = np.maximum(x @ weights.T + biases, 0)
        return right.T if len(x) == len(biases) else right

    for seed in MANY:
        assert "took its columns" in judge(checks, "layer", columns, seed).reason
        assert "same in each row" in judge(checks, "layer", column_of_biases, seed).reason
        assert "exchanged" in judge(checks, "layer", exchanged, seed).reason


@pytest.mark.parametrize(
    "name", ["mlp-counts", "trained-and-kept", "attention-counts", "memory-bytes"]
)
def test_each_of_two_numbers_has_half_of_the_points(checks, reference, name):
    right = reference[name.replace("-", "_")]
    first, second = (lambda *given: (right(*given)[0], 1)), (lambda *given: (1, right(*given)[1]))
    for seed in MANY:
        assert judge(checks, name, right, seed).share == 1
        assert judge(checks, name, first, seed).share == 0.5
        assert judge(checks, name, second, seed).share == 0.5
        assert judge(checks, name, lambda *_: (1, 1), seed).share == 0


def test_a_number_that_is_right_for_some_inputs_only_gets_nothing(checks, reference):
    def lucky(widths, batch):
        return reference["mlp_counts"](widths, batch) if len(widths) < 5 else (1, 1)

    assert judge(checks, "mlp-counts", lucky).share == 0


# --- the simulation: honest ways and others ---


def simulate(cell, current_na, steps_per_ms=10, way="euler", note="end", slip=""):
    """Spikes on a grid, in some of the ways in which a student may write it, and slips."""
    tau, step = cell["time_constant_ms"], 1 / steps_per_ms
    voltage = 0.0 if slip == "from zero" else cell["rest_mv"]
    after = cell["rest_mv"] if slip == "reset to rest" else cell["reset_mv"]
    if slip in ("first", "mean"):
        one = current_na[0] if slip == "first" else sum(current_na) / len(current_na)
        current_na = [one] * len(current_na)
    kept, times, blocked = float(np.exp(-step / tau)), [], 0
    for n, current in enumerate(np.repeat(current_na, steps_per_ms).tolist()):
        held = blocked > 0
        blocked -= held
        if held and slip != "not held":
            continue
        goal = cell["rest_mv"] + cell["resistance_megaohm"] * current
        if way == "euler":
            voltage += (goal - voltage) * step / tau
        elif way == "midpoint":
            half = voltage + (goal - voltage) * step / tau / 2
            voltage += (goal - half) * step / tau
        else:
            voltage = goal + (voltage - goal) * kept
        if voltage >= cell["threshold_mv"] and not held:
            times.append((n + (note == "end")) * step)
            if slip != "no reset":
                voltage = after
            if slip != "no refractory":
                blocked = round(cell["refractory_ms"] * steps_per_ms)
    return times


@pytest.mark.parametrize(
    ("way", "note"),
    [("euler", "end"), ("euler", "beginning"), ("midpoint", "end"), ("exact", "beginning")],
)
def test_every_honest_simulation_is_right_whatever_the_inputs(checks, way, note):
    for seed in MANY:
        judged = judge(
            checks, "spike-times-ms",
            lambda cell, current: simulate(cell, current, 10, way, note), seed,
        )  # fmt: skip
        assert judged.share == 1, judged.reason


@pytest.mark.parametrize("extra", [-1, 1])
def test_a_refractory_time_that_is_a_step_off_is_forgiven(checks, extra):
    def off_by_one(cell, current_na):
        waits = cell["refractory_ms"] + 0.1 * extra
        return simulate(cell | {"refractory_ms": waits}, current_na)

    assert all(judge(checks, "spike-times-ms", off_by_one, seed).share == 1 for seed in MANY)


def test_the_exact_solution_is_right(checks, inside):
    for seed in MANY:
        assert judge(checks, "spike-times-ms", inside["exact_spikes_ms"], seed).share == 1


SLIPS = {
    "no refractory": "no refractory time",
    "not held": "no refractory time",
    "reset to rest": "from the reset, not from rest",
    "no reset": "not reset after a spike",
    "from zero": "at the beginning the voltage is rest",
}


@pytest.mark.parametrize(("slip", "said"), SLIPS.items())
def test_a_slip_in_the_simulation_is_told_whatever_the_inputs(checks, slip, said):
    for seed in MANY:
        judged = judge(checks, "spike-times-ms", lambda cell, i: simulate(cell, i, slip=slip), seed)
        assert judged.share == 0
        assert said in judged.reason, judged.reason


def test_a_step_of_a_millisecond_is_never_right(checks):
    """Its intervals are whole milliseconds, and the quickest neuron's is not."""
    for way in ("euler", "midpoint", "exact"):
        for seed in MANY:
            judged = judge(
                checks, "spike-times-ms", lambda cell, i, way=way: simulate(cell, i, 1, way), seed
            )
            assert judged.share == 0, judged


def test_milliseconds_are_told_from_seconds_and_from_steps(checks):
    for seed in range(5):
        for factor, said in ((1e-3, "these are seconds"), (10, "not steps")):
            judged = judge(
                checks, "spike-times-ms",
                lambda cell, i, f=factor: [f * t for t in simulate(cell, i)], seed,
            )  # fmt: skip
            assert judged.share == 0 and said in judged.reason


@pytest.mark.parametrize("slip", ["first", "mean"])
def test_who_does_not_follow_a_changing_current_gets_two_thirds(checks, slip):
    for seed in MANY:
        judged = judge(checks, "spike-times-ms", lambda cell, i: simulate(cell, i, slip=slip), seed)
        assert judged.share == 2 / 3
        assert judged.reason.startswith("changing current")


def test_a_current_below_the_threshold_current_must_leave_it_silent(checks):
    def restless(cell, current_na):
        return simulate(cell, current_na) or [100.0, 200.0, 300.0]

    assert "below the threshold" in judge(checks, "spike-times-ms", restless).reason
