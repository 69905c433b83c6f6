"""Checks of exercise 7. They run in the grader on values that the notebook returned, and, with
public inputs, in the notebook itself. Nothing here is secret: only the seeds of the inputs are.
"""

from itertools import combinations
from math import exp, hypot, inf, isclose, log, prod, sqrt

import numpy as np

from course_lib import fact
from course_lib.checking import Calls, Judgement, question
from course_lib.checking.answers import first_wrong, is_number, numbers

WITHHELD = ("course_lib.footprint",)

HOURS_A_YEAR, HOURS_OF_365_DAYS = 8766, 8760
CLOSE = 5e-7  # single precision is enough
NEAR = 0.08  # of the interval's half-width on a log axis: six deviations of 10,000 draws


# --- telling mistakes apart ---


def why_not(got, right, mistakes, asked):
    """What a wrong number most likely is, or None if it is right.

    ``mistakes`` are pairs of a factor by which one mistake would change the right number, and of
    what to say; two at once are looked for too.
    """
    if not is_number(got):
        return f"for {asked} your function returned no number"
    if isclose(got, right, rel_tol=CLOSE):
        return None
    ratio = f"for {asked} your answer is {got / right:.4g} times the right one"
    return mistake(got, right, mistakes) or ratio


def mistake(got, right, mistakes):
    """The one or two mistakes that turn the right number into another, or None."""
    for count in (1, 2):
        for made in combinations(mistakes, count):
            if isclose(got, right * prod(factor for factor, _ in made), rel_tol=CLOSE):
                return "; and ".join(said for _, said in made)
    return None


def apart(mistakes):
    """Whether no two mistakes change a number by one factor, and none leaves it as it is."""
    factors = sorted([1.0, *(factor for factor, _ in mistakes)])
    return all(b - a > 4e-3 * b for a, b in zip(factors, factors[1:], strict=False))


def draw(rng, make, mistakes, count):
    """So many sets of inputs whose mistakes can be told apart."""
    found = []
    while len(found) < count:
        one = make(rng, len(found))
        if apart(mistakes(*one)):
            found.append(one)
    return found


# --- hours, energy, emissions ---


def training_run(rng, place):
    """Parameters, tokens, peak rate of a chip, and utilisation in per cent."""
    return (
        int(10 ** rng.uniform(8, 11.5)),
        int(10 ** rng.uniform(10, 13)),
        float(10 ** rng.uniform(13.5, 15.5)),
        float(rng.uniform(18, 62)),
    )


def hours_mistakes(parameters, tokens, peak, percent):
    """Of chip-hours."""
    return [
        (1 / 2, "3 N D counts multiply-accumulates (MACs); the FLOP are twice that, 6 N D"),
        (1 / 3, "2 N D is the forward pass; training goes backwards too, which makes 6 N D"),
        (percent / 100, "you divided by the peak rate; the chip achieves a part of it, the MFU"),
        (percent**2 / 1e4, "you multiplied by the MFU; a low utilisation takes longer"),
        (1 / 100, "the MFU is given in per cent; the rate that is achieved is peak x MFU / 100"),
        (3600, "these are chip-seconds; hours are asked for"),
        (60, "these are chip-minutes; hours are asked for"),
        (1 / 24, "these are chip-days; hours are asked for"),
    ]


@question
def chip_hours(context):
    """Chip-hours of a training run from its size and the rate that a chip achieves."""
    runs = draw(context.rng, training_run, hours_mistakes, 5)
    answers = yield Calls(runs)

    def judged(place, got):
        parameters, tokens, peak, percent = runs[place]
        right = 6 * parameters * tokens / (peak * percent / 100) / 3600
        return why_not(got, right, hours_mistakes(*runs[place]), "one of the runs")

    return first_wrong(answers, judged)


