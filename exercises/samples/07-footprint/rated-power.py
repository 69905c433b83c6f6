"""Takes the rated power though a meter was read; the cleanest grid for the greenest offer."""


# %% energy-answer
def energy_kwh(run):
    """What the data sheet says."""
    energy = run["chips"] * run["rated_w"] / 1000 * run["days"] * 24
    return energy * run["pue"] if run["metered_at"] == "servers" else energy


# %% choice-answer
def choose(training_flop, offers):
    """The cleanest grid, whatever the chip needs."""

    def hours(offer):
        return training_flop / offer["peak_flop_per_s"] / offer["mfu"] / 3600

    def kg(offer):
        return hours(offer) * offer["power_w"] * offer["pue"] * offer["g_per_kwh"] / 1e6

    def usd(offer):
        return hours(offer) * offer["usd_per_chip_hour"]

    green = min(offers, key=lambda offer: offer["g_per_kwh"])
    cheap = min(offers, key=usd)
    return (green["name"], kg(green)), (cheap["name"], usd(cheap))
