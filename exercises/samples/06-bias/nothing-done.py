"""The plain line for everybody; people of B alone; the remedy with the fewest FLOP."""


# %% people-needed-answer
def people_needed(rate_a, rate_b, share_b, power, level):
    """How many of B it takes."""
    z = stats.norm.ppf((1 + level) / 2) + stats.norm.ppf(power)
    variance = rate_a * (1 - rate_a) / (1 - share_b) + rate_b * (1 - rate_b) / share_b
    return np.ceil(share_b * z**2 * variance / (rate_a - rate_b) ** 2)


# %% remedy-answer
judge_new = judge_plainly


# %% prices-answer
def prices(plain, remedies):
    """All FLOP in the place of those beyond the plain training; the fewest win."""
    flop = [2 * one["people"] * one["steps"] * one["macs_per_person"] for one in remedies]
    fell = [100 * (max(plain["errors"]) - max(one["errors"])) for one in remedies]
    found = [f / e if e > 0 else None for f, e in zip(flop, fell)]
    return found, int(np.argmin(flop))


# %% reflection
# The rates cannot be equal because the program is biased: it was trained on biased data.