def metered_run(rng, place):
    """A run whose power was metered at the servers, or at the building."""
    power = float(rng.uniform(150, 900))
    run = {
        "chips": int(rng.integers(30, 990)),
        "days": float(rng.uniform(2, 70)),
        "power_w": power,
        "rated_w": power * float(rng.uniform(1.05, 1.6)),
        "pue": float(rng.uniform(1.06, 1.7)),
        "metered_at": ("servers", "building")[place % 2],
    }
    return (run,)


def energy_mistakes(run):
    """Of energy in kWh."""
    pue = run["pue"]
    building = (
        [
            (pue, "the meter of a building has the PUE in it: you applied it twice"),
            (1 / pue, "you divided by the PUE: that is the servers' part, without the building"),
        ]
        if run["metered_at"] == "building"
        else [
            (1 / pue, "the PUE is missing: a meter at the servers sees no cooling"),
            (pue, "you applied the PUE twice"),
            (1 / pue**2, "you divided by the PUE; the building draws more than its servers"),
        ]
    )
    return [
        *building,
        (1 / run["chips"], "this is one chip: the power of one, times all chips"),
        (run["rated_w"] / run["power_w"], "use the power that was metered, not the rated one"),
        (1000, "these are watt-hours; kWh are asked for"),
        (1 / 1000, "these are MWh; kWh are asked for"),
        (1 / 24, "days times kilowatts are not kilowatt-hours: a day has 24 hours"),
        (3600, "these are kilojoules; kWh are asked for"),
    ]


@question
def energy(context):
    """Energy from the grid of runs that were metered in two places: the PUE exactly once."""
    runs = draw(context.rng, metered_run, energy_mistakes, 6)
    answers = yield Calls(runs)

    def judged(place, got):
        (run,) = runs[place]
        servers = run["metered_at"] == "servers"
        right = run["chips"] * run["days"] * 24 * run["power_w"] / 1000
        right *= run["pue"] if servers else 1
        asked = f"a run that was metered at the {run['metered_at']}"
        return why_not(got, right, energy_mistakes(run), asked)

    return first_wrong(answers, judged)


def night_job(rng, place):
    """A job of some hours, every second one past midnight, on a grid with its day's course."""
    hour = np.arange(24)
    swing = rng.uniform(0.3, 0.7) * np.cos(2 * np.pi * (hour - rng.integers(24)) / 24)
    grid = rng.uniform(80, 600) * (1 + swing) * rng.uniform(0.9, 1.1, size=24)
    hours = int(rng.integers(3, 9))
    start = int(rng.integers(25 - hours, 23) if place % 2 else rng.integers(1, 23 - hours))
    return float(rng.uniform(2, 400)), start, hours, grid.tolist()


def window(grid, start, hours):
    """Sum of the intensities of the hours of a job; after midnight the day begins again."""
    return sum(grid[(start + hour) % 24] for hour in range(hours))


def hour_mistakes(power, start, hours, grid):
    """Of emissions by the hour."""
    right = window(grid, start, hours)
    others = [
        (np.mean(grid) * hours, "this is the mean of the whole day; the job ran in some hours"),
        (grid[start] * hours, "this takes the first hour's intensity for every hour"),
        (window(grid, start + 1, hours), "this begins an hour late: hour `start` is the first"),
        (window(grid, start - 1, hours), "this begins an hour early: hour `start` is the first"),
        (window(grid, start, hours + 1), "this is an hour too many: it ends before start + hours"),
        (window(grid, start, hours - 1), "the last hour is missing"),
        (right / hours, "this is the emission of an average hour; the job took several"),
        (right / power, "the power is missing: intensity is for each kilowatt-hour"),
        (sum(grid), "this is a whole day; the job ran in some hours of it"),
    ]
    if start + hours > 24:
        others.append((sum(grid[start:]), "the job goes on after midnight, from hour 0 again"))
    return [
        (1000, "these are grams; kg are asked for"),
        (1 / 1000, "these are tonnes; kg are asked for"),
        *((float(value / right), said) for value, said in others),
    ]


