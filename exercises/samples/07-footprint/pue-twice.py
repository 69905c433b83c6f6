"""Applies the PUE wherever one is given, also where the meter has it already."""


# %% energy-answer
def energy_kwh(run):
    """Times the PUE, whatever the meter saw."""
    return run["chips"] * run["power_w"] / 1000 * run["days"] * 24 * run["pue"]
