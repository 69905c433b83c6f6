"""What exercise 7's checks say, and that what they hold for right is right."""

import math
import re

import numpy as np
import pytest

from course_lib import Estimate, Run, fact
from course_lib.checking.questions import Context
from tests.exercises.judging import judge

NAME = "07-footprint"
SEEDS = range(5)


def inputs(checks, question, seed):
    return checks.questions[question].inputs(Context(np.random.default_rng(seed)))


# --- the notebook ---


def test_the_notebook_shows_what_the_checks_hold_the_audit_to(reference, inside):
    """Bounds stand in both: students see them, and the grader does not take the students' word."""
    assert reference["SEEN"] == inside["SEEN"]
    assert reference["CLAIMS_T"] == inside["CLAIMS_T"]
    assert reference["CHIP_HOURS"] == inside["CHIP_HOURS"]


def test_the_reference_is_right_whatever_the_inputs(checks, reference):
    functions = {
        "chip-hours": "chip_hours",
        "energy": "energy_kwh",
        "by-the-hour": "job_kg",
        "making": "making_share",
        "choice": "choose",
        "paid-back": "paid_back",
        "interval": "product_interval",
        "shared": "ratio_interval",
        "audit": "audit",
    }
    assert set(functions) == set(checks.questions)
    for seed in range(25):
        for question, name in functions.items():
            judged = judge(checks, question, reference[name], seed)
            assert judged.share == 1, (question, seed, judged.reason)


# --- beside independent sources ---


def test_the_reference_agrees_with_the_bill_of_the_library(reference):
    run = Run(training_flop=6 * 7e9 * 2e12, peak_flop_per_s=3.12e14, mfu=0.4)
    assert reference["chip_hours"](7e9, 2e12, 3.12e14, 40) == pytest.approx(run.chip_hours.value)
    metered = {"chips": 512, "days": 20, "power_w": 310, "rated_w": 450, "pue": 1.12}
    servers = Run(chips=512, hours=480, chip_power_w=310, pue=1.12).energy_kwh.value
    assert reference["energy_kwh"](metered | {"metered_at": "servers"}) == pytest.approx(servers)
    building = Run(chips=512, hours=480, chip_power_w=310, pue=1).energy_kwh.value
    assert reference["energy_kwh"](metered | {"metered_at": "building"}) == pytest.approx(building)
    whole = Run(
        energy_kwh=9e4,
        grid_kgco2e_per_kwh=0.25,
        chip_hours=2e5,
        embodied_kgco2e_per_chip=320,
        lifetime_years=4,
        lifetime_utilisation=0.6,
    )
    share = whole.embodied_kg.value / whole.co2e_kg.value
    assert reference["making_share"](9e4, 250, 2e5, 320, 4, 0.6) == pytest.approx(share)


def test_the_choice_agrees_with_bills_of_the_library(reference, checks):
    flop, offers = inputs(checks, "choice", 3)[0]
    bills = {
        one["name"]: Run(
            training_flop=flop,
            peak_flop_per_s=one["peak_flop_per_s"],
            mfu=one["mfu"],
            chip_power_w=one["power_w"],
            pue=one["pue"],
            grid_kgco2e_per_kwh=one["g_per_kwh"] / 1000,
            usd_per_chip_hour=one["usd_per_chip_hour"],
        )
        for one in offers
    }
    kg = {name: bill.co2e_kg.value for name, bill in bills.items()}
    usd = {name: bill.usd.value for name, bill in bills.items()}
    (greenest, least_kg), (cheapest, least_usd) = reference["choose"](flop, offers)
    assert (greenest, cheapest) == (min(kg, key=kg.get), min(usd, key=usd.get))
    assert (least_kg, least_usd) == pytest.approx((kg[greenest], usd[cheapest]))


def test_at_the_break_even_both_models_have_drawn_the_same(reference):
    queries = reference["paid_back"](50, 2.0, 0.9, 1.4)
    assert queries * 2.0 == pytest.approx(50e6 + 1.4 * queries * 0.9)


def test_a_job_of_a_whole_day_emits_the_mean_whenever_it_starts(reference):
    grid = np.random.default_rng(7).uniform(50, 700, size=24).tolist()
    for start in (0, 9, 23):
        assert reference["job_kg"](30, start, 24, grid) == pytest.approx(
            30 * 24 * np.mean(grid) / 1e3
        )