@question
def by_the_hour(context):
    """Emissions of a job on a grid whose intensity changes by the hour."""
    jobs = draw(context.rng, night_job, hour_mistakes, 6)
    answers = yield Calls(jobs)

    def judged(place, got):
        power, start, hours, grid = jobs[place]
        right = power * window(grid, start, hours) / 1000
        past = "goes on past midnight" if start + hours > 24 else "ends before midnight"
        return why_not(got, right, hour_mistakes(*jobs[place]), f"a job that {past}")

    return first_wrong(answers, judged)


def made_chips(rng, place):
    """Energy, grid, chip-hours, making of a chip, its life and the share of it that it is busy."""
    years, busy = float(rng.uniform(2.5, 6.5)), float(rng.uniform(0.3, 0.9))
    chips_worn = float(rng.uniform(2, 60))
    chip_kg = float(rng.uniform(120, 900))
    grams = float(rng.uniform(20, 700))
    operation = chips_worn * chip_kg * float(rng.uniform(0.6, 12))
    hours = chips_worn * HOURS_A_YEAR * years * busy
    return operation / grams * 1000, grams, hours, chip_kg, years, busy


def making_parts(kwh, grams, hours, chip_kg, years, busy, hours_a_year=HOURS_A_YEAR):
    """Kilograms of the electricity, and of the part of the making that a run wears out."""
    return kwh * grams / 1000, hours / (hours_a_year * years * busy) * chip_kg


def making_mistakes(kwh, grams, hours, chip_kg, years, busy, hours_a_year=HOURS_A_YEAR):
    """Of the share of making."""
    power, making = making_parts(kwh, grams, hours, chip_kg, years, busy, hours_a_year)
    right = making / (power + making)
    whole = [
        (making * busy, "a chip that idles wears too: its busy hours alone carry its making"),
        (making * busy**2, "multiply the life by the busy share: fewer busy hours, more for each"),
        (making * 24, "these are chip-hours and a life in days; use hours for both"),
        (chip_kg, "a chip is not worn out by one run: take chip-hours over its busy life"),
        (hours * chip_kg, "a chip is not worn out by one hour: divide by its busy life"),
    ]
    return [
        (100, "these are per cent; a fraction is asked for"),
        (making / power / right, "this is over the electricity alone; the whole has both parts"),
        (power / (power + making) / right, "this is the share of the electricity"),
        (
            making / (1000 * power + making) / right,
            "the grid's intensity is in grams; the making is in kg",
        ),
        *((one / (power + one) / right, said) for one, said in whole),
    ]


@question
def making(context):
    """The share of making the chips; a year of 8,760 hours is right too."""
    runs = draw(context.rng, made_chips, making_mistakes, 5)
    answers = yield Calls(runs)

    def judged(place, got):
        for hours_a_year in (HOURS_OF_365_DAYS, HOURS_A_YEAR):
            power, made = making_parts(*runs[place], hours_a_year)
            right, mistakes = made / (power + made), making_mistakes(*runs[place], hours_a_year)
            reason = why_not(got, right, mistakes, "one of the runs")
            if reason is None or (is_number(got) and mistake(got, right, mistakes)):
                return reason
        return reason

    return first_wrong(answers, judged)


# --- choosing ---


def seconds(offer):
    """Of one chip for each FLOP."""
    return 1 / (offer["peak_flop_per_s"] * offer["mfu"])


def kilograms(offer):
    """Emissions for each FLOP."""
    power = offer["power_w"] * offer["pue"] / 1000
    return seconds(offer) / 3600 * power * offer["g_per_kwh"] / 1000


def dollars(offer):
    """Price of each FLOP."""
    return seconds(offer) / 3600 * offer["usd_per_chip_hour"]


