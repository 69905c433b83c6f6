"""Checks of exercise 2. They run in the grader on values that the notebook returned, and, with
public inputs, in the notebook itself. Nothing here is secret: only the seeds of the inputs are.
"""

from functools import partial
from math import exp, inf, isclose, log, log10

import numpy as np

from course_lib.checking import Calls, Judgement, question
from course_lib.checking.answers import first_wrong, is_number, numbers, why_not_count

WITHHELD = ("course_lib.counting", "course_lib.closed_form", "course_lib.models")

BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
# Of a mean interval between spikes. A step of 0.1 ms is off by two steps at most: one by which the
# spike is late, one by which the refractory time may be. The quickest neuron fires each 12.5 ms.
BAND = 0.03
FAST_MS = 12.5  # half a millisecond off the grid of a step of 1 ms


def in_parts(answers, names, judged):
    """Several numbers an answer: a share for each that is right on all inputs."""
    given = [numbers(got, len(names)) for got in answers]
    if None in given:
        return f"return {len(names)} numbers: {' and '.join(names)}"
    wrong = []
    for part, name in enumerate(names):
        if reason := first_wrong([got[part] for got in given], partial(judged, name)):
            wrong.append(f"{name}: {reason}")
    return Judgement(1 - len(wrong) / len(names), "; ".join(wrong))


def nearest(got, mistakes, tolerance=1e-5):
    """What is said of the first value that an answer agrees with, or None."""
    for value, said in mistakes:
        if np.shape(value) == np.shape(got) and np.allclose(got, value, tolerance, tolerance):
            return said
    return None


def sigmoid(z):
    """The logistic function."""
    return 1 / (1 + np.exp(-z))


# --- neuron and layer ---


@question
def neuron(context):
    """One weighted sum with bias and sigmoid."""
    rng, calls = context.rng, []
    for inputs in (3, 1, 8, 30):
        x, weights = rng.standard_normal((2, inputs))
        total = rng.choice([-1, 1]) * rng.uniform(0.5, 2)  # neither end of the sigmoid
        weights += (total - weights @ x) / (x @ x) * x
        calls.append((x, weights, float(rng.choice([-1, 1]) * rng.uniform(2.5, 3.5))))
    answers = yield Calls(calls)

    def judged(place, got):
        x, weights, bias = calls[place]
        z = weights @ x + bias
        if not is_number(got):
            return "return one number, the neuron's output"
        if isclose(got, sigmoid(z), rel_tol=1e-4):
            return None
        mistakes = [
            (z, "this is the weighted sum with its bias; the activation is missing"),
            (weights @ x, "this is the weighted sum alone: bias and activation are missing"),
            (sigmoid(weights @ x), "the bias is missing"),
            (sigmoid(z - 2 * bias), "the bias is added to the sum, not taken from it"),
            (sigmoid(-z), "the exponent has the wrong sign: a large sum must give nearly 1"),
            (max(z, 0), "this is a ReLU; the activation asked for is the sigmoid"),
            (np.tanh(z), "this is the hyperbolic tangent; the activation asked for is the sigmoid"),
            (sigmoid(weights @ x) + bias, "the bias belongs inside the activation"),
            (sigmoid(weights.sum() * x.sum() + bias), "multiply each input with its own weight"),
        ]
        return nearest(got, mistakes) or (
            "the output is the sigmoid of the sum of weight times input, plus the bias"
        )

    return first_wrong(answers, judged)


def table(got, rows, columns):
    """An answer as an array of that shape, or None."""
    got = got.tolist() if isinstance(got, np.ndarray) else got
    if not isinstance(got, list) or len(got) != rows:
        return None
    lines = [numbers(line, columns) for line in got]
    return None if None in lines else np.array(lines)