def drawn(pairs, rng, draws=200_000):
    low, high = np.log(np.array(pairs).reshape(-1, 2)).T
    return np.exp(rng.normal((low + high) / 2, (high - low) / 2 / 1.6448536, (draws, len(pairs))))


def test_the_intervals_hold_what_random_draws_give(reference):
    rng = np.random.default_rng(1)
    times, over = [(2, 5), (0.1, 0.3), (40, 60)], [(0.2, 0.5)]
    product = drawn(times, rng).prod(axis=1) / drawn(over, rng).prod(axis=1)
    _, low, high = reference["product_interval"](times, over)
    assert np.mean((product > low) & (product < high)) == pytest.approx(0.9, abs=0.005)
    old, new = {"a": (1, 2), "both": (1, 9)}, {"b": (3, 5), "both": (1, 9)}
    (a, b), both = drawn([(1, 2), (3, 5)], rng).T, drawn([(1, 9)], rng)[:, 0]
    _, low, high = reference["ratio_interval"](old, new)
    ratio = (b * both) / (a * both)
    assert np.mean((ratio > low) & (ratio < high)) == pytest.approx(0.9, abs=0.005)


# --- the usual mistakes ---

HOURS = "lambda n, d, peak, mfu: "
ENERGY = "lambda r: (r['pue'] if r['metered_at'] == 'servers' else 1) * "
JOB = "lambda kw, start, hours, g: "
MAKING = "lambda kwh, g, h, kg, y, busy: "
BACK = "lambda extra, old, new, more: "
MADE, USED = "kg * h / (8766 * y * busy)", "kwh * g / 1000"
WRONG = {
    "chip-hours": {
        f"{HOURS} 3 * n * d / (peak * mfu / 100) / 3600": "multiply-accumulates",
        f"{HOURS} 2 * n * d / (peak * mfu / 100) / 3600": "forward pass",
        f"{HOURS} 6 * n * d / peak / 3600": "peak rate",
        f"{HOURS} 6 * n * d / (peak * mfu) / 3600": "per cent",
        f"{HOURS} 6 * n * d / (peak * mfu / 100)": "chip-seconds",
        f"{HOURS} 6 * n * d / peak * mfu / 100 / 3600": "low utilisation takes longer",
        f"{HOURS} 3 * n * d / peak / 3600": "multiply-accumulates.*and.*peak rate",
        f"{HOURS} 7 * n * d / (peak * mfu / 100) / 3600": "1.167 times",
        f"{HOURS} -1": "times the right one",
    },
    "energy": {
        "lambda r: r['chips'] * r['days'] * 24 * r['power_w'] / 1000": "PUE is missing",
        "lambda r: r['chips'] * r['days'] * 24 * r['power_w'] / 1000 * r['pue']": "it twice",
        f"{ENERGY} r['chips'] * r['days'] * 24 * r['power_w']": "watt-hours",
        f"{ENERGY} r['chips'] * r['days'] * 24 * r['power_w'] / 1e6": "MWh",
        f"{ENERGY} r['chips'] * r['days'] * r['power_w'] / 1000": "24 hours",
        f"{ENERGY} r['days'] * 24 * r['power_w'] / 1000": "one chip",
        f"{ENERGY} r['chips'] * r['days'] * 24 * r['rated_w'] / 1000": "metered, not the rated",
        f"{ENERGY} r['days'] * 24 * r['power_w']": "one chip.*and.*watt-hours",
    },
    "by-the-hour": {
        f"{JOB} kw * sum(g[(start + i) % 24] for i in range(hours))": "grams",
        f"{JOB} kw * hours * sum(g) / 24 / 1000": "mean of the whole day",
        f"{JOB} kw * sum(g[start:start + hours]) / 1000": "after midnight",
        f"{JOB} kw * g[start] * hours / 1000": "first hour's",
        f"{JOB} kw * sum(g[(start + 1 + i) % 24] for i in range(hours)) / 1000": "hour late",
        f"{JOB} kw * sum(g[(start + i) % 24] for i in range(hours + 1)) / 1000": "too many",
        f"{JOB} kw * hours * sum(g) / 24": "grams.*and.*mean of the whole day",
        f"{JOB} g[start + hours]": "IndexError|times the right one",
    },
    "making": {
        f"{MAKING} 100 * {MADE} / ({MADE} + {USED})": "per cent",
        f"{MAKING} {MADE} / ({USED})": "electricity alone",
        f"{MAKING} {USED} / ({MADE} + {USED})": "share of the electricity",
        f"{MAKING} {MADE} / ({MADE} + kwh * g)": "in grams",
        f"{MAKING} {MADE} * busy / ({MADE} * busy + {USED})": "a chip that idles",
        f"{MAKING} kg / (kg + {USED})": "not worn out by one run",
    },
    "paid-back": {
        f"{BACK} extra * 1e6 / new": "what does a query save",
        f"{BACK} extra * 1e6 / (old - new) if old > new else None": "more queries",
        f"{BACK} extra * 1e6 / (old - more * new or -1)": "negative number",
        f"{BACK} extra * 1e3 / (old - more * new) if old > more * new else None": "is missing",
        f"{BACK} extra / (old - more * new) if old > more * new else None": "a million",
        f"{BACK} None": "after enough of them",
        f"{BACK} extra * 1e6 / (old - more * new) if old > more * new else 0": "is None",
    },
}
WRONG_ANSWERS = [
    (q, answer, said) for q, answers in WRONG.items() for answer, said in answers.items()
]