GREEN_MISTAKES = {
    "this is the cleanest grid; what the chip draws for the work counts as well": lambda o: o[
        "g_per_kwh"
    ],
    "this draws the least for the work; the grid counts as well": lambda o: (
        kilograms(o) / o["g_per_kwh"]
    ),
    "this emits least in an hour; a quick chip needs fewer hours": lambda o: (
        kilograms(o) / seconds(o)
    ),
    "this takes the peak rate for the rate that is achieved: peak x MFU": lambda o: (
        kilograms(o) * o["mfu"]
    ),
    "the PUE is missing: the building counts as well": lambda o: kilograms(o) / o["pue"],
}
CHEAP_MISTAKES = {
    "this is the lowest price of an hour; a quick chip needs fewer hours": lambda o: o[
        "usd_per_chip_hour"
    ],
    "this takes the peak rate for the rate that is achieved: peak x MFU": lambda o: (
        dollars(o) * o["mfu"]
    ),
    "this is the quickest chip; its hours may be dear": seconds,
}


def pick(offers, cost):
    """The name of the offer that costs least."""
    return min(offers, key=cost)["name"]


def clear(offers, cost):
    """Whether the best offer is better than the next by more than a rounding."""
    first, second = sorted(map(cost, offers))[:2]
    return second > 1.02 * first


def draw_offers(rng, mistaken, cost):
    """A table of offers in which one mistaken cost leads to another choice than the right one."""
    while True:
        names = rng.permutation(list("ABCDEFGH"))
        offers = [
            {
                "name": f"offer {name}",
                "peak_flop_per_s": float(10 ** rng.uniform(14, 15.2)),
                "mfu": float(rng.uniform(0.2, 0.6)),
                "power_w": float(rng.uniform(250, 1000)),
                "pue": float(rng.uniform(1.05, 1.8)),
                "g_per_kwh": float(rng.uniform(150, 600)),
                "usd_per_chip_hour": float(10 ** rng.uniform(0, 1)),
            }
            for name in names
        ]
        differs = pick(offers, mistaken) != pick(offers, cost)
        if differs and clear(offers, kilograms) and clear(offers, dollars):
            return offers


def why_not_chosen(chosen, tables, cost, mistakes, unit):
    """What is wrong with the names and amounts that were chosen in all tables, or None."""
    if None in chosen:
        return f"return two pairs, (name, kg) and (name, USD); one is no name and number of {unit}"
    names = [name for name, _ in chosen]
    if names != [pick(offers, cost) for _, offers in tables]:
        fits = (
            said
            for said, other in mistakes.items()
            if names == [pick(offers, other) for _, offers in tables]
        )
        return next(fits, "in some table another offer costs less for the same work")
    factors = [
        (1000, "these are grams; kg are asked for" if unit == "kg" else "1,000 times too much"),
        (3600, "the hours are seconds: divide by 3,600"),
        (1e6, "the power is in W and the intensity in g: each is a factor of 1,000"),
    ]
    for (_, amount), (flop, offers) in zip(chosen, tables, strict=True):
        right = flop * min(map(cost, offers))
        if reason := why_not(amount, right, factors, f"the right offer, in {unit},"):
            return reason
    return None


def named_amount(got, place):
    """The name and the amount at one place of an answer, or None."""
    if not isinstance(got, list) or len(got) != 2 or not isinstance(got[place], list):
        return None
    pair = got[place]
    return pair if len(pair) == 2 and isinstance(pair[0], str) and is_number(pair[1]) else None


@question
def choice(context):
    """The greenest and the cheapest of eight offers, in eight tables; half the points for each."""
    rng = context.rng
    tables = [(float(10 ** rng.uniform(21, 24)), draw_offers(rng, one, kilograms))
              for one in GREEN_MISTAKES.values()]  # fmt: skip
    tables += [(float(10 ** rng.uniform(21, 24)), draw_offers(rng, one, dollars))
               for one in CHEAP_MISTAKES.values()]  # fmt: skip
    answers = yield Calls(tables)
    wrong = {}
    for place, (kind, cost, mistakes, unit) in enumerate(
        (
            ("greenest", kilograms, GREEN_MISTAKES, "kg"),
            ("cheapest", dollars, CHEAP_MISTAKES, "USD"),
        )
    ):
        chosen = [named_amount(got, place) for got in answers]
        wrong[kind] = why_not_chosen(chosen, tables, cost, mistakes, unit)
    said = "; ".join(f"{kind}: {reason}" for kind, reason in wrong.items() if reason)
    return Judgement(sum(reason is None for reason in wrong.values()) / 2, said)