@question
def layer(context):
    """A dense layer with ReLU on a batch; square cases tell the axes apart."""
    rng, calls = context.rng, []
    for batch, inputs, outputs in ((4, 3, 5), (7, 4, 4), (6, 9, 6), (1, 5, 2)):
        x, weights = rng.standard_normal((batch, inputs)), rng.standard_normal((outputs, inputs))
        biases = rng.choice([-1, 1], size=outputs) * rng.uniform(0.3, 1, size=outputs)
        biases[0], biases[1] = abs(biases[0]), -abs(biases[1])
        calls.append((x, weights, biases))
    answers = yield Calls(calls)

    def judged(place, got):
        x, weights, biases = calls[place]
        batch, outputs = len(x), len(biases)
        plain = x @ weights.T
        right = np.maximum(plain + biases, 0)
        got = table(got, batch, outputs)
        if got is None:
            return "return an array of shape (batch, outputs): a row for each row of x"
        if np.allclose(got, right, 1e-4, 1e-4):
            return None
        mistakes = [
            (plain + biases, "the activation is missing: ReLU makes negative numbers zero"),
            (plain, "bias and activation are missing"),
            (np.maximum(plain, 0), "the biases are missing"),
            (np.maximum(plain, 0) + biases, "the biases belong inside the activation"),
            (np.maximum(plain - biases, 0), "the biases are added to the sums, not taken off"),
            (sigmoid(plain + biases), "this is a sigmoid; the activation asked for is ReLU"),
            (right.T, "rows and columns are exchanged: a row of the answer belongs to a row of x"),
        ]
        if batch == outputs:
            wrong_axis = np.maximum(plain + biases[:, None], 0)
            mistakes.append((wrong_axis, "each output has a bias of its own, the same in each row"))
        if len(weights) == len(weights.T):
            turned = np.maximum(x @ weights + biases, 0)
            mistakes.append((turned, "a row of weights is a neuron; you took its columns"))
        return nearest(got, mistakes, 1e-4) or (
            "each output is the ReLU of one row of weights times one row of x, plus its bias"
        )

    return first_wrong(answers, judged)


# --- counting ---


@question
def mlp_counts(context):
    """Parameters and MACs of dense layers; half of the points for each."""
    rng, networks = context.rng, []
    for layers in (2, 3, 1, 5):
        widths = rng.choice(np.arange(3, 300), size=layers + 1, replace=False).tolist()
        networks.append((widths, int(rng.integers(2, 200))))
    answers = yield Calls(networks)

    def judged(name, place, got):
        widths, batch = networks[place]
        weights = sum(a * b for a, b in zip(widths, widths[1:], strict=False))
        biases = sum(widths[1:])
        asked = f"a network with {len(widths) - 1} layers"
        if name == "parameters":
            mistakes = [
                (weights, "the biases are missing: each neuron has one"),
                (weights + sum(widths), "the input layer computes nothing and has no biases"),
                (weights + len(widths) - 1, "each neuron has a bias, not each layer"),
                (batch * (weights + biases), "parameters do not depend on the batch"),
                (batch * weights, "these are MACs; parameters do not depend on the batch"),
                (weights + biases + batch * widths[0], "the inputs are data and no parameters"),
            ]
            return why_not_count(got, weights + biases, mistakes, asked)
        mistakes = [
            (2 * batch * weights, "these are FLOP; a MAC is a multiplication and an addition"),
            (weights, "the batch is missing: this is one row"),
            (2 * weights, "these are FLOP, and of one row only: the batch is missing"),
            (batch * (weights + biases), "a bias is added without a multiplication: no MAC"),
            (weights + biases, "these are parameters; each weight is used once for each row"),
        ]
        return why_not_count(got, batch * weights, mistakes, asked)

    return in_parts(answers, ("parameters", "MACs"), judged)