@pytest.mark.parametrize(("question", "answer", "said"), WRONG_ANSWERS)
def test_a_wrong_answer_is_told_what_is_wrong_whatever_the_inputs(checks, question, answer, said):
    for seed in SEEDS:
        judged = judge(checks, question, eval(answer), seed)
        assert judged.share == 0
        assert re.search(said, judged.reason), judged.reason


@pytest.mark.parametrize("question", ["chip_hours", "energy", "by_the_hour", "making", "paid_back"])
def test_no_two_mistakes_give_one_number(checks, inside, question):
    mistakes = {
        "chip_hours": "hours_mistakes",
        "energy": "energy_mistakes",
        "by_the_hour": "hour_mistakes",
        "making": "making_mistakes",
        "paid_back": "paying_mistakes",
    }[question]
    for seed in range(40):
        for arguments in inputs(checks, question.replace("_", "-"), seed):
            factors = sorted([1.0, *(factor for factor, _ in inside[mistakes](*arguments))])
            assert min(np.diff(np.log(factors)), default=1) > 3.9e-3


def test_both_meters_both_sides_of_midnight_and_both_outcomes_are_asked(checks):
    for seed in range(20):
        meters = {run["metered_at"] for (run,) in inputs(checks, "energy", seed)}
        assert meters == {"servers", "building"}
        nights = {start + hours > 24 for _, start, hours, _ in inputs(checks, "by-the-hour", seed)}
        assert nights == {True, False}
        saved = [old - more * new for _, old, new, more in inputs(checks, "paid-back", seed)]
        assert min(saved) < 0 < max(saved)


def test_whole_queries_and_infinity_are_right_too(checks):
    def paid_back(extra, old, new, more):
        saved = old - more * new
        return math.ceil(extra * 1e6 / saved) if saved > 0 else math.inf

    assert all(judge(checks, "paid-back", paid_back, seed).share == 1 for seed in SEEDS)


# --- choosing ---


def chooser(green, cheap):
    """A student's function that ranks by two costs, and reports the right amounts."""

    def kg(flop, o):
        energy = flop / o["peak_flop_per_s"] / o["mfu"] / 3600 * o["power_w"] / 1000 * o["pue"]
        return energy * o["g_per_kwh"] / 1000

    def usd(flop, o):
        return flop / o["peak_flop_per_s"] / o["mfu"] / 3600 * o["usd_per_chip_hour"]

    def choose(flop, offers):
        first = min(offers, key=green or (lambda o: kg(flop, o)))
        second = min(offers, key=cheap or (lambda o: usd(flop, o)))
        return (first["name"], kg(flop, first)), (second["name"], usd(flop, second))

    return choose