PAYING = ("pays", "same demand", "pays", "never", "demand eats it", "pays", "just not")


def better_query(rng, place):
    """Extra energy of a better model in MWh, energy of a query before and after, and rebound."""
    kind = PAYING[place]
    extra, old = float(rng.uniform(2, 900)), float(10 ** rng.uniform(-1, 0.8))
    new, rebound = old * float(rng.uniform(0.2, 0.55)), float(rng.uniform(1.1, 1.6))
    if kind == "same demand":
        rebound = 1.0
    elif kind == "never":
        new = old * float(rng.uniform(1.05, 1.6))
    elif kind == "demand eats it":
        rebound = old / new * float(rng.uniform(1.05, 1.5))
    elif kind == "just not":  # nothing is saved, to the last digit
        new, rebound = old / 2, 2.0
    return extra, old, new, rebound


def saved_wh(old, new, rebound):
    """Saved with each query of before."""
    return old - rebound * new


def paying_mistakes(extra, old, new, rebound):
    """Of the number of queries until a better model has paid for itself; none where it never is."""
    right = saved_wh(old, new, rebound)
    if right <= 0:
        return []
    demand = [
        (right / (old - new), "demand grows: the new model gets more queries than the old one"),
        (right / (rebound * (old - new)), "the old model never gets the added queries"),
        (right / abs(old - new / rebound), "demand grows: multiply the new queries, not divide"),
    ]
    return [
        *(demand if rebound != 1 else []),
        (
            right / new,
            "this is when use has drawn as much as the training; what does a query save?",
        ),
        (right / old, "this is the training over an old query; what does a query save?"),
        (right / (old + rebound * new), "the energies of the two queries do not add up: subtract"),
        (1 / 1e6, "the extra energy is in MWh and a query in Wh: a factor of a million"),
        (1 / 1000, "a factor of 1,000 is missing between MWh and Wh"),
        (1000, "a factor of 1,000 too much between MWh and Wh"),
    ]


@question
def paid_back(context):
    """Queries until a better model has paid for itself, and None (or infinity) if it never has."""
    cases = draw(context.rng, better_query, paying_mistakes, len(PAYING))
    answers = yield Calls(cases)

    def judged(place, got):
        extra, old, new, rebound = cases[place]
        saved = saved_wh(old, new, rebound)
        if saved > 0:
            right = extra * 1e6 / saved
            if got is None:
                return "each query saves something here: after enough of them it is paid back"
            if is_number(got) and abs(got - right) <= 1:  # rounded to whole queries
                return None
            return why_not(got, right, paying_mistakes(*cases[place]), "a case that pays")
        if got is None or (isinstance(got, float) and got == inf):
            return None
        if is_number(got) and new < old and isclose(got, extra * 1e6 / (old - new), rel_tol=CLOSE):
            return "demand grows so much that nothing is saved: this is never paid back"
        if is_number(got) and got < 0:
            return "a negative number of queries: where nothing is saved, the answer is None"
        return "where nothing is saved, it is never paid back: the answer is None"

    return first_wrong(answers, judged)


# --- intervals ---


WORST_CASE = (
    "this takes all inputs at their worst at once, which hardly ever happens; independent "
    "errors add up like the sides of right-angled triangles, on a log axis"
)
DRAWN_TWICE = "an input that both bills have is one input: where it is high in one, it is in both"


def half_widths(pairs):
    """Half the width on a log axis of each input's interval."""
    return [log(high / low) / 2 for low, high in pairs]


