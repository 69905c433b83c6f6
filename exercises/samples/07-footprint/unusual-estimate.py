"""Right: lets `Estimate` draw, with names for what is shared; never is infinitely many."""

# %% chip-hours-answer
from course_lib import Estimate


def chip_hours(parameters, tokens, peak_flop_per_s, mfu_percent):
    """With units all the way."""
    work = Estimate.exact(3.0 * parameters * tokens, "MAC") * Estimate.exact(2, "FLOP/MAC")
    rate = Estimate.exact(peak_flop_per_s, "FLOP/s") * Estimate.exact(mfu_percent, "%").to("")
    return (work / rate).to("h").value


# %% making-answer
def making_share(energy_kwh, g_per_kwh, chip_hours, chip_kg, years, busy):
    """A year of 365 days; one over one plus the ratio."""
    making_kg = chip_kg * chip_hours / (365 * 24 * years * busy)
    return 1 / (1 + energy_kwh * g_per_kwh / 1000 / making_kg)


# %% paid-back-answer
def paid_back(extra_mwh, old_wh, new_wh, rebound):
    """Whole queries; infinitely many where nothing is saved."""
    saved_wh = old_wh - rebound * new_wh
    return np.ceil(1e6 * extra_mwh / saved_wh) if saved_wh > 0 else np.inf


# %% interval-answer
def product_interval(multiplied, divided):
    """Each pair is an input of its own."""
    bill = Estimate.exact(1)
    for low, high in multiplied:
        bill = bill * Estimate((low * high) ** 0.5, low, high)
    for low, high in divided:
        bill = bill / Estimate((low * high) ** 0.5, low, high)
    return bill.value, bill.low, bill.high


# %% shared-answer
def ratio_interval(old, new):
    """Two estimates of one name are one input."""

    def bill(inputs):
        product = Estimate.exact(1)
        for name, (low, high) in inputs.items():
            product = product * Estimate((low * high) ** 0.5, low, high, name=name)
        return product

    ratio = bill(new) / bill(old)
    return ratio.value, ratio.low, ratio.high


# %% audit-answer
audit = {
    "assumptions": {name: (*ends, "all that was seen anywhere") for name, ends in SEEN.items()}
}
tonnes = Estimate.exact(CHIP_HOURS, "h") * Estimate.exact(1e-3, "kWh/h/W")
for name, (low, high, _) in audit["assumptions"].items():
    unit = {"chip_power_w": "W", "pue": "", "grid_kgco2e_per_kwh": "kgCO2e/kWh"}[name]
    tonnes = tonnes * Estimate((low * high) ** 0.5, low, high, unit, "assumed", name=name)
tonnes = tonnes.to("tCO2e")
audit["range_t"] = [tonnes.low, tonnes.high]
audit["inside"] = {paper: tonnes.low <= t <= tonnes.high for paper, t in CLAIMS_T.items()}