CHOICES = [
    (lambda o: o["g_per_kwh"], None, "greenest: this is the cleanest grid"),
    (lambda o: o["power_w"] * o["pue"] / o["peak_flop_per_s"] / o["mfu"], None, "grid counts"),
    (lambda o: o["power_w"] * o["pue"] * o["g_per_kwh"], None, "emits least in an hour"),
    (
        lambda o: o["power_w"] * o["pue"] * o["g_per_kwh"] / o["peak_flop_per_s"],
        None,
        "greenest: this takes the peak rate",
    ),
    (
        lambda o: o["power_w"] * o["g_per_kwh"] / o["peak_flop_per_s"] / o["mfu"],
        None,
        "PUE is missing",
    ),
    (None, lambda o: o["usd_per_chip_hour"], "cheapest: this is the lowest price of an hour"),
    (None, lambda o: o["usd_per_chip_hour"] / o["peak_flop_per_s"], "cheapest: .* the peak rate"),
    (None, lambda o: 1 / o["peak_flop_per_s"] / o["mfu"], "quickest chip"),
    (lambda o: o["name"], None, "another offer costs less"),
]


@pytest.mark.parametrize(("green", "cheap", "said"), CHOICES)
def test_a_choice_by_a_part_of_the_cost_gets_the_other_half(checks, green, cheap, said):
    for seed in SEEDS:
        judged = judge(checks, "choice", chooser(green, cheap), seed)
        assert judged.share == 0.5
        assert re.search(said, judged.reason), judged.reason


def test_the_right_offers_with_wrong_amounts_are_told_the_unit(checks):
    def grams(flop, offers):
        (first, kg), cheap = chooser(None, None)(flop, offers)
        return (first, 1000 * kg), cheap

    judged = judge(checks, "choice", grams)
    assert judged.share == 0.5 and "grams" in judged.reason


# --- intervals ---


def quantiles(sample):
    return np.quantile(sample, [0.5, 0.05, 0.95])


def by_draws(number, seed=None):
    """A student's function that draws so many times, with a generator of its own."""
    rng = np.random.default_rng(seed)

    def product_interval(times, over):
        return quantiles(
            drawn(times, rng, number).prod(axis=1) / drawn(over, rng, number).prod(axis=1)
        )

    return product_interval


def test_any_seed_of_enough_draws_is_within_the_band(checks):
    rng = np.random.default_rng(3)

    def ratio_interval(old, new):
        values = dict(zip(old | new, drawn(list((old | new).values()), rng, 10_000).T, strict=True))
        return quantiles(
            np.prod([values[n] / 1 for n in new], 0) / np.prod([values[n] for n in old], 0)
        )

    for seed in range(25):
        assert judge(checks, "interval", by_draws(10_000, seed), seed).share == 1
        assert judge(checks, "shared", ratio_interval, seed).share == 1


def test_estimates_of_the_library_are_within_the_band(checks):
    def estimate(low, high, name=None):
        return Estimate(math.sqrt(low * high), low, high, name=name)

    def product_interval(times, over):
        bill = math.prod((estimate(*pair) for pair in times), start=Estimate.exact(1))
        bill = bill / math.prod((estimate(*pair) for pair in over), start=Estimate.exact(1))
        return bill.value, bill.low, bill.high

    assert all(judge(checks, "interval", product_interval, seed).share == 1 for seed in range(3))


def spread(times, over):
    """Half-widths on a log axis, and the median."""
    halves = [math.log(high / low) / 2 for low, high in [*times, *over]]
    middle = math.prod(math.sqrt(a * b) for a, b in times)
    return halves, middle / math.prod(math.sqrt(a * b) for a, b in over)


def scaled(factor):
    def product_interval(times, over):
        halves, middle = spread(times, over)
        half = factor * math.hypot(*halves)
        return middle, middle * math.exp(-half), middle * math.exp(half)

    return product_interval


def worst_case(times, over):
    halves, middle = spread(times, over)
    return middle, middle * math.exp(-sum(halves)), middle * math.exp(sum(halves))


def relative(times, over):
    _, middle = spread(times, over)
    error = math.hypot(*((high - low) / (high + low) for low, high in [*times, *over]))
    return middle, middle * (1 - error), middle * (1 + error)


def added_errors(times, over):
    _, middle = spread(times, over)
    error = sum((high - low) / (high + low) for low, high in [*times, *over])
    return middle, middle * (1 - error), middle * (1 + error)


def uniform(times, over, transform=np.array, back=np.array):
    rng = np.random.default_rng(0)

    def draws(pairs):
        low, high = transform(np.array(pairs, dtype=float).reshape(-1, 2)).T
        return back(rng.uniform(low, high, size=(20_000, len(pairs))))

    return quantiles(draws(times).prod(axis=1) / draws(over).prod(axis=1))