def middle(pairs):
    """Product of the medians: of a log-normal input, the geometric mean of its ends."""
    return prod(sqrt(low * high) for low, high in pairs)


def uncertain(rng, least=0.25, most=0.6):
    """Ends of an input's 90 % interval."""
    half, centre = rng.uniform(least, most), 10 ** rng.uniform(0.3, 3)
    return [float(centre * exp(-half)), float(centre * exp(half))]


def why_not_interval(got, median, half, others=()):
    """What is wrong with (median, low, high), or None.

    Parameters
    ----------
    got
        The answer.
    median, half : float
        The right median, and half the right interval's width on a log axis.
    others : iterable of (float, float, str)
        Median and half-width that usual mistakes give (the half-width below zero: the ends change
        places), and what to say.
    """
    got = numbers(got, 3)
    if got is None:
        return "return three numbers: median, low end, high end"
    if not 0 < got[1] <= got[0] <= got[2]:
        if got[1] <= 0:
            return (
                "the low end is not above zero, but a product of positive inputs is: the inputs "
                "are symmetric in their logarithm, so add there"
            )
        return "give (median, low, high) with low <= median <= high"
    at = [log(one) - log(median) for one in got]
    if close(at, 0, half, half):
        return None
    for other, width, said in others:
        if close(at, log(other / median), width, max(width, half)):
            return said
    if isclose(got[2] - got[0], got[0] - got[1], rel_tol=0.1) and half > 0.2:
        return "your interval is symmetric about its median; these inputs are so in their logarithm"
    if abs(at[0]) > NEAR * half + 1e-6:
        return f"your median is {got[0] / median:.3g} times the right one"
    width = (at[2] - at[1]) / 2
    if half == 0:
        return "here the two bills have every input in common: their ratio is sure"
    return (
        f"on a log axis your interval is {width / half:.2f} times as wide as the right one, "
        f"and its middle is {abs(at[1] + at[2]) / 2 / half:.2f} half-widths off the median"
    )


def close(at, centre, width, half):
    """Whether the logarithms of median, low and high lie where they should, within `NEAR`."""
    places = (centre, centre - width, centre + width)
    return all(abs(a - b) <= NEAR * half + 1e-6 for a, b in zip(at, places, strict=True))


def of_one_product(multiplied, divided):
    """Median, half-width, and the usual mistakes of the interval of a product."""
    up, down = half_widths(multiplied), half_widths(divided)
    half, total = hypot(*up, *down), sum(up) + sum(down)
    median = middle(multiplied) / middle(divided)
    arithmetic = prod((a + b) / 2 for a, b in multiplied) / prod((a + b) / 2 for a, b in divided)
    mistakes = [(arithmetic, half, "the median of a log-normal input is its ends' geometric mean")]
    if len(multiplied) + len(divided) == 1:  # an input alone shows what was taken for its ends
        mistakes += [
            (median, 1.645 * half, "an end of a 90 % interval is 1.645 deviations out, not one"),
            (median, half / 1.645, "this is one standard deviation to each side: it holds 68 %"),
            (median, 1.96 / 1.645 * half, "this holds 95 %; 90 % is asked for"),
            (median, 0.9 * half, "an input's ends are no bounds: one in ten lies outside them"),
        ]
        return median, half, mistakes
    mistakes += [(median, total, WORST_CASE)]
    if divided:
        mistakes += [
            (
                median,
                abs(sum(up) - sum(down)),
                "an input that divides is high when the bill is low",
            ),
            (median, hypot(*up), "the inputs that divide are uncertain too"),
            (middle(multiplied) * middle(divided), half, "the inputs of the second list divide"),
        ]
    return median, half, mistakes


@question
def interval(context):
    """The 90 % interval of a product of independent inputs, by whatever way."""
    rng = context.rng
    shapes = [(1, 0), (4, 1), (3, 2), (3, 0), (5, 1)]  # one alone first: it must come back
    cases = [
        ([uncertain(rng) for _ in range(times)], [uncertain(rng) for _ in range(over)])
        for times, over in shapes
    ]
    answers = yield Calls(cases)

    def judged(place, got):
        return why_not_interval(got, *of_one_product(*cases[place]))

    return first_wrong(answers, judged)


