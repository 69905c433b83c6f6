"""Watt-hours, grams, per cent, and kWh for MWh."""


# %% energy-answer
def energy_kwh(run):
    """Watts times hours."""
    energy = run["chips"] * run["power_w"] * run["days"] * 24
    return energy * run["pue"] if run["metered_at"] == "servers" else energy


# %% by-the-hour-answer
def job_kg(power_kw, start, hours, g_per_kwh):
    """In grams."""
    return sum(power_kw * g_per_kwh[(start + hour) % 24] for hour in range(hours))


# %% making-answer
def making_share(energy_kwh, g_per_kwh, chip_hours, chip_kg, years, busy):
    """In per cent."""
    electricity_kg = energy_kwh * g_per_kwh / 1000
    making_kg = chip_kg * chip_hours / (years * 8766 * busy)
    return 100 * making_kg / (electricity_kg + making_kg)


# %% paid-back-answer
def paid_back(extra_mwh, old_wh, new_wh, rebound):
    """The extra energy taken for kWh."""
    saved_wh = old_wh - rebound * new_wh
    return extra_mwh * 1000 / saved_wh if saved_wh > 0 else None


# %% audit-answer
grid_low, grid_high = SEEN["grid_kgco2e_per_kwh"]
audit = {
    "assumptions": {
        "chip_power_w": (250.0, 440.0, "GPU servers drew about their rated power"),
        "pue": (1.1, 1.3, "a public centre of no special kind"),
        "grid_kgco2e_per_kwh": (1000 * grid_low, 1000 * grid_high, "two figures for one grid"),
    },
}
