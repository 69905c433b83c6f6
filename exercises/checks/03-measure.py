"""Checks of exercise 3. They run in the grader on values that the notebook returned, and, with
public inputs, in the notebook itself. Nothing here is secret: only the seeds of the inputs are.
"""

from datetime import datetime
from math import isclose, isfinite, prod
from warnings import catch_warnings, simplefilter

import numpy as np

from course_lib import fit_power_law
from course_lib.checking import Calls, Judgement, Unusable, question
from course_lib.checking.answers import first_wrong, is_number, numbers, why_not_count
from course_lib.checking.audit import audit_records
from course_lib.checking.skill import draw_problems
from course_lib.forecasting import as_arguments, judge_forecasts

WITHHELD = ("course_lib.counting", "course_lib.closed_form")

SIZES = {
    "matmul": [64, 96, 128, 192, 256, 384, 512, 768],
    "mlp": [32, 48, 64, 96, 128, 192, 256, 384, 512],
    "attention": [64, 96, 128, 192, 256, 384, 512, 768, 1024],
}
EXPONENTS = {"matmul": (2.2, 3.5), "mlp": (1.3, 2.7), "attention": (0.8, 2.5)}
LARGE = 8 * max(SIZES["mlp"])
# Of 50 draws, intervals of the course's own method held in 84 to 98 % of the measurements, its
# intervals of the mean in 55 to 82 %, and in under 74 % in nineteen draws of twenty.
FEWEST_HELD = 0.78


# --- counting ---


def draw_networks(rng):
    """Widths of some networks, and batches: no two numbers that a mistake could confuse."""
    for layers in (2, 3, 5, 1):
        yield (
            rng.choice(np.arange(3, 300), size=layers + 1, replace=False).tolist(),
            int(rng.integers(2, 200)),
        )


def dense(widths):
    """Multiply-accumulates of the dense layers for one row, layer by layer."""
    return [a * b for a, b in zip(widths, widths[1:], strict=False)]