def two_bills(rng, kind):
    """Inputs of two bills by name: those of one name are one input."""
    old = {"chip-hours, old": uncertain(rng), "power, old": uncertain(rng)}
    new = {"chip-hours, new": uncertain(rng), "power, new": list(old["power, old"])}
    shared = {"PUE": uncertain(rng, 0.3, 0.6), "grid": uncertain(rng, 0.4, 0.8)}
    if kind == "all":
        return old | shared, old | shared
    return (old, new) if kind == "none" else (old | shared, new | shared)


def of_a_ratio(old, new):
    """Median, half-width, and the usual mistakes of the ratio of two bills."""
    own = [new[n] for n in new if n not in old] + [old[n] for n in old if n not in new]
    common = half_widths(old[n] for n in old if n in new)
    half, twice = hypot(*half_widths(own)), sqrt(2) * hypot(*common)
    by_value = half_widths(pair for pair in own if own.count(pair) == 1)
    ends = [hypot(*half_widths(bill.values())) for bill in (new, old)]
    median = middle(new.values()) / middle(old.values())
    mistakes = [
        (median, hypot(half, twice), DRAWN_TWICE),
        (median, sum(half_widths(own)), WORST_CASE),
        (median, sum(half_widths(own)) + 2 * sum(common), WORST_CASE),
        (median, sum(ends), WORST_CASE),
        (median, abs(ends[0] - ends[1]), "low over low is not the lowest: old and new may part"),
        (median, hypot(half, *common), "an input that both bills have cancels in their ratio"),
        (median, hypot(*by_value), "equal intervals under two names are two inputs, not one"),
        (1 / median, half, "this is the old bill over the new one"),
        (1 / median, hypot(half, twice), "this is the old bill over the new one; " + DRAWN_TWICE),
    ]
    return median, half, mistakes


KINDS = ("some", "some", "none", "all", "some")


def clear_ratio(old, new):
    """Whether the usual mistakes give other ratios than the right one, and than each other."""
    median, half, mistakes = of_a_ratio(old, new)
    if old == new:
        return True
    (_, twice, _), (_, worst, _) = mistakes[:2]
    return abs(log(median)) > 0.5 * half and abs(worst - twice) > 0.25 * half


@question
def shared(context):
    """The ratio of two bills that have inputs in common."""
    cases = []
    while len(cases) < len(KINDS):
        bills = two_bills(context.rng, KINDS[len(cases)])
        if clear_ratio(*bills):
            cases.append(bills)
    answers = yield Calls(cases)

    def judged(place, got):
        return why_not_interval(got, *of_a_ratio(*cases[place]))

    return first_wrong(answers, judged)


# --- auditing ---

RATED_W = fact("a100_sxm_80gb.tdp").value
SEEN = {  # lowest and highest that cited runs and places have shown
    "chip_power_w": [
        RATED_W * (fact("switch_patterson2021.power") / fact("tpu_v3.tdp")).value,
        RATED_W * (fact("gpt3_patterson2021.power") / fact("v100_sxm2.tdp")).value,
    ],
    "pue": [fact("meena_patterson2021.pue").value, fact("us_pue_2020").value],
    "grid_kgco2e_per_kwh": [
        fact("bloom_luccioni2023.intensity").value,
        fact("fra_2022.intensity").to("kgCO2e/kWh").value,
    ],
}
CHIP_HOURS = fact("bloom_luccioni2023.chip_hours").value
CLAIMS_T = {
    "luccioni2023bloom": fact("bloom_luccioni2023.co2e").value,
    "touvron2023llama": fact("bloom_touvron2023.co2e").value,
}
NARROWEST = 1.05