def log_uniform(times, over):
    return uniform(times, over, np.log, np.exp)


def low_with_low(times, over):
    low, high = (math.prod(p[i] for p in times) / math.prod(p[i] for p in over) for i in (0, 1))
    return math.sqrt(low * high), min(low, high), max(low, high)


INTERVALS = [
    (worst_case, "at their worst at once"),
    (scaled(1.6449), "1.645 deviations"),
    (scaled(1 / 1.6449), "one standard deviation"),
    (scaled(1.96 / 1.6449), "95 %"),
    (scaled(1.4), "1.40 times as wide"),
    (relative, "symmetric about its median"),
    (added_errors, "symmetric|above zero"),
    (uniform, "symmetric about its median"),
    (log_uniform, "no bounds"),
    (low_with_low, "worst at once|high when the bill is low"),
    (lambda times, over: by_draws(20_000)(times, []), "times the right one"),
    (lambda times, over: by_draws(20_000)(times + over, []), "second list divide"),
    (lambda times, over: sorted(by_draws(20_000)(times, over)), "low <= median"),
]


@pytest.mark.parametrize(("answer", "said"), INTERVALS)
def test_a_wrong_interval_is_never_within_the_band_and_hears_why(checks, answer, said):
    for seed in range(20):
        judged = judge(checks, "interval", answer, seed)
        assert judged.share == 0
        assert re.search(said, judged.reason), judged.reason


def test_an_input_alone_must_come_back_as_it_is(checks):
    for seed in SEEDS:
        assert any(
            len(times) == 1 and over == [] for times, over in inputs(checks, "interval", seed)
        )


def bills_apart(old, new):
    return by_draws(20_000)(list(new.values()), list(old.values()))


def turned_round(old, new):
    own = {n: p for n, p in (old | new).items() if (n in old) != (n in new)}
    return by_draws(20_000)(
        [p for n, p in own.items() if n in old], [p for n, p in own.items() if n in new]
    )


def by_value(old, new):
    return by_draws(20_000)(
        [p for p in new.values() if p not in old.values()],
        [p for p in old.values() if p not in new.values()],
    )


def ends_over_ends(old, new):
    (_, new_low, new_high), (_, old_low, old_high) = (
        by_draws(20_000)(list(bill.values()), []) for bill in (new, old)
    )
    low, high = new_low / old_high, new_high / old_low
    return math.sqrt(low * high), low, high


def corners(old, new):
    return worst_case(list(new.values()), list(old.values()))


RATIOS = [
    (bills_apart, "is one input"),
    (turned_round, "old bill over the new"),
    (by_value, "under two names"),
    (ends_over_ends, "at their worst at once"),
    (corners, "at their worst at once"),
]


@pytest.mark.parametrize(("answer", "said"), RATIOS)
def test_a_wrong_ratio_is_never_within_the_band_and_hears_why(checks, answer, said):
    for seed in range(20):
        judged = judge(checks, "shared", answer, seed)
        assert judged.share == 0
        assert re.search(said, judged.reason), judged.reason


def test_a_bill_over_itself_is_sure(checks, inside):
    bills = [pair for pair in inputs(checks, "shared", 1) if pair[0] == pair[1]]
    assert bills
    median, half, _ = inside["of_a_ratio"](*bills[0])
    assert (median, half) == (1, 0)


# --- the audit ---


def changed(reference, **changes):
    """The reference's audit with some assumptions replaced, and what then follows from them."""
    assumed = reference["audit"]["assumptions"] | changes
    pairs = [one[:2] for one in assumed.values()]
    halves, middle = spread(pairs, [])
    median, half = middle * reference["CHIP_HOURS"] / 1e6, math.hypot(*halves)
    low, high = median * math.exp(-half), median * math.exp(half)
    inside = {name: low < tonnes < high for name, tonnes in reference["CLAIMS_T"].items()}
    return {"assumptions": assumed, "range_t": (low, high), "inside": inside}


def test_any_assumptions_within_the_bounds_are_right_if_the_rest_follows(checks, reference):
    rng = np.random.default_rng(5)
    for _ in range(40):
        assumed = {}
        for name, (least, most) in reference["SEEN"].items():
            low = rng.uniform(least, most / 1.06)
            assumed[name] = (low, rng.uniform(1.055 * low, most), "what comparable runs have shown")
        judged = judge(checks, "audit", changed(reference, **assumed))
        assert judged.share == 1, judged.reason


