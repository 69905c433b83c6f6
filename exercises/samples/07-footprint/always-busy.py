"""Spreads the making of a chip over hours in which it idles; the price of an hour for the price."""


# %% making-answer
def making_share(energy_kwh, g_per_kwh, chip_hours, chip_kg, years, busy):
    """Over the whole life."""
    electricity_kg = energy_kwh * g_per_kwh / 1000
    making_kg = chip_kg * chip_hours / (years * 8766)
    return making_kg / (electricity_kg + making_kg)


# %% choice-answer
def choose(training_flop, offers):
    """The lowest price of an hour."""

    def hours(offer):
        return training_flop / offer["peak_flop_per_s"] / offer["mfu"] / 3600

    def kg(offer):
        return hours(offer) * offer["power_w"] * offer["pue"] * offer["g_per_kwh"] / 1e6

    green = min(offers, key=kg)
    cheap = min(offers, key=lambda offer: offer["usd_per_chip_hour"])
    return (green["name"], kg(green)), (cheap["name"], hours(cheap) * cheap["usd_per_chip_hour"])