def why_not_assumed(name, given):
    """What is wrong with an assumption of the audit, or None."""
    if not isinstance(given, list) or len(given) != 3 or numbers(given[:2], 2) is None:
        return f"{name}: give (low, high, why)"
    low, high, why = given
    least, most = SEEN[name]
    if not isinstance(why, str) or len(why.split()) < 4:
        return f"{name}: say in a sentence why you assume that; a range without a reason is a guess"
    if not 0 < low <= high:
        return f"{name}: the low end must be above zero and below the high end"
    if not (least * (1 - 1e-3) <= low and high <= most * (1 + 1e-3)):
        if least * 1000 * 0.999 <= low and high <= most * 1000 * 1.001:
            return f"{name}: this is 1,000 times what was seen: look at the unit in its name"
        if least <= 1000 * low * 1.001 and high * 1000 <= most * 1.001:
            return f"{name}: this is a thousandth of what was seen: look at the unit in its name"
        return f"{name}: this goes beyond what was seen, {least:.4g} to {most:.4g}"
    if high < NARROWEST * low * (1 - 1e-9):
        return f"{name}: from outside nobody knows it within 5 %: widen it"
    return None


def why_not_range(given, median, half, worst):
    """What is wrong with the range of an audit, or None."""
    given = numbers(given, 2)
    if given is None or not 0 < given[0] <= given[1]:
        return "range_t: give (low, high), in tonnes"
    low, high = (log(one) - log(median) for one in given)
    for factor, said in (
        (1, None),
        (1000, "this is in kg; tonnes are asked for"),
        (1e6, "this is in g; tonnes are asked for"),
        (1 / 1000, "this is a thousandth: kWh times kg are kg, and 1,000 kg are a tonne"),
    ):
        shift = log(factor)
        if max(abs(low - shift + half), abs(high - shift - half)) <= NEAR * half:
            return said and f"range_t: {said}"
        if max(abs(low - shift + worst), abs(high - shift - worst)) <= NEAR * half:
            return f"range_t: {WORST_CASE}"
    if abs(low + high) / 2 > NEAR * half:
        ratio = sqrt(given[0] * given[1]) / median
        return f"range_t: its middle is {ratio:.3g} times what your own assumptions give"
    ratio = (high - low) / 2 / half
    return f"range_t: on a log axis it is {ratio:.2f} times as wide as your assumptions make it"


def why_not_called(given, low, high, slack):
    """What is wrong with the calls of an audit, or None."""
    if not isinstance(given, dict) or not all(isinstance(given.get(c), bool) for c in CLAIMS_T):
        return f"inside: give True or False for each of {', '.join(CLAIMS_T)}"
    for claim, tonnes in CLAIMS_T.items():
        nearest = min(abs(log(tonnes / low)), abs(log(tonnes / high)))
        if given[claim] != (low <= tonnes <= high) and nearest > slack:
            where = "inside" if low <= tonnes <= high else "outside"
            return f"inside: {claim} prints {tonnes:g} t, which lies {where} your range"
    return None


@question
def audit(context):
    """Assumptions within what was seen, the range that follows from them, and two calls."""
    given = yield
    if not isinstance(given, dict) or not isinstance(given.get("assumptions"), dict):
        return "audit must be a dictionary with assumptions, range_t and inside"
    assumed = given["assumptions"]
    if reason := next(filter(None, (why_not_assumed(n, assumed.get(n)) for n in SEEN)), None):
        return reason  # what rests on it cannot be judged
    pairs = [assumed[name][:2] for name in SEEN]
    median = CHIP_HOURS * middle(pairs) / 1e6  # W x kg/kWh: a thousandth twice, for t
    half = hypot(*half_widths(pairs))
    if reason := why_not_range(given.get("range_t"), median, half, sum(half_widths(pairs))):
        return Judgement(1 / 3, reason)
    low, high = median * exp(-half), median * exp(half)
    if reason := why_not_called(given.get("inside"), low, high, NEAR * half):
        return Judgement(2 / 3, reason)
    return None