WHY = "what comparable runs have shown"
ASSUMED = [
    ({"pue": (1.1, 1.3, "")}, "say in a sentence why"),
    ({"pue": (1.1, 1.3)}, "give .low, high, why."),
    ({"pue": (0.9, 1.3, WHY)}, "beyond what was seen"),
    ({"pue": (1.2, 1.2, WHY)}, "widen it"),
    ({"pue": (1.3, 1.1, WHY)}, "below the high end"),
    ({"chip_power_w": (0.3, 0.43, WHY)}, "a thousandth"),
    ({"grid_kgco2e_per_kwh": (57.0, 78.0, WHY)}, "1,000 times"),
    ({"grid_kgco2e_per_kwh": (0.057, 0.4, WHY)}, "beyond what was seen"),
]


@pytest.mark.parametrize(("changes", "said"), ASSUMED)
def test_an_assumption_that_nobody_can_rely_on_costs_the_audit(checks, reference, changes, said):
    answer = changed(reference)
    answer["assumptions"] = answer["assumptions"] | changes
    judged = judge(checks, "audit", answer)
    assert judged.share == 0 and re.search(said, judged.reason), judged.reason


def test_each_part_of_the_audit_is_worth_a_third(checks, reference):
    right = changed(reference)
    low, high = right["range_t"]
    cases = [
        ({"range_t": None}, 1 / 3, "give .low, high."),
        ({"range_t": (1000 * low, 1000 * high)}, 1 / 3, "kg"),
        ({"range_t": (low / 1000, high / 1000)}, 1 / 3, "thousandth"),
        ({"range_t": (low / 1.5, high * 1.5)}, 1 / 3, "as wide"),
        ({"range_t": (1.1 * low, 1.1 * high)}, 1 / 3, "middle"),
        ({"inside": None}, 2 / 3, "True or False"),
        ({"inside": dict.fromkeys(right["inside"], True)}, 2 / 3, "outside your range"),
        ({"inside": dict.fromkeys(right["inside"], False)}, 2 / 3, "inside your range"),
    ]
    for change, share, said in cases:
        judged = judge(checks, "audit", right | change)
        assert judged.share == share and re.search(said, judged.reason), judged.reason


def test_a_claim_at_the_very_end_of_the_range_may_be_called_either_way(checks, reference, inside):
    tonnes = reference["CLAIMS_T"]["luccioni2023bloom"]
    low, high, slack = tonnes * 1.01, 2 * tonnes, 0.03
    for called in (True, False):
        calls = {"luccioni2023bloom": called, "touvron2023llama": False}
        assert inside["why_not_called"](calls, low, high, slack) is None


def test_no_assumption_that_was_seen_makes_room_for_the_other_paper_s_grid(checks, reference):
    """So the exercise has one claim to call outside, whatever the assumptions."""
    most = math.prod(high for _, high in reference["SEEN"].values())
    assert reference["CHIP_HOURS"] * most / 1e6 < reference["CLAIMS_T"]["touvron2023llama"]


def test_the_model_answer_says_what_the_facts_say(source):
    said = source.cells[-1].source
    grids = fact("bloom_touvron2023.intensity") / fact("bloom_luccioni2023.intensity")
    claims = fact("bloom_touvron2023.co2e") / fact("bloom_luccioni2023.co2e")
    assert "factor of seven" in said and round(claims.value) == round(grids.value) == 7
    waiting = fact("bloom_idle_luccioni2023.energy") / fact("bloom_luccioni2023.energy")
    assert "more than half as much energy again" in said and 0.5 < waiting.value < 0.7


# --- what nobody expects ---


ODD = {
    "a number that no float holds": 10**400,
    "the same below zero": -(10**400),
    "next to nothing": 1e-320,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "a square of zeros": np.zeros((2, 2)),
    "lists in a list": [[1, 2, 3]],
    "texts": ["a", "b"],
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_answer_gets_no_points_and_a_reason(checks, odd):
    for question in checks.questions:
        for answer in (odd, lambda *_, odd=odd: odd, lambda *_, odd=odd: [odd, odd, odd]):
            judged = judge(checks, question, answer)
            assert judged.share == 0 and len(judged.reason) > 10, question