def draw_convolutions(rng):
    """Convolutions with the side of a picture and a batch: the later ones have more features."""
    kinds = (  # stride, dilation, grouped, padded, biased
        (1, 1, False, False, True),
        (1, 1, False, True, False),
        (int(rng.integers(2, 4)), 1, False, True, True),
        (1, int(rng.integers(2, 4)), False, True, False),
        (2, 2, True, True, True),
    )
    for stride, dilation, grouped, padded, bias in kinds:
        kernel = int(rng.choice([5, 7]))
        padding = int(rng.integers(1, kernel // 2)) if padded else 0
        groups = int(rng.choice([3, 6])) if grouped else 1  # no kernel's side, no square
        inputs, outputs = (groups * rng.choice(np.arange(8, 24), 2, replace=False)).tolist()
        free = 2 * padding - dilation * (kernel - 1) - 1
        sides = [
            n
            for n in range(40, 90)
            if (stride == 1 or (n + free) % stride) and (n + free) // stride + 1 != kernel**2
        ]
        yield (
            {
                "inputs": inputs,
                "outputs": outputs,
                "kernel": kernel,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "groups": groups,
                "bias": bias,
            },
            int(rng.choice(sides)),
            int(rng.integers(200, 400)),  # more than channels, or twice the places in a row
        )


def said_of(conv):
    """A convolution in words that give no number away."""
    traits = {
        "grouped": conv["groups"] > 1,
        "dilated": conv["dilation"] > 1,
        "strided": conv["stride"] > 1,
        "padded": conv["padding"] > 0,
    }
    said = " and ".join(name for name, has in traits.items() if has) or "plain"
    return f"a {said} convolution {'with' if conv['bias'] else 'without'} bias"


@question
def conv_parameters(context):
    """Parameters of convolutions, exactly."""
    convolutions = [conv for conv, _, _ in draw_convolutions(context.rng)]
    answers = yield Calls([(conv,) for conv in convolutions])

    def judged(place, got):
        conv = convolutions[place]
        inputs, outputs, kernel, groups = (
            conv[name] for name in ("inputs", "outputs", "kernel", "groups")
        )
        each, biases = inputs // groups * outputs, outputs * conv["bias"]
        weights = kernel**2 * each
        reach = conv["dilation"] * (kernel - 1) + 1
        mistakes = [
            (kernel * each + biases, "a kernel is a square: it has side times side weights"),
            (each + biases, "the kernel is missing: it has side times side weights"),
            (weights * groups + biases, "an output sees only the channels of its own group"),
            (weights // groups + biases, "groups divide once: all outputs stay, each sees fewer"),
            (reach**2 * each + biases, "dilation moves the weights apart and adds none"),
            (kernel**2 * outputs + biases, "each input channel has a kernel of its own"),
            (kernel**2 * inputs + biases, "each output channel has kernels of its own"),
            (weights + inputs, "a bias belongs to an output channel, not to an input channel"),
            (weights + 1, "each output channel has a bias of its own"),
            (weights, "the biases are missing: one for each output channel"),
            (weights + outputs, "this convolution has no bias: conv['bias'] is False"),
            (2 * (weights + biases), "these are twice as many: nothing is doubled here"),
        ]
        return why_not_count(got, weights + biases, mistakes, said_of(conv))

    return first_wrong(answers, judged)


@question
def conv_macs(context):
    """MACs of convolutions on a batch of pictures, exactly."""
    calls = list(draw_convolutions(context.rng))
    answers = yield Calls(calls)

    def judged(place, got):
        conv, side, batch = calls[place]
        inputs, outputs, kernel, stride, padding, dilation, groups, bias = conv.values()
        each = inputs // groups * outputs
        weights = kernel**2 * each
        reach = dilation * (kernel - 1) + 1
        free = side + 2 * padding - reach
        places = free // stride + 1
        right = batch * weights * places**2
        parts_too = batch * weights * (free / stride + 1) ** 2
        if is_number(got) and got != right and isclose(got, parts_too, rel_tol=1e-12):
            return "places are whole: a kernel that would stick out is not put there (//, not /)"
        mistakes = [
            (2 * right, "these are FLOP; a MAC is a multiplication and an addition"),
            (right // batch, "the batch is missing: this is one picture"),
            (2 * right // batch, "these are FLOP, and of one picture only: the batch is missing"),
            (
                batch * (weights + outputs * bias) * places**2,
                "these are parameters times places; a bias is added without a multiplication",
            ),
            (batch * kernel * each * places**2, "a kernel is a square: side times side weights"),
            (batch * each * places**2, "the kernel is missing: side times side weights"),
            (batch * weights, "this is one place; the kernel is put at many"),
            (batch * weights * places, "this is one row of places; a picture has many rows"),
            (
                batch * weights * side**2,
                "the output is not as large as the input: padding, kernel and stride decide",
            ),
            (
                batch * weights * ((side - reach) // stride + 1) ** 2,
                "the padding is missing: it makes room for more places",
            ),
            (
                batch * weights * ((free - padding) // stride + 1) ** 2,
                "padding is put on both sides of the picture",
            ),
            (
                batch * weights * (free // stride) ** 2,
                "a kernel as large as the picture still fits once: one place more",
            ),
            (
                batch * weights * (free + 1) ** 2,
                "the stride is missing: the kernel moves by so many pixels",
            ),
            (
                batch * weights * (free // stride + 2) ** 2,
                "round down: a kernel that would stick out is not put there",
            ),
            (
                batch * weights * ((side + 2 * padding - kernel) // stride + 1) ** 2,
                "the dilation is missing: a dilated kernel covers more pixels",
            ),
            (groups * right, "an output sees only the channels of its own group"),
            (right // groups, "groups divide once: all outputs stay, each sees fewer channels"),
            (batch * kernel**2 * outputs * places**2, "each output sums over its input channels"),
            (batch * kernel**2 * inputs * places**2, "the output channels are missing"),
        ]
        return why_not_count(got, right, mistakes, said_of(conv))

    return first_wrong(answers, judged)


@question
def trained_and_kept(context):
    """Parameters and buffers of convolutions with batch normalisation; half for each."""
    rng, calls = context.rng, []
    for layers in (1, 2, 4):
        channels = rng.choice(np.arange(3, 200), size=layers + 1, replace=False).tolist()
        calls.append((channels, int(rng.choice([3, 5, 7]))))
    answers = yield Calls(calls)

    def judged(name, place, got):
        channels, kernel = calls[place]
        layers, normalised = len(channels) - 1, sum(channels[1:])
        weights = kernel**2 * sum(a * b for a, b in zip(channels, channels[1:], strict=False))
        asked = f"{layers} convolution{'s' * (layers > 1)} with batch normalisation"
        if name == "parameters":
            mistakes = [
                (
                    weights + 4 * normalised,
                    "you counted the running mean and variance too: they are kept and not trained",
                ),
                (
                    weights + 4 * normalised + layers,
                    "you counted all that is stored: what is kept and not trained are buffers",
                ),
                (weights, "a batch normalisation trains a scale and a shift for each channel"),
                (weights + normalised, "scale and shift: two numbers for each channel"),
                (
                    weights + 3 * normalised,
                    "these convolutions have no bias: the normalisation would take it away again",
                ),
                (
                    weights + 2 * sum(channels[:-1]),
                    "the channels that come out of a convolution are normalised, not its inputs",
                ),
                (2 * normalised, "the weights of the convolutions are missing"),
            ]
            return why_not_count(got, weights + 2 * normalised, mistakes, asked)
        mistakes = [
            (2 * normalised, "the counters are missing: each normalisation counts its batches"),
            (2 * normalised + 1, "each batch normalisation has a counter of its own"),
            (normalised + layers, "a mean and a variance: two numbers for each channel"),
            (normalised, "a mean and a variance for each channel, and a counter of batches"),
            (3 * normalised, "the counter is one number for each normalisation, not each channel"),
            (4 * normalised, "scale and shift are trained: they are parameters"),
            (4 * normalised + layers, "scale and shift are trained: they are parameters"),
            (
                2 * sum(channels[:-1]) + layers,
                "the channels that come out of a convolution are normalised, not its inputs",
            ),
            (0, "something is kept that is not trained: look at state_dict()"),
        ]
        return why_not_count(got, 2 * normalised + layers, mistakes, asked)

    return in_parts(answers, ("parameters", "buffers"), judged)


@question
def attention_counts(context):
    """Parameters and MACs of multi-head self-attention; half of the points for each."""
    rng, calls = context.rng, []
    for heads in (3, 1, 4, 6):
        head_width = int(rng.integers(5, 40))
        tokens = int(rng.choice([n for n in range(50, 600) if n % (heads * head_width)]))
        calls.append((tokens, heads * head_width, heads, int(rng.integers(7, 60))))
    answers = yield Calls(calls)

    def judged(name, place, got):
        tokens, width, heads, batch = calls[place]
        asked = "one of the shapes"
        if name == "parameters":
            right = 4 * width**2 + 4 * width
            mistakes = [
                (4 * width**2, "the biases are missing: each projection has one for each channel"),
                (4 * width**2 + width, "each of the four projections has biases"),
                (4 * width**2 + 4, "a projection has a bias for each channel that it gives out"),
                (3 * width**2 + 3 * width, "the output has a projection too: there are four"),
                (3 * width**2, "the output has a projection too, and the biases are missing"),
                (width**2 + width, "this is one projection; there are four"),
                (heads * right, "heads share the width: together they have what one would have"),
                (heads * 4 * width**2, "heads share the width, and the biases are missing"),
                (right // heads, "this is one head: all together make up the width"),
                (
                    right + tokens**2,
                    "scores are computed for each sequence; they are no parameters",
                ),
                (batch * right, "parameters do not depend on the batch"),
            ]
            return why_not_count(got, right, mistakes, asked)
        projections, products = 4 * tokens * width**2, 2 * tokens**2 * width
        right = batch * (projections + products)
        mistakes = [
            (2 * right, "these are FLOP; a MAC is a multiplication and an addition"),
            (right // batch, "the batch is missing: this is one sequence"),
            (2 * right // batch, "these are FLOP, and of one sequence: the batch is missing"),
            (right // tokens, "this is the work for one token, not for a sequence"),
            (right // (batch * tokens), "this is the work for one token, not for a sequence"),
            (batch * projections, "the products of tokens with tokens are missing: T x T x d"),
            (batch * products, "the four projections are missing: each is T x d x d"),
            (
                batch * (projections * 3 // 4 + products),
                "the output has a projection too: there are four",
            ),
            (
                batch * (projections + products // 2),
                "there are two products of T x T x d: scores, and scores times values",
            ),
            (
                batch * (projections + heads * products),
                "a head works on its share of the width: together they do T x T x d, twice",
            ),
            (heads * right, "heads share the width: together they do what one would do"),
            (
                batch * (projections + products // heads),
                "the products are those of one head: all together make up the width",
            ),
            (
                batch * (projections + 4 * tokens * width + products),
                "a bias is added without a multiplication: no MAC",
            ),
            (
                batch * (4 * width**2 + products),
                "each of the tokens is projected, not only one",
            ),
        ]
        return why_not_count(got, right, mistakes, asked)

    return in_parts(answers, ("parameters", "MACs"), judged)


@question
def memory_bytes(context):
    """Bytes of weights and of a training step with Adam; half of the points for each."""
    rng, calls = context.rng, []
    for kind in ("float16", "float32", "float64", "bfloat16"):
        parameters, kept = (2 * rng.integers(10_000, 5_000_000, size=2) + 1).tolist()
        calls.append((parameters, kept, 2 * int(rng.integers(5, 50)) + 1, kind))
    answers = yield Calls(calls)

    def judged(name, place, got):
        parameters, kept, batch, kind = calls[place]
        size = BYTES[kind]
        if name == "weights":
            right = size * parameters
            mistakes = [
                (8 * right, "these are bits; a byte is eight of them"),
                (parameters, "these are numbers, not bytes"),
                (4 * parameters, f"a number of {kind} does not take 4 bytes"),
                (2 * parameters, f"a number of {kind} does not take 2 bytes"),
                (8 * parameters, f"a number of {kind} does not take 8 bytes"),
                (batch * right, "all examples of a batch share the weights"),
                (4 * right, "this is what Adam's training holds; the weights alone are asked for"),
            ]
            return why_not_count(got, right, mistakes, f"weights in {kind}")
        held = 4 * parameters + batch * kept
        right = size * held
        mistakes = [
            (8 * right, "these are bits; a byte is eight of them"),
            (held, "these are numbers, not bytes"),
            *((n * held, f"a number of {kind} does not take {n} bytes") for n in (2, 4, 8)),
            (right - size * parameters, "one of four is missing: weights, gradients, two moments"),
            (right - 2 * size * parameters, "half is missing: weights, gradients, two moments"),
            (
                right - 3 * size * parameters,
                "beside the weights stand their gradients, and two moments of each for Adam",
            ),
            (size * batch * kept, "the weights, and what belongs to each weight, are missing"),
            (4 * size * parameters, "the activations are missing: kept until the way back"),
            (
                size * (4 * parameters + kept),
                "the batch is missing: activations are kept for each of its examples",
            ),
            (
                size * batch * (4 * parameters + kept),
                "all examples of a batch share weights, gradients and moments",
            ),
            (
                size * (4 * parameters + 2 * batch * kept),
                "activations are kept once: their gradients come and go on the way back",
            ),
        ]
        return why_not_count(got, right, mistakes, f"training in {kind}")

    return in_parts(answers, ("weights", "training"), judged)


# --- spikes ---


def draw_cell(rng):
    """A membrane whose reset lies below its rest."""
    rest = rng.uniform(-75, -60)
    cell = {
        "time_constant_ms": rng.uniform(12, 25),
        "resistance_megaohm": rng.uniform(5, 40),
        "rest_mv": rest,
        "threshold_mv": rest + rng.uniform(11, 20),
        "reset_mv": rest - rng.uniform(4, 9),
        "refractory_ms": 0.5 * int(rng.integers(6, 11)),
    }
    return {name: round(float(value), 1) for name, value in cell.items()}


def threshold_of(cell):
    """The threshold current in nA."""
    return (cell["threshold_mv"] - cell["rest_mv"]) / cell["resistance_megaohm"]


def climb_ms(cell, current, start="reset_mv", logarithm=log):
    """How long a constant current takes from a voltage to the threshold."""
    goal = cell["rest_mv"] + cell["resistance_megaohm"] * current
    if goal <= cell["threshold_mv"]:
        return inf
    start = cell[start] if isinstance(start, str) else start
    ratio = (goal - start) / (goal - cell["threshold_mv"])
    return cell["time_constant_ms"] * logarithm(ratio)


@question
def threshold_current_na(context):
    """The rheobase, from rest and not from reset."""
    cells = [draw_cell(context.rng) for _ in range(4)]
    answers = yield Calls([(cell,) for cell in cells])

    def judged(place, got):
        cell = cells[place]
        if not is_number(got):
            return "return one number, in nA"
        right, resistance = threshold_of(cell), cell["resistance_megaohm"]
        threshold, rest, reset = (cell[f"{name}_mv"] for name in ("threshold", "rest", "reset"))
        mistakes = [
            (right, None),
            (-right, "the sign is wrong: a current that raises the voltage is positive"),
            (
                (threshold - reset) / resistance,
                "a steady current lifts the voltage above rest; the reset plays no part",
            ),
            (threshold / resistance, "voltage is lifted from rest, not from zero"),
            (-threshold / resistance, "voltage is lifted from rest, not from zero"),
            ((threshold - rest) * resistance, "a current is a voltage divided by a resistance"),
            (resistance / (threshold - rest), "this is upside down: voltage over resistance"),
            (threshold - rest, "this is a voltage; the resistance is missing"),
        ]
        for value, said in mistakes:
            if isclose(got, value, rel_tol=1e-6):
                return said
        for power in (-12, -9, -6, -3, 3, 6):
            if isclose(got, right * 10.0**power, rel_tol=1e-6):
                return "the unit is nA: a millivolt over a megaohm is a nanoampere"
        return f"this is {got / right:.3g} times the current that just reaches the threshold"

    return first_wrong(answers, judged)


@question
def rate_per_s(context):
    """The f-I curve in closed form."""
    rng, calls = context.rng, []
    for low, high in ((1.3, 2), (0.5, 0.95), (1.002, 1.02), (4, 10)):
        cell = draw_cell(rng)
        calls.append((cell, threshold_of(cell) * rng.uniform(low, high)))
    answers = yield Calls(calls)

    def judged(place, got):
        cell, current = calls[place]
        refractory, climb = cell["refractory_ms"], climb_ms(cell, current)
        if climb == inf:
            silent = is_number(got) and got == 0
            return None if silent else "up to the threshold current the rate is 0: one number, 0"
        if not is_number(got):
            return "return one number, in spikes a second"
        period = refractory + climb
        decimal = climb_ms(cell, current, logarithm=log10)
        mistakes = [
            (1000 / period, None),
            (1000 / climb, "the refractory time is missing: each spike is followed by it"),
            (1 / period, "this is spikes a millisecond; a second is asked for"),
            (1 / climb, "this is spikes a millisecond, and the refractory time is missing"),
            (period, "this is the time between spikes in ms; its inverse is the rate"),
            (period / 1000, "this is the time between spikes; its inverse is the rate"),
            (1000 / (refractory + decimal), "this is the decimal logarithm; take the natural one"),
            (
                1000 / decimal,
                "the logarithm is the natural one, and the refractory time is missing",
            ),
            (
                1000 / (refractory + climb_ms(cell, current, "rest_mv")),
                "after a spike the voltage climbs from the reset, not from rest",
            ),
            (
                1000 / climb_ms(cell, current, "rest_mv"),
                "the climb begins at the reset, and the refractory time is missing",
            ),
            (1000 / (refractory - climb), "the fraction in the logarithm is upside down"),
            (1000 / (refractory / 1000 + climb), "the refractory time is in ms already"),
            (1000 / (1000 * refractory + climb), "the refractory time is in ms, as the rest is"),
        ]
        for value, said in mistakes:
            if isclose(got, value, rel_tol=1e-6):
                return said
        return f"your rate is {got * period / 1000:.3g} times that of theory"

    return first_wrong(answers, judged)


def current_for(cell, period_ms):
    """The constant current at which a cell fires each so many ms: the f-I curve solved for it."""
    growth = exp((period_ms - cell["refractory_ms"]) / cell["time_constant_ms"])
    below, above = cell["rest_mv"] - cell["reset_mv"], cell["threshold_mv"] - cell["rest_mv"]
    return (below + growth * above) / (growth - 1) / cell["resistance_megaohm"]


def periods(cell, current):
    """The time between spikes, and what mistakes make of it, in ms."""
    wait, climb = cell["refractory_ms"], climb_ms(cell, current)
    short = climb_ms(cell, current, "rest_mv")
    return [
        (wait + climb, None),
        (climb, "no refractory time: the voltage must stay at the reset for so long"),
        (wait + short, "after a spike the voltage starts from the reset, not from rest"),
        (short, "the voltage starts from the reset, and the refractory time is missing"),
    ]


def draw_steady(rng, period_ms):
    """A cell and the current that makes it fire so often, with mistakes well apart."""
    while True:
        cell = draw_cell(rng)
        current = current_for(cell, period_ms)
        found = sorted(period for period, _ in periods(cell, current))
        if all(b > (1 + 3 * BAND) * a for a, b in zip(found, found[1:], strict=False)):
            return cell, current


def draw_changing(rng):
    """A cell and currents that switch it on and off, with the milliseconds at which they do."""
    cell = draw_cell(rng)
    switches, currents = [0], []
    for place in range(6):
        lasting = int(rng.integers(80, 150))
        if place % 2:
            level = current_for(cell, rng.uniform(13, 25))
        else:
            level = threshold_of(cell) * rng.uniform(0, 0.9)
        currents += [float(level)] * lasting
        switches.append(len(currents))
    return cell, currents, switches


def exact_spikes_ms(cell, current_na):
    """Times of spikes under a current that is constant within each millisecond, without steps."""
    voltage, blocked, times = cell["rest_mv"], 0.0, []
    for place, current in enumerate(current_na):
        now = 0.0
        while True:
            waited = min(blocked, 1 - now)
            blocked, now = blocked - waited, now + waited
            climb = climb_ms(cell, current, voltage)
            if blocked or now + climb > 1:
                break
            now += climb
            times.append(place + now)
            voltage, blocked = cell["reset_mv"], cell["refractory_ms"]
        goal = cell["rest_mv"] + cell["resistance_megaohm"] * current
        voltage = goal + (voltage - goal) * exp(-(1 - now) / cell["time_constant_ms"])
    return times


def why_no_times(got, lasting_ms):
    """What is wrong with a list of times in ms, or None."""
    got = got.tolist() if isinstance(got, np.ndarray) else got
    if not isinstance(got, list) or not all(map(is_number, got)):
        return "return a list of numbers, the times of the spikes in ms"
    if any(b <= a for a, b in zip(got, got[1:], strict=False)):
        return "times of spikes rise: no two are equal, and none goes back"
    if got and not (got[0] >= 0 and got[-1] <= lasting_ms + 1):
        return "a spike lies outside the time of the currents: times are in ms, not steps"
    return None


def why_not_steady(cell, current, times):
    """What is wrong with spikes under a constant current, or None."""
    if current < threshold_of(cell):
        return "it fires though the current is below the threshold current" if len(times) else None
    if not len(times):
        return "it is silent though the current is above the threshold current"
    if len(times) < 3:
        return "it fires once or twice and never again: is the voltage reset after a spike?"
    mean = (times[-1] - times[0]) / (len(times) - 1)
    right = cell["refractory_ms"] + climb_ms(cell, current)
    if isclose(1000 * mean, right, rel_tol=BAND):
        return "these are seconds; times are asked for in ms"
    if mean < 1.2 or isclose(mean, cell["refractory_ms"], abs_tol=0.4):
        return "it fires again as soon as it can: the voltage is not reset after a spike"
    for period, said in periods(cell, current):
        if isclose(mean, period, rel_tol=BAND):
            if said is None and abs(times[0] - climb_ms(cell, current, "rest_mv")) > 0.7:
                return "the first spike is at the wrong time: at the beginning the voltage is rest"
            return said
    ratio = right / mean
    near = "; is your step small enough? Halve it and see whether the rate moves"
    return f"it fires {ratio:.3g} times as often as theory says" + near * (0.75 < ratio < 1.25)


def why_not_changing(cell, currents, switches, times):
    """What is wrong with spikes under a changing current, or None."""
    right = exact_spikes_ms(cell, currents)
    got, wanted = (np.histogram(one, switches)[0] for one in (times, right))
    if (abs(got - wanted) <= 1).all():
        return None
    if got[wanted <= 1].max() > 1:
        return "it fires while the current is too low: current_na[k] is the current in ms k"
    if got[wanted > 1].min() == 0:
        return "it misses times in which the current is high: current_na[k] is that in ms k"
    return "it does not follow the current: in a burst the number of spikes is off by two or more"


@question
def spike_times_ms(context):
    """Simulated spikes: two thirds for the f-I curve, the rest for a current that changes."""
    rng = context.rng
    steady = [draw_steady(rng, period) for period in (FAST_MS, 20, 30, 45)]
    cell = draw_cell(rng)
    steady.append((cell, threshold_of(cell) * rng.uniform(0.8, 0.95)))
    changing = [draw_changing(rng) for _ in range(2)]
    calls = [(cell, [current] * 500) for cell, current in steady]
    calls += [(cell, currents) for cell, currents, _ in changing]
    answers = yield Calls(calls)

    def judged(place, got):
        _, currents = calls[place]
        if reason := why_no_times(got, len(currents)):
            return reason
        if place < len(steady):
            return why_not_steady(*steady[place], got)
        return why_not_changing(*changing[place - len(steady)], got)

    if reason := first_wrong(answers[: len(steady)], judged):
        return f"constant current: {reason}"
    reason = first_wrong(
        answers[len(steady) :], lambda place, got: judged(place + len(steady), got)
    )
    return Judgement(2 / 3, f"changing current: {reason}") if reason else None


@question
def break_even(context):
    """Activity at which spikes and multiplications take the same energy, with what is idle."""
    rng, calls = context.rng, []
    for low, high in ((0.2, 0.7), (0.2, 0.7), (1.3, 3)):  # idle energy over that of the MACs
        mac, event = 10 ** rng.uniform(-0.5, 1.2), 10 ** rng.uniform(0.3, 1.5)
        weights, window = int(10 ** rng.uniform(5, 7)), rng.uniform(2, 90)
        idle = rng.uniform(low, high) * weights * mac / (1e6 * window)
        calls.append((mac, event, weights, idle, window))
    answers = yield Calls(calls)

    def judged(place, got):
        mac, event, weights, idle, window = calls[place]
        if not is_number(got):
            return "return one number, events per input and inference"

        def at(idle_pj, macs=1):
            return (macs * weights * mac - idle_pj) / (weights * event)

        idle_pj = 1e6 * idle * window
        mistakes = [
            (max(at(idle_pj), 0.0), None),
            (at(idle_pj), "idle power alone takes more than the MACs: no activity is low enough"),
            (
                at(0),
                "the chip's idle power is missing: it is drawn whether anything happens or not",
            ),
            (at(-idle_pj), "idle energy leaves less for the events, not more"),
            (1 / at(0), "this is upside down: the dearer an event, the fewer you can pay for"),
            (max(at(idle_pj, 2), 0.0), "this counts FLOP; the price is that of a MAC"),
            (
                max((mac - idle_pj) / event, 0.0),
                "idle energy is that of the whole chip: share it among the weights",
            ),
        ]
        for power in (-9, -6, -3, 0, 3, 9, 12):
            off = max(at(idle * window * 10.0**power), 0.0)
            mistakes.append((off, "a milliwatt for a millisecond is a microjoule: 10^6 pJ"))
        if isclose(got, mistakes[0][0], rel_tol=1e-6):
            return None
        for value, said in mistakes:
            if isclose(got, value, rel_tol=1e-9):  # a wrong unit may leave next to nothing
                return said
        return (
            "at the break-even the events of all weights, and what is idle, take as much energy "
            "as one MAC for each weight"
        )

    return first_wrong(answers, judged)