@question
def mlp_flop(context):
    """FLOP of a forward pass; the usual mistakes are told apart."""
    networks = list(draw_networks(context.rng))
    answers = yield Calls(networks)

    def judged(place, got):
        widths, batch = networks[place]
        macs = batch * sum(dense(widths))
        mistakes = [
            (macs, "you counted multiply-accumulates (MACs); FLOP are twice that"),
            (macs // batch, "you counted MACs, and of one row only: the batch is missing"),
            (2 * macs // batch, "the batch is missing: this is one row"),
            (
                2 * macs + batch * sum(widths[1:]),
                "you counted the biases too; the convention leaves them out",
            ),
            (6 * macs, "this is three times the forward pass, which is a rule for training"),
            (
                2 * batch * sum(w * w for w in widths),
                "a layer multiplies its inputs by its outputs, not by its inputs",
            ),
            (
                2 * batch * prod(widths),
                "the products of the layers add up; you multiplied them with each other",
            ),
        ]
        return why_not_count(got, 2 * macs, mistakes, f"a network with {len(widths) - 1} layers")

    return first_wrong(answers, judged)


@question
def mlp_training_flop(context):
    """FLOP of a training step."""
    networks = list(draw_networks(context.rng))
    answers = yield Calls(networks)

    def judged(place, got):
        widths, batch = networks[place]
        layers = [2 * batch * macs for macs in dense(widths)]
        forward, first, last = sum(layers), layers[0], layers[-1]
        right = 3 * forward - first
        mistakes = [
            (3 * forward, "three times forward is one too many: who needs the data's gradient?"),
            (2 * forward, "this is forward and one product more; backwards each layer has two"),
            (2 * forward - first, "this is the backward pass alone: add the forward pass"),
            (forward, "this is the forward pass alone"),
            (3 * forward - last, "it is the first layer's input gradient that nobody needs"),
            (right // 2, "you counted multiply-accumulates (MACs); FLOP are twice that"),
            (right // batch, "the batch is missing: this is one row"),
        ]
        return why_not_count(got, right, mistakes, f"a network with {len(widths) - 1} layers")

    return first_wrong(answers, judged)


@question
def attention_flop(context):
    """FLOP of self-attention with its four projections."""
    rng = context.rng
    shapes = [
        (int(rng.integers(3, 700)), 3 * int(rng.integers(2, 150)) + 1, int(rng.integers(2, 50)))
        for _ in range(4)
    ]
    answers = yield Calls(shapes)

    def judged(place, got):
        tokens, width, batch = shapes[place]
        projections, products = 8 * tokens * width**2, 4 * tokens**2 * width
        right = batch * (projections + products)
        mistakes = [
            (right // 2, "you counted multiply-accumulates (MACs); FLOP are twice that"),
            (right // batch, "the batch is missing: this is one sequence"),
            (right // (batch * tokens), "this is the work for one token, not for a sequence"),
            (right // tokens, "this is the work for one token, not for a sequence"),
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
        ]
        return why_not_count(got, right, mistakes, "one of the shapes")

    return first_wrong(answers, judged)


# --- measuring ---


@question
def steady_seconds(context):
    """The steady state in times that begin with a warm-up and have interruptions."""
    rng, series, truths = context.rng, [], []
    for _ in range(6):
        steady = 10 ** rng.uniform(-6, 0)
        calls = int(rng.integers(40, 120))
        settling = rng.uniform(1, calls / 30)  # calls in which what is left falls to a third
        times = steady * (1 + rng.uniform(8, 60) * np.exp(-np.arange(calls) / settling))
        times *= 1 + 0.01 * rng.standard_normal(calls)
        late = rng.random(calls) < 0.04
        times[late] *= rng.uniform(1.5, 6, size=late.sum())  # somebody else was served
        series.append((times.tolist(),))
        truths.append(steady)
    answers = yield Calls(series)

    def judged(place, got):
        times, steady = series[place][0], truths[place]
        if not is_number(got):
            return "return one number of seconds"
        if abs(got / steady - 1) < 0.06:
            return None
        if isclose(got, times[0], rel_tol=0.01):
            return "this is the first call, which pays for everything that is done once"
        if isclose(got, np.mean(times), rel_tol=0.01):
            return "this is the mean of all calls: the warm-up, and every interruption, is in it"
        if isclose(got, sum(times), rel_tol=0.01):
            return "this is the sum of all calls; one call is asked for"
        if isclose(got, max(times), rel_tol=0.01):
            return "this is the slowest call"
        return f"this is {got / steady:.2f} times a call in the steady state"

    return first_wrong(answers, judged)


def least(records, kind, clock="cpu_seconds"):
    """The least recorded time of a call at each size of a kind."""
    return [min(records[f"{kind}-{size}"]["samples"][clock]) for size in SIZES[kind]]


def why_no_record(records, kind):
    """What is missing in the records of a kind, or None."""
    for size in SIZES[kind]:
        name = f"{kind}-{size}"
        if name not in records:
            return f"no recorded samples named {name}: measure(..., name=...) records them"
        try:
            times = [float(t) for t in records[name]["samples"]["cpu_seconds"]]
            warm = records[name]["warmup_samples"]["calls"]
        except (KeyError, TypeError, ValueError):
            return f"the record {name} is damaged"
        if len(times) < 5 or not all(t > 0 and isfinite(t) for t in times):
            return f"{name} has {len(times)} samples; at least 5 times above zero are needed"
        if not warm:
            return f"{name} was measured without warm-up"
    return None


def why_not_sweep(records, kind, given):
    """What is wrong with the times that are claimed for a kind, or None."""
    if missing := why_no_record(records, kind):
        return missing
    given = numbers(given, len(SIZES[kind]))
    if given is None:
        return f"y[{kind!r}] must be a list of {len(SIZES[kind])} numbers, one for each size"
    for claimed, recorded, wall in zip(
        given, least(records, kind), least(records, kind, "seconds"), strict=True
    ):
        if isclose(claimed, recorded, rel_tol=1e-6):
            continue
        if isclose(claimed, wall, rel_tol=1e-6):
            return "this is wall time; use CPU time, which a busy neighbour does not lengthen"
        if isclose(claimed, 1000 * recorded, rel_tol=0.2):
            return "this is in ms; the unit is s"
        return f"y[{kind!r}] has {claimed:.3g} s where the least recorded is {recorded:.3g} s"
    return None


@question
def sweep(context):
    """Claimed times against the recorded samples; a third of the points for each kind."""
    records = context.records
    given = yield
    if not isinstance(given, dict):
        return "y must be a dictionary with a list for each kind"
    reasons = {kind: why_not_sweep(records, kind, given.get(kind)) for kind in SIZES}
    right = [kind for kind, reason in reasons.items() if reason is None]
    wrong = [f"{kind}: {reason}" for kind, reason in reasons.items() if reason]
    found = () if context.public else audit_records(records, context.forecasts)
    flags = tuple(f"samples: {one.evidence}" for one in found)
    return Judgement(len(right) / len(SIZES), "; ".join(wrong), flags=flags)


@question
def fits(context):
    """Claimed laws against those of the recorded samples; a third of the points for each."""
    records = context.records
    given = yield
    if not isinstance(given, dict):
        return "fits must be a dictionary with an exponent and an overhead for each kind"
    judged = {kind: why_not_fit(records, kind, given.get(kind)) for kind in SIZES}
    if any(isinstance(one, Judgement) for one in judged.values()):
        return next(one for one in judged.values() if isinstance(one, Judgement))
    right = sum(one is None for one in judged.values())
    said = "; ".join(f"{kind}: {one}" for kind, one in judged.items() if one)
    return Judgement(right / len(SIZES), said)


def law_of(kind, times, irreducible):
    """The law of the least times of a kind."""
    with catch_warnings():
        simplefilter("ignore")  # a launch too short to be seen is no concern of the student's
        return fit_power_law(SIZES[kind], times, irreducible=irreducible, direction="grows")


def why_not_fit(records, kind, given):
    """What is wrong with the law that is claimed for a kind; None, or a person's decision."""
    if missing := why_no_record(records, kind):
        return missing
    given = numbers(given, 2)
    if given is None:
        return "give (exponent, overhead), two numbers"
    exponent, overhead = given
    times = least(records, kind)
    law = law_of(kind, times, "free")
    low, high = EXPONENTS[kind]
    if not low < law.exponent < high:
        return Judgement(
            None,
            f"the samples of {kind} grow with exponent {law.exponent:.2f}, which is far from what "
            f"such a call does ({low} to {high}): was something else measured?",
        )
    if not abs(exponent - law.exponent) < 0.1:
        line = law_of(kind, times, "none")
        if abs(exponent - line.exponent) < 0.05:
            return f"{exponent:.2f} is a straight line's slope: it takes the launch for growth"
        if abs(exponent + law.exponent) < 0.1:
            return "the sign is wrong: cost grows with size"
        return f"the exponent is {exponent:.2f}; your samples give {law.exponent:.2f}"
    if not isclose(overhead, law.E, rel_tol=0.25, abs_tol=0.02 * min(times)):
        if isclose(overhead, 1000 * law.E, rel_tol=0.25):
            return "the overhead is in ms; the unit is s"
        return f"the overhead is {overhead:.3g} s; your samples give {law.E:.3g} s"
    return None


@question
def attainable(context):
    """A roofline: intensity, and the lower of its two roofs."""
    rng, calls, truths = context.rng, [], []
    for place in range(6):
        peak, bandwidth = 10 ** rng.uniform(10, 15), 10 ** rng.uniform(10, 12.5)
        flop = 10 ** rng.uniform(6, 12)
        intensity = peak / bandwidth * 10 ** (rng.uniform(0.1, 2) * (-1) ** place)
        calls.append((flop, flop / intensity, peak, bandwidth))
        truths.append((intensity, min(peak, intensity * bandwidth)))
    answers = yield Calls(calls)

    def judged(place, got):
        _, _, peak, bandwidth = calls[place]
        intensity, rate = truths[place]
        got = numbers(got, 2)
        if got is None:
            return "return two numbers: arithmetic intensity and attainable FLOP/s"
        if isclose(got[0], intensity, rel_tol=1e-6) and isclose(got[1], rate, rel_tol=1e-6):
            return None
        if isclose(got[0], 1 / intensity, rel_tol=1e-6):
            return "arithmetic intensity is FLOP per byte; this is bytes per FLOP"
        if isclose(got[1], peak, rel_tol=1e-6):
            return "this is the peak; memory can only feed so many FLOP/s: intensity x bandwidth"
        if isclose(got[1], intensity * bandwidth, rel_tol=1e-6):
            return "no call is quicker than the peak"
        return "intensity is FLOP per byte; the roof is the lower of peak and intensity x bandwidth"

    return first_wrong(answers, judged)


# --- forecasting ---


@question
def forecast(context):
    """Intervals on problems whose truth is known, beside the course's own method."""
    problems = draw_problems(context.rng)
    given = as_arguments(problems)
    answers = yield Calls([(np.array(x), np.array(y), *rest) for x, y, *rest in given])
    if reason := judge_forecasts(problems, answers).reason:
        return reason
    held = [
        low <= truth <= high
        for problem, (_, low, high) in zip(problems, answers, strict=True)
        if problem.kind in ("cost", "loss")  # made by a law, which an honest interval knows
        for truth in problem.truths
    ]
    if np.mean(held) < FEWEST_HELD:
        return (
            f"{np.mean(held):.0%} of your 90% intervals held: too narrow. The law may run there, "
            "but a new measurement has its own noise"
        )
    return None


@question
def large(context):
    """The forecast of the large network: said first, and what the function says."""
    records = context.records
    if missing := why_no_record(records, "mlp"):
        raise Unusable(missing)
    times = least(records, "mlp")
    (own,) = yield Calls([(np.array(SIZES["mlp"], dtype=float), np.array(times), LARGE, 0.9)])
    return why_not_committed(context.forecasts, records, own, times)


def why_not_committed(forecasts, records, own, times):
    """What is wrong with the forecast of the large network, or None."""
    if "mlp-large" not in forecasts:
        return 'no forecast named "mlp-large" is in forecasts.jsonl: commit it'
    if "mlp-large" not in records:
        return 'the large network is not on record: measure(..., name="mlp-large")'
    said, ran = forecasts["mlp-large"], records["mlp-large"]
    try:
        committed, ended = (datetime.fromisoformat(t) for t in (said["time"], ran["recorded"]))
        claim = said["forecast"]
        claimed = [float(claim[part]) for part in ("median", "low", "high")]
        truth = min(float(t) for t in ran["samples"]["cpu_seconds"])
    except (KeyError, TypeError, ValueError):
        return "the forecast or the record of the large network is damaged"
    if not committed <= ended:
        return "the large network was measured before the forecast was committed"
    if claim.get("level") != 0.9:
        return f"the forecast has the level {claim.get('level')}; give 0.9"
    if claim.get("unit") != "s":
        return f"the forecast is in {claim.get('unit')!r}; give 's'"
    own = numbers(own, 3)
    if own is None or not np.allclose(claimed, own, rtol=0.1):
        return "the committed forecast is not what your forecast() says about your sweep"
    if not is_number(said.get("truth")):
        return "verify the forecast with what you measured"
    if not isclose(said["truth"], truth, rel_tol=1e-6):
        return (
            f"you verified with {said['truth']:.3g} s; the least recorded CPU time is {truth:.3g} s"
        )
    if truth < 2 * max(times):
        return "the large network took no longer than the small ones: was LARGE measured?"
    return None
