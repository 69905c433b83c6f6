"""Hours for chip-hours; a job that ends at midnight."""


# %% energy-answer
def energy_kwh(run):
    """The power of a chip for the time of the run."""
    energy = run["power_w"] / 1000 * run["days"] * 24
    return energy * run["pue"] if run["metered_at"] == "servers" else energy


# %% by-the-hour-answer
def job_kg(power_kw, start, hours, g_per_kwh):
    """A slice of the day, which stops at its end."""
    return power_kw * sum(g_per_kwh[start : start + hours]) / 1000
