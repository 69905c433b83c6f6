"""Takes the peak rate of a chip for the rate that it achieves."""


# %% chip-hours-answer
def chip_hours(parameters, tokens, peak_flop_per_s, mfu_percent):
    """At the peak rate."""
    return 6 * parameters * tokens / peak_flop_per_s / 3600


# %% choice-answer
def choose(training_flop, offers):
    """At the peak rate."""
    hours = {o["name"]: training_flop / o["peak_flop_per_s"] / 3600 for o in offers}
    kg = {
        o["name"]: hours[o["name"]] * o["power_w"] * o["pue"] * o["g_per_kwh"] / 1e6 for o in offers
    }
    usd = {o["name"]: hours[o["name"]] * o["usd_per_chip_hour"] for o in offers}
    greenest, cheapest = min(kg, key=kg.get), min(usd, key=usd.get)
    return (greenest, kg[greenest]), (cheapest, usd[cheapest])
